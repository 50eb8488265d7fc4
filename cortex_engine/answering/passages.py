"""Passages for a question: found, taken apart, and quoted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from cortex_engine import searching
from cortex_engine.chunking import sentences as cutting
from cortex_engine.core.answers import Answer, AnswerSentence, CitedSource, Proof, Question
from cortex_engine.core.documents import PAGE_BREAK
from cortex_engine.core.errors import CortexError
from cortex_engine.core.protocols import Embedder
from cortex_engine.core.search import HitKind, Query, SearchHit, SearchResult
from cortex_engine.generation import extractive, reading
from cortex_engine.generation.reading import PassageSentence
from cortex_engine.lexical.tokenizer import Tokenizer
from cortex_engine.library import Library
from cortex_engine.retrieval.function_words import function_words, likely_language

_WEAK_COSINE, _WEAK_COVERAGE = 0.4, 0.5
"""Where no sentence holds half of the question's words, and none is nearer than this, nothing is quoted: in libraries that are
too small or too new for the calibrated cut-off, which the search keeps by itself (docs/benchmarks/answers.md has figures)."""
_OPERATORS = re.compile(r"[\"“”„«»「」『』]|(?:(?<=\s)|^)-(?=\S)")
_DROPPED = (
    "No passage holds the words in quotation marks one after the other (or all hold excluded ones); all words were "
    "searched."
)
SPLITTERS = reading.Splitters(cutting.paragraphs, cutting.sentences, cutting.clauses)
_tokenizer = Tokenizer()


@dataclass(frozen=True, slots=True)
class Found:
    """What the search gave: sources by number, and the contexts of their passages."""

    result: SearchResult
    sources: tuple[CitedSource, ...]
    contexts: tuple[str, ...]


def search(library: Library, question: Question, searched: str) -> Found:
    """The passages for a question; raises as `CortexSuite.search`.

    Quotation marks in a question are more often emphasis than a condition: where nothing meets it, it is dropped.
    """
    query = Query(searched, question.mode, question.sources, question.filters, kinds=(HitKind.TEXT,))
    result = searching.search(library, query, "answer")
    plain = " ".join(_OPERATORS.sub(" ", searched).split())
    if not result.hits and plain and plain != searched:
        result = searching.search(library, replace(query, text=plain), "answer")
        result = replace(result, warnings=(*result.warnings, _DROPPED)) if result.hits else result
    hits = result.hits[: question.sources]
    sources = tuple(_source(number, hit) for number, hit in enumerate(hits, start=1))
    return Found(result, sources, tuple(hit.context for hit in hits))


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


def quoted(library: Library, made: Answer, found: Found, notes: list[str]) -> Answer:
    """The answer in the library's own sentences."""
    pieces = sentences_of(found.sources, found.contexts)
    words = content_words(made.searched)
    try:
        choice = extractive.choose(made.searched, pieces, embedder_of(library, made.sources), words)
    except CortexError as error:
        notes.append(f"{error} The sentences were chosen by their words alone.")
        choice = extractive.choose(made.searched, pieces, None, words)
    calibrated = found.result.cut is not None
    if not choice.sentences:  # nothing but headings and signs
        return replace(made, abstained=True)
    if not calibrated and choice.coverage < _WEAK_COVERAGE and (choice.similarity or 0.0) < _WEAK_COSINE:
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
        for piece in reading.read_passage(source.number, source.text, context, SPLITTERS)
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


def embedder_of(library: Library, sources: Sequence[CitedSource]) -> Embedder:
    """A model that the library has loaded or can load: that of the first source's collection, so that nothing new loads.

    Raises:
        CortexError: none can be used.
    """
    documents = frozenset(source.document_id for source in sources)
    specs = library.catalog.specs(documents)
    spec = next(iter(specs.values()), None) or library.default_spec()
    return library.embedder(spec)
