"""Vectors as the truth keeps them: one row a passage and model, each with a checksum."""

from __future__ import annotations

import logging
import sqlite3
import zlib
from collections.abc import Iterator, Sequence

import numpy as np

from cortex_engine.catalog import rows
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import ModelMismatchError, NotFoundError
from cortex_engine.core.protocols import Vectors
from cortex_engine.core.records import StoredVectors, VectorBatch

_log = logging.getLogger(__name__)

BATCH = 4096
"""Rows that `vectors` gives at once."""
_FLOAT_BYTES = 4

_SELECT = """
    SELECT v.chunk, c.id, d.id, v.data, v.crc32
    FROM vector v JOIN chunk c ON c.key = v.chunk JOIN document d ON d.key = c.document
    WHERE v.model = ? AND v.chunk > ?
"""
_OF_DOCUMENTS = " AND c.document IN (SELECT value FROM json_each(?))"


def model_row(connection: sqlite3.Connection, model_id: str) -> tuple[int, int, str]:
    """Key, dimension and JSON of a model.

    Raises:
        NotFoundError: unknown model id.
    """
    row = connection.execute("SELECT key, dimension, json FROM embedding_spec WHERE id = ?", (model_id,)).fetchone()
    if row is None:
        raise NotFoundError(f"The library knows no embedding model with the id '{model_id}'; no collection uses it.")
    return int(row[0]), int(row[1]), str(row[2])


def require_vectors(connection: sqlite3.Connection, model_id: str, vectors: Vectors) -> int:
    """Key of the model whose dimension these vectors have.

    Raises:
        ModelMismatchError: they have another.
        NotFoundError: unknown model id.
    """
    key, dimension, text = model_row(connection, model_id)
    if vectors.ndim != 2 or vectors.shape[1] != dimension:
        raise ModelMismatchError(
            f"The model '{rows.spec_from(text).model}' makes vectors of {dimension} dimensions, but vectors of shape "
            f"{vectors.shape} were to be stored for it; nothing was written."
        )
    return key


def insert_vectors(connection: sqlite3.Connection, model: int, chunk_keys: Sequence[int], vectors: Vectors) -> int:
    """Keep float32 vectors of passages that have none of this model yet; returns how many."""
    before = connection.total_changes
    data = [row.tobytes() for row in vectors]
    connection.executemany(
        "INSERT INTO vector (model, chunk, crc32, data) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [(model, key, zlib.crc32(blob), blob) for key, blob in zip(chunk_keys, data, strict=True)],
    )
    return connection.total_changes - before


def count_vectors(connection: sqlite3.Connection, document_keys: Sequence[int]) -> None:
    """Bring the counts of vectors by document and model up to date."""
    connection.execute(
        "INSERT INTO document_model SELECT c.document, v.model, count(*) FROM chunk c JOIN vector v ON v.chunk = c.key "
        "WHERE c.document IN (SELECT value FROM json_each(?)) GROUP BY c.document, v.model "
        "ON CONFLICT DO UPDATE SET vectors = excluded.vectors",
        (rows.array(document_keys),),
    )


def keep_vectors(
    connection: sqlite3.Connection, model_id: str, chunk_ids: Sequence[str], vectors: Vectors
) -> list[str]:
    """Insert vectors of passages that are there still, and count them; returns the ids of their documents.

    Raises:
        ModelMismatchError, NotFoundError: as `require_vectors`.
    """
    model = require_vectors(connection, model_id, vectors)
    found = connection.execute(
        "SELECT wanted.key, c.key, d.key, d.id FROM json_each(?) wanted CROSS JOIN chunk c ON c.id = wanted.value "
        "JOIN document d ON d.key = c.document ORDER BY wanted.key",
        (rows.array(chunk_ids),),
    ).fetchall()
    insert_vectors(connection, model, [row[1] for row in found], vectors[[row[0] for row in found]])
    documents = {row[2]: row[3] for row in found}
    count_vectors(connection, list(documents))
    return list(documents.values())


def recount_vectors(connection: sqlite3.Connection, document_keys: Sequence[int]) -> None:
    """The same after vectors were removed."""
    documents = rows.array(document_keys)
    connection.execute("DELETE FROM document_model WHERE document IN (SELECT value FROM json_each(?))", (documents,))
    count_vectors(connection, document_keys)


class VectorReading(CatalogPart):
    """The port `VectorRecords`."""

    def vectors(self, model_id: str, document_ids: Sequence[str] | None = None) -> Iterator[VectorBatch]:
        """All vectors of a model, or of these documents, in batches of at most 4,096 rows, in order of entry.

        Each batch is a transaction of its own: what is deleted meanwhile is left out, what is added meanwhile may or
        may not be in it. Whoever needs more takes `last_seq` first and replays the outbox from there.

        Raises:
            CatalogError: a checksum or a length does not match.
            NotFoundError: unknown model id.
        """
        last = 0
        while True:
            with self._database.read() as connection:
                model, dimension, _ = model_row(connection, model_id)
                values: tuple[int | str, ...] = (model, last)
                if document_ids is not None:
                    values = (*values, rows.array(rows.document_keys(connection, document_ids)))
                condition = "" if document_ids is None else _OF_DOCUMENTS
                found = connection.execute(f"{_SELECT}{condition} ORDER BY v.chunk LIMIT {BATCH}", values).fetchall()
            if not found:
                return
            yield vector_batch(found, dimension)
            last = found[-1][0]

    def damaged_vectors(self, model_id: str) -> dict[str, str]:
        """Vectors whose checksum or length does not match: chunk id -> document id. Reads all of the model's.

        Raises:
            NotFoundError: unknown model id.
        """
        with self._database.read() as connection:
            model, dimension, _ = model_row(connection, model_id)
            found = connection.execute(_SELECT, (model, 0))
            return {
                chunk_id: document_id
                for _, chunk_id, document_id, data, crc32 in found
                if not sound(data, crc32, dimension)
            }

    def stored_vectors(self, model_id: str) -> Iterator[StoredVectors]:
        """All vectors of a model as they lie there, unchecked, in batches of at most 4,096 rows, in order of entry.

        Raises:
            NotFoundError: unknown model id.
        """
        last = 0
        while True:
            with self._database.read() as connection:
                model = model_row(connection, model_id)[0]
                found = connection.execute(
                    "SELECT v.chunk, c.id, c.text_hash, v.data FROM vector v JOIN chunk c ON c.key = v.chunk "
                    f"WHERE v.model = ? AND v.chunk > ? ORDER BY v.chunk LIMIT {BATCH}",
                    (model, last),
                ).fetchall()
            if not found:
                return
            keys, chunk_ids, text_hashes, data = zip(*found, strict=True)
            yield StoredVectors(list(chunk_ids), list(text_hashes), list(data))
            last = keys[-1]

    def known_vectors(self, model_id: str, text_hashes: Sequence[str]) -> dict[str, bytes]:
        """Vectors (float32 bytes) that were made before for the same embedded text.

        A vector whose checksum does not match is not offered (the text is embedded again; `check` reports it).
        """
        with self._database.read() as connection:
            model = model_row(connection, model_id)[0]
            found = connection.execute(
                "SELECT c.text_hash, v.data, v.crc32 FROM json_each(?) wanted "
                "CROSS JOIN chunk c ON c.text_hash = wanted.value "
                "CROSS JOIN vector v ON v.chunk = c.key AND v.model = ?",
                (rows.array(set(text_hashes)), model),
            )
            return {text_hash: data for text_hash, data, crc32 in found if zlib.crc32(data) == crc32}

    def add_vectors(self, model_id: str, chunk_ids: Sequence[str], vectors: Vectors) -> None:
        """Keep vectors for passages that waited for them, and put their documents in the outbox.

        Passages that were deleted meanwhile are left out.

        Raises:
            ModelMismatchError: not one row a passage, or another dimension than the spec's.
            NotFoundError: unknown model id.
        """
        values = np.ascontiguousarray(vectors, dtype="<f4")
        if len(values) != len(chunk_ids):
            raise ModelMismatchError(f"{len(values)} vectors came for {len(chunk_ids)} passages; nothing was written.")
        with self._database.write() as connection:
            for document_id in keep_vectors(connection, model_id, chunk_ids, values):
                rows.announce(connection, "upsert", document_id)

    def unembedded(self, limit: int = 100) -> list[tuple[str, EmbeddingSpec]]:
        """Documents that lack vectors for the model of a collection that they belong to, oldest first."""
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT DISTINCT d.key, d.id, s.json FROM document d JOIN membership m ON m.document = d.key "
                "JOIN collection c ON c.key = m.collection JOIN embedding_spec s ON s.key = c.model "
                "LEFT JOIN document_model e ON e.document = d.key AND e.model = c.model "
                "WHERE coalesce(e.vectors, 0) < d.chunk_count ORDER BY d.key LIMIT ?",
                (limit,),
            )
            return [(document_id, rows.spec_from(text)) for _, document_id, text in found]

    def spec(self, model_id: str) -> EmbeddingSpec:
        """The spec behind a model id.

        Raises:
            NotFoundError: unknown model id.
        """
        with self._database.read() as connection:
            return rows.spec_from(model_row(connection, model_id)[2])

    def models(self, collections: Sequence[str] = ()) -> dict[str, EmbeddingSpec]:
        """Models by id of all collections, or of those of them that are there; cheap."""
        condition = "WHERE c.name IN (SELECT value FROM json_each(?))" if collections else "WHERE ? != ''"
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT DISTINCT s.id, s.json FROM collection c JOIN embedding_spec s ON s.key = c.model "
                f"{condition} ORDER BY s.key",
                (rows.array(collections) if collections else "all",),
            )
            return {model_id: rows.spec_from(text) for model_id, text in found}


def sound(data: bytes, crc32: int, dimension: int) -> bool:
    """Whether a vector is what was written."""
    return len(data) == dimension * _FLOAT_BYTES and zlib.crc32(data) == crc32


def vector_batch(found: list[tuple[int, str, str, bytes, int]], dimension: int) -> VectorBatch:
    """Rows of key, id, document id, data and checksum as a batch; damaged vectors are left out, and the log says so."""
    kept = [row for row in found if sound(row[3], row[4], dimension)]
    if len(kept) < len(found):
        damaged = sorted({row[2] for row in found if not sound(row[3], row[4], dimension)})
        _log.warning("vectors of these documents are damaged and left out: %s", ", ".join(damaged[:20]))
    vectors = np.frombuffer(b"".join(row[3] for row in kept), dtype="<f4").reshape(len(kept), dimension)
    return VectorBatch([row[1] for row in kept], [row[2] for row in kept], vectors.astype(np.float32, copy=False))
