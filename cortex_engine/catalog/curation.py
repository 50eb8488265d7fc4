"""Arranging collections: describing, merging, moving documents."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from cortex_engine.catalog import removal, rows
from cortex_engine.catalog.collections import one_collection
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.catalog.migrations import require_settled
from cortex_engine.core.collections import Collection
from cortex_engine.core.errors import ModelMismatchError, NotFoundError, UsageError

_DESCRIPTION_LENGTH = 5000

_AMONG = "document IN (SELECT value FROM json_each(:keys))"


class CollectionCuration(CatalogPart):
    """The writing part of the port `Curation`."""

    def describe_collection(self, name: str, description: str) -> Collection:
        """Say what a collection is for.

        Raises:
            NotFoundError: no such collection.
            UsageError: the text is too long or cannot be stored.
        """
        rows.require_storable(description, "The description", _DESCRIPTION_LENGTH)
        with self._database.write() as connection:
            key = rows.collection_key(connection, name)
            connection.execute("UPDATE collection SET description = ? WHERE key = ?", (description.strip(), key))
            return one_collection(connection, name)

    def merge_collections(self, sources: Sequence[str], target: str) -> Collection:
        """Let all documents of `sources` belong to `target`, then remove the sources; no document is deleted.

        Where the same path was taken into several, the newest file stays the path's source (the target's, if they are of
        the same time). What an older file became stays as a document of its own. Jobs follow.

        Raises:
            NotFoundError: no such collection.
            UsageError: there are no sources, or the target is among them.
            ModelMismatchError: a source has another embedding model; the message names both.
            AlreadyExistsError: a source is on the move to another model.
        """
        names = list(dict.fromkeys(sources))
        if not names:
            raise UsageError("Name at least one collection that is to be merged into another.")
        if target in names:
            raise UsageError(f"'{target}' cannot be merged into itself. Choose another collection as the target.")
        with self._database.write() as connection:
            into = one_collection(connection, target)
            merged = [one_collection(connection, name) for name in names]
            for one in merged:
                _require_same_model(one, into)
                require_settled(connection, rows.collection_key(connection, one.name), one.name)
            key = rows.collection_key(connection, target)
            for one in merged:
                source = rows.collection_key(connection, one.name)
                members = connection.execute("SELECT document FROM membership WHERE collection = ?", (source,))
                _join(connection, source, key, [int(document) for (document,) in members.fetchall()])
                connection.execute("UPDATE job SET collection = ? WHERE collection = ?", (target, one.name))
                connection.execute("DELETE FROM collection WHERE key = ?", (source,))
            return one_collection(connection, target)

    def move_documents(self, document_ids: Sequence[str], source: str, target: str) -> None:
        """Let documents, with what they contain, belong to `target` instead of `source`; none is deleted in between.

        What they contained stays in `source` too when something else keeps it there. Their vectors for the target's
        model may have to follow (`unembedded` names them).

        Raises:
            NotFoundError: no such collection or document, or a document is not in `source`; nothing was changed.
            UsageError: source and target are the same.
        """
        if source == target:
            raise UsageError(f"The documents are in '{target}' already. Choose another collection.")
        with self._database.write() as connection:
            old, new = rows.collection_key(connection, source), rows.collection_key(connection, target)
            keys = [rows.document_key(connection, document_id) for document_id in document_ids]
            _require_members(connection, old, source, keys)
            contained = sorted(set(removal.descendants(connection, keys)) - set(keys))
            connection.executemany(
                "INSERT INTO membership VALUES (?, ?, 0) ON CONFLICT DO NOTHING", [(new, one) for one in contained]
            )
            _join(connection, old, new, keys)
            pairs = [(old, key) for key in keys]
            connection.executemany("DELETE FROM source WHERE collection = ? AND document = ?", pairs)
            connection.executemany("DELETE FROM membership WHERE collection = ? AND document = ?", pairs)
            # Everything belongs to the target by now: this only ends memberships, it deletes nothing.
            removal.release(connection, old, contained)


def _join(connection: sqlite3.Connection, source: int, target: int, keys: Sequence[int]) -> None:
    """Let documents belong to `target` for the reasons for which they belong to `source`; there nothing changes."""
    values = {"source": source, "target": target, "keys": rows.array(keys)}
    connection.execute(
        "INSERT INTO membership SELECT :target, document, pinned FROM membership "
        f"WHERE collection = :source AND {_AMONG} "
        "ON CONFLICT DO UPDATE SET pinned = max(pinned, excluded.pinned)",
        values,
    )
    rivals = connection.execute(
        "SELECT t.document FROM source t JOIN source s ON s.path = t.path AND s.collection = :source "
        f"WHERE t.collection = :target AND s.{_AMONG}",
        values,
    ).fetchall()
    connection.execute(
        "INSERT INTO source SELECT :target, path, document, mtime_ns, bytes FROM source "
        f"WHERE collection = :source AND {_AMONG} "
        "ON CONFLICT DO UPDATE SET document = excluded.document, mtime_ns = excluded.mtime_ns, bytes = excluded.bytes "
        "WHERE excluded.mtime_ns > source.mtime_ns",
        values,
    )
    _keep_by_hand(connection, target, [*keys, *(int(document) for (document,) in rivals)])


def _keep_by_hand(connection: sqlite3.Connection, collection: int, keys: Sequence[int]) -> None:
    """Pin those whose only reason was lost: an older file of the same path, what a container that stays behind held.

    What the pinned ones contain has its reason in them.
    """
    pin = "UPDATE membership SET pinned = 1 WHERE collection = ? AND document = ?"
    inside = (
        "SELECT child FROM parent WHERE child IN (SELECT value FROM json_each(?1)) "
        "AND parent IN (SELECT value FROM json_each(?1))"
    )
    while lost := sorted(set(keys) - removal.supported(connection, collection, keys)):
        contained = {int(child) for (child,) in connection.execute(inside, (rows.array(lost),))}
        # Documents that contain each other have no outermost one: then any of them.
        outermost = [key for key in lost if key not in contained] or lost[:1]
        connection.executemany(pin, [(collection, key) for key in outermost])


def _require_same_model(one: Collection, into: Collection) -> None:
    if one.spec == into.spec:
        return
    first, second = (f"'{spec.model}' (revision {spec.revision[:12]})" for spec in (one.spec, into.spec))
    raise ModelMismatchError(
        f"'{one.name}' was embedded with {first}, '{into.name}' with {second}; their vectors cannot be compared. Nothing "
        f"was changed. Move the documents of '{one.name}' to '{into.name}' instead: they are then embedded anew."
    )


def _require_members(connection: sqlite3.Connection, collection: int, name: str, keys: Sequence[int]) -> None:
    missing = connection.execute(
        "SELECT name FROM document WHERE key IN (SELECT value FROM json_each(:keys)) "
        "AND key NOT IN (SELECT document FROM membership WHERE collection = :collection) LIMIT 1",
        {"keys": rows.array(keys), "collection": collection},
    ).fetchone()
    if missing is not None:
        raise NotFoundError(f"'{missing[0]}' is not in '{name}'. Nothing was changed.")
