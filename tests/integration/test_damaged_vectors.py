"""One damaged vector in the catalog ends neither the doctor nor a rebuild, and is made anew when asked."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from cortex_engine.core.search import Query, SearchMode
from cortex_engine.suite import CortexSuite

OpenSuite = Callable[..., CortexSuite]


def _complaints(suite: CortexSuite, **how: bool) -> list[str]:
    return [f"{f.check}: {f.message}" for f in suite.doctor(**how) if f.severity == "error" and not f.fixed]


def _found(suite: CortexSuite, mode: SearchMode) -> list[str]:
    return [hit.document for hit in suite.search(Query("puffin", mode=mode)).hits]


@pytest.mark.parametrize("store", ["exact", "chroma"])
def test_a_damaged_vector_is_left_out_named_and_made_anew(open_suite: OpenSuite, folder: Path, store: str) -> None:
    suite = open_suite(CORTEX_VECTOR_STORE=store)
    assert suite.ingest([folder], "Papers").failed == []
    with sqlite3.connect(suite.config.data_dir / "catalog.db") as connection:
        connection.execute(
            "UPDATE vector SET data = substr(data, 1, 100) WHERE chunk IN (SELECT c.key FROM chunk c "
            "JOIN document d ON d.key = c.document WHERE d.name = 'birds.txt')"
        )
    connection.close()
    suite.rebuild()
    assert "birds.txt" not in _found(suite, SearchMode.VECTOR)
    assert _found(suite, SearchMode.LEXICAL) == ["birds.txt"]
    (complaint,) = _complaints(suite)
    assert complaint.startswith("catalog-vectors: Vectors of 1 documents are damaged: 'birds.txt'")
    suite.close()
    again = open_suite(CORTEX_VECTOR_STORE=store)
    assert again.search(Query("tea")).warnings == (), "no index is built anew at every start"
    assert _complaints(again, full=True) == [complaint]
    assert _complaints(again, fix=True) == []
    assert _complaints(again, full=True) == []
    assert _found(again, SearchMode.VECTOR)[0] == "birds.txt"
    assert all(entry.balanced for entry in again.ledger())
