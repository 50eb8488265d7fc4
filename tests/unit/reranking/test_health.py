"""The judgement of scores, on plain numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cortex_engine.reranking.health import Fault, judge_matrix, judge_spread

EYE = np.eye(4)


def spread(*scores: float) -> Fault:
    return judge_spread(np.array(scores, np.float64)).fault


@pytest.mark.parametrize(
    ("scores", "fault"),
    [
        ((1.0, 1.0, 1.0), Fault.CONSTANT),
        ((0.0, 0.0), Fault.CONSTANT),
        ((0.5, float("nan")), Fault.NOT_FINITE),
        ((float("inf"), 1.0), Fault.NOT_FINITE),
        ((20.0, 20.0, 20.0), Fault.SATURATED),
        ((30.0, 30.0005), Fault.SATURATED),
        ((-40.0, -40.0), Fault.SATURATED),
        ((18.0, 25.0), Fault.NONE),
        ((16.0, 16.0001), Fault.NONE),
        ((3.0,), Fault.NONE),
        ((float("nan"),), Fault.NOT_FINITE),
        ((), Fault.NONE),
    ],
)
def test_what_is_wrong_with_some_scores(scores: tuple[float, ...], fault: Fault) -> None:
    found = judge_spread(np.array(scores, np.float64))
    assert found.fault is fault
    assert bool(found.sentence) == bool(fault)
    if fault:
        assert fault.value.replace("not finite", "no finite") in found.sentence


def test_a_matrix_with_matching_pairs_ahead_is_healthy() -> None:
    found = judge_matrix(EYE * 9 - 4)
    assert (found.fault, found.won, found.compared) == (Fault.NONE, 12, 12)


def test_one_comparison_that_goes_wrong_is_forgiven_and_two_are_not() -> None:
    raw = EYE.copy()
    raw[0, 1] = 1.5
    assert (judge_matrix(raw).won, judge_matrix(raw).fault) == (11, Fault.NONE)
    raw[1, 0] = 1.5
    assert judge_matrix(raw).fault is Fault.RANDOM


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (-EYE, Fault.INVERTED),
        (EYE * 0 + 0.25, Fault.CONSTANT),
        (np.tile([1.0, 2, 3, 4], (4, 1)), Fault.CONSTANT),
        (np.tile([[1.0], [2], [3], [4]], (1, 4)), Fault.CONSTANT),
        (EYE * np.nan, Fault.NOT_FINITE),
        (EYE * 1e-4 + 33, Fault.SATURATED),
    ],
)
def test_what_is_wrong_with_a_matrix(raw: np.ndarray, fault: Fault) -> None:
    assert judge_matrix(np.asarray(raw, np.float64)).fault is fault


def test_guessing_hardly_ever_passes() -> None:
    draw = np.random.default_rng(5)
    passed = sum(judge_matrix(draw.normal(size=(4, 4))).fault is Fault.NONE for _ in range(2000))
    by_document = sum(
        judge_matrix(draw.normal(size=(4, 4)) * 0.1 + draw.normal(size=(1, 4))).fault is Fault.NONE for _ in range(2000)
    )
    assert passed / 2000 < 0.03
    assert by_document / 2000 < 0.002


@given(arrays(np.float64, (4, 4), elements=st.floats(-16, 16, allow_subnormal=False)), st.permutations(range(4)))
def test_the_order_of_queries_changes_nothing_and_the_sign_swaps_healthy_and_inverted(
    raw: np.ndarray, order: list[int]
) -> None:
    found = judge_matrix(raw)
    assert judge_matrix(raw[np.ix_(order, order)]).fault is found.fault
    opposite = judge_matrix(-raw).fault
    if found.fault is Fault.NONE:
        assert opposite is Fault.INVERTED
