"""Workbooks: what a person sees in the cells, and which cells are tables."""

from __future__ import annotations

import datetime

import openpyxl
import pytest

from cortex_engine.core.documents import BlockKind
from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.grids import format_number
from cortex_engine.parsing.office import parse_xlsx


def blocks(document):
    text = document.text
    return [(block.kind.value, text[block.char_start : block.char_end]) for block in document.blocks]


def parsed(book, tmp_path, options=None):
    path = tmp_path / "x.xlsx"
    book.save(path)
    return parse_xlsx(path, "x.xlsx", options or ParseOptions())


def test_values_as_people_see_them(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["What", "Value"])
    for name, value, code in (
        ("date", datetime.date(2024, 2, 29), "DD.MM.YYYY"),
        ("moment", datetime.datetime(2024, 2, 29, 13, 30), "yyyy-mm-dd hh:mm"),
        ("noise", 0.1 + 0.2, "General"),
        ("share", 0.125, "0.0%"),
        ("money", 1234.5, '#,##0.00 "EUR"'),
        ("whole", 3.0, "General"),
        ("truth", True, "General"),
        ("formula", "=SUM(A1:A2)", "General"),
    ):
        sheet.append([name, value])
        sheet.cell(sheet.max_row, 2).number_format = code
    document = parsed(book, tmp_path)
    assert document.pages[0].text.split("\n") == [
        "What | Value",
        "date | 2024-02-29",
        "moment | 2024-02-29 13:30:00",
        "noise | 0.3",
        "share | 12.5%",
        "money | 1234.50",
        "whole | 3",
        "truth | TRUE",
        "formula | =SUM(A1:A2)",
    ]
    assert document.blocks[0].header == "What | Value"


def test_tables_are_parted_by_blank_rows_and_columns(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    for row, values in enumerate([("Year", "Sum"), (2023, 1), (2024, 2)], start=1):
        sheet.cell(row, 1).value, sheet.cell(row, 2).value = values
    for row, values in enumerate([("Name", "Age"), ("Ann", 30), ("Bob", 40)], start=1):
        sheet.cell(row, 4).value, sheet.cell(row, 5).value = values
    sheet["A6"] = "A remark below."
    assert blocks(parsed(book, tmp_path)) == [
        ("table", "Year | Sum\n2023 | 1\n2024 | 2"),
        ("table", "Name | Age\nAnn | 30\nBob | 40"),
        ("paragraph", "A remark below."),
    ]


def test_figures_after_a_spacer_column_stay_with_their_labels(tmp_path):
    book = openpyxl.Workbook()
    for row in (
        ["Item", "2023", None, "Change"],
        ["Wax", 1, None, 5],
        ["Honey", 2, None, 6],
        [None],
        ["Sum", 3, None, 11],
    ):
        book.active.append(row)
    document = parsed(book, tmp_path)
    assert blocks(document) == [
        ("table", "Item | 2023 |  | Change\nWax | 1 |  | 5\nHoney | 2 |  | 6"),
        ("table", "Sum | 3 |  | 11"),
    ]
    assert [block.header for block in document.blocks] == ["Item | 2023 |  | Change"] * 2


def test_sheets_are_pages_and_hidden_ones_are_told(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "Budget"
    book.active["B2"] = "x"
    hidden = book.create_sheet("Secret")
    hidden["A1"] = "y"
    hidden.sheet_state = "hidden"
    book.create_sheet("Sheet3")
    book.properties.creator = "Ann"
    document = parsed(book, tmp_path)
    assert [page.label for page in document.pages] == ["Budget", "Secret", "Sheet3"]
    assert document.pages[0].text == "Budget\n\nx"
    assert document.pages[2].text == ""
    assert document.info.extra == (("hidden_sheets", "Secret"),)
    assert document.info.author == "Ann"


def test_a_cell_in_the_last_corner_costs_one_cell(tmp_path):
    book = openpyxl.Workbook()
    book.active["XFD1048576"] = "far"
    assert parsed(book, tmp_path, ParseOptions(table_cells=1)).text == "far"


def test_too_many_cells_are_refused(tmp_path):
    book = openpyxl.Workbook()
    for _ in range(10):
        book.active.append(list(range(10)))
    with pytest.raises(ParseError) as caught:
        parsed(book, tmp_path, ParseOptions(table_cells=99))
    assert caught.value.reason == "too_large"


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (45351, "d-mmm-yy", "2024-02-29"),
        (1, "yyyy-mm-dd", "1900-01-01"),
        (61, "yyyy-mm-dd", "1900-03-01"),
        (0.5, "h:mm", "12:00:00"),
        (1.5, "[h]:mm:ss", "36:00:00"),
        (0.5, '0.00" days"', "0.50"),
        (1e20, "General", "1e+20"),
        (-3, "0.0", "-3.0"),
        (5, '"year" 0', "5"),
        (-1, "yyyy-mm-dd", "-1"),
    ],
)
def test_number_formats(value, code, shown):
    assert format_number(value, code) == shown


def test_the_other_epoch():
    assert format_number(0, "yyyy-mm-dd", epoch_1904=True) == "1904-01-01"


def test_real_workbooks(data_root):
    folder = data_root / "documents"
    first = parse_xlsx(folder / "xlsx_01.xlsx", "xlsx_01.xlsx", ParseOptions())
    assert first.info.extra == (("hidden_sheets", "Sheet4"),)
    assert [text.split("\n")[0] for kind, text in blocks(first) if kind == "table"][:4] == [
        "first | second | third",
        "col-1 | col-2 | col-3 | col-4",
        "col-1 | col-2 | col-3",
        "col-1 | col-2 | col-3",
    ]
    segment = parse_xlsx(folder / "2023-half-year-analyses-by-segment.xlsx", "segment.xlsx", ParseOptions())
    zones = [block for block in segment.blocks if segment.text[block.char_start :].startswith("Zone NA | 12553")]
    assert zones[0].kind is BlockKind.TABLE
    assert "Sales (a)" in zones[0].header


def test_a_password_is_named_as_the_reason(data_root):
    with pytest.raises(ParseError, match="password") as caught:
        parse_xlsx(data_root / "hostile" / "password_protected.xlsx", "p.xlsx", ParseOptions())
    assert caught.value.reason == "encrypted"
