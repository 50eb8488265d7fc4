"""Runs of capitalised words: what may be a name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cortex_engine.core.names import fold
from cortex_engine.graph.casing import starts
from cortex_engine.graph.lexicon import listed, word_list
from cortex_engine.graph.segments import Sentence, Word

_LINKS = word_list("spans.links")
_OF = frozenset({"of", "for", "in"})
_ARTICLES = frozenset({"the", "der", "des", "la", "los", "las"})
FOR_HEADS = word_list("spans.for_heads")
"""Words after which "for" goes on with a name: "Centre for Economic Policy Research"."""
AFTER_COMMA = word_list("spans.after_comma")
_OPENING = frozenset({"The", "A", "An", "In", "On", "It", "This", "He", "She", "They", "We", "If", "For", "At", "By"})
_INITIAL_LENGTH = 2


@dataclass(slots=True)
class Run:
    """Words that stand together as a name may.

    Attributes:
        begins: the first one's capital may be due to its place.
        person: a title stands before it (Mr., President).
        only_known: a name only where the whole of it is one elsewhere.
    """

    words: list[Word]
    sentence: Sentence
    begins: bool
    person: bool = False
    only_known: bool = False

    @property
    def start(self) -> int:
        """Of its first word, in the document's characters."""
        return self.words[0].start

    @property
    def end(self) -> int:
        """Of its last word."""
        return self.words[-1].end

    @property
    def name(self) -> str:
        """The words in one line."""
        text = "".join(word.text if word.glued else f" {word.text}" for word in self.words)
        return text.strip()


def is_capital(text: str) -> bool:
    """Whether a word is written as names are: Gates, IBM, 6PR, iPhone."""
    if text[0].isupper():
        return text[-1] != "-"
    letters = [letter for letter in text if letter.isalpha()]
    if text[0].isdigit():
        return len(letters) >= 2 and len(text) <= 6 and all(map(str.isupper, letters))
    return (
        3 <= len(text) <= 14
        and text.isalnum()
        and text[0].islower()
        and any(map(str.isupper, text[1:3]))
        and len(letters) > 2
    )


def runs(sentence: Sentence, all_nouns: bool = False) -> Iterator[Run]:
    """All runs of a sentence, none of which ends with a linking word.

    Args:
        all_nouns: whether the language writes all nouns large, so that small words link names of people only.
    """
    words = sentence.words
    fresh = list(starts(words))
    place = 0
    while place < len(words):
        if not is_capital(words[place].text):
            place += 1
            continue
        end = _end(words, place, not all_nouns or listed(fold(words[place].text)) == "first name")
        yield Run(list(words[place:end]), sentence, fresh[place])
        place = end


def _end(words: tuple[Word, ...], first: int, links: bool) -> int:
    """Where the run that begins at `first` ends."""
    end = first + 1
    while end < len(words):
        step = _step(words, first, end)
        if step > 1 and not links and words[end].text.islower():
            break
        if step == 0:
            break
        end += step
    return end


def _step(words: tuple[Word, ...], first: int, end: int) -> int:
    """How many of the next words belong to the run: 0 for none."""
    text = words[end].text
    if is_capital(text):
        return 0 if _closes(words[end - 1].text) or (words[end - 1].text.endswith(".") and text in _OPENING) else 1
    following = words[end + 1].text if end + 1 < len(words) else ""
    if not following:
        return 0
    if text in {"-", "–", "&", "'", "’"} and words[end].glued and words[end + 1].glued:
        return 2 if following[0].isalnum() and ((text in "&'’" and is_capital(following)) or text in "-–") else 0
    if text == "&" and is_capital(following):
        return 2
    if text == "," and following.rstrip(".").lower() in AFTER_COMMA and is_capital(following):
        return 2
    if text == "." and words[end].glued and len(words[end - 1].text) < _INITIAL_LENGTH and is_capital(following):
        return 2
    lower = text.lower()
    if (lower not in _LINKS and lower not in _OF) or not text[0].islower():
        return 0
    if lower == "of" and _is_personal(words[first:end]):
        return 0
    if lower == "in" or (lower == "for" and words[first].text.lower() not in FOR_HEADS):
        return 0
    if is_capital(following):
        return 2
    if following.lower() in _ARTICLES and end + 2 < len(words) and is_capital(words[end + 2].text):
        return 3
    return 0


def _is_personal(words: Sequence[Word]) -> bool:
    """Whether a run has an initial or begins with a first name: what follows "of" is then another name."""
    return listed(fold(words[0].text)) == "first name" or any(
        len(word.text) == 2 and word.text[1] == "." for word in words[1:]
    )


def _closes(text: str) -> bool:
    """Whether a full stop after a word ends what it belongs to: "Inc." does, an initial or "St." does not."""
    return text in {"LLC", "Ltd", "GmbH", "LLP", "Inc", "AG", "plc"} or text.lower() in {
        "inc.",
        "ltd.",
        "corp.",
        "co.",
        "jr.",
        "sr.",
        "etc.",
        "llc.",
    }
