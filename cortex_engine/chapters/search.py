"""Finding passages."""

from __future__ import annotations

from cortex_engine import measuring, working
from cortex_engine.chapters.base import Chapter
from cortex_engine.core.search import Query, SearchResult


class SearchChapter(Chapter):
    """Finding passages."""

    def search(self, query: Query | str) -> SearchResult:
        """Find passages.

        Raises:
            UsageError: the query or a filter makes no sense.
            NotFoundError: a named collection does not exist.
            ModelUnavailableError, ModelMismatchError: in vector mode, when the model cannot be used.
        """
        question = Query(query) if isinstance(query, str) else query
        return working.search(self._library, question)

    def moment(self) -> tuple[object, ...]:
        """A value that another one follows whenever something in the library changes: a result of this moment holds."""
        catalog = self._library.catalog
        states = sorted(catalog.index_states().values(), key=lambda state: state.name)
        return catalog.last_seq(), *((state.name, state.generation, state.applied_seq) for state in states)

    def sample_questions(self) -> list[str]:
        """Questions that the sample documents answer; none where the samples are not in the library."""
        return measuring.sample_questions(self._library)
