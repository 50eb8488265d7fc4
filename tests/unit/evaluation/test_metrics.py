"""Metrics against values worked out by hand."""

from __future__ import annotations

import math

import pytest

from cortex_engine.evaluation.metrics import estimate, measures, ndcg, recall, reciprocal_rank

GRADES = {"a": 3, "b": 2, "c": 1, "d": 0, "e": -1}


def test_ndcg_with_grades():
    found = 2 / math.log2(2) + 0 + 3 / math.log2(4)
    ideal = 3 / math.log2(2) + 2 / math.log2(3) + 1 / math.log2(4)
    assert ndcg(["b", "d", "a"], GRADES) == pytest.approx(found / ideal)
    assert ndcg(["a", "b", "c"], GRADES) == pytest.approx(1.0)
    assert ndcg(["e", "x"], GRADES) == 0.0


def test_ndcg_is_cut_at_k_and_so_is_its_ideal():
    assert ndcg(["x", "a"], GRADES, k=1) == 0.0
    assert ndcg(["a"], GRADES, k=1) == 1.0
    many = {f"r{n}": 1 for n in range(20)}
    assert ndcg([f"r{n}" for n in range(10)], many) == pytest.approx(1.0)


def test_ndcg_of_a_published_example():
    """The ranking 3, 2, 3, 0, 1, 2 of the Wikipedia article on discounted cumulative gain: DCG 6.861, IDCG 7.141."""
    grades = {"d1": 3, "d2": 2, "d3": 3, "d4": 0, "d5": 1, "d6": 2}
    assert ndcg(["d1", "d2", "d3", "d4", "d5", "d6"], grades) == pytest.approx(6.861 / 7.141, abs=1e-4)


def test_reciprocal_rank_and_recall():
    assert reciprocal_rank(["x", "d", "c"], GRADES) == pytest.approx(1 / 3)
    assert reciprocal_rank(["x"], GRADES) == 0.0
    assert recall(["a", "x", "b", "c"], GRADES, 2) == pytest.approx(1 / 3)
    assert recall(["a", "x", "b", "c"], GRADES, 100) == 1.0
    assert recall(["a"], {"d": 0}, 10) == 0.0


def test_all_measures_are_named():
    names = measures(["a"], GRADES)
    assert set(names) == {"ndcg@10", "mrr", "recall@1", "recall@5", "recall@10", "recall@20", "recall@100"}


def test_estimate_repeats_and_covers_the_mean():
    values = [0.0, 1.0] * 50
    first, second = estimate(values), estimate(values)
    assert first == second
    assert first.value == 0.5
    half = 1.96 * 0.5 / math.sqrt(100)
    assert first.low == pytest.approx(0.5 - half, abs=0.02) and first.high == pytest.approx(0.5 + half, abs=0.02)
    uneven = [n / 100 for n in range(100)]
    assert estimate(uneven, seed=1) != estimate(uneven, seed=2)
    assert math.isnan(estimate([]).value)
