"""What scores mean, on the pages: near misses are folded away, cards tell their closeness, the inspector and the sidebar the recall."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cortex_engine.api.routes_search import Hit
from cortex_engine.cli import searching
from cortex_engine.config import load_config
from cortex_engine.core.calibration import Calibration, RecallCertificate, RecallSample, rerank_stage
from cortex_engine.core.exports import results_json
from cortex_engine.core.search import Query, SearchHit, SearchMode, SearchResult, SearchTrace, StageStanding
from cortex_engine.suite import CortexSuite
from cortex_ui import certificate, session, standing, tasks, waterfall

ROOT = Path(__file__).parents[2]
ENVIRON = {
    "CORTEX_EMBEDDING_BACKEND": "hashing",
    "CORTEX_MIN_FREE_BYTES": "0",
    "CORTEX_GRAPH": "false",
    "CORTEX_EXACT_BELOW": "0",
}
NAME = "Town <b>hall</b> :red[x]"
OFF = "quokka zeppelin marzipan"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CortexSuite]:
    folder = tmp_path_factory.mktemp("calibrated")
    files = []
    for number in range(24):
        files.append(folder / f"{number}.txt")
        subject = ("harbour", "orchard", "glacier", "railway", "monastery", "lighthouse")[number % 6]
        files[-1].write_text(
            f"The {subject} of item{number} was rebuilt in {1700 + number} by the town of Marren{number % 4}."
        )
    session.stop()
    tasks._tasks.clear()
    opened = session.start(load_config(folder / "library", ENVIRON), background=False)
    opened.ingest(files, NAME)
    opened.load_models()
    opened.calibrate()
    yield opened
    session.stop()


def open_page(name: str, **params: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "cortex_ui" / "main.py"), default_timeout=60)
    at.run()
    at.switch_page(str(ROOT / "pages" / name))
    for key, value in params.items():
        at.query_params[key.rstrip("_")] = value
    at.run()
    assert not at.exception, at.exception
    return at


def shown(at: AppTest) -> str:
    return "\n".join(str(each.value) for kind in (at.html, at.markdown) for each in kind)


def cards(at: AppTest) -> int:
    return sum('<div class="cx-name">' in each.value for each in at.html)


def test_near_misses_are_folded_and_the_evidence_is_told(library: CortexSuite) -> None:
    at = open_page("3_Knowledge_Search.py", q=OFF, in_=NAME)
    assert "Nothing that was searched answers this" in shown(at), "other collections were not"
    assert "At most 5 % of those" in shown(at)
    assert "counts as found" in shown(at)
    assert cards(at) == 0
    assert any(each.label == "Search everything" for each in at.button), "the ways on are offered"
    at.session_state["misses"] = True
    at.run()
    assert cards(at) > 0
    assert not at.exception


def test_an_answer_tells_how_close_it_is(library: CortexSuite) -> None:
    at = open_page("3_Knowledge_Search.py", q="harbour of item6 rebuilt in 1706")
    assert "Nothing in your library" not in shown(at)
    assert "closer than over 99.9 % of unrelated passages" in shown(at)
    hit = library.search(Query("harbour of item6 rebuilt in 1706"), record=False).hits[0]
    said = [standing.closeness(replace(hit, closeness=share)) for share in (None, 0.5, 0.9972, 0.99999)]
    assert said == [
        "",
        *(f"closer than {share} of unrelated passages" for share in ("50 %", "99.7 %", "over 99.9 %")),
    ]
    assert ("Closeness", said[2], "") in standing.numbers(replace(hit, closeness=0.9972))


def test_words_have_their_limits_from_right_answers(library: CortexSuite) -> None:
    result = library.search(Query("harbour of item6 rebuilt in 1706"), record=False)
    usual = standing.averages(result)
    limits = {"good from", "strong from"} & usual.keys()
    assert len(limits) == 2
    hit = result.hits[0]
    at = {name: usual["vector"] + usual[name] * (1 - usual["vector"]) for name in limits}
    words = [
        standing.word(replace(hit, stages={"vector": replace(hit.stages["vector"], score=score)}), usual)
        for score in (at["strong from"] + 0.01, at["good from"] + 0.01, at["good from"] - 0.01)
    ]
    assert words == ["Strong", "Good", "Weak"]
    alone = library.search(replace(result.query, mode=SearchMode.TRADITIONAL), record=False)
    assert standing.averages(alone) == usual, "also where nothing is fused"


@pytest.fixture(scope="module")
def judged(library: CortexSuite) -> SearchHit:
    """A hit that a calibrated reranker put in front."""
    hit = library.search(Query("harbour of item6 rebuilt in 1706"), record=False).hits[0]
    stages = {**hit.stages, "rerank": StageStanding(1, -2.5, 4.25)}
    return replace(hit, score=4.25, stages=stages, relevance=0.0759, relevance_share=0.9921)


def test_a_calibrated_reranker_has_the_word(judged: SearchHit) -> None:
    usual = {"relevant from": 2.0, "highly relevant from": 4.0}
    words = []
    for standard in (4.25, 3.0, 1.0):
        stages = {**judged.stages, "rerank": StageStanding(1, -2.5, standard)}
        words.append(standing.word(replace(judged, stages=stages), usual))
    assert words == ["Strong", "Good", "Weak"]
    assert standing.word(judged) == "Weak", "without limits by the model's own 0 to 1"
    assert standing.compared(judged) == "more relevant than 99.2 % of unrelated passages"
    assert standing.compared(replace(judged, relevance_share=None)) == standing.closeness(judged)
    rows = standing.numbers(judged)
    assert ("Reranker", "raw score -2.500, +4.25 deviations from unrelated passages", "rank 1") in rows
    assert ("Relevance", "0.0759, more relevant than 99.2 % of unrelated passages", "") in rows
    html = waterfall.html([("Meaning", 3.0), ("Words", 1.0)], judged)
    assert "rank 1, raw score -2.50, more relevant than 99.2 %" in html and "<td>4.25</td>" in html


def test_every_door_tells_what_a_rerankers_score_means(judged: SearchHit, capsys: pytest.CaptureFixture[str]) -> None:
    told = Hit.of(judged)
    assert (told.relevance_share, told.stages["rerank"].standard, told.stages["vector"].standard) == (
        0.9921,
        4.25,
        None,
    )
    printed = searching._hit_json(judged)
    assert printed["relevance_share"] == 0.9921
    assert printed["stages"]["rerank"] == {"rank": 1, "score": -2.5, "standard": 4.25}  # type: ignore[index]
    searching._print_hit(judged, None)
    out = capsys.readouterr().out
    assert "more relevant than 99.2 % of unrelated passages" in out
    assert "1st by the reranker (-2.50, +4.2 deviations from unrelated ones)" in out
    result = SearchResult(Query("harbour"), (judged,), SearchTrace())
    (hit,) = json.loads(results_json(result))["hits"]
    assert (hit["relevance_share"], hit["stages"]["rerank"]["standard"]) == (0.9921, 4.25)


def test_the_inspector_names_rerankers_that_are_measured() -> None:
    rows = [Calibration("m", name, rerank_stage("judge"), (0.0, 1.0), pairs=360) for name in ("A", "B")]
    small = Calibration("m", "Small", rerank_stage("judge"), ())
    assert certificate.rerankers([*rows, small], "local") == (
        "Scores of the reranker judge are measured in A (360 unrelated pairs) and B (360 unrelated pairs)."
    )
    assert "not measured yet" in certificate.rerankers([small], "local")
    assert "sent to it" in certificate.rerankers(rows, "http")
    assert certificate.rerankers([], "none") == ""


def test_the_inspector_shows_what_is_calibrated_and_the_recall(library: CortexSuite) -> None:
    (model_id,) = library._library.models()
    at = open_page("Maintenance.py", tab="Database Embedding Inspector")
    text = shown(at)
    assert "made from passages" in text
    assert "miss rate 5 %" in text
    assert "<b>hall" not in text
    assert "none has been compared" in text
    for _ in range(30):
        library._library.catalog.keep_recall_sample(RecallSample(model_id, 10, 10, 200, "2026-01-01T00:00:00"))
    at = open_page("Maintenance.py", tab="Database Embedding Inspector")
    assert "searches find 100.0 %" in shown(at)
    (button,) = (each for each in at.button if each.label == "Calibrate now")
    before = library.calibrations()
    button.click().run()
    task = tasks.find("calibrate")
    assert task is not None
    assert not task.wait(30).error
    assert len(library.calibrations()) == len(before)
    search = open_page("3_Knowledge_Search.py", q="harbour")
    assert "recall@10 100.0 % (" in "\n".join(str(each.value) for each in search.sidebar.html)


def test_a_certificate_in_words() -> None:
    plain = RecallCertificate("m", "Model", 10, 0.987, 0.979, 0.992, 400, False, 0.95)
    assert "find 98.7 % (95 % interval 97.9 % to 99.2 %, 400 compared, wanted: 95 %)" in certificate.sentence(plain)
    assert certificate.short(plain) == "recall@10 98.7 % (97.9–99.2)"
    wide = replace(plain, widening=4.0)
    assert "ask for 4 times as many" in certificate.sentence(wide)
    assert certificate.short(wide).endswith("asks 4 times as wide")
    assert "compares all vectors for now" in certificate.sentence(replace(plain, widening=0.0))
    assert "all vectors are compared" in certificate.short(replace(plain, widening=0.0))
    assert "always found" in certificate.sentence(replace(plain, exact=True))
    assert certificate.short(replace(plain, samples=0)) == "approximate; recall not measured yet"
