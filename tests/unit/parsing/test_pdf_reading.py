"""PDF: text in reading order, the place of every word, structure and states."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cortex_engine.core.documents import BlockKind, Page, PageState, ParsedDocument, line_boxes
from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.box import ParseBox
from cortex_engine.parsing.composing import Composer
from cortex_engine.parsing.layout import Paragraph, Segment, Word, arrange
from cortex_engine.parsing.pdf import pdf_date
from cortex_engine.parsing.pdf_text import turn


@pytest.fixture
def read(parse_box: ParseBox, data_root: Path) -> Callable[[str], ParsedDocument]:
    return lambda name: parse_box.parse(data_root / "documents" / name, name)


def flat(text: str) -> str:
    return " ".join(text.split())


def ink(box: ParseBox, path: Path, page: Page, word: str) -> float:
    """Darkness under a word's box, as a share of the box."""
    start = page.text.index(word)
    boxes = line_boxes(page, start, start + len(word))
    assert len(boxes) == 1
    picture = box.render(path, path.name, page.number, boxes, 1200)
    assert picture.boxes == tuple(boxes)
    assert picture.mime == "image/webp"
    grey = np.asarray(Image.open(io.BytesIO(picture.data)).convert("L"), dtype=float)
    assert grey.shape == (picture.height, picture.width)
    (mark,) = boxes
    rows = slice(int(mark.y0 * picture.height), int(np.ceil(mark.y1 * picture.height)))
    columns = slice(int(mark.x0 * picture.width), int(np.ceil(mark.x1 * picture.width)))
    area = grey[rows, columns]
    # The word fills its box from side to side: neither end is empty.
    third = area.shape[1] // 3
    assert (area[:, :third] < 128).any()
    assert (area[:, -third:] < 128).any()
    assert 0.004 < mark.y1 - mark.y0 < 0.06
    return float((area < 128).mean())


@pytest.mark.parametrize(
    ("name", "word"),
    [("tracemonkey.pdf", "JavaScript"), ("multi-column.pdf", "retrieval"), ("loremipsum-flat.pdf", "sollicitudin"),
     ("ocr_test_rotated_90.pdf", "document")],
)  # fmt: skip
def test_a_word_is_where_its_box_says(parse_box: ParseBox, data_root: Path, name: str, word: str) -> None:
    path = data_root / "documents" / name
    page = parse_box.parse(path, name).pages[0]
    if "rotated" in name:
        start = page.text.index(word)
        (mark,) = line_boxes(page, start, start + len(word))
        assert (mark.y1 - mark.y0) * page.height > 2 * (mark.x1 - mark.x0) * page.width
        return
    assert ink(parse_box, path, page, word) > 0.05


def test_two_columns_are_read_one_after_the_other(read: Callable[[str], ParsedDocument]) -> None:
    text = flat(read("tracemonkey.pdf").pages[0].text)
    parts = [
        "Dynamic languages such as JavaScript are more difficult to compile than statically typed ones.",
        "We present an alternative compilation technique",
        "1. Introduction Dynamic languages such as JavaScript, Python, and Ruby",
        "JavaScript, for example, is the de facto standard for client-side web programming",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_headings_of_a_paper(read: Callable[[str], ParsedDocument]) -> None:
    parsed = read("multi-column.pdf")
    headings = [
        (parsed.text[b.char_start : b.char_end].replace("\n", " "), b.level)
        for b in parsed.blocks
        if b.kind is BlockKind.HEADING
    ]
    texts = [text for text, _ in headings]
    assert texts[0] == "Dense Passage Retrieval for Open-Domain Question Answering"
    assert {"Abstract", "1 Introduction", "2 Background", "3 Dense Passage Retriever (DPR)"} <= set(texts)
    levels = dict(headings)
    assert levels[texts[0]] < levels["1 Introduction"]


def test_divided_words_are_joined_only_when_the_document_knows_them(read: Callable[[str], ParsedDocument]) -> None:
    text = read("multi-column.pdf").text
    assert "efficient passage retrieval" in flat(text)
    assert "dual-encoder" in text


def test_right_to_left_stands_in_logical_order(read: Callable[[str], ParsedDocument]) -> None:
    parsed = read("right_to_left_01.pdf")
    assert parsed.text.startswith("تحسين الإنتاجية وحل المشكلات من خلال البرمجة")
    assert parsed.info.language == "ar"


def test_korean_and_table(read: Callable[[str], ParsedDocument]) -> None:
    parsed = read("korean-text-with-tables.pdf")
    tables = [block for block in parsed.blocks if block.kind is BlockKind.TABLE]
    assert tables
    rows = parsed.text[tables[0].char_start : tables[0].char_end].split("\n")
    assert len(rows) >= 3
    assert tables[0].header == rows[0]
    assert all(" | " in row for row in rows)


def test_form_values_and_metadata(read: Callable[[str], ParsedDocument]) -> None:
    parsed = read("prefilled_f1040.pdf")
    assert "foobar" in parsed.text
    assert parsed.info.media_type == "pdf"
    dated = read("multi-column.pdf").info
    assert dated.created == "2020-10-02T00:12:08Z"


def test_boxes_and_blocks_of_every_text_pdf_hold_their_promises(read: Callable[[str], ParsedDocument]) -> None:
    for name in ("160F-2019.pdf", "fr_olap.pdf", "issue840.pdf", "issue14297.pdf", "redp5110_sampled.pdf"):
        parsed = read(name)
        for page in parsed.pages:
            assert page.state in {PageState.TEXT, PageState.BLANK}
            if page.state is PageState.BLANK:
                continue
            assert page.text_boxes is not None
            covered = "".join(page.text[start:end] for start, end in page.text_boxes.spans)
            assert _letters(covered) == _letters(page.text)
        assert all(first.char_end <= second.char_start for first, second in pairwise(parsed.blocks))


def _letters(text: str) -> str:
    """Without white space and without the bars between cells."""
    return "".join(text.replace("|", " ").split())


def test_embedded_file_is_an_attachment(read: Callable[[str], ParsedDocument]) -> None:
    parsed = read("attachment.pdf")
    assert [(file.name, file.data.strip()) for file in parsed.attachments] == [("foo.txt", b"bar baz")]


def test_failed_pages_fail_alone(parse_box: ParseBox, data_root: Path) -> None:
    parsed = parse_box.parse(data_root / "hostile" / "Pages-tree-refs.pdf", "p.pdf")
    assert [page.state for page in parsed.pages] == [PageState.TEXT, PageState.FAILED]
    assert parsed.pages[1].reason


def test_limits_of_pages_and_characters(data_root: Path) -> None:
    path = data_root / "documents" / "tracemonkey.pdf"
    for options in (ParseOptions(pages=5), ParseOptions(characters=1000)):
        with ParseBox(options) as box, pytest.raises(ParseError) as caught:
            box.parse(path, "t.pdf")
        assert caught.value.reason == "too_large"


def test_without_ocr_a_scan_is_blank_and_says_so(data_root: Path) -> None:
    with ParseBox(ParseOptions(ocr=False)) as box:
        page = box.parse(data_root / "documents" / "loremipsum-flat.pdf", "s.pdf").pages[0]
    assert page.state is PageState.BLANK
    assert "OCR is switched off" in page.reason


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("D:20240301123000+01'00'", "2024-03-01T12:30:00+01:00"), ("D:20240301", "2024-03-01"), ("D:2024", "2024"),
        ("20240301123000Z", "2024-03-01T12:30:00Z"), ("D:20241399", ""), ("yesterday", ""), ("", ""),
    ],
)  # fmt: skip
def test_dates(text: str, iso: str) -> None:
    assert pdf_date(text) == iso


def test_turning_a_box() -> None:
    box = (0.1, 0.2, 0.3, 0.4)
    assert turn(box, 1) == pytest.approx((0.6, 0.1, 0.8, 0.3))
    assert turn(turn(box, 3), 1) == pytest.approx(box)


def line(text: str, x: float, y: float, width: float, size: float = 10) -> Segment:
    words = [Word(part, (0, 0, 1, 1)) for part in text.split()]
    return Segment(words, x, y, x + width, y + size, size)


def texts(paragraphs: list[Paragraph]) -> str:
    composer = Composer()
    for paragraph in paragraphs:
        composer.add(paragraph)
    return composer.finish().text


def test_interleaved_columns_below_a_title_are_put_in_order() -> None:
    segments = [line("A title that spans both of the columns", 50, 10, 500, 14)]
    for number in range(6):
        segments += [
            line(f"left column line {number} here", 50, 50 + 12 * number, 230),
            line(f"right column line {number} there", 310, 50 + 12 * number, 230),
        ]
    text = texts(arrange(segments))
    assert text.index("left column line 5") < text.index("right column line 0")
    assert text.startswith("A title")


def test_a_grid_becomes_a_table_and_is_not_cut_into_columns() -> None:
    segments = [
        line(cell, 50 + 150 * column, 20 + 15 * row, 60)
        for row, cells in enumerate([("Name", "Price", "Stock"), ("Apple", "1.20", "12"), ("Pear", "0.80", "7")])
        for column, cell in enumerate(cells)
    ]
    (table,) = arrange(segments)
    assert table.kind is BlockKind.TABLE
    assert texts([table]) == "Name | Price | Stock\nApple | 1.20 | 12\nPear | 0.80 | 7"
