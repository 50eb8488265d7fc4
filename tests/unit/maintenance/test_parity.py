"""Comparing two models: overlap, order, nDCG, what is lost and won."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_engine.evaluation.metrics import ndcg
from cortex_engine.maintenance.parity import Answers, Question, compare, kendall_tau, overlap

_RANKINGS = st.lists(st.sampled_from("abcdefghij"), unique=True)


def test_overlap_counts_what_both_have_among_the_first() -> None:
    assert overlap("abcd", "bacx", 1) == 0.0
    assert overlap("abcd", "bacx", 3) == 1.0
    assert overlap("abcd", "bacx", 10) == pytest.approx(3 / 4)
    assert overlap("ab", "", 3) == 0.0


def test_kendalls_tau_by_hand() -> None:
    # Pairs of abcd in bacd: only (a, b) is turned, five of six agree.
    assert kendall_tau("abcd", "bacd") == pytest.approx((5 - 1) / 6)
    assert kendall_tau("abcd", "dcba") == -1.0
    assert kendall_tau("axb", "ayb") == 1.0
    assert kendall_tau("ab", "bc") is None


@given(_RANKINGS, _RANKINGS)
def test_bounds_and_symmetry(first: list[str], second: list[str]) -> None:
    for depth in (1, 3, 10):
        assert 0.0 <= overlap(first, second, depth) <= 1.0
        assert overlap(first, second, depth) == overlap(second, first, depth)
        assert overlap(first, first, depth) == 1.0
    tau = kendall_tau(first, second)
    assert tau == kendall_tau(second, first)
    assert tau is None or -1.0 <= tau <= 1.0


def test_the_report() -> None:
    names = {"a": "a.txt", "z": "z.txt"}
    many = [f"m{number}" for number in range(60)]
    told = [
        Answers(Question("judged", {"a": 1}), ["b", "a"], ["a", "b"]),
        Answers(Question("lost"), ["q", "z", *many[:8]], many),
        Answers(Question("nobody"), [], []),
    ]
    report = compare(told, names, ndcg)
    assert (report.questions, report.judged) == (2, 1)
    assert report.ndcg_before == pytest.approx(0.6309, abs=1e-4)
    assert report.ndcg_after == 1.0
    assert report.lost == (("lost", "q"), ("lost", "z.txt"))
    # m8 and m9 stand among the first ten after, and nowhere before.
    assert report.won == (("lost", "m8"), ("lost", "m9"))
    assert report.overlap == {1: 0.0, 3: pytest.approx((1.0 + 1 / 3) / 2), 10: pytest.approx((1.0 + 0.8) / 2)}


def test_nothing_asked() -> None:
    report = compare([], {}, ndcg)
    assert (report.questions, report.rank_correlation, report.ndcg_before) == (0, None, None)
