"""Formats of before 2007: Word's piece table, PowerPoint's records, Excel by xlrd, rich text."""

from __future__ import annotations

import struct

import pytest

from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.legacy import parse_doc, parse_ppt, parse_rtf, parse_xls
from cortex_engine.parsing.legacy_doc import _visible

SECTOR = 512
END, FREE, FAT_SECTOR = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD


def blocks(document):
    text = document.text
    return [(block.kind.value, text[block.char_start : block.char_end]) for block in document.blocks]


def compound_file(streams):
    """A compound file ([MS-CFB]) of a few streams; each is filled up to 4096 bytes, so that no mini stream is needed."""
    padded = {name: data.ljust(max(4096, -(-len(data) // SECTOR) * SECTOR), b"\0") for name, data in streams.items()}
    fat, body = [FAT_SECTOR], b""
    entries = [("Root Entry", 5, END, 0)]
    for name, data in padded.items():
        first, amount = len(fat), len(data) // SECTOR
        fat += [*range(first + 1, first + amount), END]
        entries.append((name, 2, first, len(data)))
        body += data
    directory_start = len(fat)
    sectors = -(-len(entries) // 4)
    fat += [*range(directory_start + 1, directory_start + sectors), END]
    directory = b""
    for index, (name, kind, first, size) in enumerate(entries):
        label = name.encode("utf-16-le") + b"\0\0"
        child = 1 if index == 0 and len(entries) > 1 else FREE
        right = index + 1 if 0 < index < len(entries) - 1 else FREE
        directory += label.ljust(64, b"\0") + struct.pack("<HBBIII", len(label), kind, 1, FREE, right, child)
        directory += bytes(36) + struct.pack("<IQ", first, size)
    directory = directory.ljust(sectors * SECTOR, b"\0")
    assert len(fat) <= 128
    head = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<HHHHH", 62, 3, 0xFFFE, 9, 6) + bytes(6)
    head += struct.pack("<IIIIIIIIII", 0, 1, directory_start, 0, 4096, END, 0, END, 0, 0)
    head += struct.pack("<I", FREE) * 108
    return head + struct.pack(f"<{len(fat)}I", *fat).ljust(SECTOR, b"\xff") + body + directory


def record(kind, data, instance=0, container=False):
    return struct.pack("<HHI", instance << 4 | (0xF if container else 0), kind, len(data)) + data


def text_record(kind, text):
    return record(0x0F9F, struct.pack("<I", kind)) + record(0x0FA0, text.encode("utf-16-le"))


def presentation(token=0xE391C05F):
    """Streams of two slides: one by outline reference and with notes, one with a text box of bytes."""
    slides = record(0x03F3, struct.pack("<IIiII", 2, 0, 1, 256, 0)) + text_record(0, "Title é") + text_record(1, "a\rb")
    slides += record(0x03F3, struct.pack("<IIiII", 3, 0, 0, 257, 0))
    notes = record(0x03F3, struct.pack("<IIiII", 4, 0, 0, 512, 0))
    document = record(0x03E8, record(0x0FF0, slides, 0, True) + record(0x0FF0, notes, 2, True), container=True)
    references = record(0x0F9E, struct.pack("<I", 0)) + record(0x0F9E, struct.pack("<I", 1))
    first = record(0x03EE, record(0x0F00, references, container=True), container=True)
    second = record(0x03EE, record(0x0F9F, struct.pack("<I", 4)) + record(0x0FA8, b"box"), container=True)
    note = record(0x03F0, record(0x03F1, struct.pack("<III", 256, 0, 0)) + text_record(2, "speak"), container=True)
    data, offsets = b"", []
    for part in (document, first, second, note):
        offsets.append(len(data))
        data += part
    directory = len(data)
    data += record(0x1772, struct.pack("<I4I", 4 << 20 | 1, *offsets))
    edit = len(data)
    data += record(0x0FF5, struct.pack("<IIIIIII", 0, 0, 0, directory, 1, 5, 0))
    user = record(0x0FF6, struct.pack("<III", 20, token, edit) + bytes(12))
    return {"Current User": user, "PowerPoint Document": data}


def test_slides_of_an_old_presentation(tmp_path):
    path = tmp_path / "x.ppt"
    path.write_bytes(compound_file(presentation()))
    document = parse_ppt(path, "x.ppt", ParseOptions())
    assert [page.label for page in document.pages] == ["Slide 1", "Slide 2"]
    assert blocks(document) == [
        ("heading", "Title é"),
        ("list", "a\nb"),
        ("paragraph", "Notes: speak"),
        ("paragraph", "box"),
    ]


def test_an_encrypted_presentation_is_refused(tmp_path):
    path = tmp_path / "x.ppt"
    path.write_bytes(compound_file(presentation(token=0xF3D1C4DF)))
    with pytest.raises(ParseError, match="password") as caught:
        parse_ppt(path, "x.ppt", ParseOptions())
    assert caught.value.reason == "encrypted"


def test_a_cut_presentation_is_damaged(tmp_path):
    streams = presentation()
    streams["PowerPoint Document"] = streams["PowerPoint Document"][:40]
    path = tmp_path / "x.ppt"
    path.write_bytes(compound_file(streams))
    try:
        document = parse_ppt(path, "x.ppt", ParseOptions())
    except ParseError as error:
        assert error.reason == "damaged"
    else:
        pytest.fail(f"read {document.text!r} from a cut file")


def word(flags=0):
    return struct.pack("<HHHHHH", 0xA5EC, 0xC1, 0, 0, 0, flags).ljust(4096, b"\0")


@pytest.mark.parametrize(
    ("streams", "reason"),
    [
        ({"WordDocument": word(0x0100), "0Table": b""}, "encrypted"),
        ({"WordDocument": bytes(4096)}, "unsupported"),
        ({"WordDocument": word(), "0Table": b""}, "damaged"),
        ({"Something": b""}, "damaged"),
    ],
)
def test_old_word_files_that_cannot_be_read(tmp_path, streams, reason):
    path = tmp_path / "x.doc"
    path.write_bytes(compound_file(streams))
    with pytest.raises(ParseError, match=r"x\.doc") as caught:
        parse_doc(path, "x.doc", ParseOptions())
    assert caught.value.reason == reason


def test_fields_show_their_results():
    assert (
        _visible('see \x13 HYPERLINK "u" \x14the \x13 REF \x14inner\x15 link\x15.\x13 XE "index" \x15')
        == "see the inner link."
    )


def test_the_real_word_document(data_root):
    path = data_root / "documents" / "fake-doc-emphasized-text.doc"
    document = parse_doc(path, path.name, ParseOptions())
    assert blocks(document) == [
        ("table", "Header Col 1 | Header Col 2\nA bold italic bold-italic example | A Link example"),
        ("paragraph", "I am a bold italic bold-italic text."),
        ("paragraph", "I am a normal text."),
    ]
    assert (document.info.author, document.info.created) == ("Win", "2023-08-04T07:32:00")


def test_the_real_workbook(data_root):
    path = data_root / "documents" / "tests-example.xls"
    document = parse_xls(path, path.name, ParseOptions())
    assert [page.label for page in document.pages][:2] == ["Example Test", "Format Abbr."]
    assert "MC | What is 2+2? | 4 | correct" in document.text
    assert any(block.header == "Abbreviation | Question Type" for block in document.blocks)


def test_a_workbook_of_no_records_is_damaged(tmp_path):
    path = tmp_path / "x.xls"
    path.write_bytes(compound_file({"Workbook": b"\x09\x08\x10\x00\x00\x06\x05\x00" + bytes(100)}))
    with pytest.raises(ParseError) as caught:
        parse_xls(path, "x.xls", ParseOptions())
    assert caught.value.reason == "damaged"


def test_rich_text(tmp_path):
    path = tmp_path / "x.rtf"
    path.write_bytes(
        rb"{\rtf1\ansi{\info{\title On \'e9t\'e9}{\author Ann}{\creatim\yr2024\mo3\dy4\hr5\min6}}"
        rb"\pard First \b bold\b0  \u8364?.\par Second.\par"
        rb"\trowd\cellx1000\cellx2000 a\cell b\cell\row\trowd\cellx1000\cellx2000 c\cell d\cell\row\pard End\par}"
    )
    document = parse_rtf(path, "x.rtf", ParseOptions())
    assert blocks(document) == [
        ("paragraph", "First bold €."),
        ("paragraph", "Second."),
        ("table", "a | b\nc | d"),
        ("paragraph", "End"),
    ]
    assert (document.info.title, document.info.author) == ("On été", "Ann")
    assert document.info.created == "2024-03-04T05:06:00"


def test_the_real_rich_text(data_root):
    path = data_root / "documents" / "fake-doc.rtf"
    document = parse_rtf(path, path.name, ParseOptions())
    assert blocks(document)[-1] == (
        "table",
        "Column 1 | Column 2\nRow 1, Cell 1 | Row 1, Cell 2\nRow 2, Cell 1 | Row 2, Cell 2",
    )


def test_no_rich_text_is_damaged(tmp_path):
    path = tmp_path / "x.rtf"
    path.write_bytes(b"plain")
    with pytest.raises(ParseError):
        parse_rtf(path, "x.rtf", ParseOptions())
