"""What holds for the metrics whatever the ranking."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cortex_engine.evaluation.metrics import estimate, measures, ndcg, recall

documents = st.sampled_from([f"d{n}" for n in range(12)])
rankings = st.lists(documents, unique=True, max_size=12)
judgements = st.dictionaries(documents, st.integers(-1, 3), max_size=12)


@given(rankings, judgements)
def test_all_measures_lie_between_0_and_1(ranking, grades):
    assert all(0.0 <= value <= 1.0 + 1e-12 for value in measures(ranking, grades).values())


@given(rankings, judgements)
def test_recall_grows_with_depth(ranking, grades):
    values = [recall(ranking, grades, k) for k in (1, 5, 10, 20, 100)]
    assert values == sorted(values)


@given(judgements)
def test_the_ideal_order_is_perfect(grades):
    ideal = sorted(grades, key=lambda document: -grades[document])
    assert ndcg(ideal, grades) in (0.0, 1.0) or abs(ndcg(ideal, grades) - 1.0) < 1e-12


@given(rankings, judgements, st.integers(0, 10))
def test_moving_a_better_document_up_never_hurts(ranking, grades, place):
    if place + 1 >= len(ranking):
        return
    first, second = ranking[place], ranking[place + 1]
    if grades.get(second, 0) > grades.get(first, 0):
        better = [*ranking[:place], second, first, *ranking[place + 2 :]]
        assert ndcg(better, grades) >= ndcg(ranking, grades) - 1e-12


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_intervals_hold_the_extremes(values):
    found = estimate(values, samples=100)
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9
