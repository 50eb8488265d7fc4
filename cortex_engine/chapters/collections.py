"""Collections and which documents belong to them."""

from __future__ import annotations

from collections.abc import Sequence

from cortex_engine import working
from cortex_engine.chapters.base import Chapter
from cortex_engine.core.app import LibraryCounts, Removal
from cortex_engine.core.collections import Collection, EmbeddingSpec
from cortex_engine.core.documents import Document
from cortex_engine.core.errors import NotFoundError


class CollectionsChapter(Chapter):
    """Collections and which documents belong to them."""

    def collections(self) -> list[Collection]:
        """All collections by name, with counts."""
        return self._library.catalog.collections()

    def default_spec(self) -> EmbeddingSpec:
        """The identity of the model that a new collection gets, as the settings name it.

        Raises:
            ModelUnavailableError: it is not on this machine.
        """
        return self._library.default_spec()

    def create_collection(self, name: str, description: str = "", spec: EmbeddingSpec | None = None) -> Collection:
        """Make a collection with the model that the settings name (or `spec`)."""
        return self._library.catalog.create_collection(name, spec or self._library.default_spec(), description)

    def rename_collection(self, name: str, new_name: str) -> Collection:
        """Give a collection another name."""
        return self._library.catalog.rename_collection(name, new_name)

    def describe_collection(self, name: str, description: str) -> Collection:
        """Say what a collection is for."""
        return self._library.catalog.describe_collection(name, description)

    def merge_collections(self, sources: Sequence[str], target: str) -> Collection:
        """Let all documents of `sources` belong to `target`, then remove the sources; no document is deleted.

        Raises:
            NotFoundError: no such collection.
            UsageError: there are no sources, or the target is among them.
            ModelMismatchError: a source has another embedding model; the message names both.
        """
        return self._library.catalog.merge_collections(sources, target)

    def move_documents(self, documents: Sequence[str], source: str, target: str) -> None:
        """Let documents (ids or names), with what they contain, belong to `target` instead of `source`.

        Raises:
            NotFoundError: no such collection or document, or a document is not in `source`; nothing was changed.
            UsageError: source and target are the same.
            CatalogError: a passage is too long for the target's model; nothing was changed.
            ModelUnavailableError: the target has another model, which cannot be loaded.
        """
        working.move_documents(self._library, [self.document(each).id for each in documents], source, target)

    def collection_removal(self, name: str) -> Removal:
        """What exactly `delete_collection` would delete and keep."""
        return self._library.catalog.collection_removal(name)

    def documents_removal(self, documents: Sequence[str]) -> Removal:
        """What exactly `delete_documents` (ids or names) would delete; `kept`: contained documents that would stay."""
        return self._library.catalog.documents_removal([self.document(each).id for each in documents])

    def counts(self) -> LibraryCounts:
        """What is in the library."""
        return self._library.catalog.library_counts()

    def collection_counts(self, name: str) -> LibraryCounts:
        """What is in a collection."""
        return self._library.catalog.library_counts(self._library.catalog.collection(name).name)

    def delete_collection(self, name: str) -> list[str]:
        """Remove a collection and the documents that belong to no other; returns their ids."""
        return working.delete(self._library, lambda catalog: catalog.delete_collection(name))

    def add_to_collection(self, name: str, documents: Sequence[str]) -> list[Document]:
        """Let documents (ids or names) belong to a collection too."""
        found = [self.document(each) for each in documents]
        working.add_to_collection(self._library, name, [document.id for document in found])
        return found

    def remove_from_collection(self, name: str, documents: Sequence[str]) -> list[str]:
        """Take documents out of a collection; those that belong to none any more are deleted, and returned.

        Raises:
            NotFoundError: no such collection or document, or a document is not in it; nothing was changed.
        """
        name = self._library.catalog.collection(name).name
        found = [self.document(each) for each in documents]
        for document in found:
            if name not in document.collections:
                raise NotFoundError(f"'{document.name}' is not in '{name}'. Nothing was changed.")
        ids = [document.id for document in found]
        return working.delete(self._library, lambda catalog: catalog.remove_from_collection(name, ids))
