"""Between the commit of a document and its place in the indexes: nobody is told that there is nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cortex_engine.core.reports import FileState, IngestEvent
from cortex_engine.core.search import SearchResult
from cortex_engine.suite import CortexSuite


def test_a_search_says_that_documents_are_being_added(open_suite: Callable[..., CortexSuite], tmp_path: Path) -> None:
    (tmp_path / "bees.txt").write_text("Bees make honey in the old lighthouse.", encoding="utf-8")
    suite = open_suite()
    meanwhile: list[SearchResult] = []

    def on_event(event: IngestEvent) -> None:
        if event.state is FileState.INDEXING:
            assert suite.counts().documents == 1
            meanwhile.append(suite.search("honey"))

    before = suite.moment()
    suite.ingest([tmp_path / "bees.txt"], on_event=on_event)
    (result,) = meanwhile
    assert any("being added right now" in warning for warning in result.warnings)
    after = suite.search("honey")
    assert [hit.document for hit in after.hits] == ["bees.txt"]
    assert after.warnings == ()
    assert suite.moment() != before


def test_questions_about_samples_come_when_they_can_be_answered(open_suite: Callable[..., CortexSuite]) -> None:
    suite = open_suite()
    early: list[str] = []

    def on_event(event: IngestEvent) -> None:
        if event.state is FileState.INDEXING:
            for question in suite.sample_questions():
                if not suite.search(question).hits:
                    early.append(question)

    suite.load_samples(on_event)
    assert early == []
    assert len(suite.sample_questions()) == 12
