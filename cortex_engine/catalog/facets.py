"""How many documents there are of each kind, and how much is in the library."""

from __future__ import annotations

import sqlite3
from dataclasses import fields, replace

from cortex_engine.catalog import rows
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.catalog.filters import where
from cortex_engine.core.app import Facets, LibraryCounts
from cortex_engine.core.search import Filters

_KINDS = {
    "types": "SELECT d.media_type, count(*) FROM document d",
    "languages": "SELECT d.language, count(*) FROM document d",
    "tags": "SELECT t.name, count(*) FROM tag t JOIN document d ON d.key = t.document",
    "collections": "SELECT c.name, count(*) FROM membership m JOIN collection c ON c.key = m.collection "
    "JOIN document d ON d.key = m.document",
}
"""Field of `Filters` and of `Facets` -> values and their counts, still without condition."""


_SUMS = """
    SELECT count(*), coalesce(sum(d.page_count), 0), coalesce(sum(d.chunk_count), 0), coalesce(sum(d.bytes), 0)
    FROM document d
"""


class FacetReading(CatalogPart):
    """Counts for the ports `Curation` and `DocumentCuration`."""

    def facets(self, filters: Filters = Filters()) -> Facets:  # noqa: B008
        """Documents under the filters by type, language, tag and collection, most frequent first.

        Each count leaves the condition of its own kind out, so that it tells what choosing the value would give.
        Documents whose language is undecided count in no language.

        Raises:
            NotFoundError, UsageError: as `SearchRecords.scope`.
        """
        with self._database.read() as connection:
            condition, values = where(connection, filters)
            documents = connection.execute(f"SELECT count(*) FROM document d WHERE {condition}", values).fetchone()[0]
            return Facets(documents, **{kind: _facet(connection, kind, filters) for kind in _KINDS})

    def library_counts(self, collection: str = "") -> LibraryCounts:
        """What is in the library, or in one collection.

        Raises:
            NotFoundError: no such collection.
        """
        with self._database.read() as connection:
            if collection:
                key = rows.collection_key(connection, collection)
                members = "JOIN membership m ON m.document = d.key WHERE m.collection = ?"
                return LibraryCounts(*connection.execute(f"{_SUMS} {members}", (key,)).fetchone())
            collections = int(connection.execute("SELECT count(*) FROM collection").fetchone()[0])
            counts = LibraryCounts(*connection.execute(_SUMS).fetchone())
            return replace(counts, collections=collections)


def _facet(connection: sqlite3.Connection, kind: str, filters: Filters) -> dict[str, int]:
    condition, values = where(connection, _without(filters, kind))
    found = connection.execute(f"{_KINDS[kind]} WHERE {condition} GROUP BY 1 ORDER BY 2 DESC, 1", values)
    return {str(value): int(count) for value, count in found if value}


def _without(filters: Filters, kind: str) -> Filters:
    return Filters(**{field.name: getattr(filters, field.name) for field in fields(Filters) if field.name != kind})
