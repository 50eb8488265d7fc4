"""What a deletion would take with it, found out without deleting anything."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence

from cortex_engine.catalog import removal, rows
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.core.app import Removal

_NAMED = 1000
"""Documents that a `Removal` names."""


class Foresight(CatalogPart):
    """The part of the port `Curation` that looks ahead; `removal` does the same in earnest."""

    def collection_removal(self, name: str) -> Removal:
        """What `delete_collection` would delete and keep.

        Raises:
            NotFoundError: no such collection.
        """
        with self._database.read() as connection:
            key = rows.collection_key(connection, name)
            found = connection.execute(
                "SELECT document, EXISTS (SELECT 1 FROM membership o WHERE o.document = m.document AND o.collection != ?) "
                "FROM membership m WHERE collection = ?",
                (key, key),
            ).fetchall()
            going = [int(document) for document, elsewhere in found if not elsewhere]
            return _removal(connection, going, len(found) - len(going))

    def documents_removal(self, document_ids: Sequence[str]) -> Removal:
        """What `delete_documents` would delete, and how many contained documents would stay."""
        with self._database.read() as connection:
            keys = rows.document_keys(connection, document_ids)
            contained = set(removal.descendants(connection, keys)) - set(keys)
            kept = _supported(connection, set(keys), contained)
            return _removal(connection, [*keys, *(contained - kept)], len(kept))


def _supported(connection: sqlite3.Connection, going: set[int], contained: set[int]) -> set[int]:
    """Those of the contained documents that still have a reason to belong to a collection when `going` is gone."""
    if not contained:
        return set()
    among = "document IN (SELECT value FROM json_each(?))"
    wanted = (rows.array(contained),)
    members: dict[int, set[int]] = defaultdict(set)
    reached: dict[int, set[int]] = defaultdict(set)
    for collection, document, pinned in connection.execute(
        f"SELECT collection, document, pinned FROM membership WHERE {among}", wanted
    ):
        members[collection].add(document)
        if pinned:
            reached[collection].add(document)
    for collection, document in connection.execute(f"SELECT collection, document FROM source WHERE {among}", wanted):
        reached[collection].add(document)
    links = connection.execute(
        "SELECT parent, child FROM parent WHERE child IN (SELECT value FROM json_each(?))", wanted
    ).fetchall()
    children: dict[int, list[int]] = defaultdict(list)
    for parent, child in links:
        if parent not in going:
            children[parent].append(child)
    kept: set[int] = set()
    for collection, inside in members.items():
        # What contains them from outside was not touched: it keeps them wherever it belongs itself.
        outside = removal.supported(connection, collection, [key for key in children if key not in contained])
        kept |= _spread(reached[collection] & inside | outside, children, inside) & contained
    return kept


def _spread(start: Iterable[int], children: dict[int, list[int]], inside: set[int]) -> set[int]:
    """What is reached from `start` through contained documents of the collection."""
    reached = set(start)
    open_ends = list(reached)
    while open_ends:
        for child in children.get(open_ends.pop(), ()):
            if child in inside and child not in reached:
                reached.add(child)
                open_ends.append(child)
    return reached


def _removal(connection: sqlite3.Connection, keys: Sequence[int], kept: int) -> Removal:
    among = "FROM document WHERE key IN (SELECT value FROM json_each(?))"
    wanted = rows.array(keys)
    count, passages, size = connection.execute(
        f"SELECT count(*), coalesce(sum(chunk_count), 0), coalesce(sum(bytes), 0) {among}", (wanted,)
    ).fetchone()
    names = connection.execute(f"SELECT name {among} ORDER BY name, id LIMIT ?", (wanted, _NAMED))
    return Removal(tuple(name for (name,) in names), count, kept, passages, size)
