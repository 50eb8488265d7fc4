"""Hides the packages that ABSENT_PACKAGES names from a Python that has this folder in PYTHONPATH, as if they had never been installed."""

from __future__ import annotations

import importlib.machinery
import importlib.metadata
import os
from typing import Any

_ABSENT = frozenset(os.environ.get("ABSENT_PACKAGES", "").split())
_find_spec = importlib.machinery.PathFinder.find_spec
_find_distributions = importlib.metadata.MetadataPathFinder.find_distributions


def _spec(fullname: str, path: Any = None, target: Any = None) -> Any:
    return None if fullname.partition(".")[0] in _ABSENT else _find_spec(fullname, path, target)


def _distributions(*context: Any) -> Any:
    return (each for each in _find_distributions(*context) if each.name.lower().replace("-", "_") not in _ABSENT)


if _ABSENT:
    importlib.machinery.PathFinder.find_spec = staticmethod(_spec)  # type: ignore[method-assign,assignment]
    importlib.metadata.MetadataPathFinder.find_distributions = staticmethod(_distributions)  # type: ignore[method-assign,assignment]
