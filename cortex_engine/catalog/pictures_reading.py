"""Pictures that are searched by look, as the truth keeps them: what goes out."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection as SizedCollection
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cortex_engine.catalog import rows
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.catalog.vectors import BATCH, model_row, sound, vector_batch
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import CatalogError
from cortex_engine.core.migration import MigrationState
from cortex_engine.core.pictures import DescribedBy, Picture, VectorName, WaitingPictures
from cortex_engine.core.records import PicturePassage, VectorBatch

_COLUMNS = "p.id, d.id, p.page, p.width, p.height, p.description, p.described_by"
"""In the order of the fields of `Picture`; `p` is the table picture, `d` document."""

_BEGINNING = 300
"""Characters of a page's text that go with a hit."""

_LOOKUP = f"""
    SELECT {_COLUMNS}, d.key, d.name, d.title, d.media_type, d.language, g.label, substr(g.text, 1, {_BEGINNING}),
        length(g.text)
    FROM json_each(?) wanted CROSS JOIN picture p ON p.id = wanted.value JOIN document d ON d.key = p.document
    LEFT JOIN page g ON g.document = d.key AND g.number = p.page
"""

_COLLECTIONS = """
    SELECT m.document, json_group_array(c.name) FROM membership m JOIN collection c ON c.key = m.collection
    WHERE m.document IN (SELECT value FROM json_each(?)) GROUP BY m.document
"""

_VECTORS = """
    SELECT v.picture, p.id, d.id, v.data, v.crc32
    FROM picture_vector v JOIN picture p ON p.key = v.picture JOIN document d ON d.key = p.document
    WHERE v.model = ? AND v.name = ? AND v.picture > ?
"""

_USES = f"""
    SELECT collection.key AS collection, collection.model AS model FROM collection
    UNION SELECT collection, target FROM migration WHERE state IN (
        '{MigrationState.RUNNING.value}', '{MigrationState.READY.value}', '{MigrationState.ROLLED_BACK.value}')
    UNION SELECT collection, source FROM migration WHERE state = '{MigrationState.SWITCHED.value}'
"""
"""Which models a collection's pictures must have vectors of: its own, and one that it moves to or may go back to."""

_SEARCHED = "SELECT key AS collection, model FROM collection"
"""Which models searches use: an account does not wait for a move to another model."""

_MEMBERS = "SELECT m.document FROM membership m JOIN uses u ON u.collection = m.collection WHERE u.model = :model"

_ONLY = """
    AND (:only IS NULL OR m.document IN (
        SELECT d.key FROM json_each(:only) wanted CROSS JOIN document d ON d.id = wanted.value))
"""

_LACKS = """
    (NOT EXISTS (SELECT 1 FROM picture_vector v WHERE v.picture = p.key AND v.model = :model AND v.name = 'picture')) AS look,
    (p.description != '' AND NOT EXISTS (
        SELECT 1 FROM picture_vector v WHERE v.picture = p.key AND v.model = :model AND v.name = 'description')) AS words
"""


class PictureReading(CatalogPart):
    """The reading half of the port `PictureRecords`."""

    def pictures(self, document_ids: Sequence[str]) -> list[Picture]:
        """Pictures of these documents, by document and page."""
        with self._database.read() as connection:
            found = connection.execute(
                f"SELECT {_COLUMNS} FROM picture p JOIN document d ON d.key = p.document "
                "WHERE d.id IN (SELECT value FROM json_each(?)) ORDER BY d.key, p.page",
                (rows.array(document_ids),),
            )
            return [_picture(row) for row in found]

    def picture_counts(self, documents: SizedCollection[str] | None = None) -> int:
        """Pictures in scope; None for all."""
        condition = (
            ""
            if documents is None
            else (" WHERE document IN (SELECT key FROM document WHERE id IN (SELECT value FROM json_each(?)))")
        )
        values = () if documents is None else (rows.array(documents),)
        with self._database.read() as connection:
            return int(connection.execute(f"SELECT count(*) FROM picture{condition}", values).fetchone()[0])

    def lookup_pictures(self, picture_ids: Sequence[str]) -> dict[str, PicturePassage]:
        """Join picture hits back to the truth in one read transaction; ids that are unknown or deleted are left out."""
        with self._database.read() as connection:
            found = connection.execute(_LOOKUP, (rows.array(picture_ids),)).fetchall()
            keys = rows.array({row[7] for row in found})
            names = {
                document: tuple(sorted(json.loads(collections)))
                for document, collections in connection.execute(_COLLECTIONS, (keys,))
            }
            begins = _page_begins(connection, {(row[7], row[2]) for row in found})
        joined = {}
        for row in found:
            begin = begins[row[7], row[2]]
            joined[row[0]] = PicturePassage(
                picture=_picture(row[:7]),
                document=row[8],
                title=row[9],
                media_type=row[10],
                language=row[11],
                page_label=row[12] or "",
                collections=names.get(row[7], ()),
                text=row[13] or "",
                char_start=begin,
                char_end=begin + (row[14] or 0),
            )
        return joined

    def picture_vectors(
        self, model_id: str, name: VectorName, document_ids: Sequence[str] | None = None
    ) -> Iterator[VectorBatch]:
        """As `vectors`, for one named vector; `chunk_ids` of the batch are picture ids.

        Raises:
            NotFoundError: unknown model id.
        """
        last = 0
        while True:
            with self._database.read() as connection:
                model, dimension, _ = model_row(connection, model_id)
                values: tuple[int | str, ...] = (model, name.value, last)
                condition = ""
                if document_ids is not None:
                    condition = " AND p.document IN (SELECT value FROM json_each(?))"
                    values = (*values, rows.array(rows.document_keys(connection, document_ids)))
                found = connection.execute(f"{_VECTORS}{condition} ORDER BY v.picture LIMIT {BATCH}", values).fetchall()
            if not found:
                return
            yield vector_batch(found, dimension)
            last = found[-1][0]

    def damaged_picture_vectors(self, model_id: str, name: VectorName) -> dict[str, str]:
        """Named vectors whose checksum or length does not match: picture id -> document id. Reads all of them."""
        with self._database.read() as connection:
            model, dimension, _ = model_row(connection, model_id)
            found = connection.execute(_VECTORS, (model, name.value, 0))
            return {
                picture_id: document_id
                for _, picture_id, document_id, data, crc32 in found
                if not sound(data, crc32, dimension)
            }

    def picture_ids(self, model_id: str, name: VectorName) -> set[str]:
        """Pictures that have this named vector of the model."""
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT p.id FROM picture_vector v JOIN picture p ON p.key = v.picture "
                "WHERE v.model = (SELECT key FROM embedding_spec WHERE id = ?) AND v.name = ?",
                (model_id, name.value),
            )
            return {str(picture_id) for (picture_id,) in found}

    def picture_vector(self, model_id: str, name: VectorName, picture_id: str) -> NDArray[np.float32] | None:
        """One vector, or None.

        Raises:
            CatalogError: it is damaged.
            NotFoundError: unknown model id.
        """
        with self._database.read() as connection:
            model, dimension, _ = model_row(connection, model_id)
            found = connection.execute(
                "SELECT v.data, v.crc32, d.name FROM picture p JOIN picture_vector v ON v.picture = p.key "
                "JOIN document d ON d.key = p.document WHERE p.id = ? AND v.model = ? AND v.name = ?",
                (picture_id, model, name.value),
            ).fetchone()
        if found is None:
            return None
        data, crc32, document = found
        if not sound(data, crc32, dimension):
            raise CatalogError(
                f"The vector of a picture of '{document}' is damaged. `cortex doctor --full --fix` has it made anew."
            )
        return np.frombuffer(data, dtype="<f4").astype(np.float32, copy=True)

    def picture_vector_counts(self, model_id: str) -> Mapping[VectorName, int]:
        """How many vectors of each name there are of a model."""
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT name, count(*) FROM picture_vector "
                "WHERE model = (SELECT key FROM embedding_spec WHERE id = ?) GROUP BY name",
                (model_id,),
            )
            counts = {str(name): int(count) for name, count in found}
        return {name: counts.get(name.value, 0) for name in VectorName}

    def waiting_pictures(
        self, limit: int = 20, document_ids: Sequence[str] | None = None, model_id: str = ""
    ) -> list[WaitingPictures]:
        """Pictures that lack a vector of a model that sees, of a collection (or a running migration) they belong to.

        Args:
            limit: documents of each model at most, oldest first: those of a model that is absent hide no others.
            document_ids: only of these; None for all.
            model_id: only this model; "" for all.
        """
        waiting: list[WaitingPictures] = []
        with self._database.read() as connection:
            for key, spec in _seeing(connection):
                if model_id not in ("", spec.id):
                    continue
                documents = connection.execute(
                    f"WITH uses AS ({_USES}) SELECT DISTINCT document FROM "
                    f"(SELECT p.document, {_LACKS} FROM picture p WHERE p.document IN ({_MEMBERS}{_ONLY})) "
                    "WHERE look OR words ORDER BY document LIMIT :limit",
                    {"model": key, "limit": limit, "only": _only(document_ids)},
                ).fetchall()
                waiting += [_waiting(connection, key, spec.id, document) for (document,) in documents]
        return waiting

    def undrawn(
        self, media_types: Sequence[str], limit: int = 20, document_ids: Sequence[str] | None = None
    ) -> list[tuple[str, EmbeddingSpec]]:
        """Documents of these types, of a collection (or a running migration) whose model sees, that were never drawn."""
        found: list[tuple[str, EmbeddingSpec]] = []
        with self._database.read() as connection:
            for key, spec in _seeing(connection):
                ids = connection.execute(
                    f"WITH uses AS ({_USES}) SELECT d.id FROM document d WHERE d.key IN ({_MEMBERS}{_ONLY}) "
                    "AND d.media_type IN (SELECT value FROM json_each(:types)) "
                    "AND NOT EXISTS (SELECT 1 FROM drawn WHERE drawn.document = d.key) ORDER BY d.key LIMIT :limit",
                    {
                        "model": key,
                        "types": rows.array(media_types),
                        "limit": limit - len(found),
                        "only": _only(document_ids),
                    },
                )
                found += [(str(document_id), spec) for (document_id,) in ids]
        return found


def count_pictures(connection: sqlite3.Connection, keys: str) -> dict[int, tuple[int, int]]:
    """Pictures of documents, and those of them that have a vector of their look under every model that needs one.

    Args:
        keys: of documents, as `rows.array` gives them.
    """
    if connection.execute("SELECT 1 FROM picture LIMIT 1").fetchone() is None:
        return {}
    chosen = "document IN (SELECT value FROM json_each(:keys))"
    counts = connection.execute(
        f"SELECT document, count(*) FROM picture WHERE {chosen} GROUP BY document", {"keys": keys}
    )
    found = {int(document): (int(count), int(count)) for document, count in counts}
    for model, _ in _seeing(connection):
        lacking = connection.execute(
            f"WITH uses AS ({_SEARCHED}) SELECT p.document, count(*) FROM picture p WHERE p.{chosen} "
            f"AND p.document IN ({_MEMBERS}) AND NOT EXISTS (SELECT 1 FROM picture_vector v "
            "WHERE v.picture = p.key AND v.model = :model AND v.name = 'picture') GROUP BY p.document",
            {"keys": keys, "model": model},
        )
        for document, count in lacking:
            total, embedded = found[document]
            found[document] = (total, min(embedded, total - count))
    return found


def _only(document_ids: Sequence[str] | None) -> str | None:
    return None if document_ids is None else rows.array(document_ids)


def _seeing(connection: sqlite3.Connection) -> list[tuple[int, EmbeddingSpec]]:
    """Models in use that see; a library without any pays nothing more than this look."""
    found = connection.execute(
        f"SELECT key, json FROM embedding_spec WHERE key IN (SELECT model FROM ({_USES})) ORDER BY key"
    ).fetchall()
    specs = [(int(key), rows.spec_from(text)) for key, text in found]
    return [(key, spec) for key, spec in specs if spec.sees]


def _waiting(connection: sqlite3.Connection, model: int, model_id: str, document: int) -> WaitingPictures:
    found = connection.execute(
        f"SELECT * FROM (SELECT {_COLUMNS}, {_LACKS} FROM picture p JOIN document d ON d.key = p.document "
        "WHERE p.document = :document ORDER BY p.page) WHERE look OR words",
        {"model": model, "document": document},
    ).fetchall()
    missing = {}
    for *columns, look, words in found:
        names = ((VectorName.PICTURE, look), (VectorName.DESCRIPTION, words))
        missing[_picture(columns)] = tuple(name for name, lacks in names if lacks)
    return WaitingPictures(found[0][1], model_id, missing)


def _picture(row: Sequence[Any]) -> Picture:
    picture_id, document_id, page, width, height, description, described_by = row
    return Picture(picture_id, document_id, page, width, height, description, DescribedBy(described_by))


def _page_begins(connection: sqlite3.Connection, wanted: set[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """Where pages begin in the characters of their documents (page texts are joined by one character)."""
    begins = {}
    for document in {document for document, _ in wanted}:
        last = max(page for key, page in wanted if key == document)
        lengths = connection.execute(
            "SELECT number, length(text) FROM page WHERE document = ? AND number < ? ORDER BY number", (document, last)
        ).fetchall()
        for key, page in wanted:
            if key == document:
                begins[key, page] = sum(length + 1 for number, length in lengths if number < page)
    return begins
