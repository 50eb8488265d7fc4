"""What the query line asks of the truth."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from cortex_engine.catalog import rows
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.catalog.filters import where
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.protocols import LexicalEntry
from cortex_engine.core.records import Passage
from cortex_engine.core.search import Filters

_BATCH = 2000
"""Passages that are read in one transaction."""

_LOOKUP = f"""
    SELECT {rows.CHUNK_COLUMNS}, d.key, d.name, d.title, d.media_type, d.language, p.label
    FROM json_each(?) wanted CROSS JOIN chunk c ON c.id = wanted.value JOIN document d ON d.key = c.document
    LEFT JOIN page p ON p.document = d.key AND p.number = c.page
"""

_COLLECTIONS = """
    SELECT m.document, json_group_array(c.name) FROM membership m JOIN collection c ON c.key = m.collection
    WHERE m.document IN (SELECT value FROM json_each(?)) GROUP BY m.document
"""

_PASSAGES = """
    SELECT c.key, c.id, d.id, c.context, c.text, d.title, d.name, d.language
    FROM chunk c JOIN document d ON d.key = c.document WHERE c.key > ?
"""

_KINDS = (
    ("document", "documents", "SELECT 1 FROM document WHERE id = :value OR name = :value"),
    ("type", "types", "SELECT 1 FROM document WHERE media_type = :small"),
    ("language", "languages", "SELECT 1 FROM document WHERE language = :small"),
    ("tag", "tags", "SELECT 1 FROM tag WHERE name = :value"),
)
"""Kind, field of `Filters`, and how to find one document that has the value."""

_HAS_VECTORS = """
    EXISTS (SELECT 1 FROM document_model e WHERE e.document = m.document AND e.model = c.model)
    OR EXISTS (SELECT 1 FROM picture p JOIN picture_vector v ON v.picture = p.key AND v.model = c.model
               WHERE p.document = m.document)
"""

_IN_SCOPE = "id IN (SELECT value FROM json_each(?))"


class SearchReading(CatalogPart):
    """The port `SearchRecords`."""

    def scope(self, filters: Filters) -> frozenset[str] | None:
        """Ids of the documents that meet the filters; None when no filter is set.

        Raises:
            NotFoundError: a named collection does not exist.
            UsageError: a date is no ISO date, a language no code.
        """
        if filters.empty:
            return None
        with self._database.read() as connection:
            condition, values = where(connection, filters)
            found = connection.execute(f"SELECT d.id FROM document d WHERE {condition}", values)
            return frozenset(str(document_id) for (document_id,) in found)

    def unknown(self, filters: Filters) -> dict[str, list[str]]:
        """Values that no document of the library has: "document", "type", "language", "tag" -> values, as asked."""
        found = {}
        with self._database.read() as connection:
            for kind, field, condition in _KINDS:
                missing = [
                    value
                    for value in getattr(filters, field)
                    if connection.execute(condition, {"value": value, "small": value.casefold()}).fetchone() is None
                ]
                if missing:
                    found[kind] = missing
        return found

    def specs(self, documents: AbstractSet[str] | None) -> dict[str, EmbeddingSpec]:
        """Models (by id) of the collections that documents in scope belong to, where these have vectors of them.

        Vectors that no collection of a document uses do not count: a migration makes them on the side.
        """
        condition = "" if documents is None else f" AND m.document IN (SELECT key FROM document WHERE {_IN_SCOPE})"
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT s.id, s.json FROM embedding_spec s WHERE EXISTS (SELECT 1 FROM collection c "
                f"JOIN membership m ON m.collection = c.key WHERE c.model = s.key{condition} AND ({_HAS_VECTORS})) "
                "ORDER BY s.id",
                () if documents is None else (rows.array(documents),),
            )
            return {model_id: rows.spec_from(text) for model_id, text in found}

    def languages(self, documents: AbstractSet[str] | None) -> dict[str, int]:
        """Passages in scope by language."""
        condition = "" if documents is None else f" AND {_IN_SCOPE}"
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT language, sum(chunk_count) FROM document "
                f"WHERE chunk_count > 0{condition} GROUP BY language ORDER BY language",
                () if documents is None else (rows.array(documents),),
            )
            return {str(language): int(count) for language, count in found}

    def passage_count(self, documents: AbstractSet[str] | None) -> int:
        """Passages in scope."""
        return sum(self.languages(documents).values())

    def lookup(self, chunk_ids: Sequence[str]) -> dict[str, Passage]:
        """Join hits back to the truth in one read transaction; ids that are unknown or deleted are left out."""
        with self._database.read() as connection:
            found = connection.execute(_LOOKUP, (rows.array(chunk_ids),)).fetchall()
            keys = {row[10] for row in found}
            names = {
                document: tuple(sorted(json.loads(collections)))
                for document, collections in connection.execute(_COLLECTIONS, (rows.array(keys),))
            }
        return {
            row[0]: Passage(
                chunk=rows.chunk(row[:10]),
                document=row[11],
                title=row[12],
                media_type=row[13],
                language=row[14],
                page_label=row[15] or "",
                collections=names.get(row[10], ()),
            )
            for row in found
        }

    def passages(self, document_ids: Sequence[str] | None = None) -> Iterator[LexicalEntry]:
        """Every passage as the lexical index takes it, in order of entry; read in batches, as `vectors` does."""
        last = 0
        while True:
            with self._database.read() as connection:
                values: list[int | str] = [last]
                condition = ""
                if document_ids is not None:
                    condition = " AND c.document IN (SELECT value FROM json_each(?))"
                    values.append(rows.array(rows.document_keys(connection, document_ids)))
                found = connection.execute(f"{_PASSAGES}{condition} ORDER BY c.key LIMIT {_BATCH}", values).fetchall()
            if not found:
                return
            for _, chunk_id, document_id, context, text, title, name, language in found:
                entry = f"{context}\n{text}" if context else text
                yield LexicalEntry(chunk_id, document_id, entry, title or name, language)
            last = found[-1][0]
