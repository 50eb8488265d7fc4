"""A model's answer taken apart into sentences with the numbers that they cite."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from cortex_engine.generation.reading import Span, Splitter, on_one_line

_WORDS = r"(?:passages?|sources?|documents?|quellen?|passagen?|fuentes?|来源|段落|§)?"
_NUMBERS = r"\^?\d{1,3}(?:\s*(?:[,;，、–-]|and|und)\s*\d{1,3})*"
_MARK = re.compile(rf"\s*[\[［【]\s*{_WORDS}\s*({_NUMBERS})\s*[\]］】]", re.IGNORECASE)
_RANGE = re.compile(r"(\d+)\s*[–-]\s*(\d+)")
_NUMBER = re.compile(r"\d+")
_WIDEST = 20
"""Numbers that a range like [1-9] may stand for."""
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+")
_STRONG = re.compile(r"(\*\*|__)(?=\S)(.{1,300}?)(?<=\S)\1")
_WORD = re.compile(r"\w")
_STOPS = ".!?。！？"
_STOP = re.compile(rf"[{_STOPS}]+")


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence as the model wrote it.

    Attributes:
        text: without marks; begins with a line end (or two) where a line (or paragraph) begins.
        cited: numbers in its marks, each once, in their order, whether there is such a source or not.
    """

    text: str
    cited: tuple[int, ...]


def statements(answer: str, sentences: Splitter) -> list[Statement]:
    """The sentences of an answer. A mark belongs to the sentence it stands in or behind."""
    found: list[Statement] = []
    opening = ""
    for line in answer.strip().splitlines():
        if not line.strip():
            opening = "\n\n" if found else ""
            continue
        for place, each in enumerate(_of_line(line, sentences)):
            if not _WORD.search(each.text):
                if found:
                    found[-1] = replace(found[-1], cited=_once((*found[-1].cited, *each.cited)))
                continue
            found.append(replace(each, text=f"{opening if place == 0 else ''}{each.text}"))
        opening = "\n"
    return found


def _of_line(line: str, sentences: Splitter) -> Iterator[Statement]:
    text, marks = _without_marks(_STRONG.sub(r"\2", _HEADING.sub("", " ".join(line.split()))))
    if not text.strip():
        yield Statement("", _once(number for _, numbers in marks for number in numbers))
        return
    spans = _cut_at_marks(text, sentences(text, 0, len(text)), [at for at, _ in marks])
    ends = [start + len(text[start:end].rstrip()) for start, end in spans]
    for place, (start, end) in enumerate(spans):
        # A mark at the very beginning of a sentence stands there because nothing stands before it.
        first = -1 if place == 0 else ends[place - 1]
        last = len(text) if place == len(spans) - 1 else ends[place]
        cited = _once(number for at, numbers in marks if first < at <= last for number in numbers)
        yield Statement(on_one_line(text[start:end]), cited)


def _cut_at_marks(text: str, spans: Sequence[Span], marks: Sequence[int]) -> list[Span]:
    """The sentences, cut also where a mark stands at a full stop: "it is 42 [1]. Then" are two."""
    cuts = {found.end() for at in marks if (found := _STOP.match(text, at)) is not None}
    cuts |= {at for at in marks if at and text[at - 1] in _STOPS}
    borders = sorted({0, len(text), *(end for _, end in spans), *cuts})
    return [(start, end) for start, end in pairwise(borders) if text[start:end].strip()]


def _without_marks(line: str) -> tuple[str, list[tuple[int, tuple[int, ...]]]]:
    """The line without its marks, and where they stood in it."""
    parts: list[str] = []
    marks: list[tuple[int, tuple[int, ...]]] = []
    length = position = 0
    for found in _MARK.finditer(line):
        piece = line[position : found.start()]
        parts.append(piece)
        length += len(piece)
        marks.append((length, tuple(_numbers(found[1]))))
        position = found.end()
    parts.append(line[position:])
    return "".join(parts), marks


def _numbers(text: str) -> Iterator[int]:
    for low, high in ((int(found[1]), int(found[2])) for found in _RANGE.finditer(text)):
        yield from range(low, min(high, low + _WIDEST) + 1)
    yield from (int(found) for found in _NUMBER.findall(_RANGE.sub(" ", text)))


def _once(numbers: Iterable[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(numbers))
