"""The whole knowledge graph as columns of numbers, for the view that algorithms work on.

SQLite writes the numbers into one text for each batch, and numpy reads it: no Python object for each row, and the interpreter is
free for searches meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

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


@dataclass(frozen=True, slots=True)
class _Read:
    """What one transaction read."""

    moment: int
    nodes: list[tuple[int, str, str, str]]
    """Key, id, name, kind, by id."""
    number: Columns
    """By key of any entity: the number of the node under which it is shown, -1 where it is no node."""
    mentions: list[Columns]
    """Keys of passages and entities."""
    relations: list[Columns]
    """Keys of sources, targets and passages, first characters."""
    chunk_ids: dict[int, str]
    homes: Columns
    """By key of a passage: its document's key."""
    documents: dict[int, str]
    names: dict[str, int]


class GraphColumns(CatalogPart):
    """The part of the port `GraphRecords` that gives everything at once."""

    def graph_rows(self, document_ids: Sequence[str] | None = None) -> GraphRows:
        """The whole graph, or what these documents say of it, as columns; entities, passages and documents without a mention
        are left out.
        """
        with self._database.read() as connection:
            read = _everything(connection)
        if document_ids is not None:
            read = _of(read, frozenset(document_ids))
        node = read.number[read.mentions[1]]
        used, passage = np.unique(read.mentions[0][node >= 0], return_inverse=True)
        chunk, entity, count = _counted(passage.reshape(-1), node[node >= 0], len(read.nodes))
        source, target = np.sort(read.number[np.stack(read.relations[:2])], axis=0)
        apart = (source >= 0) & (source != target)
        once = _once(source[apart], target[apart], *(column[apart] for column in read.relations[2:]))
        source, target, proofs = _counted(source[apart][once], target[apart][once], len(read.nodes))
        homes = [read.documents[key] for key in read.homes[used].tolist()]
        places = {document_id: index for index, document_id in enumerate(sorted(set(homes)))}
        return GraphRows(
            entity_ids=[row[1] for row in read.nodes],
            entity_names=[row[2] for row in read.nodes],
            chunk_ids=[read.chunk_ids[key] for key in used.tolist()],
            chunk_documents=np.array([places[home] for home in homes], np.int32),
            document_ids=list(places),
            mention_entity=entity,
            mention_chunk=chunk,
            mention_count=count,
            relation_source=source,
            relation_target=target,
            relation_count=proofs,
            moment=read.moment,
            entity_kinds=[row[3] for row in read.nodes],
            names=list(read.names),
            name_entity=read.number[np.array(list(read.names.values()), np.int64)].astype(np.int32),
        )


def _everything(connection: sqlite3.Connection) -> _Read:
    nodes = connection.execute(
        f"SELECT e.key, e.id, e.name, e.shown_kind FROM graph_entity e WHERE {_NODES} ORDER BY e.id"
    ).fetchall()
    # Ids and documents each from an index of its own: the rows themselves hold long texts.
    chunk_ids = dict(connection.execute("SELECT key, id FROM chunk").fetchall())
    homes: Columns = np.zeros(max(chunk_ids, default=0) + 1, np.int64)
    for key, document in connection.execute("SELECT key, document FROM chunk"):
        homes[key] = document
    return _Read(
        moment(connection),
        nodes,
        _numbers(connection, nodes),
        _read(connection, "graph_mention", "chunk", ("chunk", "entity")),
        _read(connection, "graph_relation", "key", ("source", "target", "chunk", "char_start"), "kind != 'dated'"),
        chunk_ids,
        homes,
        dict(connection.execute("SELECT key, id FROM document").fetchall()),
        dict(connection.execute(_NAMES).fetchall()),
    )


def _of(read: _Read, document_ids: AbstractSet[str]) -> _Read:
    """What these documents say, numbered anew."""
    wanted = np.array([key for key, document_id in read.documents.items() if document_id in document_ids], np.int64)
    inside = np.isin(read.homes[read.mentions[0]], wanted)
    mentions = [column[inside] for column in read.mentions]
    said = np.isin(read.homes[read.relations[2]], wanted)
    used = np.zeros(len(read.nodes) + 1, bool)  # the last one stands for what is no node
    used[read.number[mentions[1]]] = True
    used[-1] = False
    anew = np.where(used, np.cumsum(used) - 1, -1)
    number = anew[read.number]
    return replace(
        read,
        nodes=[row for row, kept in zip(read.nodes, used.tolist(), strict=False) if kept],
        number=number,
        mentions=mentions,
        relations=[column[said] for column in read.relations],
        names={name: key for name, key in read.names.items() if number[key] >= 0},
    )


def _numbers(connection: sqlite3.Connection, nodes: Sequence[tuple[int, str, str, str]]) -> Columns:
    top = connection.execute("SELECT coalesce(max(key), 0) FROM graph_entity").fetchone()[0]
    number: Columns = np.full(top + 1, -1, np.int64)
    number[np.array([row[0] for row in nodes], np.int64)] = np.arange(len(nodes))
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
    low, high = connection.execute(
        f"SELECT (SELECT coalesce(min({key}), 0) FROM {table}), (SELECT coalesce(max({key}), -1) FROM {table})"
    ).fetchone()
    yield from range(low - 1, high, _BATCH)


def _once(*columns: Columns) -> Columns:
    """Places of the rows that differ: a sentence that says how two are connected, or names one by two names, is one proof."""
    order = np.lexsort(columns)
    new = np.ones(len(order), bool)
    new[1:] = np.any([column[order][1:] != column[order][:-1] for column in columns], axis=0)
    return order[new]


def _counted(
    first: Columns, second: Columns, size: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Each pair once, in order, with how often it is there; `second` is less than `size`."""
    pairs, count = np.unique(first * max(1, size) + second, return_counts=True)
    low, high = np.divmod(pairs, max(1, size))
    return low.astype(np.int32), high.astype(np.int32), count.astype(np.int32)
