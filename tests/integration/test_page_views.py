"""Pages as people see them: colours lie on the words that were asked for, and nowhere else, in every kind of page."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cortex_engine.core.app import PageView
from cortex_engine.core.documents import PagePicture
from cortex_engine.core.errors import NotFoundError
from cortex_engine.core.places import word_boxes
from cortex_engine.suite import CortexSuite

OpenSuite = Callable[..., CortexSuite]


def pixels(picture: PagePicture | None) -> NDArray[np.int16]:
    assert picture is not None
    seen = np.asarray(Image.open(io.BytesIO(picture.data)).convert("RGB")).astype(np.int16)
    assert seen.shape == (picture.height, picture.width, 3)
    return seen


def changed(suite: CortexSuite, view: PageView, width: int = 1024) -> NDArray[np.bool_]:
    """Pixels that the marks changed."""
    bare = suite.page_view(view.document.id, view.number, width=width)
    assert bare.terms == ()
    difference = np.abs(pixels(view.picture) - pixels(bare.picture)).max(axis=2)
    return np.asarray(difference > 40)


def look(suite: CortexSuite, name: str, query: str, page: int = 1) -> tuple[list[str], PageView]:
    """The words marked on a page; their boxes hold the colour, and nothing else does."""
    view = suite.page_view(name, page, query=query)
    assert view.picture is not None
    assert view.note == ""
    marks = changed(suite, view)
    boxes = word_boxes(suite.pages(name)[page - 1], view.terms)
    allowed = np.zeros_like(marks)
    height, width = marks.shape
    for box in boxes:
        y0, y1, x0, x1 = int(box.y0 * height), int(box.y1 * height) + 1, int(box.x0 * width), int(box.x1 * width) + 1
        inside = marks[y0:y1, x0:x1]
        assert inside.mean() > 0.3, "a word's place is not marked"  # ink does not change
        pad = max(6, (y1 - y0) // 6)  # round corners reach a little to the sides
        allowed[max(0, y0 - 3) : y1 + 3, max(0, x0 - pad) : x1 + pad] = True
    assert boxes
    assert marks[~allowed].sum() <= 20
    assert marks.mean() < 0.2
    return [view.text[start:end] for start, end in view.terms], view


@pytest.mark.parametrize(
    ("name", "query", "expected"),
    [
        ("multi-column.pdf", '"dense passage retrieval" the reader', {"Dense Passage Retrieval", "reader"}),
        ("tracemonkey.pdf", "efficient -trace", {"efficient", "efficiently", "efficiency"}),  # has ligatures
        ("ocr_test_rotated_90.pdf", "Docling documents", {"Docling", "document"}),
        ("double-column-A.jpg", "competitive", {"competitive", "Competitive", "competi-tive"}),
        ("chi_sim_image.jpeg", "肌肤 细胞", {"肌肤", "细胞"}),
        ("issue16538.pdf", "中立確率", {"中立確率", "中立確", "立確率", "確率"}),
        ("jpn-vert.jpeg", "日本語", {"日本語"}),
        ("right_to_left_01.pdf", "البرمجة", {"البرمجة", "البرمجية", "للمبرمجين"}),
        ("korean-text-with-tables.pdf", "포인트", {"포인트"}),
    ],
)
def test_terms_are_marked_on_their_words(
    open_suite: OpenSuite, data_root: Path, name: str, query: str, expected: set[str]
) -> None:
    suite = open_suite()
    assert suite.ingest([data_root / "documents" / name], "Pages").failed == []
    words, _ = look(suite, name, query)
    assert {"".join(word.split()).replace("-", "") for word in words} <= {
        "".join(word.split()).replace("-", "") for word in expected
    }


def test_words_divided_at_the_end_of_a_line_are_marked_on_both_lines(open_suite: OpenSuite, data_root: Path) -> None:
    suite = open_suite()
    suite.ingest([data_root / "documents" / "double-column-A.jpg"], "Pages")
    page = suite.pages("double-column-A.jpg")[0]
    _, view = look(suite, "double-column-A.jpg", "competitive")
    divided = [span for span in view.terms if len(word_boxes(page, [span])) == 2]
    assert divided
    first, second = word_boxes(page, divided[:1])
    assert first.y1 < second.y1
    assert first.x0 > second.x0


def test_the_passage_is_filled_and_has_a_bar_on_each_of_its_pages(open_suite: OpenSuite, data_root: Path) -> None:
    suite = open_suite()
    name = "normal_4pages.pdf"
    suite.ingest([data_root / "documents" / name], "Pages")
    pages = suite.pages(name)
    middle = len(pages[0].text) + 1
    for page, other in ((1, 3), (2, 4)):
        view = suite.page_view(name, page, middle - 200, middle + 200)
        ((start, end),) = view.passage
        assert 150 < end - start <= 200
        assert (start == 0) == (page == 2)
        seen = pixels(view.picture)
        fill = (np.abs(seen - (226, 231, 255)).max(axis=2) < 14).sum()
        bar = (np.abs(seen - (79, 70, 229)).max(axis=2) < 24).sum()
        assert fill > 2000
        assert bar > 40
        assert view.picture is not None and view.picture.boxes
        away = suite.page_view(name, other, middle - 200, middle + 200)
        assert away.passage == ()
        assert away.picture is not None and away.picture.boxes == ()
    assert suite.page_view(name, 2).last == 4


def test_text_formats_show_marks_in_their_text(open_suite: OpenSuite, folder: Path) -> None:
    suite = open_suite()
    suite.ingest([folder], "Papers")
    view = suite.page_view("tea.md", 1, 6, 30, "what is the tea -black")
    assert view.picture is None
    assert view.note == ""
    assert {view.text[start:end] for start, end in view.terms} == {"Tea", "tea"}
    assert [view.text[start:end] for start, end in view.passage] == [view.text[6:30].strip()]
    assert suite.thumbnail("tea.md") is None
    for query in ("", "   ", "-tea", "?!", "x" * 20_000):
        assert suite.page_view("tea.md", 1, query=query).terms == ()
    with pytest.raises(NotFoundError, match=r"'tea\.md' has no page 2; its last is page 1"):
        suite.page_view("tea.md", 2)
    with pytest.raises(NotFoundError, match="no page 0"):
        suite.page_view("tea.md", 0)


def test_an_original_that_cannot_be_drawn_still_shows_its_text(open_suite: OpenSuite, data_root: Path) -> None:
    suite = open_suite()
    name = "loremipsum-flat.pdf"
    suite.ingest([data_root / "documents" / name], "Pages")
    path = suite.original(name)
    kept = path.read_bytes()
    for damage, note in ((b"%PDF-1.7\nnothing", "damaged"), (b"PK\x03\x04", "cannot be shown"), (b"", "empty")):
        path.write_bytes(damage)
        view = suite.page_view(name, 1, 0, 50, "lorem")
        assert view.picture is None
        assert view.note.startswith("The page cannot be shown as a picture: ") and note in view.note
        assert view.terms and view.passage
        assert suite.thumbnail(name) is None
    path.unlink()
    view = suite.page_view(name, 1, 0, 50, "lorem")
    assert "is not in the library" in view.note
    assert suite.thumbnail(name) is None
    path.write_bytes(kept)
    assert suite.page_view(name, 1, 0, 50, "lorem").picture is not None
    path.write_bytes(b"")  # what was drawn before is still shown
    assert suite.page_view(name, 1, 0, 50, "lorem").picture is not None


def test_thumbnails_are_made_ahead_and_go_with_their_document(open_suite: OpenSuite, data_root: Path) -> None:
    suite = open_suite()
    folder = data_root / "documents"
    suite.ingest([folder / "loremipsum-flat.pdf", folder / "chat-tab.png", folder / "simple.odt"], "Pages")
    ids = {document.name: document.id for document in suite.documents()}
    assert suite.prepare_thumbnails([*ids.values(), "0" * 32]) == 2
    stop = threading.Event()
    stop.set()
    assert suite.prepare_thumbnails(list(ids.values()), stop) == 0
    kept = sorted(path for path in (suite.config.data_dir / "pages").rglob("*") if path.is_file())
    assert len(kept) == 2
    picture = suite.thumbnail("loremipsum-flat.pdf")
    assert picture is not None
    assert picture.width == 320
    suite.delete_documents(["loremipsum-flat.pdf"])
    left = sorted(path for path in (suite.config.data_dir / "pages").rglob("*") if path.is_file())
    assert [path.name for path in left] == [f"{suite.document('chat-tab.png').sha256}-1-320"]


def test_sessions_that_ask_at_once_get_the_same_picture_drawn_once(
    open_suite: OpenSuite, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = open_suite()
    suite.ingest([data_root / "documents" / "multi-column.pdf"], "Pages")
    drawn: list[int] = []
    render = suite._library.parser.render

    def counted(path: Path, name: str, page: int, boxes: object, width: int) -> PagePicture:
        drawn.append(page)
        return render(path, name, page, (), width)

    monkeypatch.setattr(suite._library.parser, "render", counted)
    views: list[PageView] = []
    start = threading.Barrier(12)

    def ask(number: int) -> None:
        start.wait()
        views.append(suite.page_view("multi-column.pdf", 1 + number % 3, 0, 300, "passage retrieval"))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(drawn) == [1, 2, 3]
    assert len(views) == 12
    assert len({view.picture.data for view in views if view.picture}) == 3


def test_snippets_and_citations_of_real_hits(open_suite: OpenSuite, data_root: Path) -> None:
    suite = open_suite()
    suite.ingest([data_root / "documents" / "multi-column.pdf"], "Pages")
    for hit in suite.search("how are negative passages chosen for training").hits:
        snippet = suite.snippet(hit.text, "how are negative passages chosen for training")
        assert len(snippet.text) <= 320
        marked = {snippet.text[start:end].lower() for start, end in snippet.marks}
        stems = ("negativ", "passag", "chos", "choos", "train")
        assert all(word.startswith(stems) for word in marked), marked
    assert suite.cite("multi-column.pdf", 6).endswith("multi-column.pdf, p. 6.")
    assert suite.cite("multi-column.pdf", 6, "bibtex").startswith("@")
    assert suite.cite("multi-column.pdf", 6, "ris").endswith("ER  - \r\n")


def test_odd_numbers_do_no_harm(open_suite: OpenSuite, data_root: Path, tmp_path: Path) -> None:
    suite = open_suite()
    suite.ingest([data_root / "documents" / "loremipsum-flat.pdf"], "Pages")
    for start, end, width in ((-5, 3, 1), (50, 10, 99_999), (10**9, 10**10, -7)):
        view = suite.page_view("loremipsum-flat.pdf", 1, start, end, "lorem", width)
        assert view.picture is not None
        assert 16 <= view.picture.width <= 3_300
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.txt", "Nothing to see.")
    suite.ingest([tmp_path / "x.zip"], "Pages")
    assert suite.thumbnail("x.zip/a.txt") is None
