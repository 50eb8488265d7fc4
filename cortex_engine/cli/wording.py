"""How things are put on a terminal: counts, names that may hold anything, columns, and snippets around the words asked."""

from __future__ import annotations

import re
import shutil
import sys
import unicodedata
from collections.abc import Sequence

import click

_WIDEST = 110
_NARROWEST = 40
_DIRECTIONS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Marks that turn the direction of text: a file name may use them to look like another one."""

_WORD = re.compile(r"\w+")
_ENDING = 3
_STEM = 4


def counted(number: int, noun: str) -> str:
    """ "1 document", "2 documents", "1,024 passages"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def ordinal(number: int) -> str:
    """ "1st", "2nd", "11th"."""
    ending = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def clean(text: str, lines: bool = False) -> str:
    """Text from files as it may be shown: no control character reaches the terminal.

    Args:
        text: anything.
        lines: keep line ends and tabulators.
    """
    kept = "\n\t" if lines else ""
    return "".join(
        each if each in kept or unicodedata.category(each) not in {"Cc", "Cs"} else "\N{REPLACEMENT CHARACTER}"
        for each in text.translate(_DIRECTIONS)
    )


def columns_wide(stream_is_terminal: bool) -> int:
    """Columns to write in."""
    wide = shutil.get_terminal_size((_WIDEST, 24)).columns if stream_is_terminal else _WIDEST
    return max(_NARROWEST, min(_WIDEST, wide))


def shortened(text: str, length: int) -> str:
    """The beginning and the end of a name that is longer than `length` columns."""
    if cells(text) <= length:
        return text
    head = (length - 1) * 2 // 3
    return f"{_cut(text, head)}…{_cut(text[::-1], length - 1 - head)[::-1]}"


def padded(text: str, length: int) -> str:
    """Filled with spaces to `length` columns."""
    return text + " " * max(0, length - cells(text))


def cells(text: str) -> int:
    """Columns that a text takes; Chinese, Japanese and Korean characters take two."""
    return sum(_cells(each) for each in text)


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _cut(text: str, length: int) -> str:
    taken, used = [], 0
    for each in text:
        used += _cells(each)
        if used > length:
            break
        taken.append(each)
    return "".join(taken)


def asked_words(query: str) -> list[str]:
    """The words of a query that are worth marking: long ones, or all when there are only short ones."""
    asked = re.sub(r"(?:^|\s)-(?:\"[^\"]*\"|\S+)", " ", query)
    words = list(dict.fromkeys(word.casefold() for word in _WORD.findall(asked)))
    return [word for word in words if len(word) >= _STEM or not word.isascii()] or words


def pattern_of(words: Sequence[str]) -> re.Pattern[str] | None:
    """What to mark: words that begin like one that was asked for (inflected forms too); unspaced scripts anywhere."""
    parts = []
    for word in words:
        if _unspaced(word):
            parts += [re.escape(word[at : at + 2]) for at in range(max(1, len(word) - 1))]
        elif len(word) <= _STEM:
            parts.append(rf"\b{re.escape(word)}s?\b")
        else:
            parts.append(rf"\b{re.escape(word[: max(_STEM, len(word) - _ENDING)])}\w*")
    return re.compile("|".join(parts), re.IGNORECASE) if parts else None


def _unspaced(word: str) -> bool:
    return any(unicodedata.east_asian_width(each) in "WF" for each in word)


def snippet(text: str, pattern: re.Pattern[str] | None, length: int) -> str:
    """At most `length` columns of a text, where most of the words that were asked for stand together."""
    line = clean(" ".join(text.split()))
    if cells(line) <= length:
        return line
    places = [found.start() for found in pattern.finditer(line)] if pattern else []
    start = _densest(places, length) if places else 0
    start = max(0, start - length // 4)
    if start and (space := line.find(" ", start, start + 20)) > 0:
        start = space + 1
    cut = _cut(line[start:], length - 2)
    if start + len(cut) < len(line) and (space := cut.rfind(" ", len(cut) - 20)) > 0:
        cut = cut[: space + 1]
    return ("…" if start else "") + cut + ("…" if start + len(cut) < len(line) else "")


def _densest(places: Sequence[int], length: int) -> int:
    """The place after which most others follow within reach."""
    return max(places, key=lambda place: (sum(place <= other < place + length // 2 for other in places), -place))


def wrapped(text: str, width: int, indent: str) -> list[str]:
    """Lines of at most `width` columns, broken at spaces, or anywhere in scripts without."""
    lines, line = [], ""
    for word in re.findall(r"\S+\s*", text):
        if line and cells(indent + line + word.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        while cells(indent + word.rstrip()) > width:
            part = _cut(word, width - cells(indent))
            lines.append(part)
            word = word[len(part) :]  # noqa: PLW2901  (the rest of a run without spaces)
        line += word
    return [indent + each for each in [*lines, line.rstrip()] if each]


def emphasised(line: str, pattern: re.Pattern[str] | None) -> str:
    """The words that were asked for, standing out on a terminal (`click.echo` leaves colours out elsewhere)."""
    return pattern.sub(lambda found: click.style(found.group(), bold=True, fg="cyan"), line) if pattern else line


def tolerant_streams() -> None:
    """A terminal that lacks a character shows its number; nothing fails because of it."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def percent(share: float) -> str:
    """A closeness in words: "99.7 %", "over 99.9 %".

    >>> percent(0.9972), percent(0.99996), percent(0.5)
    ('99.7 %', 'over 99.9 %', '50 %')
    """
    if share > 0.999:
        return "over 99.9 %"
    return f"{share * 100:.1f} %" if share >= 0.99 else f"{share * 100:.0f} %"
