"""Which runs of a text match a query: the words that the index would find, at their places in the text as it stands.

The text is normalised as for the index, but every piece of it remembers where it came from ("ﬁ" is two letters there and
one here, a soft hyphen none). One pass over the text; each different word is looked at once.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import NamedTuple

from cortex_engine.core.app import Span
from cortex_engine.core.protocols import LexicalQuery
from cortex_engine.lexical.tokenizer import INVISIBLE, SPLIT, components, fold, normalise, patterns, stem_term

_JAMO = range(0x1160, 0x1200)
"""Hangul vowels and final consonants, which melt with the letter before them."""
_APOSTROPHE = str.maketrans("’ʼ", "''")


class _Piece(NamedTuple):
    """A run of the text: its place here, and its normalised form's place there. `exact`: letter for letter."""

    start: int
    end: int
    normal_start: int
    exact: bool


class NormalisedText:
    """A text as the index sees it, with the way back.

    Attributes:
        text: `normalise(text)`.
    """

    def __init__(self, text: str) -> None:
        self._length = len(text)
        self._pieces: list[_Piece] = []
        self._starts: list[int] = []
        self.text = text.lower() if text.isascii() else self._normalise(text)

    def place(self, start: int, end: int) -> Span:
        """Where characters `[start, end)` of the normalised text stand in the text (whole letters, as far as needed)."""
        if not self._pieces:
            return start, end
        first = self._pieces[bisect_right(self._starts, start) - 1]
        last = self._pieces[bisect_right(self._starts, end - 1) - 1]
        begin = first.start + (start - first.normal_start if first.exact else 0)
        return begin, last.start + end - last.normal_start if last.exact else last.end

    def _normalise(self, text: str) -> str:
        table, pattern = _folding(frozenset(text))
        known: dict[str, str] = {}
        parts: list[str] = []
        position = length = 0
        for match in pattern.finditer(text) if pattern else ():
            start, end = match.span()
            if start > position:
                self._pieces.append(_Piece(position, start, length, True))
                parts.append(text[position:start].translate(table))
                length += start - position
            letters = match.group()
            normal = known.get(letters)
            if normal is None:
                normal = known[letters] = normalise(letters)
            if normal:
                self._pieces.append(_Piece(start, end, length, False))
                parts.append(normal)
                length += len(normal)
            position = end
        if position < len(text) or not self._pieces:
            self._pieces.append(_Piece(position, len(text), length, True))
            parts.append(text[position:].translate(table))
        self._starts = [piece.normal_start for piece in self._pieces]
        return "".join(parts)


@lru_cache(maxsize=256)
def _folding(letters: frozenset[str]) -> tuple[dict[int, str], re.Pattern[str] | None]:
    """A table for letters that become one letter by themselves, and a pattern for all others with what joins them."""
    normal = {letter: normalise(letter) for letter in letters}
    joining = {letter for letter in letters if _joins(letter)}
    uneven = {letter for letter, form in normal.items() if len(form) != 1} - joining
    table = {ord(letter): form for letter, form in normal.items() if len(form) == 1}
    groups = [rf"[^\s]?[{_escaped(joining)}]+"] if joining else []
    groups += [f"[{_escaped(uneven)}]"] if uneven else []
    return table, re.compile("|".join(groups), re.DOTALL) if groups else None


def _joins(letter: str) -> bool:
    """Whether it may melt with the letter before it, or vanishes between letters that may."""
    first = unicodedata.normalize("NFKD", letter)[0]
    return ord(letter) in INVISIBLE or unicodedata.category(first)[0] == "M" or ord(first) in _JAMO


def _escaped(letters: Iterable[str]) -> str:
    return "".join(f"\\U{ord(letter):08x}" for letter in sorted(letters))


class Highlighter:
    """Marks the words of one query in any number of texts.

    Args:
        query: loose words as `text`, without those of phrases and without excluded words; phrases are marked whole.
        skipped: words (as typed, in lower case) that are not marked unless they stand in a phrase.

    The stems of `query.languages` apply; a word that is asked for as it stands matches in any language. Not to be
    shared between threads.
    """

    def __init__(self, query: LexicalQuery, skipped: frozenset[str] = frozenset()) -> None:
        self._languages = query.languages or ("",)
        self._forms: dict[str, set[str]] = {language: set() for language in self._languages}
        self._pairs: set[str] = set()
        self._letters: set[str] = set()
        self._phrases = [words for phrase in query.phrases if (words := [word for word, *_ in _words(phrase)])]
        self._known: dict[str, tuple[Span, ...]] = {}
        self._read(query.text, skipped)

    def marks(self, text: str) -> tuple[Span, ...]:
        """Places of the matches, ascending, neither overlapping nor touching."""
        if not text or not (self._pairs or self._letters or self._phrases or any(self._forms.values())):
            return ()
        normal = NormalisedText(text)
        found = [*self._word_marks(normal.text), *self._phrase_marks(normal.text)]
        return _merged(normal.place(start, end) for start, end in _merged(found))

    def _read(self, text: str, skipped: frozenset[str]) -> None:
        """Take in the loose words of the query."""
        for run, token, _ in _tokens(normalise(text)):
            if len(run) > 1:
                self._pairs.update(map("".join, pairwise(run)))
                continue
            if run:
                self._letters.add(run)
                continue
            if token.translate(_APOSTROPHE) in skipped:
                continue
            parts, extra = components(token)
            if len(parts) == 2 and len(parts[1]) <= 2 and not extra:  # "john's" asks for John
                parts = parts[:1]
            for term in (*(part for part in parts if part not in skipped), *extra):
                for language in self._languages:
                    self._forms[language].add(stem_term(term, language))

    def _word_marks(self, normal: str) -> Iterator[Span]:
        known = self._known
        for run, token, start in _tokens(normal):
            if run:
                if self._pairs or self._letters:
                    yield from self._run_marks(run, start)
                continue
            marks = known.get(token)
            if marks is None:
                marks = known[token] = tuple(self._token_marks(token))
            for first, last in marks:
                yield start + first, start + last

    def _run_marks(self, run: str, start: int) -> Iterator[Span]:
        pairs, letters = self._pairs, self._letters
        if pairs:
            for index, pair in enumerate(pairwise(run), start):
                if pair[0] + pair[1] in pairs:
                    yield index, index + 2
        if letters:
            for index, letter in enumerate(run, start):
                if letter in letters:
                    yield index, index + 1

    def _token_marks(self, token: str) -> Iterator[Span]:
        """Places within a token that match: all of it, or some of its parts."""
        parts, extra = components(token)
        if len(parts) == 1 and not extra:
            if self._asked(parts[0]):
                yield 0, len(token)
            return
        whole = {fold(token), *extra} - set(_pieces(parts))
        if any(self._asked(term) for term in whole):
            yield 0, len(token)
            return
        for first, last in _part_places(token):
            part = fold(token[first:last])
            if part and any(self._asked(term) for term in (part, *_pieces([part]))):
                yield first, last

    def _asked(self, term: str) -> bool:
        return any(stem_term(term, language) in forms for language, forms in self._forms.items())

    def _phrase_marks(self, normal: str) -> Iterator[Span]:
        if not self._phrases:
            return
        words = _words(normal)
        joined = f" {' '.join(word for word, *_ in words)} "
        begins = list(accumulate((len(word) + 1 for word, *_ in words), initial=0))
        for phrase in self._phrases:
            wanted = f" {' '.join(phrase)} "
            position = joined.find(wanted)
            while position >= 0:
                first = bisect_right(begins, position) - 1
                yield words[first][1], words[first + len(phrase) - 1][2]
                position = joined.find(wanted, position + len(wanted) - 1)


def _tokens(normal: str) -> Iterator[tuple[str, str, int]]:
    """Runs of unspaced scripts, tokens of others, and where they begin, as the tokenizer finds them."""
    plain, general = patterns()
    if normal.isascii():
        for match in plain.finditer(normal):
            yield "", match.group(), match.start()
        return
    for match in general.finditer(normal):
        yield match.group(1) or "", match.group(2) or "", match.start()


def _words(text: str) -> list[tuple[str, int, int]]:
    """The words that have positions in the index, with their places: parts as they stand, single characters of runs."""
    words: list[tuple[str, int, int]] = []
    known: dict[str, list[tuple[str, int, int]]] = {}
    for run, token, start in _tokens(normalise(text) if not text.isascii() else text.lower()):
        if run:
            words += [(letter, index, index + 1) for index, letter in enumerate(run, start)]
            continue
        parts = known.get(token)
        if parts is None:
            places = ((fold(token[first:last]), first, last) for first, last in _part_places(token))
            parts = known[token] = [(word, first, last) for word, first, last in places if word]
        words += [(word, start + first, start + last) for word, first, last in parts]
    return words


def _part_places(token: str) -> Iterator[Span]:
    """Places of the parts of a token, between its joiners and without its suffix."""
    end = len(token) - len(token[-2:]) if token.endswith("++") else len(token) - token.endswith("#")
    start = 0
    for joiner in SPLIT.finditer(token, 0, end):
        yield start, joiner.start()
        start = joiner.end()
    yield start, end


def _pieces(parts: Sequence[str]) -> list[str]:
    """Runs of letters and of digits in words that hold both, as the index has them."""
    return [piece for part in parts for piece in components(part)[1]]


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Ascending, with those joined that overlap or touch."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(merged)
