"""Pages drawn as pictures: the marks lie on the ink of the words they are for, on text PDFs and on scans alike."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cortex_engine.core.documents import PagePicture
from cortex_engine.core.errors import NotFoundError, ParseError
from cortex_engine.suite import CortexSuite, query_of

OpenSuite = Callable[..., CortexSuite]


def ink_and_marks(picture: PagePicture) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Dark pixels of the page, and pixels under a mark."""
    ink = np.asarray(Image.open(io.BytesIO(picture.data)).convert("L")) < 128
    assert ink.shape == (picture.height, picture.width)
    marked = np.zeros_like(ink)
    for box in picture.boxes:
        rows = slice(int(box.y0 * picture.height), int(np.ceil(box.y1 * picture.height)))
        columns = slice(int(box.x0 * picture.width), int(np.ceil(box.x1 * picture.width)))
        assert ink[rows, columns].any(), "a mark lies on blank paper"
        marked[rows, columns] = True
    return ink, marked


@pytest.mark.parametrize("name", ["multi-column.pdf", "double-column-A.jpg", "ocr_test_rotated_90.pdf"])
def test_marks_for_all_words_cover_the_ink_of_the_page(open_suite: OpenSuite, data_root: Path, name: str) -> None:
    suite = open_suite()
    assert suite.ingest([data_root / "documents" / name], "Pages").failed == []
    first = suite.pages(name)[0]
    ink, marked = ink_and_marks(suite.page_picture(name, 1, 0, len(first.text)))
    assert (ink & marked).sum() / ink.sum() > 0.93
    assert marked.mean() < 0.5  # one mark over the whole page would cover the ink too

    middle = first.text.index("\n", len(first.text) // 2)
    upper = ink_and_marks(suite.page_picture(name, 1, 0, middle))[1]
    lower = ink_and_marks(suite.page_picture(name, 1, middle, len(first.text)))[1]
    assert upper.any()
    assert lower.any()
    assert (upper & lower & ink).sum() < 0.1 * ink.sum()


def test_the_range_of_a_hit_marks_its_own_words(open_suite: OpenSuite, data_root: Path) -> None:
    suite = open_suite()
    suite.ingest([data_root / "documents" / "multi-column.pdf"], "Pages")
    hit = suite.search(query_of('"Introduction" "factoid questions using a large collection"', "lexical")).hits[0]
    assert hit.page == 1
    picture = suite.page_picture(hit.document_id, hit.page, hit.char_start, hit.char_end)
    assert picture.boxes
    whole = "\f".join(page.text for page in suite.pages(hit.document_id))
    start = whole.index("Dense Passage Retrieval for Open-Domain Question Answering")
    (title,) = suite.page_picture(hit.document_id, 1, start, start + 58).boxes
    assert 0.05 < title.y0 < title.y1 < 0.12
    assert 0.45 < (title.x0 + title.x1) / 2 < 0.55


def test_a_range_on_a_later_page_is_marked_there(open_suite: OpenSuite, data_root: Path) -> None:
    suite = open_suite()
    suite.ingest([data_root / "documents" / "normal_4pages.pdf"], "Pages")
    pages = suite.pages("normal_4pages.pdf")
    start = len(pages[0].text) + 1
    word = next(word for word in pages[1].text.split() if len(word) > 3)
    place = start + pages[1].text.index(word)
    assert suite.page_picture("normal_4pages.pdf", 1, place, place + len(word)).boxes == ()
    picture = suite.page_picture("normal_4pages.pdf", 2, place, place + len(word))
    ink, marked = ink_and_marks(picture)
    assert 0 < (ink & marked).sum() < 0.2 * ink.sum()


def test_what_has_no_pages_says_so(open_suite: OpenSuite, folder: Path) -> None:
    suite = open_suite()
    suite.ingest([folder], "Papers")
    with pytest.raises(ParseError, match=r"'tea\.md' has no fixed pages that could be drawn"):
        suite.page_picture("tea.md", 1)
    with pytest.raises(NotFoundError, match="has no page 2; its last is page 1"):
        suite.page_picture("tea.md", 2)
