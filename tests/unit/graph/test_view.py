"""The view of the graph: matrices, PageRank, places, groups; on graphs made up of numbers."""

from __future__ import annotations

import numpy as np
import pytest

from cortex_engine.core.errors import UsageError
from cortex_engine.core.graph import GraphRows
from cortex_engine.graph.communities import communities, counted, related
from cortex_engine.graph.current import CurrentGraph
from cortex_engine.graph.export import export
from cortex_engine.graph.layout import place
from cortex_engine.graph.local import MOST_NODES, local_graph
from cortex_engine.graph.view import GraphView


def _rows(
    mentions: list[tuple[int, int]], relations: list[tuple[int, int, int]], homes: list[int], moment: int = 1
) -> GraphRows:
    """Entity and passage numbers; pairs of entities with proofs; the document of each passage."""
    entities = 1 + max((entity for entity, _ in mentions), default=-1)

    def column(values: list[int]) -> np.ndarray:
        return np.array(values, np.int32)

    return GraphRows(
        entity_ids=[f"e{number:05}" for number in range(entities)],
        entity_names=[f"Name {number}" for number in range(entities)],
        chunk_ids=[f"c{number}" for number in range(len(homes))],
        chunk_documents=column(homes),
        document_ids=[f"d{number}" for number in range(1 + max(homes, default=-1))],
        mention_entity=column([entity for entity, _ in mentions]),
        mention_chunk=column([chunk for _, chunk in mentions]),
        mention_count=column([1] * len(mentions)),
        relation_source=column([each[0] for each in relations]),
        relation_target=column([each[1] for each in relations]),
        relation_count=column([each[2] for each in relations]),
        moment=moment,
        entity_kinds=[""] * entities,
        names=[f"name {number}" for number in range(entities)],
        name_entity=column(list(range(entities))),
    )


def _star(points: int) -> GraphView:
    """Entity 0 stands in every passage; each other one in one, together with it; passage n is of document n % 7."""
    mentions = [(0, chunk) for chunk in range(points)] + [(chunk + 1, chunk) for chunk in range(points)]
    relations = [(0, point + 1, 1 + point % 5) for point in range(points)]
    return GraphView.of(_rows(mentions, relations, [chunk % 7 for chunk in range(points)]))


def test_matrices_are_the_rows() -> None:
    view = GraphView.of(_rows([(0, 0), (1, 0), (1, 1)], [(0, 1, 3)], [0, 1]))
    assert view.mentions.toarray().tolist() == [[1, 0], [1, 1]]
    assert view.passages.toarray().tolist() == [[1, 1], [0, 1]]
    assert view.relations.toarray().tolist() == [[0, 3], [3, 0]]
    assert view.documents.toarray().tolist() == [[1, 0], [1, 1]]
    assert (view.entity_number["e00001"], view.chunk_number["c1"], view.document_number["d1"]) == (1, 1, 1)
    assert view.entity_index == {"name 0": 0, "name 1": 1} and view.moment == 1
    assert view.mentions.dtype == view.relations.dtype == np.float32


def test_what_stands_everywhere_is_common_and_the_middle_ranks_first() -> None:
    view = _star(50)
    assert view.rarity[0] < 0.05 < 0.7 < view.rarity[1] <= 1
    assert view.page_rank.sum() == pytest.approx(1, abs=1e-5) and view.page_rank.argmax() == 0
    import networkx

    graph = networkx.from_scipy_sparse_array(view.weights)
    expected = networkx.pagerank(graph, alpha=0.85, tol=1e-12, max_iter=1000)
    assert view.page_rank == pytest.approx([expected[number] for number in range(51)], abs=1e-5)


def test_an_empty_graph_is_a_view_too() -> None:
    view = GraphView.of(_rows([], [], []))
    assert (view.page_rank.size, communities(view), local_graph(view, [], [], []).nodes) == (0, (), ())


def test_a_picture_has_at_most_sixty_nodes_and_says_how_many_are_left_out() -> None:
    view = _star(300)
    found = local_graph(view, [0], [], [], depth=1)
    assert len(found.nodes) == MOST_NODES and found.left_out == 301 + 7 - MOST_NODES
    documents = [node for node in found.nodes if node.what == "document"]
    assert len(documents) == 7, "beside the names there is room for the documents"
    heaviest = {node.id for node in found.nodes if node.what == "entity"} - {"e00000"}
    proofs = {f"e{point + 1:05}": 1 + point % 5 for point in range(300)}
    assert {proofs[each] for each in heaviest} == {5}, "the heaviest go first"
    assert {edge.source for edge in found.edges} | {edge.target for edge in found.edges} == {n.id for n in found.nodes}


def test_deeper_pictures_keep_room_for_every_step() -> None:
    chain = [(number, number + 1, 2) for number in range(80)] + [(0, 100 + number, 9) for number in range(80)]
    mentions = [(number, number) for number in range(180)]
    view = GraphView.of(_rows(mentions, chain, [0] * 180))
    found = local_graph(view, [0], [], [], depth=3)
    distance = {node.id: node.distance for node in found.nodes}
    assert len(found.nodes) <= MOST_NODES and {0, 1} <= set(distance.values())
    near = local_graph(view, [40], [], [], depth=3)
    assert {node.id: node.distance for node in near.nodes if node.what == "entity"} == {
        f"e{number:05}": abs(number - 40) for number in range(37, 44)
    }
    assert near.left_out == 0


def test_the_same_nodes_get_the_same_places_in_whatever_order() -> None:
    ids = [f"n{number}" for number in range(30)]
    edges = [
        (ids[number], ids[number * 7 % 30], float(number % 4)) for number in range(1, 30) if number * 7 % 30 != number
    ]
    edges = list({frozenset(edge[:2]): edge for edge in edges}.values())
    found = place(ids, edges)
    assert found == place(ids[::-1], edges[::-1])
    assert max(abs(value) for xy in found.values() for value in xy) == 1
    nearest = min(np.hypot(found[a][0] - found[b][0], found[a][1] - found[b][1]) for a in ids for b in ids if a < b)
    assert nearest > 0.02, "nodes do not lie on each other"
    assert place(["one"], []) == {"one": (0.0, 0.0)} and place([], []) == {}


def test_groups_share_rare_names_and_are_named_by_them() -> None:
    # Documents 0-3 name entity 1, documents 4-6 entity 2; all name entity 0.
    mentions = [(0, number) for number in range(7)]
    mentions += [(1, number) for number in range(4)] + [(2, number) for number in range(4, 7)]
    view = GraphView.of(_rows(mentions, [], list(range(7))))
    assert counted(view) == 0
    first, second = communities(view)
    assert (first.document_ids, second.document_ids) == (("d0", "d1", "d2", "d3"), ("d4", "d5", "d6"))
    assert first.name.startswith("Name 1") and second.entity_ids[0] == "e00002"
    assert counted(view) == 2 and communities(view) == (first, second)
    near = related(view, 0, 10)
    assert [number for number, _ in near[:3]] == [1, 2, 3] and near[0][1] > 2 * near[-1][1]


def test_an_unknown_format_is_refused_and_odd_names_are_written() -> None:
    rows = _rows([(0, 0)], [], [0])
    with pytest.raises(UsageError):
        export(rows, {}, "pdf")
    import io

    import networkx

    graph = networkx.read_graphml(io.BytesIO(export(rows, {"d0": "a\x0c<b>&\x00\ud800.txt"}, "graphml")))
    assert graph.nodes["d0"]["label"] == "a <b>&  .txt"
    assert b"a <b>&  .txt" in export(rows, {"d0": "a\x0c<b>&\x00\ud800.txt"}, "json")


class _Records:
    def __init__(self) -> None:
        self.moment = 1
        self.made = 0

    def graph_moment(self) -> int:
        return self.moment

    def graph_rows(self) -> GraphRows:
        self.made += 1
        return _rows([(0, 0)], [], [0], self.moment)


def test_the_old_view_serves_until_the_new_one_is_whole() -> None:
    records, attended = _Records(), [True]
    current = CurrentGraph(records, True, lambda: attended[0])  # type: ignore[arg-type]
    assert current.view() is None and "made ready" in current.state() and current.stale()
    assert current.refresh() and current.view() is not None and current.state() == ""
    assert "walk" in current.view().extras, "made before the first search comes"
    assert not current.refresh() and records.made == 1
    records.moment = 2
    old = current.view()
    assert old is not None and old.moment == 1 and current.behind(), "no search waits for the new one"
    assert current.refresh() and current.view() is not old
    records.moment, attended[0] = 3, False
    fresh = current.view()
    assert fresh is not None and fresh.moment == 3, "where nobody refreshes it, who asks does"
    off = CurrentGraph(records, False, lambda: True)  # type: ignore[arg-type]
    assert not off.refresh() and off.view() is None and "switched off" in off.state()
