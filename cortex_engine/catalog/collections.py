"""Collections and who belongs to them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from cortex_engine.catalog import removal, rows
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.core.collections import Collection, EmbeddingSpec
from cortex_engine.core.errors import AlreadyExistsError
from cortex_engine.core.failpoints import failpoint
from cortex_engine.core.identifiers import new_id

_SELECT = """
    SELECT c.id, c.name, s.json, c.description, c.created, count(d.key), coalesce(sum(d.chunk_count), 0)
    FROM collection c JOIN embedding_spec s ON s.key = c.model
    LEFT JOIN membership m ON m.collection = c.key LEFT JOIN document d ON d.key = m.document
"""


def _collection(row: tuple[Any, ...]) -> Collection:
    key, name, spec, description, created, documents, chunks = row
    return Collection(key, name, rows.spec_from(spec), description, created, documents, chunks)


def one_collection(connection: sqlite3.Connection, name: str) -> Collection:
    """A collection by name.

    Raises:
        NotFoundError: the message names the nearest existing names.
    """
    key = rows.collection_key(connection, name)
    return _collection(connection.execute(f"{_SELECT} WHERE c.key = ? GROUP BY c.key", (key,)).fetchone())


def _require_free(connection: sqlite3.Connection, name: str) -> None:
    if connection.execute("SELECT 1 FROM collection WHERE name = ?", (name,)).fetchone() is not None:
        raise AlreadyExistsError(f"There is already a collection '{name}'. Choose another name.")


def spec_key(connection: sqlite3.Connection, spec: EmbeddingSpec) -> int:
    """Key of a model, which is written down if it was not known yet."""
    connection.execute(
        "INSERT INTO embedding_spec (id, dimension, json) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING",
        (spec.id, spec.dimension, json.dumps(asdict(spec), sort_keys=True)),
    )
    return int(connection.execute("SELECT key FROM embedding_spec WHERE id = ?", (spec.id,)).fetchone()[0])


class CollectionRecords(CatalogPart):
    """The port `Collections`."""

    def create_collection(self, name: str, spec: EmbeddingSpec, description: str = "") -> Collection:
        """Make a collection.

        Raises:
            AlreadyExistsError: the name is taken.
            UsageError: the name is empty, longer than 200 characters or holds control characters.
        """
        rows.require_name(name, "collection")
        with self._database.write() as connection:
            _require_free(connection, name)
            connection.execute(
                "INSERT INTO collection (id, name, description, created, model) VALUES (?, ?, ?, ?, ?)",
                (new_id(), name, description, rows.now(), spec_key(connection, spec)),
            )
        return self.collection(name)

    def collections(self) -> list[Collection]:
        """All collections by name, with counts."""
        with self._database.read() as connection:
            return [_collection(row) for row in connection.execute(f"{_SELECT} GROUP BY c.key ORDER BY c.name")]

    def collection(self, name: str) -> Collection:
        """One collection.

        Raises:
            NotFoundError: the message names the nearest existing names.
        """
        with self._database.read() as connection:
            return one_collection(connection, name)

    def rename_collection(self, name: str, new_name: str) -> Collection:
        """Give another name; ids, documents and indexes stay, jobs follow.

        Raises:
            NotFoundError, AlreadyExistsError, UsageError: as when a collection is looked up or made.
        """
        rows.require_name(new_name, "collection")
        with self._database.write() as connection:
            key = rows.collection_key(connection, name)
            if new_name != name:
                _require_free(connection, new_name)
                connection.execute("UPDATE collection SET name = ? WHERE key = ?", (new_name, key))
                connection.execute("UPDATE job SET collection = ? WHERE collection = ?", (new_name, name))
        return self.collection(new_name)

    def delete_collection(self, name: str) -> list[str]:
        """Remove the collection and every document that belongs to no other; returns the ids that went.

        Its unfinished jobs are cancelled, and their files can no more be retried.
        """
        with self._database.write() as connection:
            key = rows.collection_key(connection, name)
            members = connection.execute("SELECT document FROM membership WHERE collection = ?", (key,)).fetchall()
            connection.execute("DELETE FROM collection WHERE key = ?", (key,))
            gone = removal.delete_homeless(connection, [int(document) for (document,) in members])
            self._cancel_jobs(connection, name)
        failpoint("delete.after")
        return gone

    @staticmethod
    def _cancel_jobs(connection: sqlite3.Connection, name: str) -> None:
        connection.execute(
            "UPDATE job_file SET state = 'cancelled', message = 'The collection was deleted.', lease_owner = '', "
            "lease_until = 0 WHERE job IN (SELECT key FROM job WHERE collection = ?) "
            "AND state IN ('queued', 'parsing', 'embedding', 'indexing')",
            (name,),
        )
        connection.execute(
            "UPDATE job_file SET sha256 = '' WHERE job IN (SELECT key FROM job WHERE collection = ?)", (name,)
        )
        connection.execute(
            "UPDATE job SET state = 'cancelled', message = 'The collection was deleted.' WHERE collection = ? "
            "AND state NOT IN ('done', 'cancelled')",
            (name,),
        )

    def add_to_collection(self, name: str, document_ids: Sequence[str]) -> None:
        """Let documents, with what they contain, belong to the collection too.

        Their vectors for its model may have to follow (`unembedded` names them).

        Raises:
            NotFoundError: no such collection or document; then nothing was added.
        """
        with self._database.write() as connection:
            collection = rows.collection_key(connection, name)
            keys = [rows.document_key(connection, document_id) for document_id in document_ids]
            pinned = set(keys)
            connection.executemany(
                "INSERT INTO membership VALUES (?, ?, ?) "
                "ON CONFLICT DO UPDATE SET pinned = max(pinned, excluded.pinned)",
                [(collection, key, int(key in pinned)) for key in removal.descendants(connection, keys)],
            )

    def remove_from_collection(self, name: str, document_ids: Sequence[str]) -> list[str]:
        """Take documents out, whatever kept them there; those that then belong to none are deleted, and returned."""
        with self._database.write() as connection:
            collection = rows.collection_key(connection, name)
            keys = rows.document_keys(connection, document_ids)
            contained = sorted(set(removal.descendants(connection, keys)) - set(keys))
            pairs = [(collection, key) for key in keys]
            connection.executemany("DELETE FROM source WHERE collection = ? AND document = ?", pairs)
            connection.executemany("DELETE FROM membership WHERE collection = ? AND document = ?", pairs)
            gone = removal.release(connection, collection, contained)
            gone += removal.delete_homeless(connection, keys)
        failpoint("delete.after")
        return gone
