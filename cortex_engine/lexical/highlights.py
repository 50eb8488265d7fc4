"""Which runs of a text match a query: the words that the index would find, at their places in the text as it stands.

The text is normalised as for the index, but every piece of it remembers where it came from ("ﬁ" is two letters there and
one here, a soft hyphen none). One pass over the text; each different word is looked at once.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import accumulate, pairwise

from cortex_engine.core.app import Span
from cortex_engine.core.protocols import LexicalQuery
from cortex_engine.lexical.tokenizer import (
    GLUE,
    INVISIBLE,
    MAX_TERM,
    SPLIT,
    SUFFIX,
    components,
    fold,
    is_clitic,
    normalise,
    patterns,
    stem_term,
)

_JAMO = range(0x1160, 0x1200)
"""Hangul vowels and final consonants, which melt with the letter before them."""
_LONG = 8_000
"""Characters from which a pattern of a text's own pays."""
_NOTHING = "(?!)"
_NEVER = r"\x00"
_APOSTROPHE = str.maketrans("’ʼ", "''")


class NormalisedText:
    """A text as the index sees it, with the way back.

    Attributes:
        text: `normalise(text)`.
    """

    def __init__(self, text: str) -> None:
        # Pieces that are not letter for letter the same there: begin and end here, begin and end there.
        self._starts, self._ends = array("q"), array("q")
        self._normal_starts, self._normal_ends = array("q"), array("q")
        self.text = text.lower() if text.isascii() else self._normalise(text)

    def place(self, start: int, end: int) -> Span:
        """Where characters `[start, end)` of the normalised text stand in the text (whole letters, as far as needed)."""
        first, last = bisect_right(self._normal_starts, start) - 1, bisect_right(self._normal_starts, end - 1) - 1
        begin = start
        if first >= 0:
            beyond = start - self._normal_ends[first]
            begin = self._starts[first] if beyond < 0 else self._ends[first] + beyond
        if last >= 0:
            end = self._ends[last] + max(0, end - self._normal_ends[last])
        return begin, end

    def _normalise(self, text: str) -> str:
        table, pattern = _folding(frozenset(text))
        if pattern is None:
            return text.translate(table)
        known: dict[str, str] = {}
        parts: list[str] = []
        position = length = 0
        for match in pattern.finditer(text):
            start, end = match.span()
            if start > position:
                parts.append(text[position:start].translate(table))
                length += start - position
            letters = match.group()
            normal = known.get(letters)
            if normal is None:
                normal = known[letters] = normalise(letters)
            parts.append(normal)
            self._starts.append(start)
            self._ends.append(end)
            self._normal_starts.append(length)
            length += len(normal)
            self._normal_ends.append(length)
            position = end
        parts.append(text[position:].translate(table))
        return "".join(parts)


def _folding(letters: frozenset[str]) -> tuple[dict[int, str], re.Pattern[str] | None]:
    """A table for letters that become one letter by themselves, and a pattern for all others with what joins them."""
    table: dict[int, str] = {}
    joining, uneven = [], []
    for letter in letters:
        form, joins = _form(letter)
        if len(form) == 1:
            table[ord(letter)] = form
        if joins:
            joining.append(letter)
        elif len(form) != 1:
            uneven.append(letter)
    return table, _odd_pattern(frozenset(joining), frozenset(uneven))


@lru_cache(maxsize=1024)
def _odd_pattern(joining: frozenset[str], uneven: frozenset[str]) -> re.Pattern[str] | None:
    groups = [rf"[^\s]?[{_escaped(joining)}]+"] if joining else []
    groups += [f"[{_escaped(uneven)}]"] if uneven else []
    return re.compile("|".join(groups)) if groups else None


@lru_cache(maxsize=65_536)
def _form(letter: str) -> tuple[str, bool]:
    """The letter normalised by itself, and whether it may melt with the one before it."""
    return normalise(letter), _joins(letter)


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
        self._phrases = [words for phrase in query.phrases if (words := _words(phrase))]
        self._known: dict[str, tuple[Span, ...]] = {}
        self._parts: dict[str, bool] = {}
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

    def _word_marks(self, normal: str) -> list[Span]:
        known, runs = self._known, bool(self._pairs or self._letters)
        found: list[Span] = []
        for match in _token_pattern(normal).finditer(normal):
            token = match.group()
            marks = known.get(token)
            if marks is None:
                if match.group(1):
                    if runs:
                        found += self._run_marks(token, match.start())
                    continue
                marks = known[token] = tuple(self._token_marks(token))
            if marks:
                start = match.start()
                found += [(start + first, start + last) for first, last in marks]
        return found

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
        if token.isalnum():
            if self._part_matches(token):
                yield 0, len(token)
            return
        suffix = token[-2:] if token.endswith("++") else token[-1:] if token.endswith("#") else ""
        places = list(_part_places(token))
        if len(places) == 1 and not suffix:
            if self._part_matches(token):
                yield 0, len(token)
            return
        stem_part = token.removesuffix(suffix)
        whole: list[str] = []
        if len(places) > 1 and not is_clitic(stem_part, [token[first:last] for first, last in places]):
            whole.append(fold(stem_part.translate(GLUE))[:MAX_TERM])
        if suffix:
            whole.append(fold(token[slice(*places[-1])])[: MAX_TERM - 2] + suffix)
        if any(self._asked(term) for term in whole):
            yield 0, len(token)
            return
        for first, last in places:
            if self._part_matches(token[first:last]):
                yield first, last

    def _part_matches(self, raw: str) -> bool:
        matches = self._parts.get(raw)
        if matches is None:
            part = fold(raw)[:MAX_TERM]
            pieces = components(part)[1] if not part.isalpha() else ()
            matches = self._parts[raw] = bool(part) and any(self._asked(term) for term in (part, *pieces))
        return matches

    def _asked(self, term: str) -> bool:
        return any(stem_term(term, language) in forms for language, forms in self._forms.items())

    def _phrase_marks(self, normal: str) -> Iterator[Span]:
        """Places of phrases: looked for in the words joined by spaces, then led back through the tokens."""
        if not self._phrases:
            return
        tokens = list(_tokens(normal))
        known: dict[str, str] = {}
        words: list[str] = []
        for run, token, _ in tokens:
            key = run or token
            joined = known.get(key)
            if joined is None:
                joined = known[key] = " ".join(word for word, *_ in _token_words(run, token))
            words.append(joined)
        begins = list(accumulate((len(each) + 1 for each in words), initial=1))
        text = f" {' '.join(words)} "
        for phrase in self._phrases:
            wanted = f" {' '.join(phrase)} "
            position = text.find(wanted)
            while position >= 0:
                end = position + len(wanted) - 1
                first, last = bisect_right(begins, position + 1) - 1, bisect_right(begins, end - 1) - 1
                yield (
                    _word_place(tokens[first], position + 1 - begins[first])[0],
                    _word_place(tokens[last], end - 1 - begins[last])[1],
                )
                position = text.find(wanted, end)


def _tokens(normal: str) -> Iterator[tuple[str, str, int]]:
    """Runs of unspaced scripts, tokens of others, and where they begin, as the tokenizer finds them."""
    for match in _token_pattern(normal).finditer(normal):
        run = match.group(1) or ""
        yield run, "" if run else match.group(), match.start()


def _token_pattern(normal: str) -> re.Pattern[str]:
    """The tokenizer's pattern, for this text's letters where it is long; group 1 is a run of an unspaced script."""
    if normal.isascii():
        return _ascii_pattern()
    return _pattern_of(frozenset(normal)) if len(normal) > _LONG else patterns()[1]


@lru_cache(maxsize=1)
def _ascii_pattern() -> re.Pattern[str]:
    return re.compile(f"({_NOTHING})|{patterns()[0].pattern}")


@lru_cache(maxsize=64)
def _pattern_of(letters: frozenset[str]) -> re.Pattern[str]:
    """The pattern with classes of these letters only: that of all letters takes seven times as long."""
    general = patterns()[1]
    found = [(letter, match) for letter in letters if (match := general.fullmatch(letter))]
    unspaced = _escaped(letter for letter, match in found if match.group(1))
    word = f"[{_escaped(letter for letter, match in found if not match.group(1)) or _NEVER}]+"
    return re.compile(f"({f'[{unspaced}]+' if unspaced else _NOTHING})|{word}(?:{SPLIT.pattern}{word})*{SUFFIX}")


def _words(text: str) -> list[str]:
    """The words that have positions in the index: parts as they stand, single characters of unspaced scripts."""
    return [word for run, token, _ in _tokens(normalise(text)) for word, *_ in _token_words(run, token)]


def _token_words(run: str, token: str) -> list[tuple[str, int, int]]:
    """The words of a run or token, with their places in it."""
    if run:
        return [(letter, index, index + 1) for index, letter in enumerate(run)]
    places = ((fold(token[first:last])[:MAX_TERM], first, last) for first, last in _part_places(token))
    return [(word, first, last) for word, first, last in places if word]


def _word_place(found: tuple[str, str, int], offset: int) -> Span:
    """Where the word stands that holds character `offset` of a token's words joined by spaces."""
    run, token, start = found
    words = _token_words(run, token)
    for word, first, last in words:
        if offset <= len(word):
            return start + first, start + last
        offset -= len(word) + 1
    return start + words[-1][1], start + words[-1][2]


def _part_places(token: str) -> Iterator[Span]:
    """Places of the parts of a token, between its joiners and without its suffix."""
    end = len(token) - len(token[-2:]) if token.endswith("++") else len(token) - token.endswith("#")
    start = 0
    for joiner in SPLIT.finditer(token, 0, end):
        yield start, joiner.start()
        start = joiner.end()
    yield start, end


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Ascending, with those joined that overlap or touch."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(merged)
