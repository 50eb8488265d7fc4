"""Fixtures for the tests of pages."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session", autouse=True)
def steady_path() -> None:
    """AppTest puts the folder of a script into `sys.path` and takes it out again, unless it stands there already.

    An import in another thread that walks over the list at that moment leaps over the next folder. `streamlit run` keeps
    the folder there for good, so the application never meets this.
    """
    sys.path += [str(folder) for folder in (ROOT / "pages", ROOT / "cortex_ui") if str(folder) not in sys.path]
