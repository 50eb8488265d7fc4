"""Reading order from geometry: segments of lines become an order, rows, paragraphs and tables.

Source of the order: recursive XY-cut (Nagy and Seth 1984), with lines that span several columns taken as dividers,
held against the order in which the segments came; whichever runs on more smoothly is kept.
All coordinates grow to the right and down.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from cortex_engine.core.documents import BlockKind

Rectangle = tuple[float, float, float, float]

_GUTTER_BINS = 240
_CROSSING_SHARE = 0.2
_MIN_COLUMN_SEGMENTS = 3
_COLUMN_CHARACTERS = 12
_TABLE_ROWS = 3
_CELL_WORDS = 8
_MAX_DEPTH = 40
_FUSED_GAP = 0.5


@dataclass(slots=True)
class Word:
    """A word (or one ideograph) and where it stands on the page as displayed, in fractions."""

    text: str
    box: Rectangle
    space_before: bool = True


@dataclass(slots=True)
class Segment:
    """A run of words on one line without a wide gap, in layout coordinates.

    Attributes:
        size: height of its letters' line, the measure for gaps.
    """

    words: list[Word]
    x0: float
    y0: float
    x1: float
    y1: float
    size: float
    bold: bool = False

    @property
    def length(self) -> int:
        """Number of characters."""
        return sum(len(word.text) for word in self.words)


@dataclass(slots=True)
class Paragraph:
    """Rows that belong together; each row is a list of segments (cells, in a table)."""

    kind: BlockKind
    rows: list[list[Segment]] = field(default_factory=list)

    @property
    def size(self) -> float:
        """Median size of its segments."""
        return statistics.median(segment.size for row in self.rows for segment in row)

    @property
    def bold(self) -> bool:
        """Every segment is bold."""
        return all(segment.bold for row in self.rows for segment in row)


def arrange(segments: Sequence[Segment], right_to_left: bool = False) -> list[Paragraph]:
    """Paragraphs and tables in reading order; `segments` come in the order of their source."""
    if not segments:
        return []
    size = statistics.median(segment.size for segment in segments)
    cut = _cut(list(segments), max(size, 0.1), right_to_left, 0)
    order = cut if _smoothness(cut) > _smoothness(segments) else list(segments)
    return _paragraphs(_rows(order, right_to_left))


def _smoothness(order: Sequence[Segment]) -> int:
    """How many segments are followed by what a reader would read next: to the side, or just below."""
    return sum(_same_row(first, second) or _below(first, second) for first, second in pairwise(order))


def _same_row(first: Segment, second: Segment) -> bool:
    overlap = min(first.y1, second.y1) - max(first.y0, second.y0)
    beside = second.x0 >= first.x1 - first.size or first.x0 >= second.x1 - first.size
    return beside and overlap > 0.5 * min(first.y1 - first.y0, second.y1 - second.y0)


def _below(first: Segment, second: Segment) -> bool:
    shared = min(first.x1, second.x1) - max(first.x0, second.x0)
    narrow = min(first.x1 - first.x0, second.x1 - second.x0)
    return 0 <= second.y1 - first.y1 <= 3 * max(first.size, second.size) and shared > 0.3 * narrow


def _cut(segments: list[Segment], size: float, right_to_left: bool, depth: int) -> list[Segment]:
    """Order by recursive cuts: columns first, bands where no column divides."""
    if len(segments) < 2 or depth > _MAX_DEPTH:
        return segments
    gutter = _gutter(segments, size)
    if gutter is not None:
        return _by_columns(segments, gutter, size, right_to_left, depth)
    bands = _bands(segments)
    if len(bands) == 1:
        return sorted(segments, key=lambda s: (round((s.y0 + s.y1) / size), -s.x1 if right_to_left else s.x0))
    return [segment for band in bands for segment in _cut(band, size, right_to_left, depth + 1)]


def _by_columns(
    segments: list[Segment], gutter: tuple[float, float], size: float, right_to_left: bool, depth: int
) -> list[Segment]:
    middle = (gutter[0] + gutter[1]) / 2
    crossing = [s for s in segments if s.x0 < gutter[0] and s.x1 > gutter[1]]
    marks = sorted(s.y0 for s in crossing)
    groups: dict[int, list[Segment]] = {}
    for segment in segments:
        if segment not in crossing:
            band = sum(1 for mark in marks if mark <= (segment.y0 + segment.y1) / 2)
            groups.setdefault(band, []).append(segment)
    order: list[Segment] = []
    for band in range(len(marks) + 1):
        group = groups.get(band, [])
        left = [s for s in group if (s.x0 + s.x1) / 2 < middle]
        right = [s for s in group if (s.x0 + s.x1) / 2 >= middle]
        for side in (right, left) if right_to_left else (left, right):
            order += _cut(side, size, right_to_left, depth + 1)
        if band < len(marks):
            order += [s for s in crossing if s.y0 == marks[band] and s not in order]
    return order


def _gutter(segments: Sequence[Segment], size: float) -> tuple[float, float] | None:
    """The widest white stripe (x from, x to) that divides two columns of running text, or None."""
    left, right = min(s.x0 for s in segments), max(s.x1 for s in segments)
    if len(segments) < 2 * _MIN_COLUMN_SEGMENTS or right - left < 10 * size:
        return None
    step = (right - left) / _GUTTER_BINS
    covered = [0] * (_GUTTER_BINS + 1)
    for segment in segments:
        covered[max(0, int((segment.x0 - left) / step + 0.5))] += 1
        covered[min(_GUTTER_BINS, int((segment.x1 - left) / step + 0.5))] -= 1
    limit, running, start, best = _CROSSING_SHARE * len(segments), 0, None, None
    for index in range(_GUTTER_BINS):
        running += covered[index]
        if running <= limit:
            start = index if start is None else start
            continue
        if start is not None and start > 0:
            stripe = (left + start * step, left + index * step)
            wider = best is None or stripe[1] - stripe[0] > best[1] - best[0]
            if wider and stripe[1] - stripe[0] > 0.6 * size and _divides(segments, stripe):
                best = stripe
        start = None
    return best


def _divides(segments: Sequence[Segment], stripe: tuple[float, float]) -> bool:
    """Both sides hold running text beside each other (a table has short cells, and is not cut)."""
    slack = (stripe[1] - stripe[0]) * 0.1
    left = [s for s in segments if s.x1 <= stripe[0] + slack]
    right = [s for s in segments if s.x0 >= stripe[1] - slack]
    if min(len(left), len(right)) < _MIN_COLUMN_SEGMENTS:
        return False
    if min(statistics.median(s.length for s in side) for side in (left, right)) < _COLUMN_CHARACTERS:
        return False
    top = max(min(s.y0 for s in left), min(s.y0 for s in right))
    bottom = min(max(s.y1 for s in left), max(s.y1 for s in right))
    heights = [max(s.y1 for s in side) - min(s.y0 for s in side) for side in (left, right)]
    return bottom - top > 0.4 * min(heights)


def _bands(segments: list[Segment]) -> list[list[Segment]]:
    """Groups between which a level white stripe runs over the whole width, top down."""
    bands: list[list[Segment]] = []
    bottom = float("-inf")
    for segment in sorted(segments, key=lambda s: s.y0):
        if not bands or segment.y0 > bottom:
            bands.append([])
        bands[-1].append(segment)
        bottom = max(bottom, segment.y1)
    return bands


def _rows(order: Sequence[Segment], right_to_left: bool) -> list[list[Segment]]:
    """Neighbours in the order that stand on one line become one row."""
    rows: list[list[Segment]] = []
    for segment in order:
        if rows and all(_same_row(other, segment) for other in rows[-1]):
            rows[-1].append(segment)
        else:
            rows.append([segment])
    for row in rows:
        row.sort(key=lambda s: -s.x1 if right_to_left else s.x0)
    return rows if right_to_left else [_fused(row) for row in rows]


def _fused(row: Sequence[Segment]) -> list[Segment]:
    """The row with neighbours joined that no gap divides (OCR often finds a line in two pieces)."""
    fused: list[Segment] = []
    for segment in row:
        last = fused[-1] if fused else None
        if last is None or segment.x0 - last.x1 > _FUSED_GAP * last.size:
            fused.append(segment)
            continue
        words = [*last.words, replace(segment.words[0], space_before=True), *segment.words[1:]]
        edges = (last.x0, min(last.y0, segment.y0), max(last.x1, segment.x1), max(last.y1, segment.y1))
        fused[-1] = Segment(words, *edges, size=last.size, bold=last.bold and segment.bold)
    return fused


def _paragraphs(rows: list[list[Segment]]) -> list[Paragraph]:
    paragraphs: list[Paragraph] = []
    index = 0
    while index < len(rows):
        end = _table_end(rows, index)
        if end > index:
            paragraphs.append(Paragraph(BlockKind.TABLE, rows[index:end]))
            index = end
            continue
        row = rows[index]
        last = paragraphs[-1] if paragraphs else None
        if last is not None and last.kind is BlockKind.PARAGRAPH and _continues(last, row):
            last.rows.append(row)
        else:
            paragraphs.append(Paragraph(BlockKind.PARAGRAPH, [row]))
        index += 1
    return paragraphs


def _continues(paragraph: Paragraph, row: Sequence[Segment]) -> bool:
    """The row goes on with the paragraph: near below, of one size and weight, and overlapping it sideways."""
    above, below = paragraph.rows[-1], row
    size = max(above[0].size, 0.1)
    gap = min(s.y0 for s in below) - max(s.y1 for s in above)
    alike = 0.85 < below[0].size / size < 1.18 and all(s.bold for s in above) == all(s.bold for s in below)
    shared = min(max(s.x1 for s in above), max(s.x1 for s in below)) - max(above[0].x0, below[0].x0)
    return alike and shared > 0 and -0.8 * size < gap < _leading(paragraph, size)


def _leading(paragraph: Paragraph, size: float) -> float:
    """Largest gap to a further line: a little more than the gaps that the paragraph already has."""
    if len(paragraph.rows) < 2:
        return 0.75 * size
    gaps = [min(s.y0 for s in below) - max(s.y1 for s in above) for above, below in pairwise(paragraph.rows)]
    return max(0.15 * size, statistics.median(gaps) + 0.3 * size)


def _table_end(rows: Sequence[list[Segment]], start: int) -> int:
    """Index after the last row of a table that begins at `start`; `start` itself when none does."""
    end = start
    columns: list[tuple[float, float]] = []
    while end < len(rows) and _is_table_row(rows[end]):
        merged = _columns([*columns, *((s.x0, s.x1) for s in rows[end])])
        if len(merged) < max(2, len(columns), len(rows[end])):  # cells run into the next column: no grid
            break
        if end > start and min(s.y0 for s in rows[end]) - max(s.y1 for s in rows[end - 1]) > 4 * rows[end][0].size:
            break
        columns = merged
        end += 1
    return end if end - start >= _TABLE_ROWS else start


def _is_table_row(row: Sequence[Segment]) -> bool:
    return len(row) >= 2 and statistics.mean(len(segment.words) for segment in row) <= _CELL_WORDS


def _columns(ranges: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Ranges that overlap, joined."""
    joined: list[tuple[float, float]] = []
    for x0, x1 in sorted(ranges):
        if joined and x0 < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], x1))
        else:
            joined.append((x0, x1))
    return joined
