"""Pictures that are searched by look, as the truth keeps them: what comes in."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cortex_engine.catalog import rows
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.catalog.vectors import require_vectors
from cortex_engine.core.errors import NotFoundError
from cortex_engine.core.pictures import DescribedBy, Picture, PreparedPicture, VectorName

NamedVectors = Mapping[VectorName, NDArray[np.float32]]


class PictureWriting(CatalogPart):
    """The writing half of the port `PictureRecords`."""

    def add_pictures(self, document_id: str, pictures: Sequence[Picture]) -> None:
        """Keep pictures that a document did not have yet; it counts as drawn from then on, also where there are none.

        Raises:
            NotFoundError: no such document.
        """
        with self._database.write() as connection:
            key = rows.document_key(connection, document_id)
            mark_drawn(connection, key)
            if write_pictures(connection, key, [PreparedPicture(picture) for picture in pictures]):
                rows.announce(connection, "upsert", document_id)

    def drop_pictures(self, picture_ids: Sequence[str]) -> None:
        """Remove pictures that cannot be drawn or embedded, so that they wait no longer."""
        with self._database.write() as connection:
            found = connection.execute(
                "SELECT DISTINCT d.id FROM json_each(?) wanted CROSS JOIN picture p ON p.id = wanted.value "
                "JOIN document d ON d.key = p.document ORDER BY d.id",
                (rows.array(picture_ids),),
            ).fetchall()
            connection.execute(
                "DELETE FROM picture WHERE id IN (SELECT value FROM json_each(?))", (rows.array(picture_ids),)
            )
            for (document_id,) in found:
                rows.announce(connection, "upsert", document_id)

    def add_picture_vectors(self, model_id: str, vectors: Mapping[str, NamedVectors]) -> None:
        """Keep vectors by picture id and name, and put their documents in the outbox; deleted pictures are left out.

        Raises:
            ModelMismatchError: a vector has another dimension than the spec; nothing was written.
            NotFoundError: unknown model id.
        """
        with self._database.write() as connection:
            found = connection.execute(
                "SELECT p.id, p.key, d.id FROM json_each(?) wanted CROSS JOIN picture p ON p.id = wanted.value "
                "JOIN document d ON d.key = p.document ORDER BY d.key, p.page",
                (rows.array(vectors),),
            ).fetchall()
            changed = {
                str(document_id)
                for picture_id, key, document_id in found
                if _write_vectors(connection, key, {model_id: vectors[picture_id]})
            }
            for document_id in sorted(changed):
                rows.announce(connection, "vectors", document_id)

    def describe_picture(self, picture_id: str, description: str, described_by: DescribedBy) -> None:
        """Change a description; vectors of the former one go, so that the picture waits for new ones.

        Raises:
            NotFoundError: no such picture.
        """
        with self._database.write() as connection:
            found = connection.execute(
                "SELECT p.key, p.description, d.id FROM picture p JOIN document d ON d.key = p.document WHERE p.id = ?",
                (picture_id,),
            ).fetchone()
            if found is None:
                raise NotFoundError("This picture is not in the library any more; its document may have been deleted.")
            key, before, document_id = found
            connection.execute(
                "UPDATE picture SET description = ?, described_by = ? WHERE key = ?", (description, described_by, key)
            )
            if before != description:
                _forget_vectors(connection, key, VectorName.DESCRIPTION)
                rows.announce(connection, "upsert", document_id)


def write_pictures(connection: sqlite3.Connection, document: int, pictures: Sequence[PreparedPicture]) -> bool:
    """Keep a document's pictures with the vectors that are there already; whether anything changed."""
    changed = False
    for prepared in pictures:
        changed |= _write_picture(connection, document, prepared.picture)
        key = connection.execute("SELECT key FROM picture WHERE id = ?", (prepared.picture.id,)).fetchone()[0]
        changed |= _write_vectors(connection, key, _of_this(connection, key, prepared))
    return changed


def mark_drawn(connection: sqlite3.Connection, document: int) -> None:
    """The document's pages were drawn, or are not to be."""
    connection.execute("INSERT INTO drawn VALUES (?) ON CONFLICT DO NOTHING", (document,))


def _of_this(connection: sqlite3.Connection, key: int, prepared: PreparedPicture) -> dict[str, NamedVectors]:
    """Its vectors, without those of a description that gave way to the one that is there."""
    kept = connection.execute("SELECT description FROM picture WHERE key = ?", (key,)).fetchone()[0]
    if kept == prepared.picture.description:
        return dict(prepared.vectors)
    return {
        model_id: {name: vector for name, vector in named.items() if name is not VectorName.DESCRIPTION}
        for model_id, named in prepared.vectors.items()
    }


def _write_picture(connection: sqlite3.Connection, document: int, picture: Picture) -> bool:
    """Keep a picture; where it is there already, vectors of another drawing or another description go.

    A generated description gives way only to another generated one: it may have cost money.
    """
    before = connection.execute(
        "SELECT key, width, height, description, described_by FROM picture WHERE id = ?", (picture.id,)
    ).fetchone()
    if before is None:
        connection.execute(
            "INSERT INTO picture (id, document, page, width, height, description, described_by) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                picture.id,
                document,
                picture.page,
                picture.width,
                picture.height,
                picture.description,
                picture.described_by,
            ),
        )
        return True
    key, width, height, description, described_by = before
    changed = (width, height) != (picture.width, picture.height)
    if changed:
        connection.execute(
            "UPDATE picture SET width = ?, height = ? WHERE key = ?", (picture.width, picture.height, key)
        )
        _forget_vectors(connection, key, VectorName.PICTURE)
    stays = described_by == DescribedBy.MODEL and picture.described_by is not DescribedBy.MODEL
    if description != picture.description and not stays:
        connection.execute(
            "UPDATE picture SET description = ?, described_by = ? WHERE key = ?",
            (picture.description, picture.described_by, key),
        )
        _forget_vectors(connection, key, VectorName.DESCRIPTION)
        changed = True
    return changed


def _forget_vectors(connection: sqlite3.Connection, key: int, name: VectorName) -> None:
    connection.execute("DELETE FROM picture_vector WHERE picture = ? AND name = ?", (key, name))


def _write_vectors(connection: sqlite3.Connection, key: int, vectors: Mapping[str, NamedVectors]) -> bool:
    """Keep vectors that are not there yet; whether there were any."""
    before = connection.total_changes
    for model_id, named in vectors.items():
        for name, vector in named.items():
            values = np.ascontiguousarray(vector, dtype="<f4")
            model = require_vectors(connection, model_id, values[np.newaxis])
            data = values.tobytes()
            connection.execute(
                "INSERT INTO picture_vector (model, picture, name, crc32, data) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT DO NOTHING",
                (model, key, name, zlib.crc32(data), data),
            )
    return connection.total_changes > before
