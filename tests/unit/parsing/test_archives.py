"""EPUB books and ZIP archives, within limits."""

from __future__ import annotations

import stat
import zipfile

import pytest

from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.archives import parse_epub, parse_zip


def made(tmp_path, members, compression=zipfile.ZIP_STORED):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_a_listing_and_the_members(tmp_path):
    path = made(tmp_path, {"a.txt": b"one", "dir/": b"", "dir/b.csv": b"1,2", ".DS_Store": b"x", "__MACOSX/a": b"x"})
    document = parse_zip(path, "x.zip", ParseOptions())
    assert document.text.split("\n")[:3] == ["Name | Bytes", "a.txt | 3", "dir/b.csv | 3"]
    assert document.blocks[0].header == "Name | Bytes"
    assert [(item.name, item.data) for item in document.attachments] == [("a.txt", b"one"), ("dir/b.csv", b"1,2")]
    assert document.warnings == ()


def test_unsafe_members_stay_inside(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = made(tmp_path, {"../up": b"x", "/etc/x": b"x", "C:\\x": b"x", "in.zip": b"x", "ok": b"y"})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/hostname")
    document = parse_zip(path, "x.zip", ParseOptions())
    assert [item.name for item in document.attachments] == ["ok"]
    assert len(document.warnings) == 5
    assert "in.zip was not taken out of x.zip: it is an archive itself" in " ".join(document.warnings)


@pytest.mark.parametrize(
    ("members", "options"),
    [
        ({str(number): b"" for number in range(11)}, ParseOptions(archive_entries=10)),
        ({"a": bytes(1001)}, ParseOptions(archive_bytes=1000)),
        ({"a": bytes(11_000_000)}, ParseOptions()),
    ],
)
def test_limits(tmp_path, members, options):
    with pytest.raises(ParseError, match="over the limit") as caught:
        parse_zip(made(tmp_path, members, zipfile.ZIP_DEFLATED), "x.zip", options)
    assert caught.value.reason == "too_large"


def test_a_member_that_lies_about_its_size_is_damaged(tmp_path):
    path = made(tmp_path, {"a": b"x" * 5000}, zipfile.ZIP_DEFLATED)
    data = path.read_bytes()
    path.write_bytes(data.replace((5000).to_bytes(4, "little"), (50).to_bytes(4, "little")))
    with pytest.raises(ParseError) as caught:
        parse_zip(path, "x.zip", ParseOptions())
    assert caught.value.reason == "damaged"


def test_encrypted_archives_are_refused(tmp_path):
    path = made(tmp_path, {"a": b"x"})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ParseError) as caught:
        parse_zip(path, "x.zip", ParseOptions())
    assert caught.value.reason == "encrypted"


OPF = (
    '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>'
    "<dc:title>Bees</dc:title><dc:creator>Ann</dc:creator><dc:creator>Bob</dc:creator><dc:language>en-GB</dc:language>"
    '<dc:date>2020</dc:date></metadata><manifest><item id="b" href="text/b%20b.xhtml"/><item id="a" href="text/a.xhtml"/>'
    '<item id="nav" href="nav.xhtml" properties="nav"/></manifest>'
    '<spine><itemref idref="a"/><itemref idref="b"/><itemref idref="gone"/></spine></package>'
)
BOOK = {
    "META-INF/container.xml": '<container><rootfiles><rootfile full-path="OPS/p.opf"/></rootfiles></container>',
    "OPS/p.opf": OPF,
    "OPS/nav.xhtml": '<html><nav><a href="text/a.xhtml">First</a><a href="text/b%20b.xhtml#x">Second</a></nav></html>',
    "OPS/text/a.xhtml": '<?xml version="1.0" encoding="UTF-8"?><html><head><title>t</title></head><body><h1>Über</h1></body></html>',
    "OPS/text/b b.xhtml": "<html><body><p>Two.</p></body></html>",
}


def test_a_book_in_spine_order(tmp_path):
    document = parse_epub(made(tmp_path, BOOK), "x.epub", ParseOptions())
    assert [(page.label, page.text) for page in document.pages] == [("First", "Über"), ("Second", "Two.")]
    info = document.info
    assert (info.title, info.author, info.language, info.created) == ("Bees", "Ann, Bob", "en", "2020")
    assert document.warnings == ("The chapter gone is missing in the file.",)


def test_a_book_under_drm_is_refused(tmp_path):
    lock = '<encryption><CipherReference URI="OPS/text/a.xhtml"/></encryption>'
    with pytest.raises(ParseError, match="DRM") as caught:
        parse_epub(made(tmp_path, {**BOOK, "META-INF/encryption.xml": lock}), "x.epub", ParseOptions())
    assert caught.value.reason == "encrypted"


def test_no_book_is_damaged(tmp_path):
    with pytest.raises(ParseError, match=r"container\.xml") as caught:
        parse_epub(made(tmp_path, {"a": b""}), "x.epub", ParseOptions())
    assert caught.value.reason == "damaged"


def test_the_real_book(data_root):
    document = parse_epub(data_root / "documents" / "winter-sports.epub", "w.epub", ParseOptions())
    assert len(document.pages) == 10
    assert (document.info.title, document.info.author) == ("Winter Sports in Switzerland", "E. F. Benson")
    assert len(document.text) > 300_000
