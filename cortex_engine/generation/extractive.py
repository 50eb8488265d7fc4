"""Answers without a model that writes: the best sentences of the passages, word for word.

A sentence is judged by its cosine to the question and by the share of the question's words that it holds; those of one
meaning are taken once (maximal marginal relevance, Carbonell and Goldstein 1998).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.protocols import Embedder
from cortex_engine.generation.reading import PassageSentence

Terms = Callable[[str], frozenset[str]]
"""The words of a text that say what it is about, as stems."""

MOST, FEWEST = 5, 2
_WORDS = 0.5
"""What all of the question's words count beside a cosine."""
_HEADING_WORDS = 0.5
"""What a word of the heading counts against one of the sentence itself."""
_PLACE = 0.1
"""What the first passage has ahead of the last one."""
_HEADING_ONLY = 0.5
_NEAR, _SECOND = 0.65, 0.45
"""Share of the best score that a further sentence must reach, and that the second one must."""
_DIVERSITY = 0.3
_KIND = 0.15
"""What a sentence has ahead that holds a number (or a name) where the question asks for one."""
_ASKS_NUMBER = re.compile(
    r"\b(?:how (?:many|much|long|old|tall|high|far|often|large|big)|when|what (?:year|date|time|percentage|number)|which year|"
    r"wie ?viele?|wie (?:lange?|alt|hoch|weit|oft|groß)|wann|combien|quand|cu[aá]nt[oa]s?|cu[aá]ndo|quant[oie]|quando|hoeveel|"
    r"wanneer)\b|多少|几|何时|什么时候",
    re.IGNORECASE,
)
_ASKS_NAME = re.compile(r"\b(?:who|whom|whose|wer|wem|wen|wessen|qui|qui[eé]n(?:es)?|chi)\b", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
_NAME = re.compile(r"(?<=[\w,;] )[^\W\d_a-zà-ÿ]\w+[ -][^\W\d_a-zà-ÿ]\w+")
_MOST_READ = 96
"""Sentences that are embedded: those with most of the question's words."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen.

    Attributes:
        sentences: in the order in which they are to be read.
        similarity: cosine of the best sentence to the question, None without a model.
        coverage: largest share, 0..1, of the question's words that one sentence (with its heading) holds.
    """

    sentences: tuple[PassageSentence, ...]
    similarity: float | None
    coverage: float


def choose(
    question: str, sentences: Sequence[PassageSentence], embedder: Embedder | None, terms: Terms, most: int = MOST
) -> Choice:
    """The sentences that answer the question best.

    Args:
        sentences: of all passages, the best passage first.
        embedder: the library's own; None judges by words alone.

    Raises:
        ModelUnavailableError: the embedder cannot be used.
    """
    if not sentences:
        return Choice((), None, 0.0)
    wanted = terms(question)
    covered = np.array([_coverage(each, wanted, terms) for each in sentences])
    read = _most_promising(covered)
    pieces = [sentences[place] for place in read]
    cosines, vectors = _compared(question, pieces, embedder)
    last = max(each.source for each in pieces)
    places = np.array([1.0 - (each.source - 1) / max(1, last) for each in pieces])
    own = np.array([0.0 if each.heading_only else 1.0 for each in pieces])
    fitting = _KIND * np.array([_of_kind(question, each.text) for each in pieces])
    scores = (cosines + _WORDS * covered[read] + _PLACE * places + fitting) * (
        _HEADING_ONLY + (1 - _HEADING_ONLY) * own
    )
    chosen = _diverse(scores, vectors, pieces, most)
    first = {pieces[place].source: rank for rank, place in reversed(list(enumerate(chosen)))}
    ordered = sorted((pieces[place] for place in chosen), key=lambda each: (first[each.source], each.start))
    return Choice(tuple(ordered), float(cosines.max()) if embedder else None, float(covered.max(initial=0.0)))


def _coverage(sentence: PassageSentence, wanted: frozenset[str], terms: Terms) -> float:
    if not wanted:
        return 0.0
    own = terms(sentence.text) & wanted
    above = (terms(sentence.heading) & wanted) - own
    return (len(own) + _HEADING_WORDS * len(above)) / len(wanted)


def _of_kind(question: str, text: str) -> bool:
    """Whether a sentence holds what the question asks for: a number or date, or a person's name."""
    if _ASKS_NUMBER.search(question):
        return _DIGIT.search(text) is not None
    return _ASKS_NAME.search(question) is not None and _NAME.search(text) is not None


def _most_promising(covered: NDArray[np.float64]) -> NDArray[np.intp]:
    """Places of the sentences that are looked at closer, in their order."""
    best = np.argsort(-covered, kind="stable")[:_MOST_READ]
    return np.sort(best)


def _compared(
    question: str, pieces: Sequence[PassageSentence], embedder: Embedder | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cosines to the question, and the vectors of the sentences (rows of length 1; of no columns without a model)."""
    if embedder is None:
        return np.zeros(len(pieces)), np.zeros((len(pieces), 0))
    texts = [f"{each.heading}: {each.text}" if each.heading else each.text for each in pieces]
    vectors = unit(embedder.embed_documents(texts))
    return vectors @ unit(embedder.embed_query(question)[None, :])[0], vectors


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Rows of length 1 (or 0, where they are)."""
    wide = vectors.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    found: NDArray[np.float64] = np.divide(wide, lengths, out=np.zeros_like(wide), where=lengths > 0)
    return found


def _diverse(
    scores: NDArray[np.float64], vectors: NDArray[np.float64], pieces: Sequence[PassageSentence], most: int
) -> list[int]:
    """Places of the chosen sentences, the best first."""
    chosen = [int(scores.argmax())]
    best = float(scores[chosen[0]])
    alike = vectors @ vectors.T
    said = {pieces[chosen[0]].text.casefold()}
    while len(chosen) < min(most, len(pieces)):
        worth = scores - _DIVERSITY * alike[:, chosen].max(axis=1, initial=0.0)
        worth[
            [place for place, each in enumerate(pieces) if each.text.casefold() in said or each.heading_only]
        ] = -np.inf
        place = int(worth.argmax())
        least = (_NEAR if len(chosen) >= FEWEST else _SECOND) * best
        if not np.isfinite(worth[place]) or scores[place] < least or scores[place] <= 0:
            break
        chosen.append(place)
        said.add(pieces[place].text.casefold())
    return chosen
