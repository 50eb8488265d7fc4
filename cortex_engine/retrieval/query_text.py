"""What people type, taken apart: words, "phrases in quotes", -excluded words and -"excluded phrases"."""

from __future__ import annotations

from dataclasses import dataclass, field

from cortex_engine.core.errors import UsageError
from cortex_engine.core.protocols import LexicalQuery
from cortex_engine.retrieval.function_words import without_function_words

_CLOSING = {
    '"': '"',
    "“": "”“",
    "”": "”",
    "„": "“”",
    "«": "»",
    "»": "«",
    "「": "」",
    "『": "』",
}
"""Opening quotation mark -> the marks that may close it (English, German, French, Japanese and Chinese habits)."""

MAX_CHARACTERS = 10_000
"""Longer queries are refused: a query is a question, not a document."""


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """A query taken apart.

    Attributes:
        text: all words that are asked for, phrases among them, without operators: what is embedded.
        phrases: each must stand in a hit, word after word.
        excluded: words and phrases that may not stand in a hit.
        loose: the words that stand in no phrase.
    """

    text: str
    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    loose: str = field(default="", compare=False)

    @property
    def restricted(self) -> bool:
        """True when hits must be held to phrases or exclusions."""
        return bool(self.phrases or self.excluded)

    def lexical(self, languages: tuple[str, ...] = ()) -> LexicalQuery:
        """The same as a query by words, without function words outside phrases, for passages in these languages."""
        return LexicalQuery(without_function_words(self.text), self.phrases, self.excluded, languages)


def parse_query(typed: str, wordless: bool = False) -> ParsedQuery:
    """Take a query apart.

    A hyphen excludes only at the start or after white space and directly before a word or quotation mark: "e-mail" and
    "a - b" are plain words. A quotation mark that is never closed is ignored, and so is one that follows a digit
    (`19" rack`).

    Args:
        wordless: whether nothing at all may be typed (something else, a picture, is asked for).

    Raises:
        UsageError: nothing is asked for (empty, or exclusions only), or the query is too long.
    """
    if len(typed) > MAX_CHARACTERS:
        raise UsageError(f"The query has {len(typed):,} characters; at most {MAX_CHARACTERS:,} are possible.")
    if wordless and not typed.strip():
        return ParsedQuery("")
    words, phrases, excluded, loose = _scan(typed)
    if not _has_word(words):
        if excluded:
            raise UsageError(
                f"The query only says what to leave out ({', '.join(excluded)}). Add at least one word to look for."
            )
        what = "holds no word or number" if typed.strip() else "is empty"
        raise UsageError(f"The query {what}. Type at least one word to look for.")
    return ParsedQuery(words, tuple(dict.fromkeys(phrases)), tuple(dict.fromkeys(excluded)), loose)


def _scan(typed: str) -> tuple[str, list[str], list[str], str]:
    """Words (phrases among them) as one text, phrases, what is excluded, and words outside of phrases."""
    words: list[str] = []
    loose: list[str] = []
    phrases: list[str] = []
    excluded: list[str] = []
    position = 0
    while position < len(typed):
        negated = _excludes(typed, position)
        start = position + negated
        end = _closing(typed, start)
        if end > start:
            phrase = " ".join(typed[start + 1 : end].split())
            if _has_word(phrase):
                (excluded if negated else phrases).append(phrase)
                words.append("" if negated else f" {phrase} ")
                loose.append(" ")
            position = end + 1
        elif negated:
            end = _word_end(typed, start)
            excluded.append(typed[start:end].strip("".join(_CLOSING)))
            position = end
        else:
            character = typed[position]
            words.append(" " if character in _CLOSING and not _inch(typed, position) else character)
            loose.append(words[-1])
            position += 1
    return _spaced(words), phrases, excluded, _spaced(loose)


def _spaced(pieces: list[str]) -> str:
    return " ".join("".join(pieces).split())


def _excludes(typed: str, position: int) -> bool:
    """Whether the hyphen at `position` (if it is one) excludes what follows."""
    if typed[position] != "-" or (position > 0 and not typed[position - 1].isspace()):
        return False
    following = typed[position + 1 : position + 2]
    if following in _CLOSING:
        return _closing(typed, position + 1) > 0
    return following not in ("", "-") and _has_word(typed[position + 1 : _word_end(typed, position + 1)])


def _closing(typed: str, start: int) -> int:
    """Position of the mark that closes the quotation opened at `start`, or -1."""
    if start >= len(typed) or typed[start] not in _CLOSING or _inch(typed, start):
        return -1
    found = [typed.find(mark, start + 1) for mark in _CLOSING[typed[start]]]
    return min((place for place in found if place > 0), default=-1)


def _inch(typed: str, position: int) -> bool:
    """A straight quotation mark directly after a digit is a measure, not a quotation."""
    return typed[position] == '"' and position > 0 and typed[position - 1].isdigit()


def _word_end(typed: str, start: int) -> int:
    """End of the run without white space that begins at `start`."""
    end = start
    while end < len(typed) and not typed[end].isspace():
        end += 1
    return end


def _has_word(text: str) -> bool:
    return any(character.isalnum() for character in text)
