"""What holds for pictures beside passages, and for what a reranker reorders, whatever the scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_engine.core.reports import ScoreMoments
from cortex_engine.core.reranking import Judgement
from cortex_engine.core.search import SearchHit
from cortex_engine.retrieval.fusion import Evidence, merge_models, order, standardise
from cortex_engine.retrieval.mixing import (
    drawn_together,
    judged_by_look,
    known_moments,
    passages_beside,
    pictures_beside,
    two_vectors,
)
from cortex_engine.retrieval.rerank import reordered

cosines = st.integers(-100, 100).map(lambda n: n / 100)
deviations = st.integers(0, 100).map(lambda n: n / 100)
moments = st.builds(ScoreMoments, cosines, deviations, st.integers(0, 1000))
NAMES = [f"p{n}" for n in range(6)]
columns = st.dictionaries(st.sampled_from(NAMES), cosines, max_size=len(NAMES))


def evidence(stage: str, scores: dict[str, float]) -> Evidence:
    plain = Evidence(order(stage, scores), scores, None)
    return pictures_beside(Evidence(plain.ranking, scores, known_moments(plain)), ScoreMoments(0.1, 0.2, 500))


@given(moments, moments)
def test_moments_are_drawn_towards_the_other_kind_and_never_beyond(own, other):
    found = drawn_together(own, other)
    assert found.count == own.count
    if own.count and other.count:
        for value, first, second in (
            (found.mean, own.mean, other.mean),
            (found.deviation, own.deviation, other.deviation),
        ):
            assert min(first, second) - 1e-9 <= value <= max(first, second) + 1e-9


@given(moments)
def test_alone_a_kind_keeps_its_moments_and_without_any_it_takes_the_others(own):
    assert drawn_together(own, None) == own == drawn_together(own, ScoreMoments(0.5, 0.1, 0))
    lent = drawn_together(ScoreMoments(0.0, 0.0, 0), own)
    assert (lent.mean, lent.deviation) == ((own.mean, own.deviation) if own.count else (0.0, 0.0))


@given(cosines, deviations, cosines, deviations, st.integers(1, 400))
def test_the_more_there_are_the_more_their_own_moments_count(mean, deviation, other_mean, other_deviation, count):
    other = ScoreMoments(other_mean, other_deviation, 500)
    fewer = drawn_together(ScoreMoments(mean, deviation, count), other)
    more = drawn_together(ScoreMoments(mean, deviation, 2 * count), other)
    assert abs(more.mean - mean) <= abs(fewer.mean - mean) + 1e-9
    assert abs(more.deviation - deviation) <= abs(fewer.deviation - deviation) + 1e-9


def test_the_deviation_of_three_pictures_makes_none_of_them_stand_out():
    """Three cosines that hardly differ: measured by themselves the best would stand 1.2 deviations out; it does not."""
    own = ScoreMoments(0.201, 0.0008, 3)
    found = drawn_together(own, ScoreMoments(0.3, 0.1, 500))
    assert found.deviation > 0.08


@given(columns, columns, st.floats(0, 1))
def test_every_picture_gets_a_finite_score_and_one_vector_is_kept_as_it_is(look, words, share):
    own, said = evidence("picture", look), evidence("description", words)
    found = two_vectors(own, said, share, "vector").scores
    assert found.keys() == look.keys() | words.keys()
    assert all(math.isfinite(score) for score in found.values())
    for name in look.keys() - words.keys():
        assert found[name] == pytest.approx(max(own.weight, 1e-6) * standardise(own)[name])
    for name in words.keys() - look.keys():
        assert found[name] == pytest.approx(max(said.weight, 1e-6) * standardise(said)[name])


@given(columns, columns)
def test_at_the_ends_one_vector_ranks_alone(look, words):
    both = {name: look[name] for name in look.keys() & words.keys()}
    described = {name: words[name] for name in both}
    own, said = evidence("picture", both), evidence("description", described)
    by_look = two_vectors(own, said, 1.0, "vector").ranking
    by_words = two_vectors(own, said, 0.0, "vector").ranking
    assert by_look.stage == "vector"
    assert [item.chunk_id for item in by_look] == [item.chunk_id for item in order("x", both)]
    assert [item.chunk_id for item in by_words] == [item.chunk_id for item in order("x", described)]


@given(columns, columns, cosines, cosines, st.floats(0.01, 0.5))
def test_a_picture_that_is_better_by_both_vectors_is_better(look, words, one, other, gain):
    look["p1"], words["p1"] = one, other
    look["p0"], words["p0"] = look["p1"] + gain, words["p1"] + gain
    found = two_vectors(evidence("picture", look), evidence("description", words), 0.5, "vector").scores
    assert found["p0"] > found["p1"]


def test_a_gap_between_the_kinds_decides_nothing():
    """Cosines with pictures lie .4 lower than those with texts; the picture that stands out is before the usual text."""
    rng = np.random.default_rng(3)
    texts = {f"t{n}": float(value) for n, value in enumerate(rng.normal(0.6, 0.05, 200))}
    looks = {f"i{n}": float(value) for n, value in enumerate(rng.normal(0.2, 0.05, 60))} | {"it": 0.42}
    passages = Evidence(order("vector", texts), texts, ScoreMoments(0.6, 0.05, 200))
    pictures = Evidence(order("picture", looks), looks, known_moments(Evidence(order("picture", looks), looks, None)))
    nothing = Evidence(order("description", {}), {}, ScoreMoments(0.0, 0.0, 0))
    mixed = merge_models(
        [
            passages_beside(passages, pictures.moments),
            two_vectors(
                pictures_beside(pictures, passages.moments), pictures_beside(nothing, passages.moments), 0.5, "vector"
            ),
        ]
    )
    assert mixed.ranking.items[0].chunk_id == "it"
    assert max(texts.values()) > looks["it"], "by cosine alone it would be behind"


@given(columns)
def test_what_has_no_words_counts_twice_and_keeps_its_order(scores):
    pictures = {name for name in scores if name in {"p0", "p1", "p2"}}
    found = judged_by_look(scores, pictures)
    assert all(found[name] == (2 * scores[name] if name in pictures else scores[name]) for name in scores)


@given(st.integers(0, 8), st.data())
def test_a_reranker_moves_hits_and_loses_none(count, data):
    hits = [hit(n) for n in range(count)]
    asked = data.draw(st.lists(st.sampled_from(range(count)), unique=True) if count else st.just([]))
    raws = data.draw(st.lists(st.floats(-9, 9), min_size=len(asked), max_size=len(asked)))
    pairs = sorted(zip(asked, raws, strict=True), key=lambda pair: -pair[1])
    judged = [Judgement(f"c{n}", 0.5, raw) for n, raw in pairs]
    top_k = data.draw(st.integers(0, 8))
    found = reordered(hits, judged, top_k)
    assert sorted(each.chunk_id for each in found) == sorted(each.chunk_id for each in hits)
    assert [each.rank for each in found] == list(range(1, count + 1))
    places = [place for place, each in enumerate(hits) if each.chunk_id in {one.id for one in judged}]
    assert all(found[place].chunk_id == hits[place].chunk_id for place in range(count) if place not in places)
    moved = [found[place].chunk_id for place in places]
    assert moved[:top_k] == [one.id for one in judged][:top_k]
    rest = moved[top_k:]
    assert rest == [each.chunk_id for each in hits if each.chunk_id in rest]
    assert all((each.relevance is not None) == ("rerank" in each.stages) for each in found)


def hit(number: int) -> SearchHit:
    return SearchHit(number + 1, 9.0 - number, "d", "d.txt", (), 1, f"c{number}", "text", 0, 4, {})


@pytest.mark.parametrize("count", [0, 1, 2])
def test_the_weight_of_few_pictures_is_finite(count):
    scores = {f"p{n}": 0.9 for n in range(count)}
    assert 0.0 <= evidence("picture", scores).weight <= 2.0
