"""The reranker that needs no download: what it goes by, and in which language."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.reranking import Candidate
from cortex_engine.core.search import SearchHit
from cortex_engine.embedding.token_vectors import PackagedTokenVectors
from cortex_engine.reranking.local import LateInteractionReranker, by_characters
from cortex_engine.retrieval.rerank import priors
from cortex_engine.retrieval.tracing import TraceRecorder

TEXTS = ["Bees make honey of nectar.", "The invoice was paid in March.", "An insect that gathers sweet food."]


class CountingVectors(PackagedTokenVectors):
    """Counts the texts that it embeds."""

    seen = 0

    def vectors(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        self.seen += len(texts)
        return super().vectors(texts)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> CountingVectors:
    made = CountingVectors(tmp_path_factory.mktemp("graph"), threads=1)
    made.load()
    return made


def raw(reranker: LateInteractionReranker, query: str, texts: Sequence[str], prior: float = 0.0) -> list[float]:
    asked = [Candidate(str(place), ModelInput(text), prior) for place, text in enumerate(texts)]
    return [each.raw for each in sorted(reranker.rerank(ModelInput(query), asked), key=lambda each: each.id)]


def test_meaning_counts_where_the_model_knows_the_language(encoder: CountingVectors) -> None:
    own, other, akin = raw(LateInteractionReranker(encoder), "How do bees make honey?", TEXTS)
    assert own > akin > other
    assert 0 <= min(other, akin) <= own <= 4.0


def test_spelling_alone_counts_where_it_does_not(encoder: CountingVectors) -> None:
    reranker = LateInteractionReranker(encoder)
    reranker.load()
    before = encoder.seen
    own, other = raw(reranker, "蜜蜂如何酿造蜂蜜", ["蜜蜂在蜂巢里酿蜜", "东京是日本的首都"])
    assert own > other == 0
    named, unnamed = raw(reranker, "Verteidigungslinie Normandie", ["the Duke of Normandy", "a treaty of peace"])
    assert named > unnamed
    assert encoder.seen == before


def test_what_the_search_found_is_added(encoder: CountingVectors) -> None:
    reranker = LateInteractionReranker(encoder)
    plain = raw(reranker, "honey", TEXTS)
    np.testing.assert_allclose(raw(reranker, "honey", TEXTS, prior=2.5), np.add(plain, 2.5), atol=1e-9)


def test_nothing_to_go_by_leaves_the_order_of_the_search(encoder: CountingVectors) -> None:
    asked = [Candidate(name, ModelInput("..."), prior) for name, prior in (("a", 0.0), ("b", 3.0), ("c", 0.0))]
    assert [each.id for each in LateInteractionReranker(encoder).rerank(ModelInput("?!"), asked)] == ["b", "a", "c"]


def test_token_vectors_are_those_of_what_is_said(encoder: CountingVectors) -> None:
    said, nothing, long = encoder.vectors(["Bees, honey!", "", "bee " * 400])
    assert (len(said), len(nothing), len(long)) == (2, 0, 254)  # the first 256 tokens, without the two around them
    np.testing.assert_allclose(np.linalg.norm(said, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(encoder.vectors(["Bees, honey!", "x " * 200])[0], said, atol=1e-4)
    _, weights = encoder.weighted("the pollination")
    assert weights[0] < weights[1:].min()


def test_priors_are_standard_scores() -> None:
    hits = [SearchHit(1, score, "", "", (), 1, "", "", 0, 0, {}) for score in (9.0, 5.0, 1.0)]
    trace = TraceRecorder()
    np.testing.assert_allclose(priors(hits, trace), [1.2247, 0, -1.2247], atol=1e-4)
    assert priors(hits[:1], trace) == [0.0]
    assert priors([], trace) == []
    with trace.stage("fusion") as notes:
        notes.fact("method", "standardised")
    assert priors(hits, trace) == [9.0, 5.0, 1.0]


WORDS = st.text(st.sampled_from("abcdeäé 東京1-"), max_size=30)


@given(WORDS, WORDS)
def test_likeness_is_a_share_that_knows_no_case_and_no_accents(query: str, text: str) -> None:
    found = by_characters(query, [text, f"{text} {query}"])
    assert np.all((found >= 0) & (found <= 1))
    assert found[1] in (0.0, 1.0)
    np.testing.assert_array_equal(by_characters(query.upper(), [text]), found[:1])
    np.testing.assert_array_equal(by_characters(query.replace("ä", "a"), [text.replace("é", "e")]), found[:1])
