"""What every `DocumentParser` has to keep."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from cortex_engine.core.documents import Box, PageState
from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.core.protocols import DocumentParser
from cortex_engine.parsing.box import ParseBox

DOCUMENTS = ("normal_4pages.pdf", "docx-tables.docx", "wiki.md", "xlsx-subtable-cases.xlsx", "qr_bill_example.jpg")


@pytest.fixture(scope="module", params=[ParseBox])
def parser(request: pytest.FixtureRequest) -> Iterator[DocumentParser]:
    with request.param(ParseOptions()) as box:
        yield box


def test_it_is_a_document_parser(parser: DocumentParser) -> None:
    assert isinstance(parser, DocumentParser)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_keep_their_promises(parser: DocumentParser, data_root: Path, name: str) -> None:
    parsed = parser.parse(data_root / "documents" / name, name)
    text = parsed.text
    assert text.strip()
    assert [page.number for page in parsed.pages] == list(range(1, len(parsed.pages) + 1))
    for page in parsed.pages:
        assert "\f" not in page.text
        assert "\x00" not in page.text
        assert unicodedata.is_normalized("NFC", page.text)
        assert bool(page.reason) == (page.state is PageState.FAILED) or page.state is PageState.BLANK
        if page.text_boxes is not None:
            spans = page.text_boxes.spans.tolist()
            assert all(0 <= start < end <= len(page.text) for start, end in spans)
            assert all(first[1] <= second[0] for first, second in pairwise(spans))
            assert page.text_boxes.boxes.min(initial=0) >= 0
            assert page.text_boxes.boxes.max(initial=1) <= 1
    assert all(0 <= block.char_start < block.char_end <= len(text) for block in parsed.blocks)
    assert all(first.char_end <= second.char_start for first, second in pairwise(parsed.blocks))
    covered = set().union(*(range(block.char_start, block.char_end) for block in parsed.blocks))
    assert not [index for index, letter in enumerate(text) if not letter.isspace() and index not in covered]


def test_the_same_file_gives_the_same_document(parser: DocumentParser, data_root: Path) -> None:
    path = data_root / "documents" / "normal_4pages.pdf"
    first, second = parser.parse(path, "a.pdf"), parser.parse(path, "b.pdf")
    assert (first.text, first.blocks, first.info) == (second.text, second.blocks, second.info)


@pytest.mark.parametrize(
    ("data", "reason"), [(b"", "empty"), (b"%PDF-1.7 nothing", "damaged"), (bytes(99), "unsupported")]
)
def test_failures_have_a_reason_and_a_sentence(
    parser: DocumentParser, tmp_path: Path, data: bytes, reason: str
) -> None:
    path = tmp_path / "f"
    path.write_bytes(data)
    with pytest.raises(ParseError, match=r"^'report of may\.xyz' .*\.$") as caught:
        parser.parse(path, "report of may.xyz")
    assert caught.value.reason == reason


def test_a_page_is_drawn_with_its_marks(parser: DocumentParser, data_root: Path) -> None:
    marks = [Box(0.1, 0.2, 0.3, 0.4)]
    picture = parser.render(data_root / "documents" / "normal_4pages.pdf", "a.pdf", 2, marks, 500)
    assert picture.width == pytest.approx(500, abs=2)
    assert picture.boxes == tuple(marks)
    assert picture.mime in {"image/png", "image/jpeg", "image/webp"}


def test_the_fingerprint_follows_the_settings() -> None:
    same, other = ParseBox(ParseOptions()), ParseBox(ParseOptions(ocr=False))
    assert same.fingerprint == ParseBox(ParseOptions()).fingerprint != other.fingerprint
