"""The ports of the engine. A backend of a port exists when it passes the port's contract suite in `tests/contracts`.

Constructors only store their arguments. Models load on first use or by `load()`. Expected failures are
`CortexError`s; a failure is never an empty result.
"""

from __future__ import annotations

from collections.abc import Collection as SizedCollection
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.documents import Box, Chunk, PagePicture, ParsedDocument
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.reports import ScoreMoments, StoreDescription
from cortex_engine.core.reranking import Candidate, Judgement
from cortex_engine.core.search import Query, Ranking, SearchResult

Vectors = NDArray[np.float32]
"""float32 `(n, dimension)`, C-contiguous; one row a passage."""


@runtime_checkable
class DocumentParser(Protocol):
    """Reads a file into pages and blocks, in a limited process of its own."""

    def parse(self, path: Path, name: str) -> ParsedDocument:
        """Read the file at `path`, which people know as `name` (its ending helps to tell the format).

        Raises:
            ParseError: with a `reason` and a sentence; nothing is left running.
        """
        ...

    def render(
        self, path: Path, name: str, page: int, boxes: Sequence[Box], width: int, lossless: bool = False
    ) -> PagePicture:
        """Draw page `page` (from 1) about `width` pixels wide and pass `boxes` through as places to mark.

        A picture file is never enlarged. `lossless`: every pixel as drawn, for who computes with them.

        Raises:
            ParseError: the page cannot be drawn (or the format has no fixed pages: reason "unsupported").
        """
        ...

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same file may give another result (versions, settings)."""
        ...


class Tokenizer(Protocol):
    """Counts as the embedder counts."""

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens included, without truncation."""
        ...


@runtime_checkable
class Chunker(Protocol):
    """Cuts a parsed document into passages."""

    def split(self, document_id: str, parsed: ParsedDocument) -> list[Chunk]:
        """Passages in reading order; together they cover every character that is not white space.

        No passage is longer than the limit in tokens; none crosses documents.
        """
        ...

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same document may be cut otherwise."""
        ...


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into vectors of one space."""

    @property
    def spec(self) -> EmbeddingSpec:
        """Identity of the space. May load the model's description, never its weights, where that is possible.

        Raises:
            ModelUnavailableError: the model's description cannot be had.
        """
        ...

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's own tokenizer."""
        ...

    def load(self) -> None:
        """Load the weights now.

        Raises:
            ModelUnavailableError: cause and remedy.
        """
        ...

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """`(len(texts), dimension)`, L2-normalised when the spec says so, in the order given.

        Raises:
            ModelUnavailableError: cause and remedy.
        """
        ...

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """`(dimension,)`; differs from a document's vector where the model distinguishes queries.

        Raises:
            ModelUnavailableError: cause and remedy.
        """
        ...


@runtime_checkable
class MultimodalEmbedder(Embedder, Protocol):
    """An embedder whose space holds pictures too (`spec.sees`). `embed_documents` and `embed_query` take text as usual."""

    def embed_inputs(self, inputs: Sequence[ModelInput], instruction: str | None = None) -> Vectors:
        """`(len(inputs), dimension)`, L2-normalised, in the order given.

        Args:
            instruction: None for the spec's document instruction.

        Raises:
            ModelUnavailableError: cause and remedy.
            UsageError: a picture cannot be read or has a shape that the model cannot take; the sentence says which.
        """
        ...

    def embed_query_input(self, query: ModelInput) -> NDArray[np.float32]:
        """`(dimension,)`, with the spec's query instruction; raises as `embed_inputs`."""
        ...


@runtime_checkable
class Reranker(Protocol):
    """Judges candidates against a query, each pair by itself."""

    @property
    def name(self) -> str:
        """The model's name for people and for the trace."""
        ...

    @property
    def sees(self) -> bool:
        """Whether pictures are looked at; else only the text of queries and candidates counts."""
        ...

    def load(self) -> None:
        """Load what is needed and examine it with a probe.

        Raises:
            ModelUnavailableError: it is not here or cannot be loaded; cause and remedy.
            ModelUnhealthyError: the probe found scores that mean nothing (all equal, not finite, saturated, inverted).
        """
        ...

    def rerank(
        self, query: ModelInput, candidates: Sequence[Candidate], instruction: str | None = None
    ) -> list[Judgement]:
        """One judgement for each candidate, best first; equal scores keep the order of the candidates.

        Raises:
            ModelUnavailableError, ModelUnhealthyError: as `load`; also when the scores of this call mean nothing.
        """
        ...

    def unload(self) -> None:
        """Give the memory back; the next use loads again."""
        ...


@runtime_checkable
class PictureDescriber(Protocol):
    """Says in words what a picture shows."""

    @property
    def name(self) -> str:
        """The model's name."""
        ...

    def describe(self, picture: bytes, mime: str) -> str:
        """A description in plain text.

        Raises:
            ModelUnavailableError: the endpoint does not answer or answers nonsense.
        """
        ...


@runtime_checkable
class VectorStore(Protocol):
    """Finds the nearest vectors. Derived: everything in it can be written again from the catalog."""

    def upsert(self, chunk_ids: Sequence[str], document_ids: Sequence[str], vectors: Vectors) -> None:
        """Insert or replace; doing it twice changes nothing.

        Raises:
            ModelMismatchError: the vectors have another dimension.
            IndexUnavailableError: the store is damaged or not reachable.
        """
        ...

    def delete(self, document_ids: SizedCollection[str]) -> None:
        """Remove all vectors of these documents; unknown ids are ignored."""
        ...

    def nearest(
        self, vector: NDArray[np.float32], top_k: int, documents: SizedCollection[str] | None = None
    ) -> Ranking:
        """The `top_k` nearest by cosine (true cosine in -1..1 as score), stage "vector".

        Args:
            vector: `(dimension,)`, normalised.
            documents: only passages of these documents; None for all.
        """
        ...

    def ids(self) -> set[str]:
        """All chunk ids held, for the doctor's comparison with the catalog."""
        ...

    def describe(self) -> StoreDescription:
        """Backend name, count, dimension."""
        ...

    def flush(self) -> None:
        """Return when everything written so far is on disk and visible to `nearest`."""
        ...

    def verify(self, full: bool = False) -> None:
        """Check what lies on disk, quickly or thoroughly.

        Raises:
            IndexUnavailableError: it is damaged; the sentence says what.
        """
        ...

    def close(self) -> None:
        """Release files and memory."""
        ...


@runtime_checkable
class ScoringVectorStore(VectorStore, Protocol):
    """A vector store that also knows the scores of given passages and of all of them together: fusion needs both."""

    def scores(self, vector: NDArray[np.float32], chunk_ids: Sequence[str]) -> Mapping[str, float]:
        """True cosine of each of these passages; ids that it does not hold are left out."""
        ...

    def moments(self, vector: NDArray[np.float32], documents: SizedCollection[str] | None = None) -> ScoreMoments:
        """Mean and deviation of the cosine over all passages in scope (exact: from mean vector and covariance)."""
        ...


@dataclass(frozen=True, slots=True)
class LexicalEntry:
    """A passage as the lexical index takes it.

    Attributes:
        text: `Chunk.embedded_text`.
        title: the document's title (its name where it has none), searched with a higher weight.
        language: ISO 639-1 code, chooses the stemmer; "" for none.
    """

    chunk_id: str
    document_id: str
    text: str
    title: str
    language: str


@dataclass(frozen=True, slots=True)
class LexicalQuery:
    """A query by words.

    Attributes:
        text: the words that may match (any of them; more is better).
        phrases: each must stand in the passage, word after word.
        excluded: passages holding one of these words (or phrases) do not match.
        languages: languages of the passages in scope, whose stemmers apply; () for all that the index holds.
    """

    text: str
    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()


@runtime_checkable
class LexicalIndex(Protocol):
    """Finds passages by their words (BM25). Derived, like `VectorStore`."""

    def add(self, entries: Iterable[LexicalEntry]) -> None:
        """Insert or replace; visible after `flush`."""
        ...

    def remove(self, document_ids: SizedCollection[str]) -> None:
        """Remove all passages of these documents; visible after `flush`."""
        ...

    def flush(self) -> None:
        """Commit: durable on disk and visible to `match`."""
        ...

    def match(self, query: LexicalQuery, top_k: int, documents: SizedCollection[str] | None = None) -> Ranking:
        """The best `top_k` by BM25, stage "lexical"; only passages with at least one matching word."""
        ...

    def scores(self, query: LexicalQuery, chunk_ids: Sequence[str]) -> Mapping[str, float]:
        """BM25 of each of these passages, 0.0 where no word matches."""
        ...

    def permits(self, query: LexicalQuery, chunk_ids: Sequence[str]) -> set[str]:
        """Those of the passages that hold every phrase and no excluded word (vector candidates are held to it)."""
        ...

    def weights(self, query: LexicalQuery) -> Mapping[str, float]:
        """The words of the query as they are looked up -> inverse document frequency; those that no passage holds with 0."""
        ...

    def moments(self, query: LexicalQuery, documents: SizedCollection[str] | None = None) -> ScoreMoments:
        """Mean and deviation of BM25 over all passages in scope, those without a match counting as 0."""
        ...

    def coverage(self, query: LexicalQuery, chunk_ids: Sequence[str]) -> Mapping[str, float]:
        """Share, 0..1, of the query's words that each of these passages holds in text or title, weighed by their rarity.

        A word that no passage holds weighs as much as the rarest.
        """
        ...

    def ids(self) -> set[str]:
        """All chunk ids held."""
        ...

    def count(self) -> int:
        """Number of passages held."""
        ...

    def verify(self) -> None:
        """Compare every file on disk with its checksum.

        Raises:
            IndexUnavailableError: one is damaged or missing; the sentence names it.
        """
        ...

    def close(self) -> None:
        """Release files and locks."""
        ...


class Retriever(Protocol):
    """The query line: from a question to hits."""

    def retrieve(self, query: Query) -> SearchResult:
        """Search.

        Raises:
            UsageError: the query or a filter makes no sense.
            NotFoundError: a named collection is not there.
        """
        ...
