"""Walks through a small graph that is drawn here by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortex_engine.core.graph import GraphRows, PathStep
from cortex_engine.graph.ranking import GOES_ON, TO_ENTITIES, GraphRecaller, WalkTables, walk
from cortex_engine.graph.view import GraphView

# p0 names Gates; p1 names Gates and Microsoft; p2 names Microsoft; p3 names Allen; p4 (another document) names Microsoft.
NAMES = ("Gates", "Microsoft", "Allen")
MENTIONS = ((0, 0), (0, 1), (1, 1), (1, 2), (2, 3), (1, 4))
HOMES = (0, 0, 1, 1, 2)


def view_of(
    mentions: Sequence[tuple[int, int]] = MENTIONS,
    relations: Sequence[tuple[int, int]] = ((0, 1),),
    homes: Sequence[int] = HOMES,
    names: Sequence[str] = NAMES,
) -> GraphView:
    entities, chunks = zip(*mentions, strict=True)
    source, target = zip(*relations, strict=True) if relations else ((), ())

    def column(values: Sequence[int]) -> np.ndarray:
        return np.array(values, np.int32)

    return GraphView.of(
        GraphRows(
            entity_ids=[f"e{number}" for number in range(len(names))],
            entity_names=list(names),
            entity_kinds=[""] * len(names),
            names=[name.lower() for name in names],
            name_entity=column(range(len(names))),
            chunk_ids=[f"p{number}" for number in range(len(homes))],
            chunk_documents=column(homes),
            document_ids=[f"d{number}" for number in range(max(homes) + 1)],
            mention_entity=column(entities),
            mention_chunk=column(chunks),
            mention_count=column([1] * len(mentions)),
            relation_source=column(source),
            relation_target=column(target),
            relation_count=column([1] * len(relations)),
            moment=1,
        )
    )


@pytest.fixture(scope="module")
def graph() -> GraphRecaller:
    return GraphRecaller(view_of())


def test_a_passage_without_the_name_is_reached_by_what_stands_beside_it(graph: GraphRecaller) -> None:
    linked = graph.linked("who was gates")
    assert [(entity.name, entity.surface) for entity in linked] == [("Gates", "gates")]
    found = graph.walk(linked, {}, 10, 5)
    assert {item.chunk_id for item in found.ranking.items[:2]} == {"p0", "p1"}
    assert {"p2", "p4"} <= found.scores.keys(), "they never name Gates"
    assert "p3" not in found.scores, "nothing leads to Allen"


def test_a_seed_leads_to_what_shares_an_entity_and_says_nothing_of_itself(graph: GraphRecaller) -> None:
    found = graph.walk([], {"p2": 1.0}, 10, 5)
    assert found.ranking.items[0].chunk_id in {"p1", "p4"}
    alone = GraphRecaller(view_of(mentions=((0, 0), (1, 1)), relations=(), homes=(0, 1), names=NAMES[:2]))
    assert alone.walk([], {"p0": 1.0}, 10, 2).scores.get("p0", 0.0) < 0.5, "its own way back is taken off"


def test_the_walk_passes_through_documents_in_scope_only(graph: GraphRecaller) -> None:
    linked = graph.linked("Gates")
    scoped = graph.walk(linked, {"p4": 1.0}, 10, 2, {"d1"})
    assert scoped.scores == {}, "Gates is named outside only, and the seed lies outside"
    both = graph.walk([], {"p2": 1.0}, 10, 4, {"d0", "d1"})
    assert "p4" not in both.scores and "p1" in both.scores
    paths = graph.paths([], {"p2": 1.0}, ["p1", "p4"], {"d0", "d1"})
    assert list(paths) == ["p1"]


def test_moments_are_those_of_all_passages_in_scope(graph: GraphRecaller) -> None:
    found = graph.walk(graph.linked("Gates"), {}, 2, 100)
    roots = np.zeros(100)
    roots[: len(found.scores)] = np.sqrt(list(found.scores.values()))
    assert found.moments.count == 100
    assert found.moments.mean == pytest.approx(roots.mean(), rel=1e-5)
    assert found.moments.deviation == pytest.approx(roots.std(), rel=1e-5)
    assert len(found.ranking) == 2


def test_paths_of_all_three_kinds_with_their_proofs(graph: GraphRecaller) -> None:
    linked = graph.linked("Gates")
    paths = graph.paths(linked, {}, ["p0", "p2", "p3", "unknown"])
    assert paths["p0"] == (PathStep("e0", "Gates", "query"), PathStep("e0", "Gates", "mentioned in", "p0"))
    assert paths["p2"] == (
        PathStep("e0", "Gates", "query"),
        PathStep("e1", "Microsoft", "together", "p1"),
        PathStep("e1", "Microsoft", "mentioned in", "p2"),
    )
    assert paths.keys() == {"p0", "p2"}
    by_passage = graph.paths([], {"p4": 1.0}, ["p2"])
    assert by_passage["p2"] == (
        PathStep("e1", "Microsoft", "mentioned in", "p4"),
        PathStep("e1", "Microsoft", "mentioned in", "p2"),
    )


def test_names_and_seeds_that_are_gone_begin_nothing(graph: GraphRecaller) -> None:
    found = graph.walk([], {"deleted": 1.0}, 10, 5)
    assert found.scores == {} and found.moments.deviation == 0
    assert graph.walk([], {}, 10, 0).moments.count == 1


def test_rare_entities_lead_further_than_what_everything_names() -> None:
    common = [(0, passage) for passage in range(8)]
    view = view_of([*common, (1, 0), (1, 7)], (), tuple(range(8)), ("Common", "Rare"))
    found = GraphRecaller(view).walk([], {"p0": 1.0}, 8, 8)
    assert found.ranking.items[0].chunk_id == "p7"


def dense_walk(view: GraphView, entities: np.ndarray, passages: np.ndarray, steps: int = 4) -> np.ndarray:
    """The same series, written with full matrices."""
    tables = WalkTables.of(view)
    into, out, beside = (each.toarray() for each in (tables.into_passages, tables.from_passages, tables.from_entities))
    arrived = np.zeros(len(passages))
    at_entities, at_passages = entities.copy(), passages.copy()
    for _ in range(steps):
        to_passages = GOES_ON * (1 - TO_ENTITIES) * (into @ at_entities)
        at_entities = GOES_ON * (out.T @ at_passages + TO_ENTITIES * beside.T @ at_entities)
        at_passages = to_passages
        arrived += to_passages
    back = GOES_ON**2 * (1 - TO_ENTITIES) * passages * (into * out).sum(axis=1)
    return np.maximum(arrived - back, 0)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_the_walk_is_the_series_that_its_documentation_names(data: st.DataObject) -> None:
    places = st.tuples(st.integers(0, 4), st.integers(0, 5))
    mentions = sorted(data.draw(st.sets(places, min_size=1)))
    pairs = data.draw(st.sets(st.tuples(st.integers(0, 4), st.integers(0, 4)).filter(lambda pair: pair[0] < pair[1])))
    view = view_of(mentions, sorted(pairs), (0, 0, 1, 1, 2, 2), tuple("ABCDE"))
    entities, passages = np.zeros(5, np.float32), np.zeros(6, np.float32)
    entities[data.draw(st.integers(0, 4))] = 0.3
    passages[data.draw(st.integers(0, 5))] = 0.7
    found = walk(WalkTables.of(view), entities, passages)
    assert found == pytest.approx(dense_walk(view, entities, passages), abs=1e-5)
    assert (found >= 0).all() and found.sum() <= GOES_ON / (1 - GOES_ON) + 1e-4
    nowhere = walk(WalkTables.of(view), entities, passages, np.zeros(6, np.bool_))
    assert not nowhere.any()
