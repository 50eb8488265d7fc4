"""The records that pass through the catalog's port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cortex_engine.core.documents import Chunk, ParsedDocument
from cortex_engine.core.pictures import Picture, PreparedPicture
from cortex_engine.core.protocols import Vectors


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to be queued; its bytes already lie durable among the blobs under `sha256`."""

    path: str
    name: str
    sha256: str
    bytes: int
    mtime_ns: int = 0


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """Everything of one document that is committed in one transaction.

    Attributes:
        sha256: of the original; the document id follows from it.
        parsed: pages and what the document says of itself (attachments are not stored here).
        chunks: passages in reading order.
        vectors: model id -> float32 `(len(chunks), dimension)`; empty when embedding has to wait.
        pipeline: fingerprint of parser and chunker.
        parent_id: the document that contained it, or "".
        pictures: its pages as pictures, for collections whose model sees.
        drawn: `pictures` is all there will be (no document that waits to be drawn).
    """

    sha256: str
    name: str
    bytes: int
    parsed: ParsedDocument
    chunks: Sequence[Chunk]
    vectors: Mapping[str, Vectors]
    pipeline: str
    parent_id: str = ""
    seconds: float = 0.0
    pictures: Sequence[PreparedPicture] = ()
    drawn: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Where a document of a collection was taken from; `sync` compares these with the folder."""

    collection: str
    path: str
    document_id: str
    mtime_ns: int
    bytes: int


@dataclass(frozen=True, slots=True)
class CommitOutcome:
    """What a commit did.

    Attributes:
        created: False when the document was already there (then only memberships and sources were added).
        replaced: ids of documents that went because the same path held them before.
    """

    document_id: str
    created: bool
    replaced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk joined with what a result shows of its document."""

    chunk: Chunk
    document: str
    title: str
    media_type: str
    language: str
    page_label: str
    collections: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PicturePassage:
    """A picture joined with what a result shows of its document.

    Attributes:
        text: how the page's own text begins, "" for none.
        char_start, char_end: the page's range in the document's characters.
    """

    picture: Picture
    document: str
    title: str
    media_type: str
    language: str
    page_label: str
    collections: tuple[str, ...]
    text: str = ""
    char_start: int = 0
    char_end: int = 0


@dataclass(frozen=True, slots=True)
class VectorBatch:
    """Vectors as the catalog keeps them, row by row."""

    chunk_ids: list[str]
    document_ids: list[str]
    vectors: Vectors


@dataclass(frozen=True, slots=True)
class StoredVectors:
    """Vectors exactly as they lie in the catalog, whatever is wrong with them.

    Attributes:
        text_hashes: of the embedded texts, row by row.
        data: float32 bytes, little-endian; their length may be wrong.
    """

    chunk_ids: list[str]
    text_hashes: list[str]
    data: list[bytes]


@dataclass(frozen=True, slots=True)
class CatalogCounts:
    """Sizes of the catalog."""

    documents: int
    chunks: int
    vectors: Mapping[str, int] = field(default_factory=dict)
    """By model id."""
    outbox: int = 0
    pictures: int = 0
