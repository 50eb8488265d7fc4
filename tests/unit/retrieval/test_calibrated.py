"""What scores mean, by the calibrations of the collections asked; and that all stages stand on one scale before they are fused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_engine.core.calibration import FUSION_STAGE, MEANING_STAGE, Calibration, CalibrationState
from cortex_engine.core.errors import IndexUnavailableError, UsageError
from cortex_engine.core.reports import ScoreMoments
from cortex_engine.core.search import Filters, Query, SearchMode
from cortex_engine.retrieval.calibrated import CalibratedStep, KeptScales, Scales
from cortex_engine.retrieval.fusion import Evidence, order, standardised
from cortex_engine.retrieval.hybrid import HybridRetriever

EVEN = tuple(number / 100 for number in range(-200, 201))


def calibration(collection: str, stage: str, passages: int = 100, **values) -> Calibration:
    made = {"unrelated": EVEN if stage == MEANING_STAGE else (), "pairs": 10_000, "made": "2026-01-01", **values}
    return Calibration("m", collection, stage, passages=passages, **made)


def test_closeness_is_that_of_the_collections_asked_weighed_by_their_size() -> None:
    high = tuple(value + 4 for value in EVEN)
    scales = Scales([calibration("A", MEANING_STAGE, 300), calibration("B", MEANING_STAGE, 100, unrelated=high)])
    assert scales.closeness("m", ["A"], 1.0) == pytest.approx(0.75)
    assert scales.closeness("m", ["B"], 1.0) == 0.0
    assert scales.closeness("m", (), 1.0) == pytest.approx(0.75 * 300 / 400)
    assert scales.closeness("m", ["A"], 99.0) == pytest.approx(1 - 1 / 10_000), "no more than was drawn"
    assert scales.closeness("other", ["A"], 1.0) is None
    assert scales.closeness("m", ["C"], 1.0) is None
    assert Scales([calibration("A", MEANING_STAGE, unrelated=(), pairs=0)]).closeness("m", (), 1.0) is None


def test_a_cut_needs_every_collection_asked_to_be_calibrated() -> None:
    related = tuple(number / 100 for number in range(1, 100))
    rows = [calibration("A", FUSION_STAGE, related=related), calibration("Small", FUSION_STAGE, 5)]
    scales = Scales(rows)
    assert scales.cut(["m"], ["A"], 0.05) == 0.05
    assert scales.cut(["m"], (), 0.05) == 0.05, "a collection that is too small to be calibrated does not count"
    assert scales.cut(["m"], ["Small"], 0.05) is None
    assert scales.cut(["m"], ["A"], 0.0) is None
    assert scales.cut(["n"], ["A"], 0.05) is None
    assert {scales.cut(["m"], ["A"], rate / 1000) for rate in range(10, 300)} and len(scales._cuts) <= 100, (
        "not one for each"
    )
    waiting = Scales(rows, ["New"])
    assert waiting.cut(["m"], ["A"], 0.05) == 0.05
    assert waiting.cut(["m"], ["A", "New"], 0.05) is None
    assert waiting.cut(["m"], (), 0.05) is None


def test_limits_are_those_of_right_answers() -> None:
    related = tuple(number / 100 for number in range(1, 101))
    scales = Scales([calibration("A", MEANING_STAGE, related=related)])
    assert scales.limits(["m"], ()) == (0.25, 0.5)
    assert scales.limits(["m"], ["B"]) is None


def test_scales_are_read_again_when_one_changed() -> None:
    class Records:
        versions, reads = {"A": 1, "B": 0}, 0

        def calibration_versions(self):
            return dict(self.versions)

        def calibrations(self):
            self.reads += 1
            return [calibration("A", FUSION_STAGE, related=(0.1,) * 50)]

    records = Records()
    kept = KeptScales(records)  # type: ignore[arg-type]
    assert kept() is kept()
    assert records.reads == 1
    assert kept().cut(["m"], (), 0.05) is None, "B waits"
    records.versions = {"A": 1, "B": 7}
    assert kept().cut(["m"], (), 0.05) == 0.1
    assert records.reads == 2


def judging(library, related, **values) -> HybridRetriever:
    rows = [
        Calibration(library.spec.id, "all", MEANING_STAGE, EVEN, related, 0, 1000, "", 10),
        Calibration(library.spec.id, "all", FUSION_STAGE, (), related, 0, 0, "", 10),
    ]
    step = CalibratedStep(lambda: Scales(rows), 0.05, library.open_words)
    return HybridRetriever(
        library.records,
        lambda spec: library.models[spec.id],
        lambda model_id: library.stores[model_id],
        library.open_words,
        library.options,
        calibrated=step,
        **values,
    )


def test_what_is_not_judged(library) -> None:
    judge = judging(library, (0.99,) * 50)
    text = "boat zeppelin nowhere"
    assert judge.retrieve(Query(text)).abstained
    assert judge.retrieve(Query(text, SearchMode.TRADITIONAL)).abstained
    assert not judge.retrieve(Query(text, miss_rate=0.0)).abstained
    assert not judge.retrieve(Query(text, miss_rate=0.001)).abstained, "fifty answers promise no such rate"
    assert judge.retrieve(Query(text, filters=Filters(collections=("all",)))).abstained
    words = judge.retrieve(Query(text, SearchMode.LEXICAL))
    assert (words.abstained, words.evidence, words.cut) == (False, None, None)


def test_half_a_search_is_not_judged(library) -> None:
    judge = judging(library, (0.99,) * 50)
    text = "boat zeppelin nowhere"
    library.lexical_error = IndexUnavailableError("The word index is gone.")
    result = judge.retrieve(Query(text))
    assert result.degraded == ("lexical",)
    assert (result.abstained, result.evidence) == (False, None)
    by_meaning = judge.retrieve(Query(text, SearchMode.TRADITIONAL))
    assert by_meaning.hits
    assert not by_meaning.abstained
    assert any("not judged" in step.warning for step in by_meaning.trace.steps)


def test_without_calibration_there_is_evidence_and_no_judgement(library) -> None:
    plain = library.retriever
    result = plain.retrieve(Query("boat"))
    assert result.evidence is not None
    assert (result.cut, result.abstained) == (None, False)
    assert {hit.closeness for hit in result.hits} == {None}


@given(
    st.sampled_from(["vector", "lexical", "characters", "graph"]),
    st.floats(0.01, 100),
    st.floats(-50, 50),
    st.lists(st.floats(-1, 1), min_size=4, max_size=4),
)
def test_all_stages_stand_on_one_scale_before_they_are_fused(
    stage: str, factor: float, offset: float, values: list[float]
) -> None:
    """Cosines, BM25, counts of runs and random walks have scales of their own; in another unit they say the same."""

    def evidence(name: str, scores: dict[str, float], moments: ScoreMoments) -> Evidence:
        return Evidence(order(name, scores), scores, moments)

    ids = ["a", "b", "c", "d"]
    stages = [
        evidence(name, dict(zip(ids, values[turn:] + values[:turn], strict=True)), ScoreMoments(0.1, 0.5, 100))
        for turn, name in enumerate(("vector", "lexical", "characters", "graph"))
    ]
    scaled = [
        replace(
            each,
            scores={chunk_id: factor * score + offset for chunk_id, score in each.scores.items()},
            moments=ScoreMoments(factor * 0.1 + offset, factor * 0.5, 100),
        )
        if each.stage == stage
        else each
        for each in stages
    ]
    before, after = standardised(stages), standardised(scaled)
    assert after == pytest.approx(before, abs=1e-6)


def test_by_meaning_alone_the_evidence_is_the_same(library) -> None:
    """Though candidates by words are none then: the questions that a cut is made of were asked by both."""
    judge, text = judging(library, (0.1,) * 50), "tax law boat"
    both, meaning = (
        judge.retrieve(Query(text, mode, candidates=2, top_k=1)) for mode in (SearchMode.HYBRID, SearchMode.TRADITIONAL)
    )
    assert both.evidence == pytest.approx(meaning.evidence)


@pytest.mark.parametrize("rate", [-0.01, 0.51, float("nan")])
def test_a_miss_rate_that_promises_nothing_is_refused(library, rate: float) -> None:
    with pytest.raises(UsageError, match="miss_rate"):
        library.retriever.retrieve(Query("boat", miss_rate=rate))


def test_when_a_collection_is_calibrated_again() -> None:
    def stale(passages: int, questions: int, calibrated: int, judged: int) -> bool:
        return CalibrationState("A", "m", passages, questions, 1, calibrated, judged).stale

    assert stale(200, 0, 100, 0) and stale(50, 0, 100, 0) and not stale(199, 99, 100, 0)
    assert stale(100, 100, 100, 0) and not stale(100, 199, 100, 100) and stale(100, 200, 100, 100)
    assert not stale(100, 9000, 100, 2000), "no more of them are kept, and it would never end"
    assert not stale(15, 500, 15, 0), "too small for any questions, and it would never end"
    assert stale(20, 0, 19, 0), "large enough now"
    assert stale(0, 0, 30, 0) and not stale(0, 0, 0, 0) and CalibrationState("A", "m", 0).stale
