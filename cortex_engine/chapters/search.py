"""Finding passages and pictures."""

from __future__ import annotations

from collections.abc import Sequence

from cortex_engine import measuring, query_pictures, searching
from cortex_engine.chapters.base import Chapter
from cortex_engine.core.documents import PagePicture
from cortex_engine.core.reranking import Judgement
from cortex_engine.core.search import Query, SearchResult


class SearchChapter(Chapter):
    """Finding passages and pictures."""

    def search(self, query: Query | str, door: str = "python", record: bool = True) -> SearchResult:
        """Find passages, and pictures where a collection's model sees.

        Args:
            query: words alone, or all that can be asked.
            door: by which the question came ("page", "api", "command line", "python"), for the flight recorder.
            record: whether the flight recorder keeps it.

        Raises:
            UsageError: the query or a filter makes no sense.
            NotFoundError: a named collection, or the query's picture, does not exist.
            ModelUnavailableError, ModelMismatchError: in vector mode, when the model cannot be used.
        """
        question = Query(query) if isinstance(query, str) else query
        return searching.search(self._library, question, door if record else "")

    def keep_picture(self, data: bytes, name: str = "picture") -> str:
        """Keep a picture to search by, for `Query.picture`: the newest 200 are kept, for 30 days after their last use.

        Args:
            data: a picture file (PNG, JPEG, WebP, TIFF, BMP, GIF), or a PDF, of which the first page counts; up to 20 MB.
            name: for messages; its ending helps to tell the format.

        Raises:
            ParseError: it cannot be drawn.
            UsageError: it is too large.
            StorageFullError: the disk has too little room.
        """
        return query_pictures.keep_picture(self._library, data, name)

    def query_picture(self, reference: str) -> PagePicture:
        """The picture behind `Query.picture`: one that was kept, one of the library by id, or "DOCUMENT_ID:PAGE".

        Raises:
            NotFoundError: it is gone.
            ParseError: it cannot be drawn.
            UsageError: it is no reference.
        """
        return query_pictures.query_picture(self._library, reference)

    def rerank(self, query: str, texts: Sequence[str]) -> list[Judgement]:
        """What the reranker of the settings says of texts, best first; the id of a judgement is the text's number from 0.

        Raises:
            UsageError: no reranker is chosen, or the query is empty.
            ModelUnavailableError, ModelUnhealthyError: it cannot be used; cause and remedy.
        """
        return searching.rerank(self._library, query, texts)

    def moment(self) -> tuple[object, ...]:
        """A value that another one follows whenever something in the library changes: a result of this moment holds."""
        catalog = self._library.catalog
        states = sorted(catalog.index_states().values(), key=lambda state: state.name)
        scales = sorted(catalog.calibration_versions().items())
        seen = self._library.graph.newest
        graph = (catalog.graph_moment(), seen.moment if seen is not None else -1)
        indexes = ((state.name, state.generation, state.applied_seq) for state in states)
        return catalog.last_seq(), *scales, *graph, *indexes

    def sample_questions(self) -> list[str]:
        """Questions that the sample documents answer; none where the samples are not in the library."""
        return measuring.sample_questions(self._library)
