"""The check of a model's answer: each sentence against the passages it cites.

A sentence is *quoted* when its words (or those of a quotation that makes up most of it) follow one another in a cited
passage. It is *supported* when it is as near to a cited passage as right statements are, and holds no name or address that
the passage lacks. In both cases the sentences that bear it out must hold its numbers with what they count and its names in
their order, must not deny what it affirms (or the reverse), and must not lay down a condition that it leaves out. Everything
else is *unverified*, with the reason.
That is a check of evidence, not of truth: docs/explanation/answers-with-proof.md says what it cannot see.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.answers import AnswerSentence, CitedSource, Proof
from cortex_engine.core.protocols import Embedder
from cortex_engine.generation import quantities
from cortex_engine.generation.commanding import commands_a_model
from cortex_engine.generation.extractive import unit
from cortex_engine.generation.marks import Statement
from cortex_engine.generation.reading import PassageSentence, Splitter
from cortex_engine.generation.wording import (
    addresses,
    calendar_words,
    conditions,
    denials,
    folded,
    folded_words,
    in_a_known_script,
    inner_names,
    names,
    other_order,
    quotations,
    restrictions,
    says_yes_or_no,
    stands_in,
    tokens,
)

_SHORT = 4
"""Tokens below which a sentence says nothing without its question."""
_QUOTATION, _PROVING_QUOTATION = 2, 4
"""Tokens from which words in quotation marks are held to stand there, and from which they may prove a sentence."""
_OPPOSED = "It or passage {} denies what the other says."
_LEFT_OUT = "Passage {} says it with a word that is missing here: “{}”."
_LIST_MARK = re.compile(r"\s*\(?(\d{1,2})[.)]\s+(?=\S)")
_DOUBLE = frozenset({"en", "de", "nl"})
"""Languages in which two words that deny cancel each other; elsewhere they often go together."""
_MOSTLY = 0.5
"""Share of a sentence's tokens that a quotation must make up to prove it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage as the check reads it.

    Attributes:
        text: the passage with what stands above it (headings, header row); orders to a model are left out.
        context: what stands above it.
        pieces: its sentences, without such orders.
    """

    source: CitedSource
    text: str
    tokens: tuple[str, ...]
    pieces: tuple[PassageSentence, ...]
    context: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of the check.

    Attributes:
        quoted: the pieces that bear sentences out, for the sources' quotes.
    """

    sentences: tuple[AnswerSentence, ...]
    quoted: tuple[PassageSentence, ...]


def evidence(
    sources: Sequence[CitedSource], contexts: Sequence[str], pieces: Sequence[PassageSentence]
) -> list[Evidence]:
    """The passages without sentences that give orders to a model.

    Args:
        contexts: as the sources stand.
        pieces: of all passages (`reading.read_passage`).
    """
    found = []
    for source, context in zip(sources, contexts, strict=True):
        own = tuple(each for each in pieces if each.source == source.number)
        kept = tuple(each for each in own if not commands_a_model(each.text))
        text = source.text if len(kept) == len(own) else "\n".join(each.text for each in kept)
        found.append(Evidence(source, f"{context}\n{text}", tuple(tokens(text)), kept, context))
    return found


class Prover:
    """Checks the sentences of one answer.

    Args:
        passages: by `evidence`, number 1 first.
        embedder: compares meanings; None where none can be used: only quotations count then.
        bound: cosine from which on a passage bears out a statement (`supporting.measure`).
        language: of the answer, ISO 639-1, "" where it is not known.
        clauses: cuts a sentence at its commas.
    """

    def __init__(
        self, passages: Sequence[Evidence], embedder: Embedder | None, bound: float, language: str, clauses: Splitter
    ) -> None:
        self._passages = {each.source.number: each for each in passages}
        self._embedder = embedder
        self._bound = bound
        self._language = language
        self._clauses = clauses
        self._names = inner_names(each.text for each in passages)
        self._vectors: dict[int, NDArray[np.float64]] = {}
        self._own: dict[str, NDArray[np.float64]] = {}

    def check(self, question: str, statements: Sequence[Statement]) -> Checked:
        """Check all sentences.

        Raises:
            ModelUnavailableError: the embedder cannot be used.
        """
        done = [self._one(question, *pair) for pair in zip(statements, _plain(statements), strict=True)]
        return Checked(tuple(sentence for sentence, _ in done), tuple(piece for _, found in done for piece in found))

    def _one(self, question: str, statement: Statement, plain: str) -> tuple[AnswerSentence, list[PassageSentence]]:
        there = tuple(number for number in statement.cited if number in self._passages)
        missing = [number for number in statement.cited if number not in self._passages]
        if missing:
            return AnswerSentence(statement.text, there, Proof.UNVERIFIED, reason=self._absent(missing)), []
        if not there:
            return AnswerSentence(statement.text, (), Proof.UNVERIFIED, reason="It cites no passage."), []
        verdicts = [self._against(question, plain, number) for number in there]
        similarity = max((each.similarity for each in verdicts if each.similarity is not None), default=None)
        bearing = [each for each in verdicts if not each.reason]
        if not bearing:
            nearest = max(verdicts, key=lambda each: each.similarity if each.similarity is not None else -1.0)
            return AnswerSentence(statement.text, there, Proof.UNVERIFIED, similarity, nearest.reason), []
        proof = Proof.QUOTED if any(each.quoted for each in bearing) else Proof.SUPPORTED
        proved = tuple(each.number for each in bearing)
        pieces = [piece for each in bearing for piece in each.pieces]
        return AnswerSentence(statement.text, there, proof, similarity, proved_by=proved), pieces

    def _absent(self, missing: Sequence[int]) -> str:
        cited = ", ".join(f"[{number}]" for number in missing[:5])
        count = len(self._passages)
        return f"It cites {cited}, but there {'is only one passage' if count == 1 else f'are only {count} passages'}."

    def _against(self, question: str, text: str, number: int) -> _Verdict:
        passage = self._passages[number]
        words = tokens(text)
        if len(words) >= _SHORT and (pieces := _holding(words, passage)):
            return self._quoted(text, pieces, passage)
        if reason := self._foreign(text, passage):
            return _Verdict(number, reason=reason, similarity=self._nearest(text, number))
        if len(words) >= _SHORT and (pieces := _proving_quotation(text, words, passage)):
            return self._quoted(text, pieces, passage)
        return self._supported(text, number) if len(words) >= _SHORT else self._short(question, text, words, number)

    def _quoted(self, text: str, pieces: tuple[PassageSentence, ...], passage: Evidence) -> _Verdict:
        number = passage.source.number
        if reason := self._twisted(text, pieces, passage):
            return _Verdict(number, reason)
        if under := restrictions(" ".join(each.text for each in pieces)) - restrictions(text):
            return _Verdict(number, _LEFT_OUT.format(number, min(under)))
        return _Verdict(number, quoted=True, pieces=pieces)

    def _short(self, question: str, text: str, words: Sequence[str], number: int) -> _Verdict:
        """A word or two: they stand in the sentence that is nearest to the question with them, and add something to it."""
        if says_yes_or_no(words):
            return _Verdict(number, reason="A yes or no alone cannot be checked.")
        if not stands_in(words, self._passages[number].tokens):
            return _Verdict(number, reason=f"Its words do not stand in passage {number}.")
        if set(words) <= set(tokens(question)):
            return _Verdict(number, reason="It says nothing that the question does not hold.")
        verdict = self._supported(f"{question} {text}", number)
        if verdict.reason or stands_in(words, [token for each in verdict.pieces for token in tokens(each.text)]):
            return verdict
        return _Verdict(number, reason=f"Its words stand elsewhere in passage {number}.", similarity=verdict.similarity)

    def _foreign(self, text: str, passage: Evidence) -> str:
        """What the statement holds that the passage lacks, as a sentence, or ""."""
        number = passage.source.number
        for quotation in quotations(text):
            words = tokens(quotation)
            if len(words) >= _QUOTATION and not stands_in(words, passage.tokens):
                return f"The words in quotation marks do not stand in passage {number}."
        for address in addresses(text):
            if address.casefold() not in passage.text.casefold():
                return f"The address {address} does not stand in passage {number}."
        if lost := quantities.missing(text, passage.text):
            return f"The number {lost} does not stand in passage {number}."
        for word in calendar_words(text):
            if word not in calendar_words(passage.text):
                return f"{word.title()} does not stand in passage {number}."
        words_held = folded_words(passage.text)
        for name in names(text, self._language, self._names):
            if calendar_words(name):
                continue
            if folded(name) not in words_held and not any(part in words_held for part in folded(name).split("-")):
                return f"The name {name} does not stand in passage {number}."
        return ""

    def _supported(self, text: str, number: int) -> _Verdict:
        if self._embedder is None:
            return _Verdict(number, reason="Only quotations could be checked: no model compares meanings now.")
        if not in_a_known_script(text):
            return _Verdict(number, reason="Sentences in this script can be checked as quotations only.")
        near = self._near(text, number)
        similarity = near[0][0] if near else None
        if similarity is None or similarity < self._bound:
            said = 0.0 if similarity is None else similarity
            reason = f"It is not near enough to what passage {number} says ({said:.2f}; at least {self._bound:.2f})."
            return _Verdict(number, reason=reason, similarity=similarity)
        passage = self._passages[number]
        # A number may stand in the sentence before; what denies, in the nearest one.
        enough = [run for cosine, run in near if cosine >= self._bound]
        pieces = next((run for run in enough if not quantities.missing(text, _read(run, passage))), enough[0])
        reason = self._twisted(text, pieces, passage)
        if not reason and self._opposed(text, enough[0]):
            reason = _OPPOSED.format(number)
        return _Verdict(number, reason, similarity=similarity, pieces=() if reason else pieces)

    def _twisted(self, text: str, pieces: Sequence[PassageSentence], passage: Evidence) -> str:
        """What of a statement these sentences say otherwise, as a sentence, or ""."""
        number, whole = passage.source.number, " ".join(each.text for each in pieces)
        if lost := quantities.missing(text, _read(pieces, passage)):
            return f"The number {lost} stands elsewhere in passage {number}, or as a part of another one."
        if other := quantities.changed(text, whole):
            return f"Passage {number} counts something else with the number {other}."
        if pair := other_order(text, names(text, self._language, self._names), whole):
            return f"Passage {number} has {pair[0]} and {pair[1]} the other way round."
        if self._opposed(text, pieces):
            return _OPPOSED.format(number)
        if under := conditions(whole, self._language) - conditions(text, self._language):
            return _LEFT_OUT.format(number, min(under))
        return ""

    def _nearest(self, text: str, number: int) -> float | None:
        near = self._near(text, number)
        return near[0][0] if near else None

    def _near(self, text: str, number: int) -> list[tuple[float, tuple[PassageSentence, ...]]]:
        """Cosines to the sentences of a passage, and to each two in a row, the nearest first."""
        pieces = self._passages[number].pieces
        if self._embedder is None or not pieces:
            return []
        runs = _runs(pieces)
        if number not in self._vectors:
            texts = [" ".join(each.text for each in run) for run in runs]
            headed = [f"{each.heading}: {each.text}" for each in pieces]
            self._vectors[number] = unit(self._embedder.embed_documents([*headed, *texts]))
        if text not in self._own:
            self._own[text] = unit(self._embedder.embed_documents([text]))[0]
        cosines = self._vectors[number] @ self._own[text]
        order = np.argsort(-cosines, kind="stable")
        return [(float(cosines[place]), runs[place if place < len(pieces) else place - len(pieces)]) for place in order]

    def _opposed(self, text: str, pieces: Sequence[PassageSentence]) -> bool:
        """Whether one denies and the other does not, by the clause that has most words in common."""
        wanted = folded_words(text)
        clauses = [
            each.text[start:end] for each in pieces for start, end in self._clauses(each.text, 0, len(each.text))
        ]
        best = max(clauses, key=lambda clause: len(folded_words(clause) & wanted), default="")
        whole = " ".join(each.text for each in pieces)
        denying, clause, passage = (self._denies(each) for each in (text, best, whole))
        return denying not in {clause, passage}

    def _denies(self, text: str) -> bool:
        count = denials(text)
        return count % 2 == 1 if self._language in _DOUBLE else count > 0


@dataclass(frozen=True, slots=True)
class _Verdict:
    """A sentence against one passage; `reason`: why that does not bear it out, "" where it does."""

    number: int
    reason: str = ""
    quoted: bool = False
    similarity: float | None = None
    pieces: tuple[PassageSentence, ...] = ()


def _plain(statements: Sequence[Statement]) -> list[str]:
    """The statements as they are checked: without the numbers of a list, which are two at least that follow each other."""
    marks = [
        _LIST_MARK.match(each.text) if at == 0 or each.text[0] == "\n" else None for at, each in enumerate(statements)
    ]
    counted = {int(mark[1]) for mark in marks if mark}
    return [
        (each.text[mark.end() :] if mark and {int(mark[1]) - 1, int(mark[1]) + 1} & counted else each.text).strip()
        for each, mark in zip(statements, marks, strict=True)
    ]


def _read(pieces: Sequence[PassageSentence], passage: Evidence) -> str:
    """Sentences with what stands above them."""
    return "\n".join([passage.context, *(f"{each.heading}\n{each.text}" for each in pieces)])


def _runs(pieces: Sequence[PassageSentence]) -> list[tuple[PassageSentence, ...]]:
    """Each sentence, and each two in a row."""
    return [*((each,) for each in pieces), *(tuple(pieces[place : place + 2]) for place in range(len(pieces) - 1))]


def _holding(words: Sequence[str], passage: Evidence) -> tuple[PassageSentence, ...]:
    """The sentences of the passage in which these words follow one another, () where they do not."""
    if not stands_in(words, passage.tokens):
        return ()
    for size in range(1, len(passage.pieces) + 1):
        for place in range(len(passage.pieces) - size + 1):
            run = passage.pieces[place : place + size]
            if stands_in(words, [token for each in run for token in tokens(each.text)]):
                return run
    return ()


def _proving_quotation(text: str, words: Sequence[str], passage: Evidence) -> tuple[PassageSentence, ...]:
    for quotation in quotations(text):
        quoted = tokens(quotation)
        if len(quoted) >= max(_PROVING_QUOTATION, _MOSTLY * len(words)) and (pieces := _holding(quoted, passage)):
            return pieces
    return ()
