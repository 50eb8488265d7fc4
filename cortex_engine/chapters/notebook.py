"""What people keep of their searches."""

from __future__ import annotations

from cortex_engine.chapters.base import Chapter
from cortex_engine.core.app import HistoryEntry, Judgement, SavedSearch
from cortex_engine.core.search import Query


class NotebookChapter(Chapter):
    """What people keep of their searches: history, saved searches, judgements."""

    def remember_search(self, query: Query, hits: int) -> None:
        """Put a search at the top of the history; the same query asked again moves up. The newest 200 are kept.

        Raises:
            UsageError: the query has neither words nor a picture.
        """
        self._library.catalog.remember_search(query, hits)

    def history(self, limit: int = 20) -> list[HistoryEntry]:
        """The newest searches first."""
        return self._library.catalog.history(limit)

    def forget_history(self, id: int | None = None) -> None:
        """Forget one entry, or all of them."""
        self._library.catalog.forget_history(id)

    def save_search(self, name: str, query: Query) -> SavedSearch:
        """Keep a search under a name.

        Raises:
            AlreadyExistsError: the name is taken.
            UsageError: the name is empty, too long or holds control characters, or the query has neither words nor a picture.
        """
        return self._library.catalog.save_search(name, query)

    def saved_searches(self) -> list[SavedSearch]:
        """All of them by name."""
        return self._library.catalog.saved_searches()

    def rename_saved_search(self, id: int, name: str) -> SavedSearch:
        """Give a saved search another name; errors as `save_search`, and NotFoundError when it is gone."""
        return self._library.catalog.rename_saved_search(id, name)

    def delete_saved_search(self, id: int) -> None:
        """Forget a saved search; NotFoundError when it is gone already."""
        self._library.catalog.delete_saved_search(id)

    def judge(self, query_text: str, chunk_id: str, value: int) -> None:
        """Keep a person's word on a passage for a query: 1 it answers, -1 it does not, 0 takes the word back.

        Raises:
            NotFoundError: there is no such passage (a word on one that is gone can still be taken back).
            UsageError: another value, or no query.
        """
        self._library.catalog.judge(query_text, chunk_id, value)

    def judgements(self, query_text: str | None = None) -> list[Judgement]:
        """All judgements, or those for one query; the newest first."""
        return self._library.catalog.judgements(query_text)
