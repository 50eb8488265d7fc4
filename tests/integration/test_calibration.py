"""Collections are calibrated in the background, again when they change much, and nothing of a document stays in the numbers."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from cortex_engine import calibrating
from cortex_engine.calibrating import LEAST_PASSAGES, QUESTIONS, made_questions
from cortex_engine.config import load_config
from cortex_engine.core.app import ModelState
from cortex_engine.core.calibration import ENOUGH_JUDGED, FUSION_STAGE, MEANING_STAGE, QUANTILES, Calibration
from cortex_engine.core.documents import DocumentInfo, Page, PageState, ParsedDocument
from cortex_engine.core.errors import ModelUnhealthyError, NotFoundError
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.reranking import Candidate, Judgement
from cortex_engine.core.search import Query
from cortex_engine.retrieval.relevance import moments
from cortex_engine.suite import CortexSuite
from tests.reranking_kit.service import serving

SUBJECTS = ("harbour", "orchard", "glacier", "library", "railway", "monastery", "volcano", "lighthouse")
DOINGS = ("was rebuilt by", "stood empty near", "drew visitors from", "lost its roof above", "was sold beside")
PLACES = ("Marren", "Tollow", "Ashby", "Quill", "Dorne", "Veldt", "Sorrel", "Hask")


def passage(number: int) -> str:
    first, second, third = (
        f"The {SUBJECTS[(number * step + step) % 8]} {DOINGS[(number + step) % 5]} {PLACES[(number * step) % 8]} "
        f"in the year {1500 + number * 3 + step} after item{number} arrived."
        for step in (1, 3, 5)
    )
    return f"{first} {second} {third}"


def add(suite: CortexSuite, collection: str, first: int, count: int) -> None:
    library = suite._library
    parsed = [
        (f"{n}.txt", ParsedDocument(DocumentInfo("text", language="en"), (Page(1, passage(n), PageState.TEXT),), ()))
        for n in range(first, first + count)
    ]
    library.line().take_texts(parsed, library.collection(collection))
    library.settle()


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CortexSuite]:
    """Hashed words, and a tenth of the questions: what is tested is when and of what, not how well."""
    monkeypatch.setattr(calibrating, "QUESTIONS", 40)
    monkeypatch.setattr(calibrating, "_UNRELATED", 10)
    environ = {"CORTEX_EMBEDDING_BACKEND": "hashing", "CORTEX_MIN_FREE_BYTES": "0", "CORTEX_GRAPH": "false"}
    with CortexSuite.open(loaded=load_config(tmp_path / "library", environ)) as opened:
        opened._library.own()
        yield opened


def rows(suite: CortexSuite) -> dict[tuple[str, str], Calibration]:
    return {(each.collection, each.stage): each for each in suite.calibrations()}


def work(suite: CortexSuite, calibrates: calibrating.Calibrating, monkeypatch: pytest.MonkeyPatch) -> int:
    """Let the background work as if nothing had happened for a while; how many portions it did."""
    monkeypatch.setattr(calibrating, "_QUIET", 0.0)
    suite.load_models()
    portions = 0
    while calibrates.step():
        portions += 1
    return portions


def test_questions_are_made_of_words_of_one_sentence_and_some_from_elsewhere() -> None:
    texts = [passage(number) for number in range(50)]
    made = made_questions(texts, 200, seed=3)
    assert made == made_questions(texts, 200, seed=3), "the same seed asks the same"
    assert len(made) == 200 <= QUESTIONS
    foreign = total = 0
    for question, number in made:
        words = question.split()
        assert 4 <= len(words) <= 10
        foreign += sum(word not in texts[number] for word in words)
        total += len(words)
    assert 0.1 < foreign / total < 0.35, "about a third gave way; some of the new words stand in the passage, too"
    assert made_questions(["Too short.", "Neither."], 10) == []
    assert made_questions([], 10) == []
    chinese = made_questions(["茶园里养了三十只鸭子，它们吃掉茶树上的害虫。茶叶在春天采摘。"] * 3, 5)
    assert len(chinese) == 5
    assert all(" " not in question for question, _ in chinese)


def test_it_is_calibrated_in_the_background_when_all_is_quiet(
    suite: CortexSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(suite, "Towns", 0, 30)
    calibrates = calibrating.Calibrating(suite._library)
    assert not calibrates.step(), "no model is loaded, and files may still come"
    suite.load_models()
    assert not calibrates.step(), "the model has only just been loaded"
    assert suite.calibrations() == []
    before = suite.moment()
    assert suite.search(Query("harbour of Marren"), record=False).cut is None
    assert work(suite, calibrates, monkeypatch) >= 1
    meaning, evidence = rows(suite)["Towns", MEANING_STAGE], rows(suite)["Towns", FUSION_STAGE]
    assert (len(meaning.unrelated), meaning.pairs, meaning.passages) == (QUANTILES, 10 * 29, 30)
    assert list(meaning.unrelated) == sorted(meaning.unrelated)
    assert len(evidence.related) == 40
    assert evidence.unrelated == ()
    assert suite.moment() != before, "results on the screen are of another moment"
    result = suite.search(Query("harbour of Marren", miss_rate=0.1), record=False)
    assert result.cut is not None
    assert all(hit.closeness is not None for hit in result.hits)
    assert work(suite, calibrates, monkeypatch) == 0, "there is nothing more to do"
    assert not suite.calibration_states()[0].stale


def test_switched_off_it_is_done_by_hand_only(
    open_with: Callable[..., CortexSuite], monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = open_with(calibration="false")
    add(suite, "Towns", 0, 30)
    assert work(suite, calibrating.Calibrating(suite._library), monkeypatch) == 0
    assert suite.calibrations() == []
    assert suite.calibrate() != []


def test_it_is_done_again_when_a_collection_doubles_or_halves(
    suite: CortexSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(suite, "Towns", 0, 30)
    calibrates = calibrating.Calibrating(suite._library)
    work(suite, calibrates, monkeypatch)
    add(suite, "Towns", 30, 20)
    assert work(suite, calibrates, monkeypatch) == 0
    add(suite, "Towns", 50, 10)
    work(suite, calibrates, monkeypatch)
    assert rows(suite)["Towns", FUSION_STAGE].passages == 60
    suite.delete_documents([each.id for each in suite.documents(limit=100)][:30])
    work(suite, calibrates, monkeypatch)
    assert rows(suite)["Towns", FUSION_STAGE].passages == 30


def test_a_new_collection_keeps_searches_of_everything_from_judging(suite: CortexSuite) -> None:
    add(suite, "Towns", 0, 25)
    suite.calibrate()
    assert suite.search(Query("harbour"), record=False).cut is not None
    add(suite, "More", 100, 25)
    assert suite.search(Query("harbour"), record=False).cut is None
    suite.calibrate("More")
    assert suite.search(Query("harbour"), record=False).cut is not None
    with pytest.raises(NotFoundError):
        suite.calibrate("Nowhere")
    suite.rename_collection("More", "Others")
    assert ("Others", FUSION_STAGE) in rows(suite)
    suite.delete_collection("Others")
    assert {name for name, _ in rows(suite)} == {"Towns"}


def test_few_passages_say_nothing_and_hinder_nobody(suite: CortexSuite, monkeypatch: pytest.MonkeyPatch) -> None:
    add(suite, "Towns", 0, 25)
    add(suite, "Small", 200, LEAST_PASSAGES - 1)
    suite.calibrate()
    assert rows(suite)["Small", FUSION_STAGE].related == ()
    assert rows(suite)["Small", MEANING_STAGE].unrelated == ()
    assert suite.search(Query("harbour"), record=False).cut is not None
    assert not any(each.stale for each in suite.calibration_states())
    blank = ParsedDocument(DocumentInfo("image"), (Page(1, "", PageState.BLANK, "It holds no text."),), ())
    suite._library.line().take_texts([("photo.png", blank)], suite._library.collection("Photos"))
    suite._library.settle()
    assert suite.search(Query("harbour"), record=False).cut is None, "nobody has looked at it yet"
    calibrates = calibrating.Calibrating(suite._library)
    assert work(suite, calibrates, monkeypatch)
    assert suite.search(Query("harbour"), record=False).cut is not None, "it holds no text"
    suite.delete_documents([each.id for each in suite.documents(limit=100) if each.collections == ("Towns",)])
    work(suite, calibrates, monkeypatch)
    assert rows(suite)["Towns", FUSION_STAGE].related == (), "what is gone has no weight"
    assert work(suite, calibrates, monkeypatch) == 0


def test_what_people_judged_takes_the_place_of_made_questions(
    suite: CortexSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(suite, "Towns", 0, 30)
    calibrates = calibrating.Calibrating(suite._library)
    hit = suite.search(Query("harbour"), record=False).hits[0]
    suite.judge("harbour of Marren", hit.chunk_id, 1)
    suite.judge("nothing of the kind", hit.chunk_id, -1)
    work(suite, calibrates, monkeypatch)
    row = rows(suite)["Towns", FUSION_STAGE]
    assert (row.judged, len(row.related)) == (1, 41)
    for number in range(ENOUGH_JUDGED):
        suite.judge(f"question {number} on the harbour", hit.chunk_id, 1)
    assert work(suite, calibrates, monkeypatch) == 0, (
        "judgements are no change of the library, and looked for now and then"
    )
    calibrates._again = 0.0
    assert work(suite, calibrates, monkeypatch)
    row = rows(suite)["Towns", FUSION_STAGE]
    assert (row.judged, len(row.related)) == (ENOUGH_JUDGED + 1, ENOUGH_JUDGED + 1)


def test_only_numbers_are_kept(suite: CortexSuite) -> None:
    add(suite, "Towns", 0, 25)
    suite.calibrate()
    with suite._library.catalog._database.read() as connection:
        kept = connection.execute("SELECT * FROM calibration").fetchall()
    texts = {value for row in kept for value in row if isinstance(value, str)}
    assert all(text in {MEANING_STAGE, FUSION_STAGE} or text.startswith("20") for text in texts)


@pytest.fixture
def open_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., CortexSuite]]:
    """Libraries whose settings name a reranker; a fifth of the pairs."""
    for name, value in {"QUESTIONS": 20, "_UNRELATED": 5, "RERANKED": 6, "BESIDE": 4, "_QUIET": 0.0}.items():
        monkeypatch.setattr(calibrating, name, value)
    opened: list[CortexSuite] = []

    def open_it(**settings: str) -> CortexSuite:
        environ = {"CORTEX_EMBEDDING_BACKEND": "hashing", "CORTEX_MIN_FREE_BYTES": "0", "CORTEX_GRAPH": "false"}
        loaded = load_config(
            tmp_path / "library", environ | {f"CORTEX_{key.upper()}": value for key, value in settings.items()}
        )
        opened.append(CortexSuite.open(loaded=loaded))
        opened[-1]._library.own()
        return opened[-1]

    yield open_it
    for suite in opened:
        suite.close()


def portions(calibrates: calibrating.Calibrating) -> int:
    done = 0
    while calibrates.step():
        done += 1
        assert done < 500, "it never ends"
    return done


def reranked(suite: CortexSuite) -> list[Calibration]:
    return [each for each in suite.calibrations() if each.reranker]


def test_a_reranker_that_stands_loaded_is_measured_after_the_search(open_with: Callable[..., CortexSuite]) -> None:
    suite = open_with(reranker="local")
    add(suite, "Towns", 0, 30)
    calibrates = calibrating.Calibrating(suite._library)
    suite.load_models("embedding")
    assert portions(calibrates)
    assert suite.reranker_status().state is ModelState.IDLE, "nobody loads a reranker for this"
    assert not reranked(suite)
    assert {(each.collection, each.stage) for each in suite.calibrations()} == {
        ("Towns", MEANING_STAGE),
        ("Towns", FUSION_STAGE),
    }
    suite.load_models("reranker")
    query = Query("harbour of Marren", rerank=True, rerank_top_k=4)
    before, usual = suite.moment(), suite.search(query, record=False)
    assert portions(calibrates)
    (row,) = reranked(suite)
    assert (row.reranker, row.pairs, len(row.related), row.passages) == (suite._library.reranker().name, 24, 6, 30)
    assert len(row.unrelated) == QUANTILES
    assert statistics.median(row.related) > statistics.median(row.unrelated), (
        "passages answer their own questions better"
    )
    assert suite.moment() != before, "results on the screen are of another moment"
    assert not suite.calibration_states()[0].stale
    result = suite.search(query, record=False)
    assert [hit.chunk_id for hit in result.hits] == [hit.chunk_id for hit in usual.hits]
    for now, then in zip(result.hits[:4], usual.hits[:4], strict=True):
        assert now.stages["rerank"].score == pytest.approx(then.score, abs=1e-6), "the raw score stays to be seen"
        assert now.stages["rerank"].standard is not None and now.relevance_share is not None
        assert (now.relevance, then.relevance_share) == (pytest.approx(then.relevance), None)
    drop = [then.score - now.score for now, then in zip(result.hits[:4], usual.hits[:4], strict=True)]
    assert drop == pytest.approx([moments(row.unrelated)[0]] * 4), (
        "the local one adds to the search's scores in their own unit"
    )
    assert portions(calibrates) == 0, "there is nothing more to do"
    add(suite, "Towns", 30, 30)
    assert portions(calibrates)
    assert [each.passages for each in suite.calibrations()] == [60, 60, 60]
    suite._library.rerankers.unload()
    suite.delete_documents([each.id for each in suite.documents(limit=100)][:30])
    assert portions(calibrates)
    assert [each.passages for each in suite.calibrations()] == [30, 60, 30], (
        "it waits for the reranker and keeps nothing else"
    )
    assert not suite.calibration_states()[0].stale
    suite.load_models("reranker")
    assert portions(calibrates)
    assert [each.passages for each in suite.calibrations()] == [30, 30, 30]
    suite.delete_collection("Towns")
    assert suite.calibrations() == []


def test_a_service_is_asked_only_when_somebody_says_so(open_with: Callable[..., CortexSuite]) -> None:
    with serving() as service:
        suite = open_with(reranker="http", reranker_url=f"{service.address}/v1/rerank")
        add(suite, "Towns", 0, 30)
        add(suite, "Small", 200, LEAST_PASSAGES - 1)
        suite.load_models()
        asked = len(service.bodies)
        calibrates = calibrating.Calibrating(suite._library)
        assert portions(calibrates)
        assert len(service.bodies) == asked
        assert not reranked(suite)
        told: list[str] = []
        suite.calibrate(on_progress=told.append)
        assert len(service.bodies) == asked + 6, "one call a question"
        assert any("reranker" in each and "Towns" in each for each in told)
        assert {(each.collection, each.pairs) for each in reranked(suite)} == {("Towns", 24), ("Small", 0)}
        hit = suite.search(Query("harbour of Marren", rerank=True), record=False).hits[0]
        assert hit.score == hit.stages["rerank"].standard != hit.stages["rerank"].score
        assert hit.relevance_share is not None


@pytest.mark.parametrize("slow", [True, False])
def test_one_that_is_slow_or_fails_is_left_alone_and_still_trusted(
    open_with: Callable[..., CortexSuite], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, slow: bool
) -> None:
    calls = []

    class Judge:
        name, sees = "judge", False

        def load(self) -> None: ...
        def unload(self) -> None: ...

        def rerank(
            self, query: ModelInput, candidates: Sequence[Candidate], instruction: object = None
        ) -> list[Judgement]:
            calls.append(len(candidates))
            if not slow:
                raise ModelUnhealthyError("All scores are equal.")
            return [Judgement(each.id, 0.5, float(len(calls))) for each in candidates]

    monkeypatch.setattr("cortex_engine.backends.build_reranker", lambda config: Judge())
    monkeypatch.setattr(calibrating, "_SLOW", 0.0)
    suite = open_with(reranker="local")
    add(suite, "Towns", 0, 30)
    suite.load_models()
    calibrates = calibrating.Calibrating(suite._library)
    portions(calibrates)
    assert calls == ([1, 1] if slow else [1])
    assert ("too slow" if slow else "All scores are equal") in caplog.text
    assert suite.reranker_status().state is ModelState.HEALTHY, "a search would have to tell"
    assert portions(calibrates) == 0
    assert not reranked(suite)
    if slow:
        suite.calibrate()
        assert calls[2:] == [5] * 6, "whoever asks for it waits"
        assert len(reranked(suite)) == 1
    else:
        with pytest.raises(ModelUnhealthyError):
            suite.calibrate()
