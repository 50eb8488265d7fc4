"""The kind of a file comes from its contents; a wrong ending fools nobody."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from cortex_engine.core.errors import ParseError
from cortex_engine.parsing.detect import detect


def kind_of(tmp_path: Path, data: bytes, name: str) -> str:
    path = tmp_path / "file"
    path.write_bytes(data)
    return detect(path, name)


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("tracemonkey.pdf", "pdf"), ("chat-tab.png", "image"), ("qr_bill_example.jpg", "image"),
        ("2206.01062.tif", "image"), ("docx-tables.docx", "docx"), ("xlsx_01.xlsx", "xlsx"),
        ("pptx_chart.pptx", "pptx"), ("simple.odt", "odt"), ("fake-doc-emphasized-text.doc", "doc"),
        ("tests-example.xls", "xls"), ("fake-email.msg", "msg"), ("fake-doc.rtf", "rtf"),
        ("winter-sports.epub", "epub"), ("wiki_duck.html", "html"),
        ("example-steelJIS-datasheet-utf-16.html", "html"), ("ipa20180000016.xml", "xml"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ending", ["", ".txt", ".pdf", ".csv"])
def test_structure_is_stronger_than_the_ending(data_root: Path, file: str, kind: str, ending: str) -> None:
    assert detect(data_root / "documents" / file, f"renamed{ending}") == kind


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("wiki.md", "markdown"), ("norwich-city.txt", "text"), ("stanley-cups-utf-16.csv", "csv"),
        ("csv-with-long-lines.csv", "csv"), ("fake-email-b64.eml", "eml"),
    ],
)  # fmt: skip
def test_text_by_its_ending(data_root: Path, file: str, kind: str) -> None:
    assert detect(data_root / "documents" / file, file) == kind


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"From: a@b.c\r\nTo: d@e.f\r\nSubject: Hello\r\n\r\nText", "eml"),
        (b'{"a": [1, 2]}', "json"),
        (b"{not json at all", "text"),
        ("\ufeffGrüße".encode("utf-16"), "text"),
        ("Grüße".encode("utf-16-le") * 9, "text"),
        (b"Gr\xfc\xdfe aus M\xfcnchen", "text"),
        (b"<note><to>Anna</to></note>", "xml"),
        (b"<p>One</p><p>Two</p><div>x</div>", "html"),
        (b"{\\rtf1 x}", "rtf"),
    ],
)
@pytest.mark.parametrize("name", ["noending", "picture.png", "strange.xyz"])
def test_text_without_a_helpful_ending(tmp_path: Path, data: bytes, kind: str, name: str) -> None:
    assert kind_of(tmp_path, data, name) == kind


def test_what_cannot_be_read_says_what_can(tmp_path: Path) -> None:
    with pytest.raises(ParseError, match=r"PDF, Word .*ZIP") as caught:
        kind_of(tmp_path, b"\x7fELF" + bytes(range(256)) * 4, "program.docx")
    assert caught.value.reason == "unsupported"


def test_empty_and_encrypted(tmp_path: Path, data_root: Path) -> None:
    with pytest.raises(ParseError) as caught:
        kind_of(tmp_path, b"", "nothing.pdf")
    assert caught.value.reason == "empty"
    with pytest.raises(ParseError) as caught:
        detect(data_root / "hostile" / "password_protected.xlsx", "x.xlsx")
    assert caught.value.reason == "encrypted"


def test_archives(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "x")
    assert detect(path, "a.docx") == "zip"
    path.write_bytes(path.read_bytes()[:20])
    assert detect(path, "a.docx") == "docx"
