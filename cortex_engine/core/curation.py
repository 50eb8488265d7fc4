"""The ports of keeping a library in order: what people say of documents, and where documents belong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from cortex_engine.core.app import Facets, LibraryCounts, Removal
from cortex_engine.core.collections import Collection
from cortex_engine.core.documents import Document
from cortex_engine.core.search import Filters

EDITABLE = ("name", "title", "author", "date", "language")
"""What a person may correct of a document."""


class Curation(Protocol):
    """Collections as people arrange them."""

    def describe_collection(self, name: str, description: str) -> Collection:
        """Say what a collection is for.

        Raises:
            NotFoundError: no such collection.
            UsageError: the text is too long or cannot be stored.
        """
        ...

    def merge_collections(self, sources: Sequence[str], target: str) -> Collection:
        """Let all documents of `sources` belong to `target`, then remove the sources; no document is deleted.

        Where the same path was taken into several, the newest file stays the path's source. What an older file became
        stays as a document of its own. Jobs follow.

        Raises:
            NotFoundError: no such collection.
            UsageError: there are no sources, or the target is among them.
            ModelMismatchError: a source has another embedding model; the message names both.
        """
        ...

    def move_documents(self, document_ids: Sequence[str], source: str, target: str) -> None:
        """Let documents, with what they contain, belong to `target` instead of `source`; none is deleted in between.

        Their vectors for the target's model may have to follow (`unembedded` names them).

        Raises:
            NotFoundError: no such collection or document, or a document is not in `source`; nothing was changed.
            UsageError: source and target are the same.
        """
        ...

    def collection_removal(self, name: str) -> Removal:
        """What `delete_collection` would delete and keep.

        Raises:
            NotFoundError: no such collection.
        """
        ...

    def documents_removal(self, document_ids: Sequence[str]) -> Removal:
        """What `delete_documents` would delete, and how many contained documents would stay."""
        ...

    def library_counts(self, collection: str = "") -> LibraryCounts:
        """What is in the library, or in one collection.

        Raises:
            NotFoundError: no such collection.
        """
        ...


class DocumentCuration(Protocol):
    """Documents as people describe them."""

    def set_metadata(self, document_id: str, edits: Mapping[str, str]) -> Document:
        """Correct what is known of a document (`EDITABLE`); what the file itself said is kept.

        A value that equals the file's own takes the correction back. Where something indexed changes, the document
        goes into the outbox.

        Raises:
            NotFoundError: no such id.
            UsageError: a field or value makes no sense; nothing was changed.
        """
        ...

    def metadata_edits(self, document_id: str) -> dict[str, str]:
        """Corrected fields -> what the file itself said.

        Raises:
            NotFoundError: no such id.
        """
        ...

    def add_tags(self, document_ids: Sequence[str], tags: Sequence[str]) -> None:
        """Add tags to all of the documents.

        Raises:
            NotFoundError: a document is not there; nothing was changed.
            UsageError: a tag is too long or cannot be stored.
        """
        ...

    def remove_tags(self, document_ids: Sequence[str], tags: Sequence[str]) -> None:
        """Take tags from all of the documents; errors as `add_tags`."""
        ...

    def facets(self, filters: Filters = Filters()) -> Facets:  # noqa: B008
        """Documents under the filters by type, language, tag and collection.

        Each count leaves the condition of its own kind out, so that it tells what choosing the value would give.

        Raises:
            NotFoundError, UsageError: as `SearchRecords.scope`.
        """
        ...
