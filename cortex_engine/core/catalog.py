"""The port of the catalog, the source of truth.

Reading methods may be called from any thread and any process; writing methods are short transactions begun with
`BEGIN IMMEDIATE`, so that several processes may write in turn. What the owner of the library alone may do (claim
files, write derived indexes, checkpoint) says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import BinaryIO, Protocol

from cortex_engine.core.answers import ConversationRecords
from cortex_engine.core.calibration import CalibrationRecords
from cortex_engine.core.collections import Collection, EmbeddingSpec
from cortex_engine.core.curation import Curation, DocumentCuration
from cortex_engine.core.documents import Chunk, Document, Page
from cortex_engine.core.flights import FlightRecords
from cortex_engine.core.graph_records import GraphRecords
from cortex_engine.core.jobs import Jobs
from cortex_engine.core.model_records import MigrationRecords, ProbeRecords
from cortex_engine.core.notebook import Notebook
from cortex_engine.core.picture_records import PictureRecords
from cortex_engine.core.protocols import LexicalEntry, Vectors
from cortex_engine.core.records import (
    CommitOutcome,
    Passage,
    PreparedDocument,
    Source,
    StoredVectors,
    VectorBatch,
)
from cortex_engine.core.reports import IndexState, OutboxEntry
from cortex_engine.core.search import Filters
from cortex_engine.core.upkeep import Upkeep


class BlobStore(Protocol):
    """Originals by content: immutable, durable before anything refers to them."""

    def put(self, source: Path) -> tuple[str, int]:
        """Copy a file in (temporary file, fsync, rename, fsync of the folder); returns its sha256 and size.

        Raises:
            StorageFullError: too little room; nothing is left behind.
            OSError: the source cannot be read.
        """
        ...

    def put_bytes(self, data: bytes) -> tuple[str, int]:
        """The same for bytes in memory (attachments, uploads)."""
        ...

    def put_stream(self, stream: BinaryIO, size: int) -> tuple[str, int]:
        """The same for an open stream (uploads), read from where it stands, block by block; `size`: about how many bytes."""
        ...

    def path(self, sha256: str) -> Path:
        """Where the original lies.

        Raises:
            NotFoundError: it is not there.
        """
        ...

    def delete(self, sha256: str) -> None:
        """Remove it if it is there."""
        ...

    def all(self) -> Iterator[str]:
        """Every sha256 that is held."""
        ...

    def clean_unfinished(self) -> None:
        """Clear away what dead processes left half written. Only the owner of the library does so."""
        ...


class Collections(Protocol):
    """Collections and memberships."""

    def create_collection(self, name: str, spec: EmbeddingSpec, description: str = "") -> Collection:
        """Make a collection.

        Raises:
            AlreadyExistsError: the name is taken.
            UsageError: the name is empty, longer than 200 characters or holds control characters.
        """
        ...

    def collections(self) -> list[Collection]:
        """All collections by name, with counts."""
        ...

    def collection(self, name: str) -> Collection:
        """One collection.

        Raises:
            NotFoundError: the message names the nearest existing names.
        """
        ...

    def rename_collection(self, name: str, new_name: str) -> Collection:
        """Give another name; ids, documents and indexes stay."""
        ...

    def delete_collection(self, name: str) -> list[str]:
        """Remove the collection and every document that belongs to no other; returns the ids that went."""
        ...

    def add_to_collection(self, name: str, document_ids: Sequence[str]) -> None:
        """Let documents belong to the collection too (their vectors for its model may have to follow)."""
        ...

    def remove_from_collection(self, name: str, document_ids: Sequence[str]) -> list[str]:
        """Take documents out; those that then belong to none are deleted, and returned."""
        ...


class Documents(Protocol):
    """Documents, their pages, passages and vectors."""

    def commit(
        self, prepared: PreparedDocument, collection: str, source: Source | None = None, job_file: int | None = None
    ) -> CommitOutcome:
        """Write a document in one transaction: rows, vectors, membership, source, outbox and the job file's end.

        When `source.path` held another document in this collection before, that one is replaced in the same
        transaction.

        Raises:
            StorageFullError: the disk is full; nothing was written.
            ModelMismatchError: vectors do not have the dimension of their spec.
        """
        ...

    def commit_many(self, prepared: Sequence[PreparedDocument], collection: str) -> list[CommitOutcome]:
        """Write documents that came from no file, all in one transaction: all of them or none; errors as `commit`."""
        ...

    def adopt(
        self,
        document_id: str,
        collection: str,
        source: Source | None = None,
        job_file: int | None = None,
        parent_id: str = "",
    ) -> CommitOutcome:
        """The same for a document that is already there: membership, source and parent only.

        Raises:
            NotFoundError: no such document, collection or parent.
        """
        ...

    def document(self, document_id: str) -> Document:
        """One document.

        Raises:
            NotFoundError: no such id.
        """
        ...

    def find_documents(self, id_or_name: str) -> list[Document]:
        """By exact id, unique prefix of an id (8 digits or more), exact name, or source path."""
        ...

    def documents(
        self,
        filters: Filters = Filters(),  # noqa: B008
        limit: int = 100,
        offset: int = 0,
        order: str = "name",
    ) -> list[Document]:
        """A page of the documents that meet the filters.

        Args:
            order: name, added (newest first), size (largest first), pages (most first), type.

        Raises:
            UsageError: there is no such order.
        """
        ...

    def count_documents(self, filters: Filters = Filters()) -> int:  # noqa: B008
        """How many meet the filters."""
        ...

    def pages(self, document_id: str) -> tuple[Page, ...]:
        """The pages with their text and word boxes."""
        ...

    def chunks(self, document_ids: Sequence[str]) -> list[Chunk]:
        """Passages of these documents in order."""
        ...

    def children(self, document_id: str) -> list[str]:
        """Ids of the documents that were contained in it."""
        ...

    def set_tags(self, document_id: str, tags: Sequence[str]) -> None:
        """Replace the tags."""
        ...

    def delete_documents(self, document_ids: Sequence[str]) -> list[str]:
        """Remove documents and what they contained, everywhere; returns the ids that went."""
        ...

    def sources(self, collection: str, folder: str = "") -> list[Source]:
        """What of the collection was taken from below `folder` (absolute path)."""
        ...

    def remove_source(self, collection: str, path: str) -> list[str]:
        """A file is gone from its folder: forget the source; returns documents that went with it."""
        ...


class VectorRecords(Protocol):
    """Vectors as the truth keeps them."""

    def vectors(self, model_id: str, document_ids: Sequence[str] | None = None) -> Iterator[VectorBatch]:
        """All vectors of a model, or of these documents, in batches of at most a few thousand rows.

        Damaged vectors are left out: `damaged_vectors` names them.
        """
        ...

    def damaged_vectors(self, model_id: str) -> dict[str, str]:
        """Vectors whose checksum or length does not match: chunk id -> document id. Reads all of the model's."""
        ...

    def stored_vectors(self, model_id: str) -> Iterator[StoredVectors]:
        """All vectors of a model as they lie there, unchecked, in batches; for who looks for damage.

        Raises:
            NotFoundError: unknown model id.
        """
        ...

    def known_vectors(self, model_id: str, text_hashes: Sequence[str]) -> dict[str, bytes]:
        """Vectors (float32 bytes) that were made before for the same embedded text."""
        ...

    def add_vectors(self, model_id: str, chunk_ids: Sequence[str], vectors: Vectors) -> None:
        """Keep vectors for passages that waited for them, and put their documents in the outbox."""
        ...

    def unembedded(self, limit: int = 100) -> list[tuple[str, EmbeddingSpec]]:
        """Documents that lack vectors for the model of a collection that they belong to."""
        ...

    def spec(self, model_id: str) -> EmbeddingSpec:
        """The spec behind a model id.

        Raises:
            NotFoundError: unknown model id.
        """
        ...

    def models(self, collections: Sequence[str] = ()) -> dict[str, EmbeddingSpec]:
        """Models by id of all collections, or of those of them that are there; cheap."""
        ...


class SearchRecords(Protocol):
    """What the query line asks."""

    def scope(self, filters: Filters) -> frozenset[str] | None:
        """Ids of the documents that meet the filters; None when no filter is set.

        Raises:
            NotFoundError: a named collection does not exist.
            UsageError: a date is no ISO date, a language no code.
        """
        ...

    def unknown(self, filters: Filters) -> dict[str, list[str]]:
        """Values that no document of the library has: "document", "type", "language", "tag" -> values, as asked."""
        ...

    def specs(self, documents: AbstractSet[str] | None) -> dict[str, EmbeddingSpec]:
        """Models (by id) whose vectors the documents in scope have."""
        ...

    def languages(self, documents: AbstractSet[str] | None) -> dict[str, int]:
        """Passages in scope by language."""
        ...

    def passage_count(self, documents: AbstractSet[str] | None) -> int:
        """Passages in scope."""
        ...

    def lookup(self, chunk_ids: Sequence[str]) -> dict[str, Passage]:
        """Join hits back to the truth in one read transaction; ids that are unknown or deleted are left out."""
        ...

    def passages(self, document_ids: Sequence[str] | None = None) -> Iterator[LexicalEntry]:
        """Every passage as the lexical index takes it."""
        ...


class Outbox(Protocol):
    """How the derived indexes follow the truth. Only the owner of the library writes here."""

    def last_seq(self) -> int:
        """Number of the newest change, 0 for none."""
        ...

    def outbox(self, after: int, limit: int = 1000) -> list[OutboxEntry]:
        """Changes in order."""
        ...

    def index_states(self) -> dict[str, IndexState]:
        """All derived indexes that the catalog knows."""
        ...

    def begin_index_write(self, name: str) -> None:
        """Mark dirty, durable, before the first byte of the index changes."""
        ...

    def end_index_write(self, name: str, applied_seq: int) -> None:
        """The index holds everything up to `applied_seq` and is flushed: clean again."""
        ...

    def swap_generation(self, name: str, generation: int, applied_seq: int, config_hash: str = "") -> None:
        """A new generation is complete on disk: from now on it is the valid one, and clean."""
        ...

    def forget_index(self, name: str) -> None:
        """The index exists no more."""
        ...

    def trim_outbox(self) -> None:
        """Drop entries that every known index holds."""
        ...


class Catalog(
    Collections,
    Curation,
    Documents,
    DocumentCuration,
    VectorRecords,
    PictureRecords,
    ProbeRecords,
    GraphRecords,
    MigrationRecords,
    SearchRecords,
    FlightRecords,
    Outbox,
    Jobs,
    Notebook,
    ConversationRecords,
    CalibrationRecords,
    Upkeep,
    Protocol,
):
    """The whole catalog."""
