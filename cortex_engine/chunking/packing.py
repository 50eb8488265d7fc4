"""Atoms (the smallest units that stay whole) and how they are packed into passages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import islice

from cortex_engine.chunking import sentences
from cortex_engine.chunking.outline import Segment
from cortex_engine.core.documents import BlockKind
from cortex_engine.core.protocols import Tokenizer

CHARACTERS_PER_TOKEN = 12
"""A passage holds at most this many characters for each token of its limit. Ordinary text has 2 to 6; what has more is
padding or unknown to the tokenizer (a word of 50,000 letters is one token), and would make passages nobody can read."""


_SHORTEST = 24
"""Characters below which a sentence or row is joined with the next one."""
_BATCH_CHARACTERS = 500_000


class Cut(IntEnum):
    """What an atom ends with."""

    BLOCK = 0
    LINE = 1
    SENTENCE = 2
    CLAUSE = 3
    WORD = 4
    CHARACTER = 5
    HEADING = 6


_COST = {
    Cut.BLOCK: 0.0,
    Cut.LINE: 0.15,
    Cut.SENTENCE: 0.3,
    Cut.CLAUSE: 0.8,
    Cut.WORD: 1.5,
    Cut.CHARACTER: 3.0,
    Cut.HEADING: 10.0,
}
"""Price of ending a passage after an atom, against the relative distance from the length aimed at."""


@dataclass(frozen=True, slots=True)
class Atom:
    """A run of text that is not cut again, with its length in tokens (special tokens not counted)."""

    segment: Segment
    start: int
    end: int
    tokens: int
    cut: Cut


_Piece = tuple[Segment, int, int, Cut]
_Splitter = Callable[[str, int, int], list[sentences.Span]]
_ROWS = (BlockKind.TABLE, BlockKind.LIST, BlockKind.CODE)


def atoms(text: str, segments: Sequence[Segment], tokenizer: Tokenizer, room: Callable[[Segment], int]) -> list[Atom]:
    """Cut segments as fine as `room` (tokens that a segment's passages have left beside their context) demands.

    Long words are cut between characters until they fit.
    """
    special = tokenizer.lengths([""])[0]
    first = [(segment, start, end, cut) for segment in segments for start, end, cut in _first_cut(text, segment)]
    items = _measure(text, first, tokenizer, special, room)
    finer = iter(_FINER)
    while any(_over(atom, room) and atom.end - atom.start > 1 for atom in items):
        splitter, cut = next(finer, (_halves, Cut.CHARACTER))
        parts = [_split(text, atom, room, splitter, cut) for atom in items]
        fresh = iter(_measure(text, [piece for pieces in parts for piece in pieces], tokenizer, special, room))
        items = [
            made
            for atom, pieces in zip(items, parts, strict=True)
            for made in (islice(fresh, len(pieces)) if pieces else (atom,))
        ]
    return items


def count(tokenizer: Tokenizer, texts: Sequence[str]) -> list[int]:
    """Tokens of each text, a bounded amount of text at a time: a tokenizer's own records take far more room than text."""
    sizes: list[int] = []
    batch: list[str] = []
    held = 0
    for text in texts:
        batch.append(text)
        held += len(text) + 50
        if held > _BATCH_CHARACTERS:
            sizes += tokenizer.lengths(batch)
            batch, held = [], 0
    return sizes + (tokenizer.lengths(batch) if batch else [])


def pack(items: Sequence[Atom], room: int, aim: int, overlap: int) -> Iterator[list[Atom]]:
    """The atoms of each passage: about `aim` and at most `room` tokens, ended where the text has its own joints.

    Args:
        items: atoms of one group (a section, or several small ones).
        room: tokens left beside the context.
        aim: length that retrieval likes best; a group that fits into `room` stays whole.
        overlap: sentences of the passage before that are repeated.
    """
    left = sum(atom.tokens for atom in items)
    first = begin = 0
    while first < len(items):
        count = -(-left // aim) if left > room else 1
        last = _end(items, begin, first, room, left / count)
        yield list(items[begin:last])
        left -= sum(atom.tokens for atom in items[first:last])
        first = last
        begin = _overlapped(items, begin, last, overlap, room // 4)


def halve(text: str, run: Sequence[Atom]) -> list[list[Atom]]:
    """Two passages of about the same length; a single atom is cut between characters, one character gives nothing."""
    if len(run) > 1:
        total, seen, middle = sum(atom.tokens for atom in run), run[0].tokens, 1
        while middle < len(run) - 1 and seen < total / 2:
            seen += run[middle].tokens
            middle += 1
        return [list(run[:middle]), list(run[middle:])]
    atom = run[0]
    if atom.end - atom.start < 2:
        return []
    spans = [_trimmed(text, start, end) for start, end in _halves(text, atom.start, atom.end)]
    return [[replace(atom, start=start, end=end, tokens=atom.tokens // 2)] for start, end in spans if start < end]


def _end(items: Sequence[Atom], begin: int, first: int, room: int, goal: float) -> int:
    """The best place to end a passage that begins at `begin` and must hold atom `first` at least."""
    filled = sum(atom.tokens for atom in items[begin:first])
    best, least = first + 1, float("inf")
    for position in range(first, len(items)):
        atom = items[position]
        filled += atom.tokens
        long = atom.end - items[begin].start > room * CHARACTERS_PER_TOKEN
        if position > first and (filled > room or long):
            return best
        ended = position == len(items) - 1
        cost = (0.0 if ended else _COST[atom.cut]) + abs(filled - goal) / goal
        if cost <= least:
            best, least = position + 1, cost
    return best


def _overlapped(items: Sequence[Atom], begin: int, last: int, overlap: int, room: int) -> int:
    """Where the next passage begins when sentences are repeated: headings, rows and long sentences are not."""
    start, filled = last, 0
    while start - 1 > begin and last - start < overlap:
        atom = items[start - 1]
        filled += atom.tokens
        if filled > room or atom.segment.kind is not BlockKind.PARAGRAPH:
            break
        start -= 1
    return start if last < len(items) else last


def _first_cut(text: str, segment: Segment) -> Iterator[tuple[int, int, Cut]]:
    """Rows, items and lines of what is made of them; sentences of all other text."""
    if segment.kind is BlockKind.HEADING:
        yield segment.start, segment.end, Cut.HEADING
        return
    rows = segment.kind in _ROWS
    spans = (sentences.lines if rows else sentences.sentences)(text, segment.start, segment.end)
    for start, end in _coalesced(spans):
        inner = Cut.LINE if rows else Cut.SENTENCE
        first, last = _trimmed(text, start, end)
        if first < last:
            yield first, last, Cut.BLOCK if end == segment.end else inner


def _coalesced(spans: Sequence[sentences.Span]) -> Iterator[sentences.Span]:
    """Spans with very short ones joined to what follows: millions of lines of one letter are not worth counting."""
    begin = -1
    for number, (start, end) in enumerate(spans):
        begin = start if begin < 0 else begin
        if end - begin >= _SHORTEST or number == len(spans) - 1:
            yield begin, end
            begin = -1


def _clauses(text: str, start: int, end: int) -> list[sentences.Span]:
    return sentences.clauses(text, start, end)


def _words(text: str, start: int, end: int) -> list[sentences.Span]:
    return sentences.words(text, start, end)


def _characters(text: str, start: int, end: int) -> list[sentences.Span]:
    return sentences.characters(text, start, end, 200)


def _halves(text: str, start: int, end: int) -> list[sentences.Span]:
    return sentences.characters(text, start, end, max(1, (end - start + 1) // 2))


_FINER: tuple[tuple[_Splitter, Cut], ...] = (
    (sentences.sentences, Cut.SENTENCE),
    (_clauses, Cut.CLAUSE),
    (_words, Cut.WORD),
    (_characters, Cut.CHARACTER),
)


def _measure(
    text: str,
    pieces: Sequence[_Piece],
    tokenizer: Tokenizer,
    special: int,
    room: Callable[[Segment], int],
) -> list[Atom]:
    """Count the pieces; those that are too long by their characters alone are not counted but will be cut."""
    short = [piece for piece in pieces if piece[2] - piece[1] <= room(piece[0]) * CHARACTERS_PER_TOKEN]
    sizes = iter(count(tokenizer, [text[start:end] for _, start, end, _ in short]))
    made = []
    for segment, start, end, cut in pieces:
        counted = end - start <= room(segment) * CHARACTERS_PER_TOKEN
        made.append(Atom(segment, start, end, max(1, next(sizes) - special) if counted else end - start, cut))
    return made


def _over(atom: Atom, room: Callable[[Segment], int]) -> bool:
    space = room(atom.segment)
    return atom.tokens > space or atom.end - atom.start > space * CHARACTERS_PER_TOKEN


def _split(text: str, atom: Atom, room: Callable[[Segment], int], splitter: _Splitter, cut: Cut) -> list[_Piece]:
    """The pieces of an atom that is too long; none when it is not, or when the splitter finds nothing to cut at."""
    if not _over(atom, room):
        return []
    pieces = [
        (atom.segment, *_trimmed(text, start, end), atom.cut if end == atom.end else cut)
        for start, end in splitter(text, atom.start, atom.end)
    ]
    return [piece for piece in pieces if piece[1] < piece[2]] if len(pieces) > 1 else []


def _trimmed(text: str, start: int, end: int) -> sentences.Span:
    run = text[start:end]
    return start + len(run) - len(run.lstrip()), start + len(run.rstrip())
