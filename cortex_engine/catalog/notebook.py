"""What people keep of their searches."""

from __future__ import annotations

import sqlite3

from cortex_engine.catalog import rows
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.core.app import HistoryEntry, Judgement, SavedSearch
from cortex_engine.core.errors import AlreadyExistsError, NotFoundError, UsageError
from cortex_engine.core.notebook import HISTORY_LENGTH, query_from_json, query_to_json
from cortex_engine.core.search import Query

_LONGEST = 20_000
"""Characters of a query that is kept."""

_VALUES = (-1, 0, 1)


class NotebookRecords(CatalogPart):
    """The port `Notebook`."""

    def remember_search(self, query: Query, hits: int) -> None:
        """Put a search at the top of the history; the same query asked again moves up. The newest 200 are kept.

        A query of more than 20,000 characters (a pasted text) is not remembered.

        Raises:
            UsageError: the query has neither words nor a picture.
        """
        _require_question(query)
        if len(query.text) > _LONGEST:
            return
        values = (query_to_json(query), hits, rows.now())
        with self._database.write() as connection:
            # A new key, not only a new time: of two searches in one second the later one still comes first.
            connection.execute("DELETE FROM search_history WHERE query = ?", values[:1])
            connection.execute("INSERT INTO search_history (query, hits, asked) VALUES (?, ?, ?)", values)
            connection.execute(
                "DELETE FROM search_history WHERE key NOT IN (SELECT key FROM search_history ORDER BY key DESC LIMIT ?)",
                (HISTORY_LENGTH,),
            )

    def history(self, limit: int = 20) -> list[HistoryEntry]:
        """The newest searches first."""
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT key, query, hits, asked FROM search_history ORDER BY key DESC LIMIT ?", (max(limit, 0),)
            )
            return [HistoryEntry(key, query_from_json(query), hits, asked) for key, query, hits, asked in found]

    def forget_history(self, entry_id: int | None = None) -> None:
        """Forget one entry, or all of them; an entry that is gone already is no error."""
        with self._database.write() as connection:
            if entry_id is None:
                connection.execute("DELETE FROM search_history")
            else:
                connection.execute("DELETE FROM search_history WHERE key = ?", (entry_id,))

    def save_search(self, name: str, query: Query) -> SavedSearch:
        """Keep a search under a name (spaces around it are cut).

        Raises:
            AlreadyExistsError: the name is taken.
            UsageError: the name is empty, too long or holds control characters, or the query has neither words nor a picture.
        """
        name = name.strip()
        rows.require_name(name, "saved search")
        _require_question(query)
        rows.require_storable(query.text, "A query", _LONGEST)
        with self._database.write() as connection:
            _require_free(connection, name)
            cursor = connection.execute(
                "INSERT INTO saved_search (name, query, created) VALUES (?, ?, ?)",
                (name, query_to_json(query), rows.now()),
            )
            return _saved(connection, int(cursor.lastrowid or 0))

    def saved_searches(self) -> list[SavedSearch]:
        """All of them by name."""
        with self._database.read() as connection:
            found = connection.execute("SELECT key, name, query, created FROM saved_search ORDER BY name")
            return [SavedSearch(key, name, query_from_json(query), created) for key, name, query, created in found]

    def rename_saved_search(self, search_id: int, name: str) -> SavedSearch:
        """Give a saved search another name.

        Raises:
            NotFoundError, AlreadyExistsError, UsageError: no such search; otherwise as `save_search`.
        """
        name = name.strip()
        rows.require_name(name, "saved search")
        with self._database.write() as connection:
            if _saved(connection, search_id).name != name:
                _require_free(connection, name)
                connection.execute("UPDATE saved_search SET name = ? WHERE key = ?", (name, search_id))
            return _saved(connection, search_id)

    def delete_saved_search(self, search_id: int) -> None:
        """Forget a saved search.

        Raises:
            NotFoundError: there is none with this id.
        """
        with self._database.write() as connection:
            _saved(connection, search_id)
            connection.execute("DELETE FROM saved_search WHERE key = ?", (search_id,))

    def judge(self, query_text: str, chunk_id: str, value: int) -> None:
        """Keep a person's word on a passage (or picture) for a query: 1 it answers, -1 it does not, 0 takes the word back.

        Spaces around the query do not count.

        Raises:
            NotFoundError: there is no such passage (a word on one that is gone can still be taken back).
            UsageError: another value, or no query.
        """
        if value not in _VALUES:
            raise UsageError(f"A judgement is 1, -1, or 0 to take it back; not {value}.")
        query = query_text.strip()
        _require_words(query)
        rows.require_storable(query, "A query", _LONGEST)
        with self._database.write() as connection:
            if value == 0:
                connection.execute("DELETE FROM judgement WHERE query = ? AND chunk = ?", (query, chunk_id))
                return
            found = connection.execute(
                "SELECT d.id, d.name FROM (SELECT document FROM chunk WHERE id = :id "
                "UNION ALL SELECT document FROM picture WHERE id = :id) found JOIN document d ON d.key = found.document",
                {"id": chunk_id},
            ).fetchone()
            if found is None:
                raise NotFoundError("This passage is gone; its document was deleted or replaced. Search again.")
            connection.execute(
                "INSERT INTO judgement (query, chunk, document, name, value, created) VALUES (?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (query, chunk) DO UPDATE SET value = excluded.value, created = excluded.created, "
                "document = excluded.document, name = excluded.name",
                (query, chunk_id, *found, value, rows.now()),
            )

    def judgements(self, query_text: str | None = None) -> list[Judgement]:
        """All judgements, or those for one query; the newest first."""
        condition, values = ("", ()) if query_text is None else ("WHERE query = ?", (query_text.strip(),))
        with self._database.read() as connection:
            found = connection.execute(
                f"SELECT query, chunk, document, name, value, created FROM judgement {condition} "
                "ORDER BY created DESC, key DESC",
                values,
            )
            return [Judgement(*row) for row in found]


def _require_question(query: Query) -> None:
    if not query.picture:
        _require_words(query.text)


def _require_words(text: str) -> None:
    if not text.strip():
        raise UsageError("A search without words cannot be kept. Type what you are looking for.")


def _require_free(connection: sqlite3.Connection, name: str) -> None:
    if connection.execute("SELECT 1 FROM saved_search WHERE name = ?", (name,)).fetchone() is not None:
        raise AlreadyExistsError(f"There is already a saved search '{name}'. Choose another name.")


def _saved(connection: sqlite3.Connection, search_id: int) -> SavedSearch:
    row = connection.execute(
        "SELECT key, name, query, created FROM saved_search WHERE key = ?", (search_id,)
    ).fetchone()
    if row is None:
        raise NotFoundError("This saved search is gone; it may have been deleted in another window.")
    return SavedSearch(row[0], row[1], query_from_json(row[2]), row[3])
