"""From text to the terms that are indexed and searched.

Text is brought to NFKC, case is folded, and diacritics of Latin and Greek letters go, so that "Résumé" and "resume"
are one word. Two views of a text are indexed:

- *terms* are scored: stems; hyphenated words and identifiers in parts and whole ("sr", "71", "sr71"); overlapping
  pairs of characters in scripts that are written without spaces (Han, Kana, Hangul, Thai, …);
- *words* have positions, for exact phrases: the parts as they stand, single characters in those scripts.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from cortex_engine.lexical.languages import SNOWBALL, stem

MAX_TERM = 120
"""Longer terms are cut to this many characters, in texts and queries alike."""
_CACHE_SIZE = 200_000
_MAX_SUBPARTS = 4

_UNSPACED_RANGES = (
    (0x0E00, 0x0FFF),  # Thai, Lao, Tibetan
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul Jamo
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x303C),
    (0x3041, 0x318F),  # Kana, Bopomofo, Hangul compatibility
    (0x31A0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xA960, 0xA97F),
    (0xAC00, 0xD7FF),  # Hangul
    (0xF900, 0xFAFF),
    (0x1AFF0, 0x1B16F),
    (0x20000, 0x3FFFF),
)
INVISIBLE = dict.fromkeys([0x00AD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065), 0xFEFF])
_VOWEL_POINTS = frozenset(map(chr, [*range(0x0591, 0x05C8), 0x0640, *range(0x064B, 0x0653), 0x0670]))
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th", "ħ": "h"})
_ASCII_WORD = "[a-z0-9]+"
_JOINER = "['’ʼ_.@-‐‑]".replace("@-‐", "@\\-‐")
SUFFIX = r"(?:\+\+|#(?![#\w]))?"
SPLIT = re.compile(_JOINER)
_LETTERS_AND_DIGITS = re.compile(r"\d+|\D+")
_NO_WORD = re.compile(r"[\d.@+#]")
GLUE = str.maketrans("", "", "'’ʼ_-‐‑")


@dataclass(frozen=True, slots=True)
class QueryWord:
    """A word of a query: any of `terms` is a match for it, the best one counts.

    Attributes:
        terms: its forms in the languages asked for, in a fixed order.
        character: True for a single character of an unspaced script, to be looked up among the *words*.
        count: how often the query has it, in whichever form ("image" and "images" count together).
    """

    terms: tuple[str, ...]
    character: bool = False
    count: int = 1


def normalise(text: str) -> str:
    """NFKC with case folded; applying it again changes nothing. Invisible characters (soft hyphens) go."""
    if text.isascii():
        return text.lower()
    for _ in range(4):
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).translate(INVISIBLE)
        if folded == text:
            break
        text = folded
    return text


def fold(word: str) -> str:
    """Drop what people leave out when they type: accents on Latin and Greek letters, vowel points, "ё"."""
    if word.isascii():
        return word
    kept: list[str] = []
    base = ""
    for char in unicodedata.normalize("NFD", word):
        if "\u0300" <= char <= "\u036f":
            if base and (_latin_or_greek(base) or (base == "е" and char == "\u0308")):
                continue
        elif char in _VOWEL_POINTS:
            continue
        else:
            base = char
        kept.append(char)
    return unicodedata.normalize("NFC", "".join(kept)).translate(_LETTERS)


def _latin_or_greek(char: str) -> bool:
    code = ord(char)
    return code < 0x250 or 0x1E00 <= code <= 0x1FFF or 0x370 <= code <= 0x3FF


def _ranges(codes: list[int]) -> str:
    """The codes, ascending, as the inside of a regular expression's character class."""
    parts: list[str] = []
    start = previous = codes[0]
    for code in [*codes[1:], sys.maxunicode + 2]:
        if code != previous + 1:
            parts.append(f"\\U{start:08x}-\\U{previous:08x}")
            start = code
        previous = code
    return "".join(parts)


@lru_cache(maxsize=1)
def patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Patterns for ASCII text and for any text. Group 1 of the second is a run of an unspaced script."""
    unspaced = {code for low, high in _UNSPACED_RANGES for code in range(low, high + 1)}
    in_word = [code for code in range(0x40000) if unicodedata.category(chr(code))[0] in "LMN"]
    word = f"[{_ranges([code for code in in_word if code not in unspaced])}]+"
    run = f"[{_ranges([code for code in in_word if code in unspaced])}]+"
    ascii_joined = f"{_ASCII_WORD}(?:{_JOINER}{_ASCII_WORD})*{SUFFIX}"
    joined = f"{word}(?:{_JOINER}{word})*{SUFFIX}"
    return re.compile(ascii_joined), re.compile(f"({run})|({joined})")


def components(token: str) -> tuple[list[str], list[str]]:
    """A token's parts, in order, and the other terms by which it can be found."""
    suffix = "++" if token.endswith("++") else "#" if token.endswith("#") else ""
    stem_part = token.removesuffix(suffix) if suffix else token
    parts = [part for raw in SPLIT.split(stem_part) if (part := fold(raw)[:MAX_TERM])]
    extra: list[str] = []
    if len(parts) > 1 and not is_clitic(stem_part, parts):
        extra.append(fold(stem_part.translate(GLUE))[:MAX_TERM])
    for part in parts:
        pieces = _LETTERS_AND_DIGITS.findall(part)
        if 1 < len(pieces) <= _MAX_SUBPARTS:
            extra.extend(pieces)
    if suffix and parts:
        extra.append(parts[-1][: MAX_TERM - 2] + suffix)
    return parts, extra


def is_clitic(token: str, parts: list[str]) -> bool:
    """True for "john's" and "don't": together they would only make another word of "john" and "don"."""
    return len(parts) == 2 and len(parts[1]) <= 2 and any(mark in token for mark in "'’ʼ")


class Tokenizer:
    """Analyses texts and queries; remembers words that it has met. May be shared by threads."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, tuple[str, str]]] = {}

    def analyse(self, text: str, language: str) -> tuple[str, str]:
        """The terms and the words of a text, each joined by single spaces.

        Args:
            text: any string.
            language: ISO 639-1 code that chooses the stemmer; "" for none.
        """
        if language not in SNOWBALL:
            language = ""
        known = self._known.setdefault(language, {})
        if len(known) > _CACHE_SIZE:
            known = self._known[language] = {}
        terms: list[str] = []
        words: list[str] = []
        for run, token in _tokens(text):
            if run:
                characters, pairs = _unspaced(run)
                words.append(" ".join(characters))
                terms.append(" ".join(pairs or characters))
                continue
            pair = known.get(token)
            if pair is None:
                pair = known[token] = _analyse_token(token, language)
            terms.append(pair[0])
            words.append(pair[1])
        return " ".join(terms), " ".join(words)

    def words(self, text: str) -> list[str]:
        """The words of a text in order, as `analyse` gives them."""
        return self.analyse(text, "")[1].split()

    def query_words(self, text: str, languages: tuple[str, ...]) -> list[QueryWord]:
        """The words of a query, each once, with its forms in these languages (as it stands for one without stemmer)."""
        found: Counter[tuple[tuple[str, ...], bool]] = Counter()
        for run, token in _tokens(text):
            if run:
                characters, pairs = _unspaced(run)
                found.update(((term,), not pairs) for term in pairs or characters)
                continue
            parts, extra = components(token)
            for term in (*parts, *extra):
                forms = (stem_term(term, language) for language in languages or ("",))
                found[tuple(dict.fromkeys(forms)), False] += 1
        return [QueryWord(terms, character, count) for (terms, character), count in found.items()]


def _tokens(text: str) -> list[tuple[str, str]]:
    """Runs of unspaced scripts (first of the pair) and tokens of other scripts (second), in order."""
    normal = normalise(text)
    plain, general = patterns()
    if normal.isascii():
        return [("", token) for token in plain.findall(normal)]
    return general.findall(normal)


def _unspaced(run: str) -> tuple[list[str], list[str]]:
    """Characters of a run and its overlapping pairs (none when it has one character)."""
    characters = list(run)
    return characters, [first + second for first, second in pairwise(characters)]


def _analyse_token(token: str, language: str) -> tuple[str, str]:
    parts, extra = components(token)
    return " ".join([stem_term(term, language) for term in (*parts, *extra)]), " ".join(parts)


def stem_term(term: str, language: str) -> str:
    """Stem words; numbers, identifiers and words of one or two letters stay."""
    if len(term) < 3 or _NO_WORD.search(term):
        return term
    return stem(term, language)
