"""Pages as people look at them: marked pictures, thumbnails, snippets, citations."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from cortex_engine import viewing
from cortex_engine.chapters.base import Chapter
from cortex_engine.core import citations
from cortex_engine.core.app import PageView, Snippet
from cortex_engine.core.documents import PagePicture


class ViewsChapter(Chapter):
    """Pages as people look at them."""

    def snippet(self, text: str, query: str, length: int = 320) -> Snippet:
        """The piece of a passage with most words of the query, on one line; its beginning where none stands in it.

        Args:
            text: the passage.
            query: as typed; a query that asks for nothing marks nothing.
            length: most characters, "…" included.
        """
        return viewing.snippet(self._library, text, query, length)

    def page_view(
        self, id_or_name: str, page: int, char_start: int = 0, char_end: int = 0, query: str = "", width: int = 1024
    ) -> PageView:
        """A page with a passage and the words of a query marked, in its text and drawn into its picture.

        A page that cannot be drawn is shown by its text, with a note that says why.

        Args:
            id_or_name: the document.
            page: from 1.
            char_start, char_end: the passage in the document's characters; what lies on other pages is left out.
            query: as typed; function words are marked only in quotation marks.
            width: pixels of the picture, 64 to 3,200.

        Raises:
            NotFoundError: no such document or page.
        """
        document = self.document(id_or_name)
        return viewing.page_view(self._library, document, page, (char_start, char_end), query, width)

    def thumbnail(self, id_or_name: str, page: int = 1, width: int = 320) -> PagePicture | None:
        """A small picture of a page, kept on disk; None where there is none to be had (show a tile).

        Raises:
            NotFoundError: no such document.
        """
        return viewing.thumbnail(self._library, self.document(id_or_name), page, width)

    def preview(self, id_or_name: str, characters: int = 240) -> str:
        """How a document begins, for a tile where there is no picture; "" where it holds no text.

        Raises:
            NotFoundError: no such document.
        """
        return self._library.catalog.beginning(self.document(id_or_name).id, characters)

    def prepare_thumbnails(self, document_ids: Sequence[str], stop: threading.Event | None = None) -> int:
        """Draw the first pages of these documents ahead of the first look; returns how many there are now."""
        return viewing.prepare_thumbnails(self._library, document_ids, stop)

    def tidy_pictures(self) -> None:
        """Remove kept pictures of documents that are not in the library any more."""
        viewing.tidy(self._library)

    def cite(self, id_or_name: str, page: int = 0, style: str = "plain") -> str:
        """A reference to a document, or to a page of it.

        Args:
            id_or_name: the document.
            page: from 1; 0 for the document as a whole.
            style: "plain", "bibtex" or "ris".

        Raises:
            NotFoundError: no such document.
            UsageError: no such style.
        """
        return citations.cite(self.document(id_or_name), page, style)
