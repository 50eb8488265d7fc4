"""How many documents there are of each kind, and how much is in the library."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

from cortex_engine.catalog import rows
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.catalog.filters import where
from cortex_engine.core.app import Facets, LibraryCounts
from cortex_engine.core.search import Filters

_VALUES = {
    "types": ("document", "key", "media_type"),
    "languages": ("document", "key", "language"),
    "tags": ("tag", "document", "name"),
    "collections": ("membership", "document", "collection"),
}
"""Field of `Filters` and of `Facets` -> table, and its columns of a document's key and of a value that it has."""

_GIVEN = "(SELECT value FROM json_each(?))"

_FEW = 2000
"""Up to so many documents are looked up one by one; for more, reading the whole table is faster."""

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
            meeting = {kind: _meeting(connection, _only(filters, {kind})) for kind in _VALUES}
            others = {field.name for field in fields(Filters)} - set(_VALUES)
            rest = _meeting(connection, _only(filters, others))
            counts = {
                kind: _count(connection, kind, _common([rest, *(meeting[other] for other in meeting if other != kind)]))
                for kind in _VALUES
            }
            names = dict(connection.execute("SELECT key, name FROM collection").fetchall())
            counts["collections"] = {names[key]: count for key, count in counts["collections"].items()}
            all_of_them = _common([rest, *meeting.values()])
            total = connection.execute("SELECT count(*) FROM document").fetchone()[0]
        return Facets(
            total if all_of_them is None else len(all_of_them), **{kind: _ordered(counts[kind]) for kind in counts}
        )

    def library_counts(self, collection: str = "") -> LibraryCounts:
        """What is in the library, or in one collection.

        Raises:
            NotFoundError: no such collection.
        """
        with self._database.read() as connection:
            if collection:
                key = rows.collection_key(connection, collection)
                members = "JOIN membership m ON m.document = d.key WHERE m.collection = ?"
                counts = LibraryCounts(*connection.execute(f"{_SUMS} {members}", (key,)).fetchone())
                within = (
                    "SELECT count(*) FROM picture p JOIN membership m ON m.document = p.document WHERE m.collection = ?"
                )
                return replace(counts, pictures=int(connection.execute(within, (key,)).fetchone()[0]))
            collections = int(connection.execute("SELECT count(*) FROM collection").fetchone()[0])
            pictures = int(connection.execute("SELECT count(*) FROM picture").fetchone()[0])
            counts = LibraryCounts(*connection.execute(_SUMS).fetchone())
            return replace(counts, collections=collections, pictures=pictures)


def _only(filters: Filters, names: Iterable[str]) -> Filters:
    """The filters with these conditions and no others."""
    return Filters(**{name: getattr(filters, name) for name in names})


def _meeting(connection: sqlite3.Connection, filters: Filters) -> set[int] | None:
    """Keys of the documents that meet the filters; None for all."""
    condition, values = where(connection, filters)
    if filters.empty:
        return None
    return {int(key) for (key,) in connection.execute(f"SELECT d.key FROM document d WHERE {condition}", values)}


def _common(sets: Iterable[set[int] | None]) -> set[int] | None:
    given = [one for one in sets if one is not None]
    return set.intersection(*given) if given else None


def _count(connection: sqlite3.Connection, kind: str, keys: set[int] | None) -> Mapping[Any, int]:
    """Values -> number of documents, of these or (None) of all."""
    table, document, value = _VALUES[kind]
    if keys is None:
        return dict(connection.execute(f"SELECT {value}, count(*) FROM {table} GROUP BY {value}").fetchall())
    among, values = ("", ()) if len(keys) > _FEW else (f" WHERE {document} IN {_GIVEN}", (rows.array(keys),))
    pairs = connection.execute(f"SELECT {document}, {value} FROM {table}{among}", values)
    return Counter(one for key, one in pairs if key in keys)


def _ordered(counts: Mapping[str, int]) -> dict[str, int]:
    """Most frequent first; without the empty value, which no filter can ask for."""
    return {value: counts[value] for value in sorted(counts, key=lambda one: (-counts[one], one)) if value}
