"""A short piece of a passage around the words that were asked for."""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence

from cortex_engine.core.app import Snippet, Span

_WORD = re.compile(r"\S+")
_SENTENCE_END = re.compile(r"[.!?…:;][\"'”’)\]]* |[。！？]")
_CUT = "…"
_NEW_WORD = 3
"""What the first mark of a word counts against another mark of the same word."""
_WORD_BORDER = 24
"""So far a border between words is looked for; scripts without spaces are cut where it falls."""


def cut_snippet(text: str, marks: Sequence[Span], length: int) -> Snippet:
    """The window of about `length` characters with the most marks; the beginning where there are none.

    Args:
        text: any text; runs of white space become one space, line ends between ideographs nothing.
        marks: places in `text`, ascending, not overlapping.
        length: most characters of the snippet, "…" included (at least 20).
    """
    length = max(20, length)
    flat, marks = _flattened(text, marks)
    if len(flat) <= length:
        return Snippet(flat, tuple(marks))
    start, end = _window(flat, marks, length - 4)
    before, after = (f"{_CUT} " if start else ""), (f" {_CUT}" if end < len(flat) else "")
    shift = len(before) - start
    kept = [(max(first, start), min(last, end)) for first, last in marks if first < end and last > start]
    places = tuple((first + shift, last + shift) for first, last in kept if first < last)
    return Snippet(f"{before}{flat[start:end]}{after}", places)


def _flattened(text: str, marks: Sequence[Span]) -> tuple[str, list[Span]]:
    """The text on one line with single spaces, and the marks moved along."""
    pieces: list[str] = []
    starts, ends, flat_starts = array("q"), array("q"), array("q")
    position = 0
    for match in _WORD.finditer(text):
        word, (start, end) = match.group(), match.span()
        broken = pieces and "\n" in text[ends[-1] : start]
        if pieces and not (broken and _ideographic(pieces[-1][-1]) and _ideographic(word[0])):
            pieces.append(" ")
            position += 1
        pieces.append(word)
        starts.append(start)
        ends.append(end)
        flat_starts.append(position)
        position += len(word)
    places: list[Span] = []
    for first, last in marks:
        begin, end = bisect_right(ends, first), bisect_left(starts, last) - 1
        if begin <= end:  # a mark on white space alone has no word
            opening = flat_starts[begin] + max(0, first - starts[begin])
            places.append((opening, flat_starts[end] + min(last, ends[end]) - starts[end]))
    return "".join(pieces), places


def _ideographic(letter: str) -> bool:
    """Written without spaces: a line's end between two such letters is none."""
    code = ord(letter)
    return 0x2E80 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or 0xFF00 <= code <= 0xFFEF or code >= 0x20000


def _window(flat: str, marks: Sequence[Span], length: int) -> Span:
    """Start and end of the best window, on borders of words."""
    first, last = _densest(flat, marks, length)
    slack = max(0, length - (last - first))
    start = max(0, first - slack // 3)
    if start:
        start = _opening(flat, start, first)
    end = min(len(flat), max(start + length, min(last, first + length)))
    if end == len(flat):  # room that the end does not need goes to the beginning
        wanted = max(0, end - length)
        start = _opening(flat, wanted, min(start, first)) if 0 < wanted < start else min(start, wanted)
    else:
        end = _closing(flat, end, min(last, end))
    return start, end


def _densest(flat: str, marks: Sequence[Span], length: int) -> Span:
    """From the first to the last mark of the window that holds most of them, different words counting more."""
    best, best_score = (0, 0), 0
    held: Counter[str] = Counter()
    begin = 0
    for first, last in marks:
        held[flat[first:last].casefold()] += 1
        while last - marks[begin][0] > length and marks[begin][0] < first:
            word = flat[slice(*marks[begin])].casefold()
            held[word] -= 1
            if not held[word]:
                del held[word]
            begin += 1
        score = held.total() + _NEW_WORD * len(held)
        if score > best_score:
            best, best_score = (marks[begin][0], last), score
    return best


def _opening(flat: str, start: int, latest: int) -> int:
    """A good place to begin from `start` on, not after `latest`: a sentence, a word, a whole letter."""
    if flat[start - 1] == " ":
        start -= 1
    if sentence := _SENTENCE_END.search(flat, max(0, start - 1), latest):
        return sentence.end()
    space = flat.find(" ", start, min(latest, start + _WORD_BORDER))
    if space >= 0:
        return space + 1
    while start < latest and unicodedata.category(flat[start])[0] == "M":
        start += 1
    return start


def _closing(flat: str, end: int, earliest: int) -> int:
    """A good place to end, up to `end`, not before `earliest`."""
    if flat[end] == " ":
        return end
    space = flat.rfind(" ", max(earliest, end - _WORD_BORDER), end)
    if space >= 0:
        return space
    while end > earliest and unicodedata.category(flat[end])[0] == "M":
        end -= 1
    return end
