"""What is found in a text before it is known which finds are one entity."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cortex_engine.core.graph import EntityKind


@dataclass(frozen=True, slots=True)
class Find:
    """A name at a place.

    Attributes:
        start, end: the document's characters.
        name: as it is to be called as far as this place tells: without line breaks; long form of a defined abbreviation.
        date: ISO date of dates.
        certain: found by a pattern that leaves no doubt, so that nothing shorter or unclear within it counts.
        prose: stands in running text, where capitals tell something.
        weak: counts only where it turns out to be a short form of another name ("the Bank").
    """

    start: int
    end: int
    name: str
    kind: EntityKind = EntityKind.UNKNOWN
    date: str = ""
    certain: bool = False
    weak: bool = False
    prose: bool = True


class Marks:
    """A byte for each character of a document: which of them are taken."""

    def __init__(self, characters: int) -> None:
        self._taken = bytearray(characters)

    def add(self, start: int, end: int) -> None:
        """Take the characters from `start` to before `end`."""
        self._taken[start:end] = b"\x01" * (end - start)

    def any(self, start: int, end: int) -> bool:
        """Whether one of these is taken."""
        return self._taken.find(1, start, end) >= 0

    def __contains__(self, place: int) -> bool:
        return place < len(self._taken) and bool(self._taken[place])


def without_overlaps(finds: Iterable[Find]) -> list[Find]:
    """Certain finds first, then longer ones; what overlaps a better one is left out. In reading order."""
    ordered = sorted(finds, key=lambda each: (not each.certain, each.weak, each.start - each.end, each.start))
    taken: list[Find] = []
    covered = Marks(max((find.end for find in ordered), default=0))
    for find in ordered:
        if not covered.any(find.start, find.end):
            covered.add(find.start, find.end)
            taken.append(find)
    return sorted(taken, key=lambda each: each.start)


def tidy(text: str) -> str:
    """A surface form in one line, with single spaces."""
    return " ".join(text.split())
