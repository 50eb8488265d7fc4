"""A document's passages read as one text: what overlapping passages repeat is read once."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from cortex_engine.core.graph import GraphPassage


@dataclass(frozen=True, slots=True)
class Stretch:
    """Text without a gap; `text[i]` is character `start + i` of the document."""

    text: str
    start: int


class Reading:
    """Passages in reading order, joined where they overlap or touch."""

    def __init__(self, passages: Sequence[GraphPassage]) -> None:
        self._passages = sorted(passages, key=lambda passage: (passage.char_start, -len(passage.text)))
        ends = (passage.char_start + len(passage.text) for passage in self._passages)
        self._ends = list(accumulate(ends, max))
        self.stretches = tuple(_joined(self._passages))

    def holder(self, start: int, end: int) -> GraphPassage | None:
        """The first passage that holds the characters `start` to `end` wholly."""
        place = bisect_left(self._ends, end)
        if place == len(self._passages) or self._passages[place].char_start > start:
            return None
        return self._passages[place]


def _joined(passages: Sequence[GraphPassage]) -> list[Stretch]:
    done: list[Stretch] = []
    parts: list[str] = []
    first = end = -1
    for passage in passages:
        if parts and passage.char_start <= end:
            parts.append(passage.text[end - passage.char_start :])
        else:
            if parts:
                done.append(Stretch("".join(parts), first))
            parts, first = [passage.text], passage.char_start
            end = first
        end = max(end, passage.char_start + len(passage.text))
    if parts:
        done.append(Stretch("".join(parts), first))
    return done
