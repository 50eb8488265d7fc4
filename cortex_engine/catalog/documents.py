"""Documents: reading, deleting, and the folders they came from."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from cortex_engine.catalog import removal, rows
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.catalog.filters import where
from cortex_engine.catalog.pages import COLUMNS, page_from
from cortex_engine.core.documents import Chunk, Document, DocumentInfo, Page
from cortex_engine.core.errors import UsageError
from cortex_engine.core.failpoints import failpoint
from cortex_engine.core.records import Source
from cortex_engine.core.search import Filters

_PREFIX = 8
"""Digits of an id that are enough to ask for it."""

_SELECT = """
    SELECT d.id, d.sha256, d.name, d.bytes, d.page_count, d.chunk_count, d.pipeline, d.added,
        d.media_type, d.title, d.author, d.created, d.modified, d.language, d.extra, d.date,
        (SELECT min(p.id) FROM parent JOIN document p ON p.key = parent.parent WHERE parent.child = d.key),
        (SELECT json_group_array(name) FROM (SELECT c.name FROM membership m JOIN collection c ON c.key = m.collection
            WHERE m.document = d.key ORDER BY c.name)),
        (SELECT json_group_array(name) FROM (SELECT name FROM tag WHERE tag.document = d.key ORDER BY name)),
        (SELECT json_group_array(path) FROM
            (SELECT DISTINCT path FROM source WHERE source.document = d.key ORDER BY path))
    FROM document d
"""


def _document(row: tuple[Any, ...]) -> Document:
    key, sha256, name, size, pages, chunks, pipeline, added, *info, parent, collections, tags, paths = row
    media_type, title, author, created, modified, language, extra, date = info
    if date != (modified or created)[:10]:  # a person has corrected it
        created, modified = (created if date else ""), date
    pairs = tuple((str(first), str(second)) for first, second in json.loads(extra))
    return Document(
        key,
        sha256,
        name,
        size,
        DocumentInfo(media_type, title, author, created, modified, language, pairs),
        pages,
        chunks,
        pipeline,
        added,
        parent or "",
        *(tuple(json.loads(names)) for names in (collections, tags, paths)),
    )


_ORDERS = {
    "name": "d.name, d.id",
    "added": "d.added DESC, d.key DESC",
    "size": "d.bytes DESC, d.name, d.id",
    "pages": "d.page_count DESC, d.name, d.id",
    "type": "d.media_type, d.name, d.id",
}


def one_document(connection: sqlite3.Connection, key: int) -> Document:
    """A document by its key."""
    return _documents(connection, "WHERE d.key = ?", (key,))[0]


def _documents(connection: sqlite3.Connection, tail: str, values: Sequence[str | int]) -> list[Document]:
    return [_document(row) for row in connection.execute(f"{_SELECT} {tail}", values)]


class DocumentReading(CatalogPart):
    """The other half of the port `Documents`: what goes out."""

    def document(self, document_id: str) -> Document:
        """One document.

        Raises:
            NotFoundError: no such id.
        """
        with self._database.read() as connection:
            key = rows.document_key(connection, document_id)
            return one_document(connection, key)

    def find_documents(self, id_or_name: str) -> list[Document]:
        """By exact id, unique prefix of an id (8 digits or more), exact name, or source path: the first that fits."""
        with self._database.read() as connection:
            found = _documents(connection, "WHERE d.id = ?", (id_or_name,))
            if not found and len(id_or_name) >= _PREFIX:
                # "g" sorts after every hexadecimal digit.
                bounds = (id_or_name.lower(), f"{id_or_name.lower()}g")
                found = _documents(connection, "WHERE d.id >= ? AND d.id < ? LIMIT 2", bounds)
                found = found if len(found) == 1 else []
            if not found:
                found = _documents(connection, "WHERE d.name = ? ORDER BY d.key", (id_or_name,))
            if not found:
                tail = "WHERE d.key IN (SELECT document FROM source WHERE path = ?) ORDER BY d.key"
                found = _documents(connection, tail, (id_or_name,))
            return found

    def documents(
        self,
        filters: Filters = Filters(),  # noqa: B008
        limit: int = 100,
        offset: int = 0,
        order: str = "name",
    ) -> list[Document]:
        """A page of the documents that meet the filters.

        Args:
            order: name, added (newest first), size (largest first), pages (most first), type.

        Raises:
            UsageError: there is no such order.
        """
        if order not in _ORDERS:
            raise UsageError(f"Documents cannot be ordered by '{order}'. Use one of: {', '.join(_ORDERS)}.")
        with self._database.read() as connection:
            condition, values = where(connection, filters)
            # The page is chosen first: what belongs to a document is only looked up for those on it.
            chosen = f"SELECT d.key FROM document d WHERE {condition} ORDER BY {_ORDERS[order]} LIMIT ? OFFSET ?"
            tail = f"WHERE d.key IN ({chosen}) ORDER BY {_ORDERS[order]}"
            return _documents(connection, tail, [*values, limit, offset])

    def count_documents(self, filters: Filters = Filters()) -> int:  # noqa: B008
        """How many meet the filters."""
        with self._database.read() as connection:
            condition, values = where(connection, filters)
            return int(connection.execute(f"SELECT count(*) FROM document d WHERE {condition}", values).fetchone()[0])

    def pages(self, document_id: str) -> tuple[Page, ...]:
        """The pages with their text and word boxes (places to 1/65535 of the page).

        Raises:
            NotFoundError: no such id.
        """
        with self._database.read() as connection:
            key = rows.document_key(connection, document_id)
            found = connection.execute(f"SELECT {COLUMNS} FROM page WHERE document = ? ORDER BY number", (key,))
            return tuple(page_from(row) for row in found)

    def chunks(self, document_ids: Sequence[str]) -> list[Chunk]:
        """Passages of these documents, in the order of the documents given; unknown ids have none."""
        with self._database.read() as connection:
            found = connection.execute(
                f"SELECT {rows.CHUNK_COLUMNS} FROM json_each(?) wanted CROSS JOIN document d ON d.id = wanted.value "
                "CROSS JOIN chunk c ON c.document = d.key ORDER BY wanted.key, c.ordinal",
                (rows.array(document_ids),),
            )
            return [rows.chunk(row) for row in found]

    def children(self, document_id: str) -> list[str]:
        """Ids of the documents that were contained in it, in order of entry.

        Raises:
            NotFoundError: no such id.
        """
        with self._database.read() as connection:
            key = rows.document_key(connection, document_id)
            found = connection.execute(
                "SELECT d.id FROM parent JOIN document d ON d.key = parent.child WHERE parent.parent = ? ORDER BY d.key",
                (key,),
            )
            return [str(child) for (child,) in found]

    def delete_documents(self, document_ids: Sequence[str]) -> list[str]:
        """Remove documents and what only they contained, everywhere; returns the ids that went.

        The originals among the blobs are the caller's to remove (`drop_blobs`).
        """
        with self._database.write() as connection:
            gone = removal.delete_with_contents(connection, rows.document_keys(connection, document_ids))
        failpoint("delete.after")
        return gone

    def sources(self, collection: str, folder: str = "") -> list[Source]:
        """What of the collection was taken from below `folder` (absolute path), by path.

        Raises:
            NotFoundError: no such collection.
        """
        base = folder.rstrip("/\\")
        # Everything that begins with "folder/": the next character after "/" is "0".
        bounds = [f"{base}/", f"{base}0", f"{base}\\", f"{base}]"] if base else ["", "\U0010ffff", "", ""]
        with self._database.read() as connection:
            key = rows.collection_key(connection, collection)
            found = connection.execute(
                "SELECT s.path, d.id, s.mtime_ns, s.bytes FROM source s JOIN document d ON d.key = s.document "
                "WHERE s.collection = ? AND (s.path >= ? AND s.path < ? OR s.path >= ? AND s.path < ?) ORDER BY s.path",
                [key, *bounds],
            )
            return [Source(collection, *row) for row in found]

    def remove_source(self, collection: str, path: str) -> list[str]:
        """A file is gone from its folder: forget the source; returns documents that went with it.

        Raises:
            NotFoundError: no such collection.
        """
        with self._database.write() as connection:
            key = rows.collection_key(connection, collection)
            found = connection.execute("SELECT document FROM source WHERE collection = ? AND path = ?", (key, path))
            keys = [int(document) for (document,) in found.fetchall()]
            connection.execute("DELETE FROM source WHERE collection = ? AND path = ?", (key, path))
            gone = removal.release(connection, key, keys)
        failpoint("delete.after")
        return gone
