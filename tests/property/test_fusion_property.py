"""What holds for fusion whatever the scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cortex_engine.core.reports import ScoreMoments
from cortex_engine.retrieval.fusion import (
    METHODS,
    Evidence,
    merge_models,
    order,
    reciprocal_rank,
    separation,
    standardise,
    standardised,
)

PASSAGES = [f"c{n}" for n in range(8)]
values = st.integers(-50, 50).map(lambda n: n / 10)
columns = st.lists(values, min_size=len(PASSAGES), max_size=len(PASSAGES))
methods = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())


def evidence(stage: str, column: list[float], candidates: int = len(PASSAGES)) -> Evidence:
    scores = dict(zip(PASSAGES, column, strict=True))
    ranking = order(stage, scores)
    kept = type(ranking)(stage, ranking.items[:candidates])
    return Evidence(kept, scores, ScoreMoments(float(np.mean(column)), float(np.std(column)), len(column)))


@methods
@given(columns, columns, st.integers(0, 8))
def test_the_order_of_the_recallers_does_not_matter(method, first, second, candidates):
    stages = [evidence("vector", first, candidates), evidence("lexical", second)]
    there, back = method(stages), method(stages[::-1])
    assert there.keys() == back.keys()
    assert all(there[c] == pytest.approx(back[c]) for c in there)


@methods
@given(columns, columns)
def test_the_best_of_both_is_first(method, first, second):
    winner = PASSAGES[3]
    first[3], second[3] = max(first) + 1, max(second) + 1
    assert order("fusion", method([evidence("vector", first), evidence("lexical", second)])).items[0].chunk_id == winner


@given(columns, columns, st.floats(0.1, 20), st.floats(-100, 100))
def test_neither_shift_nor_scale_changes_a_standardised_fusion(first, second, scale, shift):
    assume(np.std(second) > 0.01)
    other = [scale * value + shift for value in second]
    plain = standardised([evidence("vector", first), evidence("lexical", second)])
    moved = standardised([evidence("vector", first), evidence("lexical", other)])
    assert all(plain[c] == pytest.approx(moved[c], abs=1e-6) for c in PASSAGES)


@methods
@given(st.lists(columns, max_size=3), st.integers(0, 8))
def test_every_candidate_gets_a_number_and_order_repeats(method, several, candidates):
    scores = method([evidence(f"s{n}", column, candidates) for n, column in enumerate(several)])
    assert all(math.isfinite(value) for value in scores.values())
    ranking = order("fusion", scores)
    assert ranking == order("fusion", dict(reversed(scores.items())))
    assert [item.score for item in ranking] == sorted((item.score for item in ranking), reverse=True)


@given(columns, values)
def test_a_stage_that_tells_nothing_apart_changes_nothing(column, constant):
    alone = standardised([evidence("lexical", column)])
    flat = Evidence(order("vector", {}), dict.fromkeys(PASSAGES, constant), ScoreMoments(constant, 0.0, 8))
    assert standardised([evidence("lexical", column), flat]) == pytest.approx(alone)


@given(columns)
def test_standard_scores_have_mean_0_and_deviation_1(column):
    assume(np.std(column) > 0.01)
    found = list(standardise(evidence("vector", column)).values())
    assert np.mean(found) == pytest.approx(0, abs=1e-9) and np.std(found) == pytest.approx(1)


def test_degenerate_cases():
    empty = Evidence(order("vector", {}), {}, ScoreMoments(0.0, 0.0, 0))
    assert standardised([empty]) == {} == reciprocal_rank([empty]) == standardised([])
    one = Evidence(order("lexical", {"c": 2.0}), {"c": 2.0}, ScoreMoments(2.0, 0.0, 1))
    assert standardised([empty, one]) == {"c": 0.0}
    assert reciprocal_rank([empty, one]) == {"c": 1 / 61}


def test_weights_scale_a_recaller():
    column = [float(n) for n in range(8)]
    plain = evidence("lexical", column)
    half = Evidence(plain.ranking, plain.scores, plain.moments, weight=0.5)
    assert standardised([half])["c7"] == pytest.approx(standardised([plain])["c7"] / 2)


@given(st.floats(-0.5, 0.9), st.floats(0.0, 1.0))
def test_separation_is_the_share_of_the_way_to_identity(mean, share):
    best = mean + share * (1 - mean)
    found = separation(Evidence(order("vector", {"c": best}), {"c": best}, ScoreMoments(mean, 0.1, 5)))
    assert found == pytest.approx(2 * share, abs=1e-9)


def test_separation_of_what_cannot_be_known():
    assert separation(Evidence(order("vector", {}), {}, ScoreMoments(0.0, 0.0, 0))) == 1.0
    assert separation(Evidence(order("vector", {"c": 1.0}), {"c": 1.0}, None)) == 1.0
    assert separation(Evidence(order("vector", {"c": 1.0}), {"c": 1.0}, ScoreMoments(1.0, 0.0, 3))) == 0.0


def test_models_are_merged_by_standard_scores_not_by_cosines():
    """A model whose cosines all lie high must not crowd out one whose cosines lie low."""
    high = Evidence(order("vector", {"a": 0.91, "b": 0.90}), {"a": 0.91, "b": 0.90}, ScoreMoments(0.9, 0.01, 50))
    low = Evidence(order("vector", {"c": 0.5, "d": 0.1}), {"c": 0.5, "d": 0.1}, ScoreMoments(0.1, 0.1, 50))
    merged = merge_models([high, low])
    assert [item.chunk_id for item in merged.ranking] == ["c", "a", "b", "d"]
    assert (merged.moments.mean, merged.moments.deviation) == (0.0, 1.0)
    unknown = merge_models([high, Evidence(low.ranking, low.scores, None)])
    assert unknown.moments is None and [item.chunk_id for item in unknown.ranking] == ["a", "b", "c", "d"]
