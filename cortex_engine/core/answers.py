"""Questions and answers with proof: sentences, citations, conversations; and the port of what writes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeVar

from cortex_engine.core.search import Filters, SearchMode

Piece_co = TypeVar("Piece_co", covariant=True)


class Stream(Protocol[Piece_co]):
    """What comes bit by bit."""

    def __iter__(self) -> Iterator[Piece_co]: ...

    def __next__(self) -> Piece_co: ...

    def close(self) -> None:
        """End it, from any thread: whoever waits for the next piece then waits no longer."""
        ...


class Proof(StrEnum):
    """How a sentence of an answer stands to the passages it cites."""

    QUOTED = "quoted"
    """It, or the quotation in it, stands word for word in a cited passage."""
    SUPPORTED = "supported"
    """It is as near to a cited passage as right statements are (calibrated bound)."""
    UNVERIFIED = "unverified"
    """It cites nothing, something that is not there, or a passage that does not bear it out."""


@dataclass(frozen=True, slots=True)
class CitedSource:
    """A passage that an answer was given, with its number.

    Attributes:
        number: from 1, as in "[2]".
        page: on which the quote (else the passage) begins.
        quote: what of it bears out a sentence, "" where it was not cited; several quotes are joined by " … ".
        char_start, char_end: from the first quote's beginning to the last one's end (else of the passage) in the document's
            characters; 0 and 0 where the document was read anew since.
    """

    number: int
    document_id: str
    document: str
    page: int
    chunk_id: str
    text: str
    quote: str = ""
    char_start: int = 0
    char_end: int = 0
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class AnswerSentence:
    """One sentence of an answer.

    Attributes:
        text: without citation marks; begins with a line end (or two) where a line (or paragraph) begins.
        citations: numbers of sources that are there.
        similarity: cosine to the best cited sentence, None where it was not compared.
        reason: why it is unverified, as a sentence, "" else.
        proved_by: those of the citations that bear it out; empty when it is unverified.
    """

    text: str
    citations: tuple[int, ...]
    proof: Proof
    similarity: float | None = None
    reason: str = ""
    proved_by: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        filters: collections and conditions.
        conversation_id: "" for a new conversation; else earlier turns are taken into account.
        sources: how many passages are given to the writer, 1..20.
        extractive: quote sentences even where a model is configured.
    """

    text: str
    filters: Filters = field(default_factory=Filters)
    conversation_id: str = ""
    mode: SearchMode = SearchMode.HYBRID
    sources: int = 8
    extractive: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer.

    Attributes:
        turn_id: 16 hexadecimal digits.
        searched: the query that was searched: the question, or one that stands without the turns before.
        sentences: empty when `abstained`.
        abstained: "not in your library": the evidence is too weak; `sources` are then the nearest misses.
        writer: what wrote it: "quotes", or "MODEL at HOST".
        notes: sentences for the person: the model broke off, the endpoint was not there and quotes were taken instead …
        flight_id: of the search behind it.
    """

    turn_id: str
    conversation_id: str
    question: str
    searched: str
    sentences: tuple[AnswerSentence, ...]
    sources: tuple[CitedSource, ...]
    abstained: bool = False
    writer: str = ""
    notes: tuple[str, ...] = ()
    asked: str = ""
    milliseconds: float = 0.0
    flight_id: str = ""


@dataclass(frozen=True, slots=True)
class AnswerEvent:
    """What happens while an answer is made; exactly one of the fields is set, and the last event holds `answer`.

    Attributes:
        status: "Searching…", "Reading 8 passages…", "Writing…", "Checking…".
        sources: the passages, before the first word.
        text: more of the answer as it streams, with its marks "[2]".
        answer: the end.
    """

    status: str = ""
    sources: tuple[CitedSource, ...] = ()
    text: str = ""
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """Several turns about one thing. `title`: the first question."""

    id: str
    title: str
    created: str
    updated: str
    collections: tuple[str, ...]
    turns: int


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """`role`: "system", "user" or "assistant"."""

    role: str
    content: str


class ChatModel(Protocol):
    """A model that writes. Safe to use from several threads."""

    @property
    def name(self) -> str:
        """The model's name, and its host, for people."""
        ...

    def stream(self, messages: Sequence[ChatMessage], max_tokens: int, temperature: float = 0.0) -> Stream[str]:
        """The answer bit by bit.

        Raises:
            ModelUnavailableError: it cannot be reached, is too slow, breaks off, or answers nonsense; what came before stands.
        """
        ...

    def complete(self, messages: Sequence[ChatMessage], max_tokens: int, temperature: float = 0.0) -> str:
        """The whole answer; raises as `stream`."""
        ...


class ConversationRecords(Protocol):
    """Conversations in the catalog. What quotes a document goes with the document."""

    def keep_turn(self, answer: Answer, collections: Sequence[str]) -> None:
        """Append a turn; makes the conversation when it is the first one."""
        ...

    def conversations(self, limit: int = 50) -> list[Conversation]:
        """The newest first."""
        ...

    def conversation(self, conversation_id: str) -> Conversation:
        """One of them.

        Raises:
            NotFoundError: no such conversation.
        """
        ...

    def turns(self, conversation_id: str) -> list[Answer]:
        """All turns in order. Sources of deleted documents, and sentences that rested on nothing else, are gone; a note says so.

        Raises:
            NotFoundError: no such conversation.
        """
        ...

    def rename_conversation(self, conversation_id: str, title: str) -> None:
        """Give it another title."""
        ...

    def delete_conversation(self, conversation_id: str) -> None:
        """Forget it."""
        ...
