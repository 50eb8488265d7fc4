"""Passages taken apart into what can be quoted: sentences, items of lists, rows of tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cortex_engine.core.snippets import cut_snippet

Span = tuple[int, int]
Splitter = Callable[[str, int, int], list[Span]]
"""Contiguous spans of `text[start:end]`, as `chunking.sentences` gives them."""

_CELL = " | "
"""Between the cells of a row, as the parsers write it."""
_ITEM = re.compile(r"\s*(?:[-*•▪◦·‣–]|\(?(?:\d{1,3}|[a-zA-Z])[.)])\s+\S")
_END = re.compile(r"[.!?…。！？｡।؟:;]['\"”’»)\]]*\s*$")
_LONGEST = 420
"""Characters of a sentence that is quoted whole; a longer one is taken apart at its clauses."""
_HEADING_LENGTH = 120
_LETTERS = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Splitters:
    """How text is cut, from coarse to fine."""

    paragraphs: Splitter
    sentences: Splitter
    clauses: Splitter


@dataclass(frozen=True, slots=True)
class PassageSentence:
    """A sentence, list item or table row of a passage.

    Attributes:
        source: the passage's number, from 1.
        start, end: its characters in the passage.
        text: the same on one line.
        heading: the heading above it, or the header row of its table, "" for none.
        heading_only: it is a heading itself (or the header row), which states nothing.
    """

    source: int
    start: int
    end: int
    text: str
    heading: str = ""
    heading_only: bool = False


def on_one_line(text: str) -> str:
    """The text with single spaces; line ends between ideographs are none."""
    return cut_snippet(text, (), len(text) + 20).text


def read_passage(number: int, text: str, context: str, splitters: Splitters) -> list[PassageSentence]:
    """What of a passage can be quoted, in its order.

    Args:
        context: heading path and header row that stand elsewhere, as in `SearchHit.context`.
    """
    lines = context.strip().splitlines()
    heading = lines[0].rpartition(" > ")[2] if lines else ""
    header = lines[1] if len(lines) > 1 else ""
    found: list[PassageSentence] = []
    for start, end in splitters.paragraphs(text, 0, len(text)):
        block = text[start:end]
        if not _LETTERS.search(block):
            continue
        if _is_table(block):
            found += _rows(number, text, (start, end), heading, header)
        elif _is_list(block):
            found += [_piece(number, text, span, heading) for span in _items(text, start, end)]
        elif _is_heading(block):
            heading = on_one_line(block)
            found.append(_piece(number, text, (start, end), "", heading_only=True))
        elif _is_bare_list(block):
            found += [_piece(number, text, span, heading) for span in _line_spans(text, start, end)]
        else:
            if first := _opening_heading(block):
                heading = on_one_line(block[:first])
                found.append(_piece(number, text, (start, start + first), "", heading_only=True))
            found += [_piece(number, text, span, heading) for span in _sentences(text, start + first, end, splitters)]
    return [each for each in found if _LETTERS.search(each.text)]


def _is_table(block: str) -> bool:
    lines = [line for line in block.splitlines() if line.strip()]
    return sum(_CELL in line or "\t" in line for line in lines) * 2 > len(lines)


def _is_list(block: str) -> bool:
    lines = [line for line in block.splitlines() if line.strip()]
    return bool(lines) and _ITEM.match(lines[0]) is not None and sum(bool(_ITEM.match(line)) for line in lines) > 1


def _is_heading(block: str) -> bool:
    return len(block.strip()) <= _HEADING_LENGTH and not _END.search(block) and len(block.strip().splitlines()) <= 2


def _is_bare_list(block: str) -> bool:
    """Lines of a slide or poster: each begins anew, and none ends as a sentence does."""
    lines = [line.strip() for line in block.splitlines() if line.strip()]
    return len(lines) > 1 and not any(
        _END.search(line) or line[0].islower() or len(line) > _HEADING_LENGTH for line in lines
    )


def _opening_heading(block: str) -> int:
    """Length of a heading that stands on a paragraph without a blank line between, 0 for none."""
    first, _, rest = block.partition("\n")
    second = rest.lstrip().partition("\n")[0]
    short = 0 < len(first.strip()) <= min(_HEADING_LENGTH / 2, len(second) / 2)
    return len(first) + 1 if short and not _END.search(first) and not second[:1].islower() else 0


def _rows(number: int, text: str, span: Span, heading: str, header: str) -> list[PassageSentence]:
    """Rows, each with the header above it: the first row, unless the table began in another passage."""
    spans = _line_spans(text, *span)
    begins_here = not header
    titles = header or on_one_line(text[slice(*spans[0])])
    above = f"{heading}: {titles}" if heading else titles
    return [
        _piece(number, text, each, "" if begins_here and place == 0 else above, begins_here and place == 0)
        for place, each in enumerate(spans)
    ]


def _items(text: str, start: int, end: int) -> list[Span]:
    """Items of a list with the lines that go on with them."""
    items: list[Span] = []
    for first, last in _line_spans(text, start, end):
        if items and not _ITEM.match(text[first:last]):
            items[-1] = (items[-1][0], last)
        else:
            items.append((first, last))
    return items


def _line_spans(text: str, start: int, end: int) -> list[Span]:
    spans, position = [], start
    for line in text[start:end].splitlines(keepends=True):
        if line.strip():
            spans.append((position, position + len(line)))
        position += len(line)
    return spans


def _sentences(text: str, start: int, end: int, splitters: Splitters) -> list[Span]:
    spans: list[Span] = []
    for first, last in splitters.sentences(text, start, end):
        if last - first <= _LONGEST:
            spans.append((first, last))
        else:
            spans += _packed(splitters.clauses(text, first, last))
    return spans


def _packed(clauses: Sequence[Span]) -> list[Span]:
    """Clauses joined to runs that are not too long."""
    runs: list[Span] = []
    for first, last in clauses:
        if runs and last - runs[-1][0] <= _LONGEST:
            runs[-1] = (runs[-1][0], last)
        else:
            runs.append((first, last))
    return runs


def _piece(number: int, text: str, span: Span, heading: str, heading_only: bool = False) -> PassageSentence:
    """The piece without white space around it."""
    start, end = span
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    end -= len(piece) - len(piece.rstrip())
    return PassageSentence(number, start, end, on_one_line(text[start:end]), heading, heading_only)
