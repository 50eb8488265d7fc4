"""Presentations: a page a slide, in reading order."""

from __future__ import annotations

import pytest
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.office import parse_pptx


def blocks(document):
    text = document.text
    return [(block.kind.value, text[block.char_start : block.char_end]) for block in document.blocks]


def test_slides_in_reading_order(tmp_path):
    made = Presentation()
    made.core_properties.title = "Deck"
    first = made.slides.add_slide(made.slide_layouts[1])
    first.shapes.title.text = "Plan"
    first.placeholders[1].text = "one\ntwo"
    first.notes_slide.notes_text_frame.text = "Say hello."
    second = made.slides.add_slide(made.slide_layouts[6])
    for text, left, top in (("low", 1, 5), ("right", 5, 1), ("left", 1, 1.1)):
        second.shapes.add_textbox(Inches(left), Inches(top), Inches(2), Inches(0.5)).text_frame.text = text
    group = second.shapes.add_group_shape()
    group.shapes.add_textbox(Inches(1), Inches(3), Inches(2), Inches(0.5)).text_frame.text = "grouped"
    table = second.shapes.add_table(2, 2, Inches(1), Inches(6), Inches(4), Inches(1)).table
    for index, cell in enumerate(table.iter_cells()):
        cell.text = "abcd"[index]
    path = tmp_path / "x.pptx"
    made.save(path)
    document = parse_pptx(path, "x.pptx", ParseOptions())
    assert [page.label for page in document.pages] == ["Slide 1", "Slide 2"]
    assert document.pages[0].width == 720
    assert blocks(document) == [
        ("heading", "Plan"),
        ("list", "one\ntwo"),
        ("paragraph", "Notes: Say hello."),
        ("paragraph", "left"),
        ("paragraph", "right"),
        ("paragraph", "grouped"),
        ("paragraph", "low"),
        ("table", "a | b\nc | d"),
    ]
    assert document.info.title == "Deck"


def test_a_chart_is_a_table(tmp_path):
    made = Presentation()
    slide = made.slides.add_slide(made.slide_layouts[6])
    data = CategoryChartData()
    data.categories = ["Q1", "Q2"]
    data.add_series("Sales", (1.5, 0.1 + 0.2))
    frame = slide.shapes.add_chart(XL_CHART_TYPE.BAR_CLUSTERED, 0, 0, Inches(4), Inches(3), data)
    frame.chart.has_title = True
    frame.chart.chart_title.text_frame.text = "Growth"
    path = tmp_path / "x.pptx"
    made.save(path)
    document = parse_pptx(path, "x.pptx", ParseOptions())
    assert blocks(document) == [("paragraph", "Growth"), ("table", "| Sales\nQ1 | 1.5\nQ2 | 0.3")] or blocks(
        document
    ) == [("paragraph", "Growth"), ("table", " | Sales\nQ1 | 1.5\nQ2 | 0.3")]


def test_real_presentations(data_root):
    folder = data_root / "documents"
    sample = parse_pptx(folder / "sample-presentation.pptx", "sample", ParseOptions())
    assert len(sample.pages) == 4
    assert blocks(sample)[0] == ("heading", "Title Slide")
    assert ("table", "Table | A | B | C\n1 | A1 | B1 | C1\n2 | A2 | B2 | C2") in blocks(sample)
    chart = parse_pptx(folder / "pptx_chart.pptx", "chart", ParseOptions())
    assert "2019 | 120 | 80" in chart.text
    science = parse_pptx(folder / "science-exploration-1p.pptx", "science", ParseOptions())
    assert len(science.attachments) == 2


def test_the_malformed_presentation_gives_what_it_holds(data_root):
    document = parse_pptx(data_root / "hostile" / "fake-power-point-malformed.pptx", "bad.pptx", ParseOptions())
    assert document.text == "Test Slide"


def test_no_presentation_is_damaged(tmp_path):
    path = tmp_path / "x.pptx"
    path.write_bytes(b"PK\x05\x06" + bytes(18))
    with pytest.raises(ParseError, match="main part") as caught:
        parse_pptx(path, "x.pptx", ParseOptions())
    assert caught.value.reason == "damaged"
