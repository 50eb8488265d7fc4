"""What is missing or changes at this moment costs its own part only, and is said."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cortex_engine.core.reports import Severity
from cortex_engine.suite import query_of

Write = Callable[[str, int], Path]
MODES = ("vector", "lexical", "hybrid")


def test_without_chroma_everything_goes_on_and_the_doctor_says_so(
    patient: Any, write_documents: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "chromadb", None)
    with patient.open() as suite:
        assert suite.ingest([write_documents("papers", 3)], "Papers").failed == []
        for mode in MODES:
            assert suite.search(query_of("papersx1 wind", mode)).hits[0].document == "papersx1.txt"
        (finding,) = [each for each in suite.doctor(fix=True) if each.severity is Severity.ERROR]
        assert "chromadb" in finding.message
        assert not finding.fixed
    monkeypatch.undo()
    with patient.open() as suite:
        suite.work()
        assert [each for each in suite.doctor(full=True) if each.severity is Severity.ERROR] == []


@pytest.mark.parametrize("mode", MODES)
def test_a_search_is_asked_again_when_its_generation_goes(
    mode: str, patient: Any, write_documents: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner builds the indexes anew and deletes the old ones between two steps of a search of another process."""
    patient.settings["CORTEX_VECTOR_STORE"] = "exact"
    with patient.open() as owner, patient.open() as reader:
        owner.ingest([write_documents("papers", 3)], "Papers")
        expected = [hit.chunk_id for hit in reader.search(query_of("papersx1 wind", mode)).hits]
        library, times = reader._library, []
        embedder = library.shelf.embedder

        def overtaken(spec: Any) -> Any:
            if len(times) < 2:
                times.append(owner.rebuild())
            return embedder(spec)

        def overtaken_words() -> Any:
            index = lexical_index()
            if len(times) < 2:
                times.append(owner.rebuild())
            return index

        lexical_index = library.lexical_index
        monkeypatch.setattr(library.shelf, "embedder", overtaken)
        monkeypatch.setattr(library, "lexical_index", overtaken_words)
        result = reader.search(query_of("papersx1 wind", mode))
        assert len(times) == 2
        assert [hit.chunk_id for hit in result.hits] == expected
        assert result.degraded == ()


def test_a_search_gives_back_the_ownership_that_it_borrowed(patient: Any, write_documents: Write) -> None:
    with patient.open() as suite:
        suite.ingest([write_documents("papers", 2)], "Papers")
    for path in (patient.folder / "derived").glob("lexical*/meta.json"):
        path.unlink()
    with patient.open() as searching, patient.open() as other:
        result = searching.search("papersx1")
        assert result.hits
        assert "has been built anew" in " ".join(result.warnings)
        assert searching._library.lock.holder() is None
        assert other.ingest([write_documents("more", 2)], "Papers").failed == []
        assert searching.search(query_of("morex1", "lexical")).hits


def test_deleting_gives_it_back_too(patient: Any, write_documents: Write) -> None:
    with patient.open() as suite:
        suite.ingest([write_documents("papers", 2)], "Papers")
    with patient.open() as suite:
        suite.delete_documents(["papersx1.txt"])
        assert suite._library.lock.holder() is None
        for mode in MODES:
            hits = suite.search(query_of("papersx1", mode, 50)).hits
            assert {hit.document for hit in hits} == {"papersx0.txt"}
        assert len(list((patient.folder / "blobs").glob("??/*"))) == 1
