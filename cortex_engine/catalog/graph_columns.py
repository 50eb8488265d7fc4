"""The whole knowledge graph as columns of numbers, for the view that algorithms work on.

SQLite writes the numbers into one text for each batch, and numpy reads it: no Python object for each row, and the interpreter is
free for searches meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.catalog.graph_reading import FACTS, moment
from cortex_engine.core.graph import GraphRows

_BATCH = 20_000

_NODES = f"e.root = e.key AND e.hidden = 0 AND e.shown_kind NOT IN ({FACTS})"

_NAMES = f"""
    SELECT f.folded, e.key FROM graph_form f JOIN graph_entity m ON m.key = f.entity JOIN graph_entity e ON e.key = m.root
    WHERE f.what != 'kind' AND {_NODES} ORDER BY f.what = 'name', f.documents, e.shown_mentions, e.id DESC
"""
"""Where several have one name, the last one counts."""

Columns = NDArray[np.int64]


class GraphColumns(CatalogPart):
    """The part of the port `GraphRecords` that gives everything at once."""

    def graph_rows(self) -> GraphRows:
        """The whole graph as columns; passages and documents that name nothing are left out."""
        with self._database.read() as connection:
            now = moment(connection)
            nodes = connection.execute(
                f"SELECT e.key, e.id, e.name, e.shown_kind FROM graph_entity e WHERE {_NODES} ORDER BY e.id"
            ).fetchall()
            number = _numbers(connection, [row[0] for row in nodes])
            passages, entities = _read(connection, "graph_mention", "chunk", ("chunk", "entity"))
            ends = _read(connection, "graph_relation", "key", ("source", "target"), "kind != 'dated'")
            chunk_ids, chunk_documents = _passages(connection)
            documents = dict(connection.execute("SELECT key, id FROM document").fetchall())
            names = dict(connection.execute(_NAMES).fetchall())
        node = number[entities]
        used, passage = np.unique(passages[node >= 0], return_inverse=True)
        chunk, entity, count = _counted(passage.reshape(-1), node[node >= 0], len(nodes))
        source, target = np.sort(number[np.stack(ends)], axis=0)
        apart = (source >= 0) & (source != target)
        homes = [documents[chunk_documents[key]] for key in used.tolist()]
        document_ids = sorted(set(homes))
        place = {document_id: index for index, document_id in enumerate(document_ids)}
        source, target, proofs = _counted(source[apart], target[apart], len(nodes))
        return GraphRows(
            entity_ids=[row[1] for row in nodes],
            entity_names=[row[2] for row in nodes],
            chunk_ids=[chunk_ids[key] for key in used.tolist()],
            chunk_documents=np.array([place[home] for home in homes], np.int32),
            document_ids=document_ids,
            mention_entity=entity,
            mention_chunk=chunk,
            mention_count=count,
            relation_source=source,
            relation_target=target,
            relation_count=proofs,
            moment=now,
            entity_kinds=[row[3] for row in nodes],
            names=list(names),
            name_entity=number[np.array(list(names.values()), np.int64)].astype(np.int32),
        )


def _numbers(connection: sqlite3.Connection, nodes: Sequence[int]) -> Columns:
    """By key of any entity: the number of the node under which it is shown, -1 where it is no node."""
    top = connection.execute("SELECT coalesce(max(key), 0) FROM graph_entity").fetchone()[0]
    number: Columns = np.full(top + 1, -1, np.int64)
    number[np.array(nodes, np.int64)] = np.arange(len(nodes))
    for key, root in connection.execute("SELECT key, root FROM graph_entity WHERE root != key"):
        number[key] = number[root]
    return number


def _read(
    connection: sqlite3.Connection, table: str, key: str, columns: Sequence[str], condition: str = "true"
) -> list[Columns]:
    """Columns of a table, in batches of its leading key."""
    lists = ", ".join(f"group_concat({column})" for column in columns)
    batches = [
        [np.fromstring(text, np.int64, sep=",") for text in texts]
        for low in _steps(connection, table, key)
        for texts in connection.execute(
            f"SELECT {lists} FROM {table} WHERE {key} > ? AND {key} <= ? AND {condition}", (low, low + _BATCH)
        )
        if texts[0] is not None
    ]
    if not batches:
        return [np.zeros(0, np.int64) for _ in columns]
    return [np.concatenate(parts) for parts in zip(*batches, strict=True)]


def _steps(connection: sqlite3.Connection, table: str, key: str) -> Iterator[int]:
    low, high = connection.execute(f"SELECT coalesce(min({key}), 0), coalesce(max({key}), -1) FROM {table}").fetchone()
    yield from range(low - 1, high, _BATCH)


def _passages(connection: sqlite3.Connection) -> tuple[dict[int, str], dict[int, int]]:
    """Ids and document keys by passage key, each from an index of its own: the rows themselves hold long texts."""
    ids = dict(connection.execute("SELECT key, id FROM chunk").fetchall())
    return ids, dict(connection.execute("SELECT key, document FROM chunk").fetchall())


def _counted(
    first: Columns, second: Columns, size: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Each pair once, in order, with how often it is there; `second` is less than `size`."""
    pairs, count = np.unique(first * max(1, size) + second, return_counts=True)
    low, high = np.divmod(pairs, max(1, size))
    return low.astype(np.int32), high.astype(np.int32), count.astype(np.int32)
