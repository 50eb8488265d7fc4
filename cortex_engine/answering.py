"""Answering: the question line put together on one library - condense, search, write, check, keep."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from cortex_engine import searching
from cortex_engine.chunking import sentences as cutting
from cortex_engine.core.answers import Answer, AnswerEvent, AnswerSentence, CitedSource, Proof, Question
from cortex_engine.core.documents import PAGE_BREAK
from cortex_engine.core.errors import CortexError, UsageError
from cortex_engine.core.identifiers import new_id
from cortex_engine.core.protocols import Embedder
from cortex_engine.core.search import HitKind, Query, SearchHit, SearchResult
from cortex_engine.generation import extractive, reading
from cortex_engine.generation.reading import PassageSentence
from cortex_engine.lexical.tokenizer import Tokenizer
from cortex_engine.library import Library
from cortex_engine.retrieval.function_words import function_words, likely_language

QUOTES = "quotes"
"""What `Answer.writer` says where sentences are quoted."""
MOST_SOURCES = 20
_LONGEST_QUESTION = 4_000
_WEAK_COSINE = 0.25
"""Where no sentence holds a word of the question, and none is nearer than this, nothing is quoted."""
_SPLITTERS = reading.Splitters(cutting.paragraphs, cutting.sentences, cutting.clauses)
_tokenizer = Tokenizer()


def answer(library: Library, question: Question) -> Answer:
    """See `CortexSuite.answer`."""
    last = None
    for event in answer_events(library, question):
        last = event.answer or last
    assert last is not None  # noqa: S101  (the last event holds the answer; this is for the type checker)
    return last


def answer_events(library: Library, question: Question) -> Iterator[AnswerEvent]:
    """See `CortexSuite.answer_events`."""
    begun = time.perf_counter()
    _check(question)
    turns = library.catalog.turns(question.conversation_id) if question.conversation_id else []
    return _events(library, question, turns, begun)


@dataclass(frozen=True, slots=True)
class _Found:
    """What the search gave: sources by number, and the contexts of their passages."""

    result: SearchResult
    sources: tuple[CitedSource, ...]
    contexts: tuple[str, ...]


def _events(library: Library, question: Question, turns: Sequence[Answer], begun: float) -> Iterator[AnswerEvent]:
    yield AnswerEvent(status="Searching…")
    searched, notes = question.text, []
    found = _search(library, question, searched)
    notes += found.result.warnings
    yield AnswerEvent(sources=found.sources)
    made = Answer(
        new_id(),
        question.conversation_id or new_id(),
        question.text,
        searched,
        (),
        found.sources,
        abstained=found.result.abstained or not found.sources,
        writer=QUOTES,
        flight_id=found.result.flight_id,
    )
    if not made.abstained:
        yield AnswerEvent(status=_reading(found.sources))
        made = _quoted(library, made, found, notes)
        for sentence in made.sentences:
            yield AnswerEvent(text=f"{sentence.text} [{sentence.citations[0]}] ")
    made = replace(made, notes=tuple(dict.fromkeys(notes)), milliseconds=(time.perf_counter() - begun) * 1000)
    library.catalog.keep_turn(made, question.filters.collections)
    yield AnswerEvent(answer=made)


def _check(question: Question) -> None:
    if not question.text.strip():
        raise UsageError("The question is empty. Type what you want to know.")
    if len(question.text) > _LONGEST_QUESTION:
        raise UsageError(f"A question may have {_LONGEST_QUESTION:,} characters; this one has {len(question.text):,}.")
    if not 1 <= question.sources <= MOST_SOURCES:
        raise UsageError(f"sources is {question.sources}; it must be between 1 and {MOST_SOURCES}.")


def _search(library: Library, question: Question, searched: str) -> _Found:
    query = Query(searched, question.mode, question.sources, question.filters, kinds=(HitKind.TEXT,))
    result = searching.search(library, query)
    hits = result.hits[: question.sources]
    sources = tuple(_source(number, hit) for number, hit in enumerate(hits, start=1))
    return _Found(result, sources, tuple(hit.context for hit in hits))


def _source(number: int, hit: SearchHit) -> CitedSource:
    return CitedSource(
        number,
        hit.document_id,
        hit.document,
        hit.page,
        hit.chunk_id,
        hit.text,
        char_start=hit.char_start,
        char_end=hit.char_end,
        score=hit.score,
    )


def _reading(sources: Sequence[CitedSource]) -> str:
    return f"Reading {len(sources)} passages…" if len(sources) > 1 else "Reading 1 passage…"


def _quoted(library: Library, made: Answer, found: _Found, notes: list[str]) -> Answer:
    """The answer in the library's own sentences."""
    pieces = sentences_of(found.sources, found.contexts)
    words = content_words(made.searched)
    try:
        choice = extractive.choose(made.searched, pieces, _embedder(library, made.sources), words)
    except CortexError as error:
        notes.append(f"{error} The sentences were chosen by their words alone.")
        choice = extractive.choose(made.searched, pieces, None, words)
    if not choice.coverage and (choice.similarity or 0.0) < _WEAK_COSINE:
        return replace(made, abstained=True)
    sentences = tuple(
        AnswerSentence(each.text, (each.source,), Proof.QUOTED, proved_by=(each.source,)) for each in choice.sentences
    )
    return replace(made, sentences=sentences, sources=with_quotes(made.sources, choice.sentences))


def sentences_of(sources: Sequence[CitedSource], contexts: Sequence[str] = ()) -> list[PassageSentence]:
    """What can be quoted of all passages; `contexts` as the sources stand."""
    above = [*contexts, *[""] * (len(sources) - len(contexts))]
    return [
        piece
        for source, context in zip(sources, above, strict=True)
        for piece in reading.read_passage(source.number, source.text, context, _SPLITTERS)
    ]


def content_words(question: str) -> extractive.Terms:
    """Stems of a text's words, in the question's language, without function words."""
    language = likely_language(question)
    skipped = function_words(language)

    @lru_cache(maxsize=4096)
    def terms(text: str) -> frozenset[str]:
        plain = (
            word for word in text.split() if word.strip("¿¡?!.,;:()[]…\"'").replace("’", "'").lower() not in skipped
        )
        return frozenset(_tokenizer.analyse(" ".join(plain), language)[0].split())

    return terms


def with_quotes(sources: Sequence[CitedSource], quoted: Sequence[PassageSentence]) -> tuple[CitedSource, ...]:
    """The sources with what of them bears out a sentence, and where that stands."""
    by_source: dict[int, list[PassageSentence]] = {}
    for piece in sorted(quoted, key=lambda each: each.start):
        by_source.setdefault(piece.source, []).append(piece)
    return tuple(
        _with_quote(source, by_source[source.number]) if source.number in by_source else source for source in sources
    )


def _with_quote(source: CitedSource, pieces: Sequence[PassageSentence]) -> CitedSource:
    start, end = source.char_start + pieces[0].start, source.char_start + max(each.end for each in pieces)
    quote = " … ".join(dict.fromkeys(each.text for each in pieces))
    page = source.page + source.text.count(PAGE_BREAK, 0, pieces[0].start)
    return replace(source, quote=quote, char_start=start, char_end=end, page=page)


def _embedder(library: Library, sources: Sequence[CitedSource]) -> Embedder:
    """A model that the library has loaded or can load: that of the first source's collection, so that nothing new loads.

    Raises:
        CortexError: none can be used.
    """
    documents = frozenset(source.document_id for source in sources)
    specs = library.catalog.specs(documents)
    spec = next(iter(specs.values()), None) or library.default_spec()
    return library.embedder(spec)
