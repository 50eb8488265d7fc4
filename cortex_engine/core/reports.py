"""What the suite reports: ingest events and jobs, the ledger, the doctor's findings, figures of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cortex_engine.core.app import IngestOptions


class FileState(StrEnum):
    """Where a file of an ingest stands."""

    QUEUED = "queued"
    PARSING = "parsing"
    EMBEDDING = "embedding"
    INDEXING = "indexing"
    DONE = "done"
    ALREADY_HERE = "already_here"
    FAILED = "failed"
    CANCELLED = "cancelled"
    QUARANTINED = "quarantined"
    """It brought the process down three times and is not tried again by itself."""

    @property
    def final(self) -> bool:
        """True when nothing more happens by itself."""
        return self in _FINAL_FILE_STATES


_FINAL_FILE_STATES = frozenset(
    {
        FileState.DONE,
        FileState.ALREADY_HERE,
        FileState.FAILED,
        FileState.CANCELLED,
        FileState.QUARANTINED,
    }
)


@dataclass(frozen=True, slots=True)
class IngestEvent:
    """One step of one file, as it happens.

    Attributes:
        file: the path or name as given.
        message: a sentence when there is something to say (the failure, "already here"), else "".
        done, total: files of the job that are finished, and all of them.
    """

    job_id: str
    file: str
    state: FileState
    document_id: str = ""
    message: str = ""
    done: int = 0
    total: int = 0
    pages: int = 0
    seconds: float = 0.0


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class JobFile:
    """One file of a job.

    Attributes:
        id: of the row; ascending in the order of entry.
        path: where it was taken from ("" for uploads).
        name: what the document is to be called.
        sha256: of its durable copy among the blobs.
        attempts: how often a process has begun it.
        options: of its job.
    """

    id: int
    job_id: str
    collection: str
    path: str
    name: str
    sha256: str
    bytes: int
    state: FileState
    attempts: int = 0
    message: str = ""
    document_id: str = ""
    mtime_ns: int = 0
    pages: int = 0
    seconds: float = 0.0
    options: IngestOptions = field(default_factory=IngestOptions)


@dataclass(frozen=True, slots=True)
class Job:
    """An ingest in the catalog: survives the process that began it.

    Attributes:
        kind: "ingest" or "sync".
        counts: files by state.
        owner: "pid 123 on host" of the process that works on it, or "".
        options: how its files are read.
    """

    id: str
    kind: str
    collection: str
    state: JobState
    created: str
    counts: Mapping[FileState, int] = field(default_factory=dict)
    owner: str = ""
    message: str = ""
    options: IngestOptions = field(default_factory=IngestOptions)

    @property
    def total(self) -> int:
        """Number of files."""
        return sum(self.counts.values())

    @property
    def finished(self) -> int:
        """Number of files in a final state."""
        return sum(count for state, count in self.counts.items() if state.final)


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """The account of one document: every page in one state, and what went in equals what can be found.

    Attributes:
        pages: number of pages by state word ("text", "ocr", "blank", "failed").
        failures: a sentence for each failed page, "page 3: …".
        characters: characters of the document that are not white space.
        characters_embedded: those of them that stand in at least one passage.
        chunks, vectors, lexical: passages in the catalog, vectors kept for them, entries in the lexical index.
        seconds: time from parsing to commit.
        pictures: of its pages, in collections whose model sees; pictures_embedded: those that can be found by their look.
    """

    document_id: str
    document: str
    pages: Mapping[str, int]
    failures: tuple[str, ...]
    characters: int
    characters_embedded: int
    chunks: int
    vectors: int
    lexical: int
    seconds: float = 0.0
    pictures: int = 0
    pictures_embedded: int = 0

    @property
    def balanced(self) -> bool:
        """True when nothing is missing between the pages and the indexes."""
        passages = self.characters == self.characters_embedded and self.chunks == self.vectors == self.lexical
        return passages and self.pictures == self.pictures_embedded

    @property
    def waits(self) -> bool:
        """True when all that is missing are vectors, which follow when the model is there."""
        found = self.characters == self.characters_embedded and self.chunks == self.lexical
        return found and not self.balanced and self.vectors <= self.chunks and self.pictures_embedded <= self.pictures


class Severity(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer of the doctor.

    Attributes:
        check: stable word ("catalog-integrity", "index-equality", …).
        message: what was found.
        remedy: what to do, "" when all is well.
        fixable: `doctor --fix` can mend it.
        fixed: it has just been mended.
    """

    check: str
    severity: Severity
    message: str
    remedy: str = ""
    fixable: bool = False
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class IndexState:
    """A derived index in the catalog's eyes.

    Attributes:
        name: "lexical", "vectors-<model_id>", "exact-<model_id>".
        generation: number of the folder that is valid now.
        applied_seq: last outbox entry that it holds.
        dirty: a write was begun and not finished: it may be damaged and must be rebuilt beside.
        config_hash: fingerprint of the settings it was built with.
    """

    name: str
    generation: int
    applied_seq: int
    dirty: bool
    config_hash: str = ""


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """A change that the derived indexes have yet to follow.

    Attributes:
        operation: "upsert" (index the document's passages as the catalog has them now), "vectors" (the same, of an index of
            vectors; passages are as they were) or "delete".
    """

    seq: int
    operation: str
    document_id: str


@dataclass(frozen=True, slots=True)
class ScoreMoments:
    """Mean and standard deviation of a stage's scores over *all* passages in scope for one query.

    Passages that do not match count with the score they have (0 for words, their cosine for vectors).
    """

    mean: float
    deviation: float
    count: int


@dataclass(frozen=True, slots=True)
class StoreDescription:
    """What a store says of itself."""

    backend: str
    count: int
    dimension: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over queries with its bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ModeReport:
    """Figures of one search mode on one data set; metric name ("ndcg@10", "recall@100", "mrr") -> estimate."""

    mode: str
    metrics: Mapping[str, Estimate]
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """Outcome of `evaluate`.

    Attributes:
        queries: number of queries that the means run over.
        unjudged: queries left out because the data set has no relevant document for them.
    """

    dataset: str
    queries: int
    documents: int
    modes: Mapping[str, ModeReport]
    unjudged: int = 0
