"""Fixtures for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The development data (documents, images, retrieval sets); tests that need it skip where it is absent."""
    folder = Path(os.environ.get("CORTEX_TEST_DATA", ROOT / ".." / "shared" / "data")).resolve()
    if not folder.is_dir():
        pytest.skip(f"the development data is not there ({folder}); set CORTEX_TEST_DATA")
    return folder
