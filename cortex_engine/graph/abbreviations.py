"""Abbreviations with their long forms, after Schwartz and Hearst, "A Simple Algorithm for Identifying Abbreviation Definitions
in Biomedical Text" (PSB 2003), with what keeps chance matches out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cortex_engine.graph.lexicon import word_list

_BRACKET = re.compile(r"\(\s*([^()\n]{2,60}?)\s*\)")
_SHORT = re.compile(r"[A-Z][A-Za-z0-9&./-]{1,9}|[A-Z](?:\.[A-Z])+\.?|[a-z]{1,2}[A-Z][A-Za-z0-9]{1,6}")
_SHORT_BEFORE = re.compile(r"([A-Z][A-Za-z0-9&./-]{1,9})\s*$")
_WORD = re.compile(r"[^\W_]+(?:[-'’&][^\W_]+)*")
_PART = re.compile(r"[^\W_]+")
_BREAK = re.compile(r"[.;:!?)\]]\s|\||\n\s*\n|[\"“”]")
_SMALL = word_list("abbreviations.small")

_LEGAL = word_list("abbreviations.legal")
"""What an abbreviation often leaves out: International Business Machines Corporation (IBM)."""


@dataclass(frozen=True, slots=True)
class Abbreviation:
    """A short form and what it stands for; places are those of the text that was searched."""

    short: str
    long: str
    short_start: int
    long_start: int


def abbreviations(text: str) -> Iterator[Abbreviation]:
    """ "Optical Character Recognition (OCR)" and "OCR (Optical Character Recognition)" in a text."""
    for match in _BRACKET.finditer(text):
        inside = match.group(1)
        short = re.split(r"[,;]\s|\s+or\s+", inside)[0].strip(" '\"“”")
        if _SHORT.fullmatch(short) and _is_short_form(short):
            found = _long_form_before(text, match.start(), short)
            if found is not None:
                long, start = found
                yield Abbreviation(short, long, match.start(1) + inside.index(short), start)
            continue
        before = _SHORT_BEFORE.search(text, max(0, match.start() - 14), match.start())
        if before and _is_short_form(before.group(1)) and 2 <= len(inside.split()) <= len(before.group(1)) + 4:
            long = _match(before.group(1), inside)
            if long and len(long) == len(inside):
                yield Abbreviation(before.group(1), long, before.start(1), match.start(1))


def _is_short_form(short: str) -> bool:
    capitals = sum(letter.isupper() for letter in short)
    return capitals >= 2 and capitals >= 0.4 * sum(letter.isalpha() for letter in short)


def _long_form_before(text: str, bracket: int, short: str) -> tuple[str, int] | None:
    letters = sum(letter.isalnum() for letter in short)
    window_start = max(0, bracket - 30 * (letters + 5))
    window = text[window_start:bracket]
    breaks = [match.end() for match in _BREAK.finditer(window)]
    if breaks:
        window_start += breaks[-1]
        window = window[breaks[-1] :]
    words = list(_WORD.finditer(window))[-min(letters + 5, letters * 2) :]
    if not words or window[words[-1].end() :].strip(" \n,'’”\""):
        return None
    long = _match(short, window[words[0].start() : words[-1].end()])
    if not long:
        return None
    return long, window_start + words[-1].end() - len(long)


def _match(short: str, candidate: str) -> str:
    """The end of `candidate` that the short form stands for, "" for none, or for one that holds its letters only by chance."""
    letters = [letter.lower() for letter in short if letter.isalnum()]
    words = list(_PART.finditer(candidate))
    last = len(words) - 1
    start = _by_initials(letters, words, len(letters) - 1, last)
    while start < 0 and last > 0 and words[last].group().lower() in _LEGAL:
        last -= 1
        start = _by_initials(letters, words, len(letters) - 1, last)
    if start >= 0:
        return candidate[words[start].start() :]
    return _by_letters(short, letters, candidate)


def _by_initials(letters: list[str], words: list[re.Match[str]], letter: int, word: int) -> int:
    """Number of the word at which a long form begins whose words' first letters are the short form ("AAAI"), -1 for none."""
    if word < 0:
        return -1
    text = words[word].group().lower()
    if text[0] == letters[letter]:
        if letter == 0:
            return word
        found = _by_initials(letters, words, letter - 1, word - 1)
        if found >= 0:
            return found
    return _by_initials(letters, words, letter, word - 1) if text in _SMALL and letter < len(letters) - 1 else -1


def _by_letters(short: str, letters: list[str], candidate: str) -> str:
    """The method of the paper: the shortest end that holds the letters in order, the first one at a word's beginning."""
    place = len(candidate)
    initials = 0
    for number in range(len(letters) - 1, -1, -1):
        place -= 1
        while place >= 0 and (
            candidate[place].lower() != letters[number] or (number == 0 and place and candidate[place - 1].isalnum())
        ):
            place -= 1
        if place < 0:
            return ""
        initials += place == 0 or not candidate[place - 1].isalnum()
    long = candidate[place:]
    return long if _is_likely(short, letters, long, initials) else ""


def _is_likely(short: str, letters: list[str], long: str, initials: int) -> bool:
    """Most letters begin words, few words begin with none of them, and the long form does not hold the short one."""
    words = [word for word in re.findall(r"[^\W_]+", long) if word.lower() not in _SMALL]
    if len(long) < len(short) + 3 or short.lower() in {word.lower() for word in words}:
        return False
    if len(words) == 1:
        return len(letters) >= 3 and len(long) >= 6 and initials >= 1 and short.isupper() and len(letters) <= 4
    return initials >= 0.6 * len(letters) and len(words) <= len(letters) + 1
