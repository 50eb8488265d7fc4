"""The flight recorder in a real library: what a search leaves behind, what comes back, what must not stay."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cortex_engine.config import load_config
from cortex_engine.core.later import Later
from cortex_engine.core.search import Filters, Query, SearchMode
from cortex_engine.suite import CortexSuite

QUESTION = Query("who found the comet?", top_k=5, miss_rate=0.0)


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CortexSuite]:
    folder = tmp_path_factory.mktemp("flights") / "library"
    with CortexSuite.open(loaded=load_config(folder, {"CORTEX_MIN_FREE_BYTES": "0"})) as opened:
        opened.load_samples()
        yield opened


def test_every_stage_of_a_search_is_recorded(suite: CortexSuite) -> None:
    result = suite.search(QUESTION, "page")
    flight = suite.flight(result.flight_id)
    stages = {stage.name: stage for stage in flight.stages}
    assert {"vector", "lexical", "characters", "fusion", "present"} <= stages.keys()
    assert flight.hits == tuple(hit.chunk_id for hit in result.hits)
    for hit in result.hits:
        for name, standing in hit.stages.items():
            kept = next(each for each in stages[name].candidates if each.chunk_id == hit.chunk_id)
            assert (kept.rank, kept.score) == (standing.rank, pytest.approx(standing.score))
    assert stages["vector"].limit == suite.config.candidates
    assert set(flight.terms) == {"found", "comet"}
    assert all(weight > 0 for weight in flight.terms.values())
    assert any("MiniLM" in model for model in flight.models.values())
    assert (flight.door, flight.query, flight.settings["fusion"]) == ("page", QUESTION, "standardised")
    assert flight.moment == suite._library.moment()[0]


def test_the_shares_of_the_recallers_are_the_fused_score(suite: CortexSuite) -> None:
    suite.extract_graph()
    for fusion in ("standardised", "reciprocal_rank"):
        before = suite._library.config
        suite._library.config = before.model_copy(update={"fusion": fusion})
        try:
            stages = suite.search(replace(QUESTION, mode=SearchMode.GRAPHRAG), record=False).trace.stages
        finally:
            suite._library.config = before
        fused = next(stage for stage in stages if stage.name == "fusion")
        for each in fused.candidates:
            shares = sum(c.share for stage in stages for c in stage.candidates if c.chunk_id == each.chunk_id)
            assert shares == pytest.approx(each.score, abs=1e-6)


def test_the_way_through_the_graph_is_recorded_by_keys(suite: CortexSuite) -> None:
    suite.extract_graph()
    query = Query("what did Marta Quill see, and where?", SearchMode.GRAPHRAG, miss_rate=0.0)
    result = suite.search(query)
    flight = suite.flight(result.flight_id)
    paths = {hit.chunk_id: hit.path for hit in result.hits if hit.path}
    assert paths
    assert flight.paths == paths
    assert "graph" in {stage.name for stage in flight.stages}
    with sqlite3.connect(suite._library.folder / "catalog.db") as rows:
        notes = rows.execute("SELECT notes FROM flight WHERE id = ?", (result.flight_id,)).fetchone()[0]
        names = {step.name for path in paths.values() for step in path}
        typed = json.dumps(query.text)
        assert not any(name in notes for name in names if name not in typed), "an entity's name is written down"
    graph = next(step for step in flight.trace.steps if step.stage == "graph")
    assert "entities" not in graph.facts
    assert "entities" in next(step for step in result.trace.steps if step.stage == "graph").facts


def test_nothing_that_the_suite_asks_itself_is_recorded(suite: CortexSuite) -> None:
    suite.forget_flights()
    suite.search(QUESTION, record=False)
    suite.why_not(QUESTION, "inselbrief.txt")
    flight_id = suite.search(QUESTION).flight_id
    suite.replay(flight_id)
    assert [each.id for each in suite.flights()] == [flight_id]


def test_replay_asks_the_library_as_it_is_now(suite: CortexSuite) -> None:
    recorded = suite.search(replace(QUESTION, mode=SearchMode.LEXICAL))
    again = suite.replay(recorded.flight_id)
    assert again.query == recorded.query
    assert [hit.chunk_id for hit in again.hits] == [hit.chunk_id for hit in recorded.hits]


def test_the_export_is_versioned_json_with_places(suite: CortexSuite) -> None:
    result = suite.search(QUESTION)
    told = json.loads(suite.export_flight(result.flight_id))
    assert (told["format"], told["version"], told["query"]["text"]) == ("cortex-flight", 1, QUESTION.text)
    assert told["places"][result.hits[0].chunk_id]["document"] == result.hits[0].document
    assert {each["id"] for stage in told["stages"] for each in stage["candidates"]} <= told["places"].keys()


def test_none_are_kept_where_the_settings_say_so(suite: CortexSuite) -> None:
    suite.forget_flights()
    before = suite._library.config
    suite._library.config = before.model_copy(update={"flights": 0})
    try:
        assert suite.search(QUESTION).flight_id == ""
    finally:
        suite._library.config = before
    assert suite.flights() == []


def test_a_search_that_cannot_be_recorded_is_answered_and_told_once(
    suite: CortexSuite, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> None:
        raise sqlite3.OperationalError("attempt to write a readonly database")

    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING):
        patched.setattr(suite._library.catalog, "keep_flights", fails)
        assert suite.search(QUESTION).hits
        assert suite.search(QUESTION).hits
        suite._library.later.flush()
    assert sum("readonly database" in record.getMessage() for record in caplog.records) == 1


def test_what_was_found_is_written_before_the_library_closes(tmp_path: Path) -> None:
    environ = {"CORTEX_MIN_FREE_BYTES": "0", "CORTEX_EMBEDDING_BACKEND": "hashing"}
    (tmp_path / "honey.txt").write_text("Honey is made by bees.")
    with CortexSuite.open(loaded=load_config(tmp_path / "library", environ)) as first:
        first.ingest([tmp_path / "honey.txt"], "home")
        flight_id = first.search(Query("honey", miss_rate=0.0)).flight_id
    with CortexSuite.open(loaded=load_config(tmp_path / "library", environ)) as second:
        assert second.flight(flight_id).query.text == "honey"
        document = second.document("honey.txt")
        (hit,) = second.flight(flight_id).hits
        second.search(Query("bees", filters=Filters(documents=("honey.txt",)), miss_rate=0.0))
        second.delete_documents([document.id])
        assert [each.text for each in second.flights()] == ["honey"]
    with sqlite3.connect(tmp_path / "library" / "catalog.db") as rows:
        kept = "\n".join(str(value) for row in rows.execute("SELECT * FROM flight") for value in row)
    assert not any(word in kept for word in ("honey.txt", "made by bees", document.id, hit))


def test_work_that_is_put_off_is_done_in_order_and_never_waited_for() -> None:
    later, done, gate = Later("test"), [], threading.Event()
    later.put(gate.wait)
    for number in range(300):
        later.put(lambda number=number: done.append(number))
    assert done == []
    assert later.left_out > 0
    gate.set()
    later.close()
    assert done == sorted(done)
    assert len(done) + later.left_out == 300
    later.put(lambda: done.append(-1))
    assert -1 not in done
