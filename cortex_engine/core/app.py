"""What the application adds to the engine's nouns: views of pages, jobs with options, states of models, what people keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.documents import Document, PagePicture
from cortex_engine.core.search import Query

Span = tuple[int, int]
"""Start and exclusive end of a run of characters."""


# -- views -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Snippet:
    """A short piece of a passage around the words that were asked for.

    Attributes:
        text: plain text on one line, with "…" where it was cut.
        marks: places in `text` that match the query, ascending, not overlapping.
    """

    text: str
    marks: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class PageView:
    """A page as the source drawer shows it.

    Attributes:
        number: from 1; `last`: number of the last page.
        label: what the format calls the page, or "".
        text: the page's own text.
        passage: places in `text` that belong to the passage, `terms`: that match the query.
        picture: the page drawn with passage and terms marked, or None where the format has no pages to draw.
        note: a sentence when something is missing (why there is no picture, why a page has no text), or "".
    """

    document: Document
    number: int
    last: int
    label: str
    text: str
    passage: tuple[Span, ...] = ()
    terms: tuple[Span, ...] = ()
    picture: PagePicture | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Facets:
    """How many documents in scope there are for each value of a filter, most frequent first."""

    documents: int
    types: Mapping[str, int] = field(default_factory=dict)
    languages: Mapping[str, int] = field(default_factory=dict)
    tags: Mapping[str, int] = field(default_factory=dict)
    collections: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LibraryCounts:
    """What is in the library, or in one collection. `bytes`: of the originals; `pictures`: searched by their look."""

    documents: int
    pages: int
    passages: int
    bytes: int
    collections: int = 0
    pictures: int = 0


@dataclass(frozen=True, slots=True)
class Removal:
    """What would go if something were deleted.

    Attributes:
        deleted: names of documents that would be deleted altogether (at most 1000 of them; `count` is the number).
        kept: number of documents that stay because they belong to other collections too.
        passages, bytes: of the documents that would be deleted.
    """

    deleted: tuple[str, ...]
    count: int
    kept: int
    passages: int
    bytes: int


# -- ingest ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How the files of one job are read; kept with the job.

    Attributes:
        ocr: read scans and pictures; None for the setting.
        chunk_max_tokens: longest passage in the model's tokens, 0 for the setting.
        page_pictures: embed pages of PDFs and slides as pictures, where the model sees; None for the setting.
    """

    ocr: bool | None = None
    ocr_language: str = ""
    chunk_max_tokens: int = 0
    page_pictures: bool | None = None


@dataclass(frozen=True, slots=True)
class QueueProgress:
    """The queue at a glance, for every page.

    Attributes:
        active: names of the files in work now.
        done, total: files of the jobs that have not ended.
        failed: files of those jobs that did not go in.
        paused: every job that has not ended is paused.
        trouble: a sentence when the worker cannot work (another process owns the library, the disk is full), or "".
    """

    done: int = 0
    total: int = 0
    failed: int = 0
    active: tuple[str, ...] = ()
    paused: bool = False
    trouble: str = ""

    @property
    def busy(self) -> bool:
        """True while something happens by itself."""
        return self.total > self.done and not self.paused


class ModelState(StrEnum):
    """Where a model stands; every model has exactly one of these."""

    OFF = "off"
    """Switched off in the settings."""
    ABSENT = "absent"
    """Its package or its weights are not on this machine."""
    IDLE = "idle"
    """Installed; it loads with its first use."""
    LOADING = "loading"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    """It was loaded, or tried to, and cannot be trusted; the reason says why."""


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """A model as the pages show it.

    Attributes:
        role: "embedding", "ocr", "qwen3-vl embedding", "qwen3-vl reranker".
        name: the model's published name.
        reason: a sentence for ABSENT and UNHEALTHY (cause and remedy), else "" or a remark.
        facts: what people want to know of it (dimension, device, languages, needs), in order.
        model_id: of the spec for embedding models, else "".
    """

    role: str
    name: str
    state: ModelState
    reason: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    model_id: str = ""


# -- what people keep ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A search that was made. `asked`: ISO 8601 UTC."""

    id: int
    query: Query
    hits: int
    asked: str


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A search kept under a name."""

    id: int
    name: str
    query: Query
    created: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """A person's word on a passage for a query: 1 it answers, -1 it does not."""

    query: str
    chunk_id: str
    document_id: str
    document: str
    value: int
    created: str


class Scope(StrEnum):
    """What a key may do."""

    READ = "read"
    """Search, read documents, pages and jobs."""
    WRITE = "write"
    """Add, tag and delete documents."""
    ADMIN = "admin"
    """Collections, maintenance, metrics; signing in to the pages when they are reachable from outside."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of the HTTP API, without its secret (of which only a hash is kept). Times: ISO 8601 UTC, "" for never."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    created: str
    last_used: str = ""
    revoked: str = ""


# -- care ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VectorStatistics:
    """The vectors of one model, as the catalog keeps them.

    Attributes:
        collections: that use the model.
        vectors: number of vectors; `expected`: number of passages that should have one.
        dimensions: dimension -> number of vectors stored with it (more than one key means damage).
        norm_low, norm_mean, norm_high: of all vectors.
        zero, not_finite: vectors of length 0; with NaN or infinity.
        duplicates: vectors that equal an earlier one of another text to within rounding.
        affected: names of documents with a vector of another dimension, of length 0 or that is no number (at most 20).
        usable: whether the model can be loaded here now; `reason` says why not.
    """

    spec: EmbeddingSpec
    collections: tuple[str, ...]
    vectors: int
    expected: int
    dimensions: Mapping[int, int]
    norm_low: float
    norm_mean: float
    norm_high: float
    zero: int
    not_finite: int
    duplicates: int
    usable: bool = True
    reason: str = ""
    affected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Compatibility:
    """What a stored dimension means for Qwen3-VL (checklist S2-55).

    Attributes:
        models: known models of this dimension; several are possible, so the dimension alone identifies none.
        qwen3_vl: "full", "reranker only", "check source model".
        migration: what has to be done to search by Qwen3-VL embeddings.
        present: the library holds vectors of this dimension.
    """

    dimension: int
    models: tuple[str, ...]
    qwen3_vl: str
    migration: str
    present: bool = False


@dataclass(frozen=True, slots=True)
class EmbeddingMap:
    """Passages of a model in the plane of their two main directions (PCA).

    Attributes:
        points: x and y for each passage of the sample.
        documents, previews: name of the document and beginning of the passage, point by point.
        chunk_ids, document_ids, pages: point by point; where the passage stands.
        explained: share of the variance that the two directions hold, 0..1.
        total: passages of the model; more than points when a sample was drawn (seeded).
    """

    points: Sequence[tuple[float, float]]
    documents: Sequence[str]
    previews: Sequence[str]
    chunk_ids: Sequence[str]
    explained: float
    total: int
    document_ids: Sequence[str] = ()
    pages: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class StorageItem:
    """A part of the data folder.

    Attributes:
        kind: "truth" (must be backed up), "derived" (can be rebuilt), "cache", "log", "other" (not of Cortex Suite).
    """

    name: str
    path: str
    kind: str
    bytes: int
    files: int
    remark: str = ""


@dataclass(frozen=True, slots=True)
class StorageReport:
    """What lies where.

    Attributes:
        free, total: bytes of the disk.
        backup, backup_made: folder and time (ISO 8601 UTC) of the newest backup, "" when none is known.
    """

    folder: str
    items: tuple[StorageItem, ...]
    free: int
    total: int
    backup: str = ""
    backup_made: str = ""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of the log. `time`: ISO 8601 UTC; `level`: "DEBUG" … "ERROR"."""

    time: str
    level: str
    logger: str
    message: str
