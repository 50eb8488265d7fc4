"""Scores of rerankers on one scale: in the reranker's order, the same in any unit, and beside those of unrelated pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortex_engine.core.calibration import Calibration, rerank_stage
from cortex_engine.core.options import SearchOptions
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.reranking import Candidate, Judgement
from cortex_engine.core.search import Filters, HitKind, Query, SearchHit, SearchResult
from cortex_engine.retrieval.calibrated import Scales
from cortex_engine.retrieval.hybrid import HybridRetriever, RerankStage
from cortex_engine.retrieval.relevance import RelevanceScale, moments
from cortex_engine.retrieval.rerank import reordered

NORMAL = tuple(NormalDist(-8, 2).inv_cdf((place + 0.5) / 1001) for place in range(1001))
"""Logits of unrelated pairs."""


def calibration(collection: str, passages: int = 100, unit: Callable[[float], float] = float, **values) -> Calibration:
    made = {"unrelated": tuple(map(unit, NORMAL)), "related": tuple(map(unit, (-3.0, 0.0, 2.0, 5.0))), "pairs": 360}
    return Calibration("m", collection, rerank_stage("judge"), passages=passages, **{**made, **values})


def hit(number: int, kind: HitKind = HitKind.TEXT) -> SearchHit:
    return SearchHit(number + 1, 9.0 - number, "d", "d.txt", (), 1, f"c{number}", "text", 0, 4, {}, kind=kind)


def test_mean_and_deviation_are_those_of_the_kept_distribution() -> None:
    mean, deviation = moments(NORMAL)
    assert (mean, deviation) == (pytest.approx(-8), pytest.approx(2, rel=0.01))
    scale = RelevanceScale.of([calibration("A")])
    assert scale is not None
    assert scale.standard(-8.0) == pytest.approx(0, abs=1e-9)
    assert scale.standard(-4.0) == pytest.approx(2, rel=0.01)
    assert scale.share(-8.0) == pytest.approx(0.5)
    assert scale.share(-4.0) == pytest.approx(NormalDist().cdf(2), abs=0.002)
    assert scale.share(50.0) == pytest.approx(1 - 1 / 360), "no more than was drawn"
    assert scale.limits == (pytest.approx(2.5, rel=0.01), pytest.approx(4, rel=0.01))


def test_collections_count_by_their_passages_and_rerankers_apart() -> None:
    high = calibration("B", 100, lambda raw: raw + 20)
    scales = Scales([calibration("A", 300), high, calibration("C", unrelated=(), related=(), pairs=0)])
    both = scales.relevance("judge", ())
    assert both is not None
    assert both.share(4.0) == pytest.approx(0.75 * (1 - 1 / 360) + 0.25 * NormalDist().cdf(-4), abs=1e-3)
    assert both.standard(0.0) == pytest.approx(0.75 * 4 + 0.25 * -6, rel=0.01)
    alone = scales.relevance("judge", ["B"])
    assert alone is not None and alone.standard(12.0) == pytest.approx(0, abs=1e-9)
    assert scales.relevance("judge", ["C"]) is None, "too few passages"
    assert scales.relevance("other", ()) is None, "each reranker has a scale of its own"
    assert scales.closeness("m", (), 1.0) is None, "and it is none of cosines"
    assert RelevanceScale.of([calibration("A", unrelated=(0.0,) * 1001)]) is None, "it tells nothing apart"


@settings(max_examples=25)
@given(st.lists(st.integers(-300, 300), min_size=1, max_size=8), st.integers(1, 8), st.booleans())
def test_scores_keep_the_order_and_another_unit_changes_nothing(tenths: list[int], top_k: int, priors: bool) -> None:
    """A reranker in another unit, judged by a calibration in that unit, gives the same hits."""
    raws = [number / 10 for number in tenths]

    def found(unit: Callable[[float], float]) -> tuple[SearchHit, ...]:
        scale = RelevanceScale.of([calibration("A", 300, unit), calibration("B", 100, lambda raw: unit(raw + 1))])
        judged = [Judgement(f"c{n}", 0.5, unit(raw), unit(raw) / 2 if priors else None) for n, raw in enumerate(raws)]
        judged.sort(key=lambda each: -each.raw)
        return reordered([hit(n) for n in range(8)], judged, top_k, scale)

    plain = found(float)
    leading = [each.score for each in plain[: min(top_k, len(raws))]]
    assert leading == sorted(leading, reverse=True)
    if priors:
        return
    for one, other in zip(plain, found(lambda raw: 3 * raw + 7), strict=True):
        assert one.chunk_id == other.chunk_id
        assert one.score == pytest.approx(other.score, abs=1e-9)
        assert one.relevance_share == pytest.approx(other.relevance_share, abs=1e-9)


def test_what_the_search_had_found_is_no_part_of_the_share_and_stays_in_the_score() -> None:
    """A reranker that adds to the search's scores does so in their unit: only what everything gets is taken away."""
    scale = RelevanceScale.of([calibration("A")])
    first, second = reordered(
        [hit(0), hit(1)], [Judgement("c0", 0.5, 1.0, 7.0), Judgement("c1", 0.5, 0.0, 4.0)], 2, scale
    )
    assert (first.score, second.score) == (pytest.approx(9.0), pytest.approx(8.0)), "raw scores less a mean of -8"
    assert first.relevance_share is not None and second.relevance_share is not None
    assert first.relevance_share < second.relevance_share, "-6 and -4 for the content"
    assert first.stages["rerank"].score == 1.0
    assert first.stages["rerank"].standard == pytest.approx(1, rel=0.01)


def test_pictures_are_scaled_like_the_rest_but_have_no_share_in_what_was_measured_with_passages() -> None:
    scale = RelevanceScale.of([calibration("A")])
    hits = [hit(0), hit(1, HitKind.PICTURE)]
    picture, text = reordered(hits, [Judgement("c1", 0.9, 2.0), Judgement("c0", 0.5, 0.0)], 2, scale)
    assert picture.score > text.score == pytest.approx(4, rel=0.01)
    assert (picture.relevance_share, picture.stages["rerank"].standard) == (None, None)


class Judge:
    """Longer texts are better."""

    name, sees = "judge", False

    def rerank(self, query: ModelInput, candidates: Sequence[Candidate], instruction: object = None) -> list[Judgement]:
        judged = [Judgement(each.id, 0.5, float(len(each.content.text))) for each in candidates]
        return sorted(judged, key=lambda each: -each.raw)

    def load(self) -> None: ...
    def unload(self) -> None: ...


def test_a_search_gives_reranked_hits_on_the_scale_of_the_collections_asked(library) -> None:
    def ask(scales: Scales, query: Query) -> SearchResult:
        return HybridRetriever(
            library.records,
            lambda spec: library.models[spec.id],
            lambda model_id: library.stores[model_id],
            library.open_words,
            SearchOptions(rerank_candidates=3, rerank_top_k=2),
            rerank=RerankStage(Judge, lambda _: b"", lambda: scales),
        ).retrieve(query)

    query = Query("boat", rerank=True)
    usual, scaled = ask(Scales(), query), ask(Scales([calibration("all")]), query)
    assert [each.chunk_id for each in usual.hits] == [each.chunk_id for each in scaled.hits]
    front = usual.hits[0]
    assert front.score == front.stages["rerank"].score and front.relevance_share is None
    raws = [each.stages["rerank"].score for each in scaled.hits[:2]]
    assert raws == [each.stages["rerank"].score for each in usual.hits[:2]], "raw scores stay what they were"
    assert [each.score for each in scaled.hits[:2]] == pytest.approx([(raw + 8) / moments(NORMAL)[1] for raw in raws])
    assert scaled.hits[2].score == usual.hits[2].score, "behind them the fusion's"
    facts = next(step.facts for step in scaled.trace.steps if step.stage == "rerank")
    assert facts["unrelated mean"] == pytest.approx(-8) and facts["relevant from"] < facts["highly relevant from"]
    elsewhere = ask(Scales([calibration("other")]), Query("boat", rerank=True, filters=Filters(collections=("all",))))
    assert elsewhere.hits[0].relevance_share is None
