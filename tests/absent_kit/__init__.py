"""Python without some of its packages: an environment for a process in which they cannot be imported."""

from __future__ import annotations

import os
from pathlib import Path


def without(*packages: str) -> dict[str, str]:
    """Environment variables for a Python in which these top-level packages are not installed."""
    paths = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH", "")])]
    return {"PYTHONPATH": os.pathsep.join(paths), "ABSENT_PACKAGES": " ".join(packages)}
