"""Sheets of cells: which of them are tables, and how a value looks to a person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from cortex_engine.parsing.builder import CELL_BREAK, DocumentBuilder, one_line

_DEFAULT_NAME = re.compile(r"(sheet|tabelle|feuil|hoja|foglio|blad|arkusz|planilha|лист|工作表)\s*\d*$", re.IGNORECASE)
_LITERALS = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_DATE_LETTERS = re.compile(r"[ymdhs]", re.IGNORECASE)
_DECIMALS = re.compile(r"0\.(0+)")
_LONGEST_NOTE = 5
"""A single column of up to so many texts is a note, a longer one a table."""
_LAST_DATE = 2_958_466
"""Serial of 10000-01-01: no date beyond it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as shown, and whether it is a text (not a number, date or truth value)."""

    text: str
    is_text: bool


Grid = dict[int, dict[int, Cell]]
"""Non-empty cells by row and column, both from 0."""


def format_number(value: float, code: str, epoch_1904: bool = False) -> str:
    """A number as a spreadsheet shows it: ISO dates, percentages, fixed decimals; else without binary noise.

    Args:
        value: the stored number.
        code: the number format ("General", "0.00%", "yyyy-mm-dd", ...).
        epoch_1904: whether serial 0 is 1904-01-01 instead of 1899-12-30.
    """
    plain = _LITERALS.sub("", code.partition(";")[0])
    if code.lower() != "general" and _DATE_LETTERS.search(plain) and 0 <= value < _LAST_DATE:
        return _format_date(value, plain.lower(), epoch_1904)
    decimals = len(found.group(1)) if (found := _DECIMALS.search(plain)) else 0
    if "%" in plain:
        return f"{value * 100:.{decimals}f}%"
    if decimals and "e" not in plain.lower() and abs(value) < 1e15:
        return f"{value:.{decimals}f}"
    if abs(value) < 1e15 and value == int(value):
        return str(int(value))
    return f"{value:.12g}"


def _format_date(serial: float, plain: str, epoch_1904: bool) -> str:
    if "[" in plain:
        minutes, seconds = divmod(round(serial * 86_400), 60)
        return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
    # Excel counts a 29 February 1900 that never was: serials before it are a day late.
    start = datetime(1904, 1, 1) if epoch_1904 else datetime(1899, 12, 30 if serial >= 60 else 31)
    moment = start + timedelta(seconds=round(serial * 86_400))
    has_day, has_time = bool(re.search("[yd]", plain)), bool(re.search("[hs]", plain))
    if has_time and (not has_day or serial < 1):
        return moment.strftime("%H:%M:%S")
    if has_day and not re.search("d", plain) and not has_time:
        return moment.strftime("%Y-%m" if "m" in plain else "%Y").zfill(4)
    return moment.isoformat(sep=" ") if has_time else moment.date().isoformat()


def add_sheet(builder: DocumentBuilder, name: str, grid: Grid) -> None:
    """Add one sheet to the open page: its name as a heading (where a person gave it), then its tables in order."""
    if grid and not _DEFAULT_NAME.match(name.strip()):
        builder.heading(name)
    heads = _ColumnHeads()
    for part in _regions(grid):
        region, rows = part, _lines(part)
        while len(rows) > 1 and sum(bool(cell.text) for cell in rows[0]) == 1 and max(map(len, rows)) > 1:
            builder.paragraph(next(cell.text for cell in rows[0] if cell.text))
            region = {number: row for number, row in region.items() if number != min(region)}
            rows = _lines(region)
        all_text = all(cell.is_text for row in rows for cell in row)
        texts = [[cell.text for cell in row] for row in rows]
        if max(map(len, texts)) == 1 and (len(texts) == 1 or (all_text and len(texts) <= _LONGEST_NOTE)):
            builder.paragraph("\n".join(row[0] for row in texts))
            continue
        own = _names_columns(rows)
        inherited = "" if own else heads.above(region)
        heads.see(region, own, all_text)
        builder.table(texts, header=own, inherited="" if all_text else inherited)


class _ColumnHeads:
    """Remembers what names the columns, for tables whose header stands above a blank row."""

    def __init__(self) -> None:
        self._texts: dict[int, list[str]] = {}
        self._used = False

    def see(self, region: Grid, own: bool, all_text: bool) -> None:
        """Take note of a region that has a header of its own or is nothing but headers."""
        if not (own or all_text):
            self._used = True
            return
        if own or self._used:
            self._texts = {}
        self._used = not all_text
        for number in sorted(region) if all_text else [min(region)]:
            for column, cell in region[number].items():
                self._texts.setdefault(column, []).append(cell.text)

    def above(self, region: Grid) -> str:
        """Header text for a region whose columns lie within those remembered, else ""."""
        used = {column for row in region.values() for column in row}
        if not self._texts or len(used & self._texts.keys()) * 2 < len(used):
            return ""
        columns = range(min(used), max(used) + 1)
        return CELL_BREAK.join(one_line(" ".join(self._texts.get(column, []))) for column in columns).rstrip(" |")


def _names_columns(rows: list[list[Cell]]) -> bool:
    """Whether the first row is a header: texts only (years count), and something stands below."""
    first = [cell for cell in rows[0] if cell.text]
    texts = [cell.is_text or bool(re.fullmatch(r"(19|20)\d\d", cell.text)) for cell in first]
    if (
        len(rows) < 2
        or not first
        or not all(texts)
        or not (rows[0][0].text == "" or any(cell.is_text for cell in first))
    ):
        return False
    return len(first) > 1 or len(rows[0]) == 1


def _regions(grid: Grid) -> Iterator[Grid]:
    """Tables of a sheet: parts that blank rows separate, and blank columns where both sides stand for themselves."""
    for band in _split_rows(grid):
        parts = _split_columns(band)
        if len(parts) == 1:
            yield band
        else:
            for part in parts:
                yield from _regions(part)


def _split_rows(grid: Grid) -> list[Grid]:
    bands: list[Grid] = []
    last = -2
    for number in sorted(grid):
        if not bands or number > last + 1:
            bands.append({})
        bands[-1][number] = grid[number]
        last = number
    return bands


def _split_columns(band: Grid) -> list[Grid]:
    used = sorted({column for row in band.values() for column in row})
    runs: list[tuple[int, int]] = []
    for column in used:
        if runs and column == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], column)
        else:
            runs.append((column, column))
    parts: list[Grid] = []
    for start, end in runs:
        part = _columns_of(band, start, end)
        # Columns of figures after a spacer belong to the labels on their left: alone they would say nothing.
        if parts and not _stands_alone(part, parts[-1]):
            for number, row in part.items():
                parts[-1].setdefault(number, {}).update(row)
            parts[-1] = dict(sorted(parts[-1].items()))
        else:
            parts.append(part)
    return parts


def _columns_of(band: Grid, start: int, end: int) -> Grid:
    part: Grid = {}
    for number, row in band.items():
        if kept := {column: cell for column, cell in row.items() if start <= column <= end}:
            part[number] = kept
    return part


def _stands_alone(part: Grid, left: Grid) -> bool:
    if min(part) > max(left) or max(part) < min(left):
        return True
    first = min(min(row) for row in part.values())
    labels = [row[first].is_text for number, row in part.items() if first in row and number != min(part)]
    has_labels = bool(labels) and sum(labels) * 2 > len(labels)
    return has_labels or (_headed(part) and _headed(left))


def _headed(part: Grid) -> bool:
    """Whether the part is a table of two or more columns with a header row over figures."""
    rows = _lines(part)
    return len(rows[0]) > 1 and _names_columns(rows) and not all(cell.is_text for row in rows for cell in row)


def _lines(region: Grid) -> list[list[Cell]]:
    """Rows of a region as lists that begin at its first used column."""
    if not region:
        return []
    first = min(min(row) for row in region.values())
    empty = Cell("", True)
    return [[row.get(column, empty) for column in range(first, max(row) + 1)] for _, row in sorted(region.items())]
