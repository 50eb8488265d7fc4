"""The graph stage in the query line: seeds, candidates of its own, the lead it may not overtake, losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_engine.core.errors import IndexUnavailableError, ModelUnavailableError
from cortex_engine.core.graph import GraphPath, LinkedEntity, PathStep
from cortex_engine.core.graph_records import GraphFound
from cortex_engine.core.options import SearchOptions
from cortex_engine.core.reports import ScoreMoments
from cortex_engine.core.search import Filters, Query, Ranking, ScoredChunk, SearchMode, SearchResult
from cortex_engine.retrieval.fusion import order, standardise
from cortex_engine.retrieval.graph import Connected
from cortex_engine.retrieval.hybrid import HybridRetriever
from cortex_engine.retrieval.recall import Recalled


@dataclass
class Graph:
    """A graph that answers what it was told to; notes what it was asked."""

    shares: dict[str, float]
    fault: Exception | None = None
    asked: list[dict[str, object]] = field(default_factory=list)

    def __call__(self) -> Graph:
        if self.fault:
            raise self.fault
        return self

    def linked(self, text: str) -> list[LinkedEntity]:
        return [LinkedEntity("e1", "Lake", "lake", 0.5)] if "lake" in text else []

    def walk(self, linked, seeds, limit, passages, documents=None) -> GraphFound:
        self.asked.append({"linked": linked, "seeds": dict(seeds), "passages": passages, "documents": documents})
        pairs = sorted(self.shares.items(), key=lambda pair: (-pair[1], pair[0]))
        roots = [share**0.5 for share in self.shares.values()]
        mean = sum(roots) / passages
        deviation = max(sum(root * root for root in roots) / passages - mean**2, 0) ** 0.5
        items = tuple(ScoredChunk(*pair) for pair in pairs[:limit])
        return GraphFound(Ranking("graph", items), dict(self.shares), ScoreMoments(mean, deviation, passages))

    def paths(self, linked, seeds, chunk_ids, documents=None) -> dict[str, GraphPath]:
        return {each: (PathStep("e1", "Lake", "mentioned in", each),) for each in chunk_ids if each in self.shares}


def ask(library, graph: Graph, text: str = "boat", mode: SearchMode = SearchMode.GRAPHRAG, **query) -> SearchResult:
    retriever = HybridRetriever(
        library.records,
        lambda spec: library.models[spec.id],
        lambda model_id: library.stores[model_id],
        library.open_words,
        library.options,
        graph=graph,
    )
    return retriever.retrieve(Query(text, mode, **query))


def test_a_passage_that_only_the_graph_knows_of_comes_with_its_true_scores_and_its_path(library) -> None:
    assert "c5" not in {hit.chunk_id for hit in ask(library, Graph({}), candidates=2, top_k=3).hits}
    result = ask(library, Graph({"c5": 0.4}), candidates=2, top_k=4)
    assert not result.degraded and not result.warnings
    hit = {hit.chunk_id: hit for hit in result.hits}["c5"]
    assert hit.stages["graph"].rank == 1 and hit.stages["graph"].score == 0.4
    assert hit.stages["vector"].rank is None and hit.stages["vector"].score == 0.0, "the true cosine, not a guess"
    assert hit.stages["lexical"].rank is None
    assert [step.name for step in hit.path] == ["Lake"]
    assert result.hits[0].path == (), "the graph had no part in the first"
    assert hit.text == "more tax law"


def test_the_walk_begins_at_the_best_and_stays_in_scope(library) -> None:
    graph = Graph({"c5": 0.4})
    ask(library, graph, "boat on the lake", filters=Filters(documents=("d1", "d3")))
    (asked,) = graph.asked
    assert [entity.name for entity in asked["linked"]] == ["Lake"]
    assert asked["documents"] == frozenset({"d1", "d3"}) and asked["passages"] == 4
    seeds = asked["seeds"]
    assert max(seeds, key=seeds.get) == "c1" and min(seeds.values()) > 0


def test_the_trace_tells_entities_seeds_and_how_long_it_took(library) -> None:
    trace = ask(library, Graph({"c5": 0.4}), "boat on the lake").trace
    step = next(step for step in trace.steps if step.stage == "graph")
    assert step.facts["entities"] == "Lake" and step.facts["seeds"] and step.facts["reached"] == 1
    assert step.candidates == 1 and step.milliseconds >= 0
    shares = {stage.name: stage for stage in trace.stages}
    assert [item.chunk_id for item in shares["graph"].candidates] == ["c5"]
    assert shares["graph"].candidates[0].share > 0


def test_other_modes_do_not_ask_the_graph(library) -> None:
    graph = Graph({"c5": 0.4})
    for mode in (SearchMode.HYBRID, SearchMode.TRADITIONAL, SearchMode.LEXICAL):
        result = ask(library, graph, mode=mode)
        assert all("graph" not in hit.stages and not hit.path for hit in result.hits)
    assert graph.asked == []


@pytest.mark.parametrize(
    "fault", [IndexUnavailableError("The knowledge graph is empty."), ModelUnavailableError("scipy is missing.")]
)
def test_without_a_graph_the_search_is_hybrid_and_says_so(library, fault: Exception) -> None:
    result = ask(library, Graph({}, fault))
    plain = ask(library, Graph({}), mode=SearchMode.HYBRID)
    assert [(hit.chunk_id, hit.score) for hit in result.hits] == [(hit.chunk_id, hit.score) for hit in plain.hits]
    assert result.degraded == ("graph",)
    assert result.warnings == (f"{fault} The search went on without it, as Hybrid does.",)


def test_where_meaning_or_words_are_lost_the_graph_is_too_and_both_are_told(library) -> None:
    library.model.error = ModelUnavailableError("The model is gone.")
    result = ask(library, Graph({"c5": 0.4}))
    assert result.hits and result.degraded == ("vector", "graph")
    library.model.error = None
    library.lexical_error = IndexUnavailableError("The words are gone.")
    assert ask(library, Graph({"c5": 0.4})).degraded == ("lexical", "graph")


def test_phrases_and_exclusions_hold_for_what_the_graph_brings(library) -> None:
    graph = Graph({"c5": 0.4, "c2": 0.3})
    assert "c5" not in {hit.chunk_id for hit in ask(library, graph, "boat -tax").hits}
    assert {hit.chunk_id for hit in ask(library, graph, '"boat builder"').hits} == {"c2"}


def test_what_the_catalog_does_not_hold_any_more_is_no_hit(library) -> None:
    result = ask(library, Graph({"deleted since": 0.9, "c5": 0.1}))
    assert "deleted since" not in {hit.chunk_id for hit in result.hits}


def test_plain_rank_fusion_takes_the_graph_as_a_ranking(library) -> None:
    library.options = SearchOptions(fusion="reciprocal_rank")
    result = ask(library, Graph({"c5": 0.4}))
    assert "graph" in {hit.chunk_id: hit for hit in result.hits}["c5"].stages


def test_what_the_graph_adds_nothing_to_has_no_path(library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cortex_engine.retrieval.graph._SHARE_OF_LEAD", 0.0)  # as where nothing leads
    assert not any(hit.path for hit in ask(library, Graph({"c5": 0.4})).hits)


def connected(shares: Mapping[str, float]) -> Connected:
    graph = Graph(dict(shares))
    found = graph.walk([], {}, 50, 50)
    return Connected(graph, Recalled((), None, True), found, (), {}, None)


_scores = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(-3, 12, allow_nan=False), min_size=2)
_shares = st.dictionaries(st.sampled_from("abcdefghxy"), st.floats(1e-6, 0.5), max_size=6)


@given(_scores, _shares)
def test_nothing_that_the_graph_lifts_overtakes_what_led_without_it(
    fused: dict[str, float], shares: dict[str, float]
) -> None:
    evidence = connected(shares).evidence(fused)
    leader = order("x", fused).items[0].chunk_id
    if evidence is None:
        return
    assert evidence.scores.keys() <= fused.keys() - {leader}
    gained = {each: evidence.weight * value for each, value in standardise(evidence).items()}
    assert all(value >= 0 for value in gained.values())
    after = {each: score + gained.get(each, 0.0) for each, score in fused.items()}
    assert all(after[each] <= after[leader] + 1e-9 for each in after)


def test_where_nothing_leads_the_graph_is_quiet() -> None:
    evidence = connected({"c": 0.4}).evidence({"a": 5.0, "b": 5.0, "c": 1.0})
    assert evidence is not None and evidence.weight == 0
    assert connected({}).evidence({"a": 5.0, "b": 1.0}) is None
    assert connected({"a": 0.3}).evidence({"a": 5.0}) is None
    with_copy = connected({"b": 0.9, "c": 0.4}).evidence({"a": 5.0, "b": 5.0, "c": 1.0}, frozenset({"b"}))
    assert with_copy is not None and with_copy.weight > 0 and with_copy.scores.keys() == {"c"}, "a copy is no rival"
