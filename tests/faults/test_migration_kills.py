"""A move to another model that is killed again and again ends with the same bytes, and no search misses anything meanwhile."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cortex_engine.core.migration import MigrationState
from cortex_engine.core.reports import Severity
from cortex_engine.suite import CortexSuite, query_of

CHILD = Path(__file__).with_name("migration_child.py")

BEGINNING = ("reembed.beginning", "reembed.begun")
TIMES = int(os.environ.get("CORTEX_TEST_MOVES", "2"))
"""Of each place in the middle of the work; 4 with `make soak`, which makes twenty places."""
WORK = ("reembed.embedded", "reembed.writing", "reembed.written") * TIMES
ENDING = (
    *("rebuild.built", "rebuild.swapped", "reembed.indexed"),
    *("reembed.compared", "reembed.changing", "reembed.changed"),
)
"""Places at which the move dies, one after another, each time in a new process that went on where the last one died."""

AFTERWARDS = ("reembed.changing", "reembed.changed")


def _child(patient: Any, command: str, failpoint: str = "") -> int:
    child = patient.start(command, failpoint=failpoint, script=CHILD)
    _, errors = child.communicate(timeout=120)
    assert child.returncode in (0, -signal.SIGKILL), errors
    return int(child.returncode)


SETTINGS = {"CORTEX_EMBEDDING_BACKEND": "hashing", "CORTEX_MIN_FREE_BYTES": "0", "CORTEX_CHUNK_MAX_TOKENS": "48"}


def _bytes(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every vector, count, model and state, without the times."""
    with sqlite3.connect(folder / "catalog.db") as connection:
        found = {
            "vectors": "SELECT c.id, s.id, v.crc32, v.data FROM vector v JOIN chunk c ON c.key = v.chunk "
            "JOIN embedding_spec s ON s.key = v.model ORDER BY 1, 2",
            "counts": "SELECT d.id, s.id, e.vectors FROM document_model e JOIN document d ON d.key = e.document "
            "JOIN embedding_spec s ON s.key = e.model ORDER BY 1, 2",
            "collections": "SELECT c.name, s.id FROM collection c JOIN embedding_spec s ON s.key = c.model",
            "migrations": "SELECT s.id, t.id, g.state, g.message, g.report FROM migration g "
            "JOIN embedding_spec s ON s.key = g.source JOIN embedding_spec t ON t.key = g.target",
        }
        return {name: connection.execute(query).fetchall() for name, query in found.items()}


def _answers(suite: CortexSuite) -> list[list[tuple[str, float]]]:
    """Whole rankings with their scores, in every mode."""
    return [
        [(hit.chunk_id, hit.score) for hit in suite.search(query_of(text, mode, 1000)).hits]
        for text in ("wind from the west, force 3", "basex2 station log")
        for mode in ("vector", "lexical", "hybrid")
    ]


def _found(answers: list[list[tuple[str, float]]]) -> list[set[str]]:
    return [{chunk_id for chunk_id, _ in ranking} for ranking in answers]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("kills")
def test_a_move_that_dies_at_every_place_ends_with_the_same_bytes(
    patient_in: Callable[..., Any], tmp_path: Path, write_documents: Callable[[str, int], Path]
) -> None:
    killed, quiet = (patient_in(tmp_path / name, **SETTINGS) for name in ("killed", "quiet"))
    with killed.open() as suite:
        suite.ingest([write_documents("base", 12)], "Papers")
        before = _answers(suite)
        assert suite.collections()[0].chunk_count > 3 * 64
    shutil.copytree(killed.folder, quiet.folder)
    for command in ("begin", "run"):
        assert _child(quiet, command) == 0

    points = [*(("begin", point) for point in BEGINNING), *(("run", point) for point in (*WORK, *ENDING))]
    assert len(points) == 8 + 3 * TIMES
    for command, point in points:
        assert _child(killed, command, point) == -signal.SIGKILL, point
        with killed.open() as suite:
            assert _answers(suite) == before, point
    with killed.open() as suite:
        assert suite.migrations()[0].state is MigrationState.READY
    assert _bytes(killed.folder) == _bytes(quiet.folder)
    _switch_and_back(killed, quiet, before)


def _switch_and_back(killed: Any, quiet: Any, before: list[list[tuple[str, float]]]) -> None:
    """Die in each step of switch, rollback and purge; each time everything is either as before it or as after it."""
    with quiet.open() as suite:
        suite.switch_migration(suite.migrations()[0].id)
        after = _answers(suite)
    assert after != before
    assert _found(after)[0] == _found(before)[0]
    for command, expected in (("switch", (before, after)), ("rollback", (after, before)), ("purge", (before, before))):
        for place, point in enumerate(AFTERWARDS):
            assert _child(killed, command, point) == -signal.SIGKILL, (command, point)
            with killed.open() as suite:
                assert _answers(suite) == expected[place], (command, point)
    # Purged, but not wholly: what is left goes with the next work in the background.
    with killed.open() as suite:
        assert [each.state for each in suite.migrations(open_only=True)] == []
        suite.start_background()
        _wait_for(lambda: set(suite._library.catalog.counts().vectors.values()) == {0, _passages(suite)})
        assert _answers(suite) == before
        assert [each for each in suite.doctor(full=True) if each.severity is Severity.ERROR] == []


def _passages(suite: CortexSuite) -> int:
    return sum(collection.chunk_count for collection in suite.collections())


def _wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
