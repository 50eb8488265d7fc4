"""Moves of collections from one embedding model to another, and the vectors that they make on the side."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from cortex_engine.catalog import rows
from cortex_engine.catalog.collections import spec_key
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.catalog.vectors import keep_vectors, model_row
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.documents import Chunk
from cortex_engine.core.errors import AlreadyExistsError, NotFoundError, UsageError
from cortex_engine.core.failpoints import failpoint
from cortex_engine.core.identifiers import new_id
from cortex_engine.core.migration import Migration, MigrationState, ParityReport
from cortex_engine.core.protocols import Vectors

_S = MigrationState

_FOLLOWING: dict[MigrationState, frozenset[MigrationState]] = {
    _S.RUNNING: frozenset({_S.RUNNING, _S.PAUSED, _S.READY, _S.CANCELLED}),
    _S.PAUSED: frozenset({_S.PAUSED, _S.RUNNING, _S.CANCELLED}),
    _S.READY: frozenset({_S.READY, _S.RUNNING, _S.SWITCHED, _S.CANCELLED}),
    _S.SWITCHED: frozenset({_S.SWITCHED, _S.ROLLED_BACK, _S.DONE}),
    _S.ROLLED_BACK: frozenset({_S.ROLLED_BACK, _S.SWITCHED, _S.DONE}),
    _S.DONE: frozenset(),
    _S.CANCELLED: frozenset(),
}
"""Which state may come after which; the same again changes message and report."""

_OPEN = "state NOT IN ('done', 'cancelled')"

_ASIDE = "CASE g.state WHEN 'switched' THEN g.source ELSE g.target END"
"""The model of a migration that searches do not use; `g` is the table migration."""

_SELECT = f"""
    SELECT g.key, g.id, c.name, s.json, t.json, g.state, g.message, g.report, g.created, g.updated, g.collection, {_ASIDE}
    FROM migration g JOIN collection c ON c.key = g.collection
    JOIN embedding_spec s ON s.key = g.source JOIN embedding_spec t ON t.key = g.target
"""

_LACKING = f"""
    SELECT {rows.CHUNK_COLUMNS} FROM membership m CROSS JOIN document d ON d.key = m.document
    LEFT JOIN document_model e ON e.document = d.key AND e.model = :model CROSS JOIN chunk c ON c.document = d.key
    WHERE m.collection = :collection AND coalesce(e.vectors, 0) < d.chunk_count
    AND NOT EXISTS (SELECT 1 FROM vector v WHERE v.chunk = c.key AND v.model = :model)
    ORDER BY m.document, c.ordinal LIMIT :limit
"""

_LEFT_OVER = f"""
    WITH needs AS (
        SELECT key AS collection FROM collection WHERE model = :model
        UNION SELECT collection FROM migration WHERE {_OPEN} AND :model IN (source, target))
    SELECT d.key, d.id FROM document d WHERE (
        EXISTS (SELECT 1 FROM document_model e WHERE e.document = d.key AND e.model = :model)
        OR EXISTS (SELECT 1 FROM picture p JOIN picture_vector v ON v.picture = p.key AND v.model = :model
                   WHERE p.document = d.key))
    AND NOT EXISTS (SELECT 1 FROM membership m JOIN needs ON needs.collection = m.collection WHERE m.document = d.key)
    ORDER BY d.key LIMIT 100
"""
"""Documents with vectors that no collection of theirs uses and no open migration keeps, a transaction's worth."""


class MigrationReading(CatalogPart):
    """The reading half of the port `MigrationRecords`."""

    def migrations(self, open_only: bool = False) -> list[Migration]:
        """All migrations, newest first; `open_only`: neither DONE nor CANCELLED. Counts are read as they stand now."""
        condition = f"WHERE g.{_OPEN}" if open_only else ""
        with self._database.read() as connection:
            found = connection.execute(f"{_SELECT} {condition} ORDER BY g.key DESC").fetchall()
            return [_migration(connection, row) for row in found]

    def migration(self, migration_id: str) -> Migration:
        """One by id or unique beginning.

        Raises:
            NotFoundError: none, or several begin so.
        """
        with self._database.read() as connection:
            return _migration(connection, _row(connection, migration_id))

    def lacking(self, migration_id: str, limit: int = 64) -> list[Chunk]:
        """The first passages of the collection without a vector of the model that searches do not use.

        By document and place, so that whoever embeds and keeps them all before asking again always gets the same portions.
        """
        with self._database.read() as connection:
            row = _row(connection, migration_id)
            values = {"model": row[11], "collection": row[10], "limit": limit}
            return [rows.chunk(chunk) for chunk in connection.execute(_LACKING, values)]

    def kept_models(self) -> dict[str, EmbeddingSpec]:
        """Models by id whose indexes are kept: of all collections, and the other ones of migrations that can be switched."""
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT s.id, s.json FROM embedding_spec s WHERE s.key IN (SELECT model FROM collection) "
                f"OR s.key IN (SELECT {_ASIDE} FROM migration g WHERE g.state IN ('ready', 'switched', 'rolled back')) "
                "ORDER BY s.key"
            )
            return {model_id: rows.spec_from(text) for model_id, text in found}

    def members(self, model_id: str) -> frozenset[str] | None:
        """Documents whose vectors of a model count in searches; None when all do.

        While a migration keeps vectors of the model that searches do not use, only documents of the collections count that
        are moved to it: half a migration must not show.
        """
        with self._database.read() as connection:
            model = model_row(connection, model_id)[0]
            aside = connection.execute(
                f"SELECT 1 FROM migration g WHERE g.{_OPEN} AND {_ASIDE} = ?", (model,)
            ).fetchone()
            if aside is None:
                return None
            found = connection.execute(
                "SELECT DISTINCT d.id FROM collection c JOIN membership m ON m.collection = c.key "
                "JOIN document d ON d.key = m.document WHERE c.model = ?",
                (model,),
            )
            return frozenset(str(document_id) for (document_id,) in found)

    def vector_pairs(self, source_id: str, target_id: str, limit: int) -> tuple[Vectors, Vectors]:
        """Vectors of passages under two models, row by row, at most `limit` of them, taken evenly by order of entry.

        Returns:
            `(n, dimension of source)`, `(n, dimension of target)`.
        """
        with self._database.read() as connection:
            source, first, _ = model_row(connection, source_id)
            target, second, _ = model_row(connection, target_id)
            both = "FROM vector v JOIN vector w ON w.chunk = v.chunk AND w.model = :target WHERE v.model = :source"
            values = {"source": source, "target": target}
            keys = [key for (key,) in connection.execute(f"SELECT v.chunk {both} ORDER BY v.chunk", values)]
            chosen = sorted({keys[place * len(keys) // limit] for place in range(limit)}) if keys else []
            found = connection.execute(
                f"SELECT v.data, w.data {both} AND v.chunk IN (SELECT value FROM json_each(:keys)) ORDER BY v.chunk",
                {**values, "keys": rows.array(chosen)},
            ).fetchall()
        whole = [(one, other) for one, other in found if (len(one), len(other)) == (4 * first, 4 * second)]
        pairs = tuple(
            np.frombuffer(b"".join(column), dtype="<f4").astype(np.float32).reshape(len(whole), dimension)
            for column, dimension in zip(zip(*whole, strict=True) if whole else ((), ()), (first, second), strict=True)
        )
        return pairs[0], pairs[1]

    def side_model(self, model_id: str) -> EmbeddingSpec | None:
        """The model whose vectors of the same passages an open migration keeps on the side, where searches use this one."""
        used = "CASE g.state WHEN 'switched' THEN g.target ELSE g.source END"
        with self._database.read() as connection:
            found = connection.execute(
                f"SELECT s.json FROM migration g JOIN embedding_spec s ON s.key = {_ASIDE} "
                f"WHERE g.{_OPEN} AND {used} = (SELECT key FROM embedding_spec WHERE id = ?) ORDER BY g.key DESC LIMIT 1",
                (model_id,),
            ).fetchone()
            return rows.spec_from(found[0]) if found else None

    def documents_of(self, ids: Sequence[str]) -> dict[str, str]:
        """Documents of passages and pictures, by id; those that are gone are left out."""
        parts = " UNION ALL ".join(
            f"SELECT x.id, d.id FROM json_each(:ids) wanted CROSS JOIN {table} x ON x.id = wanted.value "
            "JOIN document d ON d.key = x.document"
            for table in ("chunk", "picture")
        )
        with self._database.read() as connection:
            return dict(connection.execute(parts, {"ids": rows.array(ids)}).fetchall())


class MigrationWriting(MigrationReading):
    """The writing half of the port `MigrationRecords`."""

    def begin_migration(self, collection: str, target: EmbeddingSpec) -> Migration:
        """Record a migration, state RUNNING.

        Raises:
            NotFoundError: no such collection.
            AlreadyExistsError: the collection has one that has not ended, or uses the target already.
        """
        migration_id, now = new_id(), rows.now()
        with self._database.write() as connection:
            key = rows.collection_key(connection, collection)
            source = connection.execute("SELECT model FROM collection WHERE key = ?", (key,)).fetchone()[0]
            wanted = spec_key(connection, target)
            if wanted == source:
                raise AlreadyExistsError(f"'{collection}' uses '{target.model}' already; there is nothing to move.")
            require_settled(connection, key, collection)
            connection.execute(
                "INSERT INTO migration (id, collection, source, target, state, created, updated) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (migration_id, key, source, wanted, _S.RUNNING, now, now),
            )
            failpoint("reembed.beginning")
        failpoint("reembed.begun")
        return self.migration(migration_id)

    def set_migration(
        self, migration_id: str, state: MigrationState, message: str = "", report: ParityReport | None = None
    ) -> None:
        """Change the state; SWITCHED and ROLLED_BACK change the collection's model in the same transaction.

        Raises:
            NotFoundError: no such migration.
            UsageError: that state cannot follow the present one.
        """
        with self._database.write() as connection:
            row = _row(connection, migration_id)
            before, key = MigrationState(row[5]), row[0]
            if state not in _FOLLOWING[before]:
                raise UsageError(f"The move of '{row[2]}' to another model is {before}; it cannot become {state}.")
            written = row[7] if report is None else json.dumps(asdict(report))
            connection.execute(
                "UPDATE migration SET state = ?, message = ?, report = ?, updated = ? WHERE key = ?",
                (state, message, written, rows.now(), key),
            )
            if state is not before and state in (_S.SWITCHED, _S.ROLLED_BACK):
                column = "target" if state is _S.SWITCHED else "source"
                connection.execute(
                    f"UPDATE collection SET model = (SELECT {column} FROM migration WHERE key = ?) WHERE key = ?",
                    (key, row[10]),
                )
            failpoint("reembed.changing")
        failpoint("reembed.changed")

    def fill(self, migration_id: str, chunk_ids: Sequence[str], vectors: Vectors) -> bool:
        """Keep vectors of the model that searches do not use, all in one transaction.

        Returns:
            False when the migration was paused or ended meanwhile; then nothing was written. Passages that were deleted
            meanwhile are left out.

        Raises:
            ModelMismatchError: the vectors have another dimension.
            NotFoundError: the migration is gone (its collection was deleted).
        """
        values = np.ascontiguousarray(vectors, dtype="<f4")
        with self._database.write() as connection:
            row = _row(connection, migration_id)
            if MigrationState(row[5]) in (_S.PAUSED, _S.DONE, _S.CANCELLED):
                return False
            model_id = connection.execute("SELECT id FROM embedding_spec WHERE key = ?", (row[11],)).fetchone()[0]
            _tell_indexes(connection, model_id, keep_vectors(connection, model_id, chunk_ids, values))
            failpoint("reembed.writing")
        failpoint("reembed.written")
        return True

    def purge_model(self, model_id: str) -> int:
        """Remove vectors of a model from documents of which no collection uses it and no open migration keeps it.

        A hundred documents in one transaction: nobody waits long, and what is left after a crash goes the next time.

        Returns:
            How many vectors, of passages and of pictures.
        """
        removed = 0
        while True:
            with self._database.write() as connection:
                model = model_row(connection, model_id)[0]
                documents = dict(connection.execute(_LEFT_OVER, {"model": model}).fetchall())
                if not documents:
                    return removed
                before, keys = connection.total_changes, rows.array(documents)
                for table, part in (("vector", "chunk"), ("picture_vector", "picture")):
                    connection.execute(
                        f"DELETE FROM {table} WHERE model = ? AND {part} IN "
                        f"(SELECT key FROM {part} WHERE document IN (SELECT value FROM json_each(?)))",
                        (model, keys),
                    )
                removed += connection.total_changes - before
                connection.execute(
                    "DELETE FROM document_model WHERE model = ? AND document IN (SELECT value FROM json_each(?))",
                    (model, keys),
                )
                _tell_indexes(connection, model_id, documents.values())
            failpoint("reembed.purged")


def require_settled(connection: sqlite3.Connection, collection: int, name: str) -> None:
    """Refuse what would lose or double a migration that has not ended.

    Raises:
        AlreadyExistsError: the collection has one.
    """
    found = connection.execute(
        f"SELECT g.id, g.state, s.json FROM migration g JOIN embedding_spec s ON s.key = g.target "
        f"WHERE g.collection = ? AND g.{_OPEN}",
        (collection,),
    ).fetchone()
    if found is not None:
        ending = "Purge" if found[1] in (_S.SWITCHED, _S.ROLLED_BACK) else "Cancel"
        raise AlreadyExistsError(
            f"'{name}' has a move to '{rows.spec_from(found[2]).model}' that has not ended ({found[1]}). {ending} it first: "
            f"`cortex migrations {ending.lower()} {found[0][:8]}`."
        )


def _tell_indexes(connection: sqlite3.Connection, model_id: str, document_ids: Any) -> None:
    """Put documents in the outbox where an index of the model follows it; else no index would change."""
    known = "SELECT 1 FROM index_state WHERE name LIKE '%' || ?"
    if connection.execute(known, (model_id,)).fetchone() is not None:
        for document_id in document_ids:
            rows.announce(connection, "vectors", document_id)


def _row(connection: sqlite3.Connection, migration_id: str) -> tuple[Any, ...]:
    found = connection.execute(f"{_SELECT} WHERE g.id = ?", (migration_id,)).fetchall()
    if not found and migration_id:
        found = connection.execute(
            f"{_SELECT} WHERE substr(g.id, 1, ?) = ?", (len(migration_id), migration_id)
        ).fetchall()
    if len(found) != 1:
        several = "Several moves to another model begin" if found else "No move to another model has an id that begins"
        raise NotFoundError(f"{several} with '{migration_id}'. `cortex migrations list` shows all of them.")
    return tuple(found[0])


def _migration(connection: sqlite3.Connection, row: tuple[Any, ...]) -> Migration:
    _, migration_id, name, source, target, state, message, report, created, updated, collection, aside = row
    state = MigrationState(state)
    done, total = _counts(connection, collection, aside)
    return Migration(
        id=migration_id,
        collection=name,
        source=rows.spec_from(source),
        target=rows.spec_from(target),
        state=state,
        done=total if state is _S.DONE else done,
        total=total,
        message=message,
        created=created,
        updated=updated,
        report=_report(report),
    )


def _counts(connection: sqlite3.Connection, collection: int, model: int) -> tuple[int, int]:
    """Inputs of the collection with a vector of the model, and all."""
    values = {"collection": collection, "model": model}
    done, total = connection.execute(
        "SELECT coalesce(sum(coalesce(e.vectors, 0)), 0), coalesce(sum(d.chunk_count), 0) FROM membership m "
        "JOIN document d ON d.key = m.document LEFT JOIN document_model e ON e.document = d.key AND e.model = :model "
        "WHERE m.collection = :collection",
        values,
    ).fetchone()
    text = connection.execute("SELECT json FROM embedding_spec WHERE key = ?", (model,)).fetchone()[0]
    if rows.spec_from(text).sees:
        of_pictures = "FROM membership m JOIN picture p ON p.document = m.document"
        total += connection.execute(
            f"SELECT count(*) + coalesce(sum(p.description != ''), 0) {of_pictures} WHERE m.collection = :collection",
            values,
        ).fetchone()[0]
        done += connection.execute(
            f"SELECT count(*) {of_pictures} JOIN picture_vector v ON v.picture = p.key AND v.model = :model "
            "WHERE m.collection = :collection",
            values,
        ).fetchone()[0]
    return done, total


def _report(text: str) -> ParityReport | None:
    if not text:
        return None
    stored = json.loads(text)
    stored["overlap"] = {int(depth): share for depth, share in stored["overlap"].items()}
    for name in ("lost", "won"):
        stored[name] = tuple((question, document) for question, document in stored[name])
    return ParityReport(**stored)
