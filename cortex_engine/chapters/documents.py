"""Documents, their pages and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cortex_engine import caring, working
from cortex_engine.chapters.base import Chapter
from cortex_engine.core.app import Facets
from cortex_engine.core.documents import Document, Page, PagePicture, line_boxes
from cortex_engine.core.errors import NotFoundError
from cortex_engine.core.records import Passage
from cortex_engine.core.search import Filters


class DocumentsChapter(Chapter):
    """Documents, their pages and pictures."""

    def documents(
        self, filters: Filters | None = None, limit: int = 100, offset: int = 0, order: str = "name"
    ) -> list[Document]:
        """A page of the documents that meet the filters.

        Args:
            order: name, added (newest first), size (largest first), pages (most first), type.

        Raises:
            UsageError: there is no such order, or a filter makes no sense.
        """
        return self._library.catalog.documents(filters or Filters(), limit, offset, order)

    def count_documents(self, filters: Filters | None = None) -> int:
        """How many documents meet the filters."""
        return self._library.catalog.count_documents(filters or Filters())

    def pages(self, id_or_name: str) -> tuple[Page, ...]:
        """Pages of a document with text and word boxes."""
        return self._library.catalog.pages(self.document(id_or_name).id)

    def contained(self, id_or_name: str) -> list[Document]:
        """The documents that were contained in a document (attachments, members of an archive), in order of entry."""
        catalog = self._library.catalog
        return [catalog.document(each) for each in catalog.children(self.document(id_or_name).id)]

    def original(self, id_or_name: str) -> Path:
        """The original file, unchanged; do not write to it."""
        return self._library.blobs.path(self.document(id_or_name).sha256)

    def working_copy(self, id_or_name: str) -> Path:
        """A copy of the original under its own name, for another program to open."""
        return caring.working_copy(self._library, self.document(id_or_name))

    def page_picture(
        self, id_or_name: str, page: int, char_start: int = 0, char_end: int = 0, width: int = 1024
    ) -> PagePicture:
        """A page drawn as a picture, with boxes for a range of the document's characters.

        Raises:
            ParseError: the format has no pages to draw, or the page cannot be drawn.
            NotFoundError: no such page.
        """
        document = self.document(id_or_name)
        pages = self._library.catalog.pages(document.id)
        if not 1 <= page <= len(pages):
            raise NotFoundError(f"'{document.name}' has no page {page}; its last is page {len(pages)}.")
        start = sum(len(each.text) + 1 for each in pages[: page - 1])
        boxes = line_boxes(pages[page - 1], char_start - start, char_end - start)
        path = self._library.blobs.path(document.sha256)
        return self._library.parser.render(path, document.name, page, boxes, width)

    def passage(self, chunk_id: str) -> Passage:
        """A passage by id, with its document."""
        found = self._library.catalog.lookup([chunk_id])
        if chunk_id not in found:
            raise NotFoundError(f"There is no passage '{chunk_id}'; its document may have been deleted or replaced.")
        return found[chunk_id]

    def set_tags(self, id_or_name: str, tags: Sequence[str]) -> Document:
        """Replace a document's tags."""
        document = self.document(id_or_name)
        self._library.catalog.set_tags(document.id, tags)
        return self._library.catalog.document(document.id)

    def add_tags(self, documents: Sequence[str], tags: Sequence[str]) -> None:
        """Add tags to all of the documents (ids or names); all of them or none."""
        self._library.catalog.add_tags([self.document(each).id for each in documents], tags)

    def remove_tags(self, documents: Sequence[str], tags: Sequence[str]) -> None:
        """Take tags from all of the documents (ids or names)."""
        self._library.catalog.remove_tags([self.document(each).id for each in documents], tags)

    def set_metadata(
        self,
        id_or_name: str,
        *,
        name: str | None = None,
        title: str | None = None,
        author: str | None = None,
        date: str | None = None,
        language: str | None = None,
    ) -> Document:
        """Correct what is known of a document; None leaves a field as it is.

        What the file itself said is kept (`metadata_edits`), and the same value again takes a correction back. A name
        keeps the ending of the file's own name. Corrections and tags outlive new versions of the file.

        Args:
            date: year-month-day, or "" for none; it becomes the document's modified date.
            language: ISO 639-1 code, or "" for undecided.

        Raises:
            UsageError: a value makes no sense; nothing was changed.
        """
        given = {"name": name, "title": title, "author": author, "date": date, "language": language}
        edits = {field: value for field, value in given.items() if value is not None}
        return self._library.catalog.set_metadata(self.document(id_or_name).id, edits)

    def metadata_edits(self, id_or_name: str) -> dict[str, str]:
        """Corrected fields of a document -> what the file itself said."""
        return self._library.catalog.metadata_edits(self.document(id_or_name).id)

    def facets(self, filters: Filters | None = None) -> Facets:
        """Documents under the filters by type, language, tag and collection, most frequent first.

        Each count leaves the condition of its own kind out: it tells what choosing the value would give.
        """
        return self._library.catalog.facets(filters or Filters())

    def describe_pictures(self, id_or_name: str) -> int:
        """Have the pictures of a document described by the vision model that the settings name.

        Those that it described before stay as they are; other descriptions (text read by OCR) are replaced.

        Returns:
            How many were described.

        Raises:
            ModelUnavailableError: no endpoint is set, or it fails; what it described before that is kept.
            UsageError: the document has no pictures.
        """
        done = working.describe_pictures(self._library, self.document(id_or_name).id)
        if self._background is not None:
            self._background.wake()
        return done

    def delete_documents(self, documents: Sequence[str]) -> list[str]:
        """Delete documents (ids or names) and what they contained; returns the ids that went."""
        ids = [self.document(each).id for each in documents]
        return working.delete(self._library, lambda catalog: catalog.delete_documents(ids))
