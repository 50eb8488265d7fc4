"""Files made to harm: each ends as a document or a sentence, and the process that asked stays small."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path

import psutil
import pytest

from cortex_engine.core.documents import PageState, ParsedDocument
from cortex_engine.core.errors import ParseError
from cortex_engine.parsing.box import ParseBox

REASONS = {
    "damaged", "encrypted", "unsupported", "too_large", "limit_memory", "limit_time", "limit_output", "empty",
    "crashed", "forbidden",
}  # fmt: skip


def outcome(box: ParseBox, path: Path) -> ParsedDocument | ParseError:
    try:
        return box.parse(path, path.name)
    except ParseError as error:
        assert error.reason in REASONS
        assert len(str(error)) > 20
        return error


@pytest.mark.slow
def test_every_hostile_file(parse_box: ParseBox, data_root: Path) -> None:
    files = sorted(path for path in (data_root / "hostile").iterdir() if path.name != "manifest.csv")
    assert len(files) >= 46
    zygotes = parse_box.processes
    parse_box.parse(data_root / "documents" / "wiki.md", "wiki.md")
    before = psutil.Process().memory_info().rss
    outcomes = {path.name: outcome(parse_box, path) for path in files}
    assert psutil.Process().memory_info().rss - before < 50_000_000
    assert parse_box.processes == zygotes
    errors = {name: end.reason for name, end in outcomes.items() if isinstance(end, ParseError)}
    expected = {
        "password.pdf": "encrypted",
        "password_protected.xlsx": "encrypted",
        "decompression_bomb.gif": "too_large",
        "decompression_bomb.ico": "unsupported",
        "truncated_jpeg.jpg": "damaged",
        "empty.eml": "empty",
    }
    assert {name: errors.get(name) for name in expected} == expected
    assert "crashed" not in errors.values()
    for end in outcomes.values():
        if isinstance(end, ParsedDocument):
            assert all(page.reason for page in end.pages if page.state is PageState.FAILED)


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def test_huge_picture(parse_box: ParseBox, tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    path.write_bytes(png_header(60_000, 60_000))
    end = outcome(parse_box, path)
    assert isinstance(end, ParseError)
    assert end.reason == "too_large"


def test_zip_bomb(parse_box: ParseBox, tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("zeros.txt", "w") as member:
        for _ in range(400):
            member.write(bytes(1_000_000))
    end = outcome(parse_box, path)
    assert isinstance(end, ParseError)
    assert end.reason == "too_large"


def pdf(objects: list[bytes]) -> bytes:
    stream = io.BytesIO(b"%PDF-1.4\n")
    stream.seek(0, io.SEEK_END)
    places = []
    for number, content in enumerate(objects, 1):
        places.append(stream.tell())
        stream.write(b"%d 0 obj\n%s\nendobj\n" % (number, content))
    start = stream.tell()
    stream.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    stream.writelines(b"%010d 00000 n \n" % place for place in places)
    stream.write(b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start))
    return stream.getvalue()


def test_enormous_page(parse_box: ParseBox, tmp_path: Path) -> None:
    path = tmp_path / "enormous.pdf"
    drawing = b"0 0 100 100 re f"
    path.write_bytes(
        pdf(
            [
                b"<</Type/Catalog/Pages 2 0 R>>",
                b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
                b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9000000 9000000]/Contents 4 0 R>>",
                b"<</Length %d>>stream\n%s\nendstream" % (len(drawing), drawing),
            ]
        )
    )
    end = outcome(parse_box, path)
    assert isinstance(end, ParsedDocument)
    assert end.pages[0].state is PageState.BLANK
    picture = parse_box.render(path, path.name, 1, [], 100_000)
    assert picture.width * picture.height <= 4_100_000


def test_deep_html(parse_box: ParseBox, tmp_path: Path) -> None:
    path = tmp_path / "deep.html"
    path.write_bytes(b"<!doctype html><html><body>" + b"<div>" * 200_000 + b"deep")
    end = outcome(parse_box, path)
    assert isinstance(end, ParseError) or "deep" in end.text


def test_names_with_strange_letters(parse_box: ParseBox, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("Plain words in a file.")
    assert "Plain words" in parse_box.parse(path, "../../etc/pa\x00ss\ud800wd\n.txt").text


@pytest.mark.parametrize("kind", ["folder", "missing", "pipe"])
def test_what_is_no_file(parse_box: ParseBox, tmp_path: Path, kind: str) -> None:
    import os

    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    end = outcome(parse_box, path)
    assert isinstance(end, ParseError)
    assert end.reason == "forbidden"
