"""A library on disk with real stores; the embedder hashes words where the meaning of the vectors does not matter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cortex_engine.config import load_config
from cortex_engine.suite import CortexSuite

OpenSuite = Callable[..., CortexSuite]


@pytest.fixture
def open_suite(tmp_path: Path) -> Iterator[OpenSuite]:
    """Open the library in `tmp_path/library`; settings by environment names. All are closed at the end."""
    opened: list[CortexSuite] = []

    def open_(folder: Path | None = None, **settings: str) -> CortexSuite:
        environ = {"CORTEX_EMBEDDING_BACKEND": "hashing", "CORTEX_MIN_FREE_BYTES": "0", **settings}
        suite = CortexSuite.open(loaded=load_config(folder or tmp_path / "library", environ))
        opened.append(suite)
        return suite

    yield open_
    for suite in opened:
        suite.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three small documents."""
    place = tmp_path / "papers"
    (place / "deep").mkdir(parents=True)
    (place / "tea.md").write_text("# Tea\n\nGreen tea is steamed; black tea is oxidised before it is dried.\n")
    (place / "birds.txt").write_text("The kittiwake nests on cliffs. The puffin digs a burrow.\n")
    (place / "deep" / "ferry.csv").write_text("day,departure\nMonday,07:30\nSunday,10:15\n")
    return place
