"""The suite's nouns as HTTP shows them. No path of this computer is ever among them."""

from __future__ import annotations

from pydantic import BaseModel

from cortex_engine.core import app as nouns
from cortex_engine.core import collections as collection_nouns
from cortex_engine.core import documents as document_nouns
from cortex_engine.core import reports
from cortex_engine.core import search as search_nouns


class Document(BaseModel):
    """A document. `type` is the family word of filters; `passages`: number of them."""

    id: str
    sha256: str
    name: str
    title: str
    author: str
    created: str
    modified: str
    language: str
    type: str
    bytes: int
    pages: int
    passages: int
    added: str
    collections: list[str]
    tags: list[str]
    parent_id: str

    @classmethod
    def of(cls, document: document_nouns.Document) -> Document:
        """From the engine's noun."""
        info = document.info
        return cls(
            id=document.id,
            sha256=document.sha256,
            name=document.name,
            title=info.title,
            author=info.author,
            created=info.created,
            modified=info.modified,
            language=info.language,
            type=info.media_type,
            bytes=document.bytes,
            pages=document.page_count,
            passages=document.chunk_count,
            added=document.added,
            collections=list(document.collections),
            tags=list(document.tags),
            parent_id=document.parent_id,
        )


class Documents(BaseModel):
    """A page of documents; `total`: all that meet the filters."""

    total: int
    documents: list[Document]


class Model(BaseModel):
    """The model of a collection; vectors of different ids are never compared."""

    id: str
    name: str
    dimension: int


class Collection(BaseModel):
    """A collection."""

    id: str
    name: str
    description: str
    created: str
    documents: int
    passages: int
    model: Model

    @classmethod
    def of(cls, row: collection_nouns.Collection) -> Collection:
        """From the engine's noun."""
        name = row.spec.model.replace("\\", "/").rpartition("/")[2] if _is_place(row.spec.model) else row.spec.model
        model = Model(id=row.spec.id, name=name, dimension=row.spec.dimension)
        return cls(
            id=row.id,
            name=row.name,
            description=row.description,
            created=row.created,
            documents=row.document_count,
            passages=row.chunk_count,
            model=model,
        )


def _is_place(name: str) -> bool:
    """A model is named by the Hub's name (one slash at most) or by its folder."""
    return name.startswith(("/", "\\", "~", ".")) or name.count("/") > 1 or "\\" in name or name[1:2] == ":"


class Job(BaseModel):
    """An ingest; `counts`: files by state."""

    id: str
    kind: str
    collection: str
    state: reports.JobState
    created: str
    counts: dict[str, int]
    total: int
    finished: int
    message: str

    @classmethod
    def of(cls, job: reports.Job) -> Job:
        """From the engine's noun."""
        return cls(
            id=job.id,
            kind=job.kind,
            collection=job.collection,
            state=job.state,
            created=job.created,
            counts={state.value: count for state, count in job.counts.items()},
            total=job.total,
            finished=job.finished,
            message=job.message,
        )


class JobFile(BaseModel):
    """One file of a job; `document_id` is set when it went in, `message` says why it did not."""

    id: int
    name: str
    bytes: int
    state: reports.FileState
    attempts: int
    message: str
    document_id: str
    pages: int
    seconds: float

    @classmethod
    def of(cls, file: reports.JobFile) -> JobFile:
        """From the engine's noun, without the place it was taken from."""
        return cls(
            id=file.id,
            name=file.name,
            bytes=file.bytes,
            state=file.state,
            attempts=file.attempts,
            message=file.message.replace(file.path, file.name) if file.path else file.message,
            document_id=file.document_id,
            pages=file.pages,
            seconds=file.seconds,
        )


class JobWithFiles(BaseModel):
    """A job with a page of its files; `total`: all files in the states that were asked for."""

    job: Job
    total: int
    files: list[JobFile]


class Removal(BaseModel):
    """What would go, or has gone. `names`: of at most 1000 documents; `kept`: those that other collections keep."""

    count: int
    names: list[str]
    kept: int
    passages: int
    bytes: int

    @classmethod
    def of(cls, removal: nouns.Removal) -> Removal:
        """From the engine's noun."""
        return cls(
            count=removal.count,
            names=list(removal.deleted),
            kept=removal.kept,
            passages=removal.passages,
            bytes=removal.bytes,
        )


class Deleted(BaseModel):
    """Ids of the documents that went."""

    deleted: list[str]


class Ledger(BaseModel):
    """The account of a document; `balanced`: nothing is missing between its pages and the indexes."""

    document_id: str
    document: str
    pages: dict[str, int]
    failures: list[str]
    characters: int
    characters_embedded: int
    chunks: int
    vectors: int
    lexical: int
    seconds: float
    balanced: bool

    @classmethod
    def of(cls, entry: reports.LedgerEntry) -> Ledger:
        """From the engine's noun."""
        return cls.model_validate(entry, from_attributes=True)


class Key(BaseModel):
    """A key without its secret. Times are ISO 8601 UTC, "" for never."""

    id: str
    name: str
    scopes: list[nouns.Scope]
    created: str
    last_used: str
    revoked: str

    @classmethod
    def of(cls, key: nouns.ApiKey) -> Key:
        """From the engine's noun."""
        return cls.model_validate(key, from_attributes=True)


class NewKey(BaseModel):
    """A key that was just made; `text` is shown this once."""

    key: Key
    text: str


class Standing(BaseModel):
    """Where a hit stood in one stage; no rank: scored, but not among its candidates.

    `standard`, of "rerank": in deviations above the mean of unrelated pairs; none where that is not calibrated.
    """

    rank: int | None
    score: float
    standard: float | None = None

    @classmethod
    def of(cls, standing: search_nouns.StageStanding) -> Standing:
        """From the engine's noun."""
        return cls(rank=standing.rank, score=standing.score, standard=standing.standard)


class Way(BaseModel):
    """One step of the way through the knowledge graph that led to a hit. `via`: "query", "together" or "mentioned in";
    `chunk_id`: the passage that proves it.
    """

    entity_id: str
    name: str
    via: str
    chunk_id: str
