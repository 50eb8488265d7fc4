"""The conformal cut-off keeps its promise whatever the distribution; shares and intervals stay what they are."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortex_engine.core.calibration import (
    WIDEST,
    RecallSample,
    conformal_cut,
    next_widening,
    recall_interval,
    share_below,
    wilson,
)
from cortex_engine.evaluation.conformal import split_conformal, tolerance

VALUES = st.lists(st.floats(-5, 5) | st.sampled_from([0.0, 0.5, 1.0]), min_size=2, max_size=60)
RATES = st.sampled_from([0.01, 0.05, 0.1, 0.25, 0.5])


@settings(max_examples=200)
@given(VALUES, RATES)
def test_of_exchangeable_answers_no_more_are_missed_than_was_promised(values: list[float], rate: float) -> None:
    """Each of n + 1 answers is the new one with the same probability: over all these cases the promise holds exactly."""
    missed = 0
    for place, value in enumerate(values):
        cut = conformal_cut([(values[:place] + values[place + 1 :], 1.0)], rate)
        missed += cut is not None and value < cut
    assert missed <= rate * len(values) + 1e-9


@settings(max_examples=100)
@given(VALUES, RATES)
def test_the_cut_is_the_greatest_that_keeps_the_promise(values: list[float], rate: float) -> None:
    cut = conformal_cut([(values, 3.0)], rate)
    k = math.floor(rate * (len(values) + 1) + 1e-9)
    assert cut == (sorted(values)[k - 1] if k else None)


@given(VALUES, VALUES, RATES, st.floats(0.1, 10))
def test_the_cut_of_a_mixture_lies_between_those_of_its_parts(
    one: list[float], other: list[float], rate: float, weight: float
) -> None:
    parts = [conformal_cut([(values, 1.0)], rate) for values in (one, other)]
    both = conformal_cut([(one, weight), (other, 2 * weight)], rate)
    assert both == conformal_cut([(one, 1.0), (other, 2.0)], rate)
    if None not in parts:
        assert both is not None
        assert min(parts) <= both <= max(parts)  # type: ignore[type-var]


def test_nothing_is_promised_on_too_little() -> None:
    assert conformal_cut([], 0.05) is None
    assert conformal_cut([((), 1.0)], 0.05) is None
    assert conformal_cut([([0.5] * 18, 1.0)], 0.05) is None
    assert conformal_cut([([0.5] * 19, 1.0)], 0.05) == 0.5
    assert conformal_cut([([0.5] * 500, 1.0)], 0.0) is None


@given(VALUES, st.floats(-6, 6), st.floats(0, 2), st.integers(1, 10_000))
def test_a_share_grows_with_its_value_and_never_says_more_than_was_drawn(
    values: list[float], value: float, more: float, pairs: int
) -> None:
    quantiles = sorted(values)
    share = share_below(quantiles, value, pairs)
    assert 0 <= share <= share_below(quantiles, value + more, pairs) <= 1 - 1 / pairs
    assert share_below(quantiles, max(values) + 1, 1000) == 0.999
    assert share_below(quantiles, min(values) - 1, 1000) == 0


@given(st.integers(0, 400), st.integers(1, 400))
def test_an_interval_holds_its_share(found: int, more: int) -> None:
    of = found + more
    low, high = wilson(found, of)
    assert 0 <= low <= found / of <= high <= 1
    assert wilson(4 * found, 4 * of)[0] >= low - 1e-12
    assert wilson(0, 0) == (0.0, 1.0)


def samples(found: list[int], widening: float = 1.0) -> list[RecallSample]:
    return [RecallSample("m", 10, each, 200, "2026-01-01T00:00:00", widening) for each in found]


@given(st.lists(st.integers(0, 10), min_size=1, max_size=100))
def test_neighbours_that_are_lost_together_count_for_fewer(found: list[int]) -> None:
    mean, low, high = recall_interval(samples(found))
    plain = wilson(sum(found), 10 * len(found))
    assert low <= mean <= high
    assert low <= plain[0] + 1e-9
    assert high >= plain[1] - 1e-9


def test_searches_widen_and_narrow_again() -> None:
    assert next_widening([], 0.95) == 1
    assert next_widening(samples([10] * 19), 0.95) == 1
    assert next_widening(samples([9] * 4), 0.95) == 1, "four searches say too little"
    assert next_widening(samples([3, 4, 3, 2, 3]), 0.95) == 2, "the whole interval lies under the bound"
    assert next_widening(samples([9] * 20), 0.95) == 2
    assert next_widening(samples([10] * 20) + samples([0] * 50, 0.5), 0.95) == 1, "others were asked otherwise"
    assert next_widening(samples([10] * 199, 2), 0.95) == 2, "not yet"
    assert next_widening(samples([10] * 200, 2), 0.95) == 1
    assert next_widening(samples([5] * 20, WIDEST), 0.95) == 0, "nothing helps but to scan"
    assert next_widening(samples([5] * 50, 0), 0.95) == 0
    assert next_widening(samples([10] * 200, 0), 0.95) == WIDEST


def test_a_single_split_may_lose_more_by_chance_and_the_tolerance_says_how_much() -> None:
    assert tolerance(0.05, 10, 100) == 0, "ten answers give no cut"
    # scipy.stats.betabinom(200, 10, 191).ppf(0.99) is 22.
    assert tolerance(0.05, 200, 200) == pytest.approx(22 / 200)
    evidence = [math.sin(number * 12.9898) for number in range(400)]
    for rate in (0.01, 0.05, 0.1):
        report = split_conformal(evidence, rate, splits=200)
        assert report.mean <= rate + 0.003
        assert report.above <= 0.03
