"""Excel 97-2003 workbooks (.xls), read by xlrd."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from cortex_engine.core.documents import ParsedDocument
from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.builder import DocumentBuilder
from cortex_engine.parsing.grids import Cell, Grid, add_sheet, format_number
from cortex_engine.parsing.ole import open_ole, read_ole_properties


def parse_xls(source: Path, name: str, options: ParseOptions) -> ParsedDocument:
    """Read a workbook: a page a sheet (hidden ones too), tables parted by blank rows and columns.

    Raises `ParseError` (damaged, encrypted, too_large, empty).
    """
    builder = DocumentBuilder("xls", options, name)
    with open_ole(source, name, options) as ole:
        read_ole_properties(ole, builder)
    book = _open_book(source, name)
    total = sum(sheet.nrows * sheet.ncols for sheet in book.sheets())
    if total > options.table_cells:
        raise ParseError(f"{name} has more than {options.table_cells} cells; it was not read.", "too_large")
    for sheet in book.sheets():
        builder.page(sheet.name)
        add_sheet(builder, sheet.name, _grid(book, sheet))
        for (row, column), note in sorted(sheet.cell_note_map.items()):
            builder.paragraph(f"Comment on {_column_letters(column)}{row + 1}: {note.text}" if note.text else "")
    builder.note("hidden_sheets", ", ".join(sheet.name for sheet in book.sheets() if sheet.visibility))
    return builder.build()


def _open_book(source: Path, name: str) -> Any:
    import xlrd

    try:
        return xlrd.open_workbook(str(source), formatting_info=True, logfile=io.StringIO())
    except xlrd.XLRDError as error:
        if "encrypted" in str(error):
            message = f"{name} is protected by a password. Save a copy without password and add that."
            raise ParseError(message, "encrypted") from error
        raise ParseError(f"{name} is damaged: {error}.") from error
    except Exception as error:  # xlrd answers damaged files with whatever its record readers trip over
        raise ParseError(f"{name} is damaged: its records cannot be read ({error!r}).") from error


def _grid(book: Any, sheet: Any) -> Grid:
    grid: Grid = {}
    for row in range(sheet.nrows):
        for column in range(sheet.row_len(row)):
            cell = _cell(book, sheet.cell(row, column))
            if cell.text:
                grid.setdefault(row, {})[column] = cell
    return grid


def _cell(book: Any, cell: Any) -> Cell:
    import xlrd

    if cell.ctype == xlrd.XL_CELL_TEXT:
        return Cell(cell.value.strip(), True)
    if cell.ctype in {xlrd.XL_CELL_NUMBER, xlrd.XL_CELL_DATE}:
        code = book.format_map[book.xf_list[cell.xf_index].format_key].format_str
        return Cell(format_number(cell.value, code, book.datemode == 1), False)
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return Cell("TRUE" if cell.value else "FALSE", False)
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return Cell(xlrd.error_text_from_code.get(cell.value, "#ERROR"), False)
    return Cell("", True)


def _column_letters(column: int) -> str:
    return (chr(64 + column // 26) if column >= 26 else "") + chr(65 + column % 26)
