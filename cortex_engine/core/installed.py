"""Which version of a package is installed."""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import distributions


@cache
def version_of(package: str) -> str | None:
    """The version of an installed package, or None where there is none.

    `importlib.metadata.version` walks over the living `sys.path`; when another thread takes an entry out in the
    meantime (Streamlit does around every script), the walk leaps over the next folder and an installed package
    reads as missing. So this walks over a copy.

    >>> version_of("numpy") is not None
    True
    >>> version_of("no-such-package") is None
    True
    """
    return next((found.version for found in distributions(name=package, path=list(sys.path))), None)
