"""Word and OpenDocument texts: what stands in the file is in the text, once and in order."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import docx
import pytest
from docx.oxml import parse_xml

from cortex_engine.core.documents import BlockKind, PageState
from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.office import parse_docx, parse_odt

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
M = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
ODT = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:meta="urn:oasis:names:tc:opendocument:xmlns:meta:1.0"'
)


def blocks(document):
    text = document.text
    return [(block.kind.value, text[block.char_start : block.char_end]) for block in document.blocks]


def png(width, height):
    def part(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"".join(b"\0" + b"\xff" * width for _ in range(height)))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", rows) + part(b"IEND", b"")


def parsed(document, tmp_path, options=None):
    path = tmp_path / "made.docx"
    document.save(path)
    return parse_docx(path, "made.docx", options or ParseOptions())


def test_structure_of_a_word_document(tmp_path):
    made = docx.Document()
    made.core_properties.title = "On bees"
    made.core_properties.author = "A. Keeper"
    made.core_properties.language = "en-GB"
    made.sections[0].header.paragraphs[0].text = "Bee society"
    made.sections[0].footer.paragraphs[0].text = "7"
    made.add_heading("Hives", 1)
    made.add_paragraph("They are kept\tin hives.")
    made.add_paragraph("wood", style="List Bullet")
    made.add_paragraph("straw", style="List Bullet")
    made.add_heading("Figures", 2)
    table = made.add_table(rows=3, cols=3)
    for row, values in enumerate([("Year", "Hives", "Note"), ("2023", "4", "x"), ("2024", "5", "y")]):
        for column, value in enumerate(values):
            table.cell(row, column).text = value
    table.cell(1, 2).merge(table.cell(2, 2))
    document = parsed(made, tmp_path)
    assert blocks(document) == [
        ("paragraph", "Bee society"),
        ("heading", "Hives"),
        ("paragraph", "They are kept\tin hives."),
        ("list", "wood\nstraw"),
        ("heading", "Figures"),
        ("table", "Year | Hives | Note\n2023 | 4 | x y\n2024 | 5"),
    ]
    assert [block.level for block in document.blocks if block.kind is BlockKind.HEADING] == [1, 2]
    assert document.blocks[-1].header == "Year | Hives | Note"
    assert (document.info.title, document.info.author, document.info.language) == ("On bees", "A. Keeper", "en")
    assert document.info.created.startswith("20")
    assert document.pages[0].state is PageState.TEXT


def test_insertions_count_and_deletions_do_not(tmp_path):
    made = docx.Document()
    made._body._element.insert(
        0,
        parse_xml(
            f'<w:p {W} {M}><w:r><w:t>The </w:t></w:r><w:del w:id="1"><w:r><w:delText>old </w:delText></w:r></w:del>'
            '<w:ins w:id="2"><w:r><w:t>new </w:t></w:r></w:ins>'
            "<w:hyperlink><w:r><w:t>link</w:t></w:r></w:hyperlink><w:r><w:instrText>PAGE</w:instrText></w:r>"
            "<m:oMath><m:f><m:num><m:r><m:t>a+b</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f>"
            "</m:oMath></w:p>"
        ),
    )
    assert parsed(made, tmp_path).text == "The new link(a+b)/2"


def test_pictures_are_attached_from_64_pixels(tmp_path):
    made = docx.Document()
    made.add_picture(io.BytesIO(png(100, 80)))
    made.add_picture(io.BytesIO(png(63, 200)))
    document = parsed(made, tmp_path)
    assert [attachment.data[16:24] for attachment in document.attachments] == [struct.pack(">II", 100, 80)]


def test_comments_carry_their_author(tmp_path):
    made = docx.Document()
    run = made.add_paragraph("Claim.").runs[0]
    made.add_comment(run, text="Is it so?", author="Ann")
    assert parsed(made, tmp_path).text == "Claim.\n\nComment by Ann: Is it so?"


def test_a_table_in_a_table_is_flattened_and_a_single_cell_is_no_table(tmp_path):
    made = docx.Document()
    outer = made.add_table(rows=1, cols=2)
    outer.cell(0, 0).text = "a"
    inner = outer.cell(0, 1).add_table(rows=2, cols=2)
    for index, cell in enumerate(cell for row in inner.rows for cell in row.cells):
        cell.text = str(index)
    made.add_table(rows=1, cols=1).cell(0, 0).text = "boxed"
    assert blocks(parsed(made, tmp_path)) == [("table", "a | 0, 1; 2, 3"), ("paragraph", "boxed")]


def test_an_empty_document_is_blank(tmp_path):
    assert parsed(docx.Document(), tmp_path).pages[0].state is PageState.BLANK


def test_too_much_text_is_refused(tmp_path):
    made = docx.Document()
    made.add_paragraph("x" * 101)
    with pytest.raises(ParseError) as caught:
        parsed(made, tmp_path, ParseOptions(characters=100))
    assert caught.value.reason == "too_large"


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "empty"), (b"no archive", "damaged"), (b"PK\x03\x04cut off", "damaged")]
)
def test_damaged_files_are_named(tmp_path, content, reason):
    path = tmp_path / "x.docx"
    path.write_bytes(content)
    with pytest.raises(ParseError, match=r"bad\.docx") as caught:
        parse_docx(path, "bad.docx", ParseOptions())
    assert caught.value.reason == reason


def test_a_bomb_is_refused_by_its_ratio(tmp_path):
    path = tmp_path / "x.docx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b" " * 20_000_000)
    with pytest.raises(ParseError) as caught:
        parse_docx(path, "bomb.docx", ParseOptions())
    assert caught.value.reason == "too_large"


def test_too_many_parts_are_refused(tmp_path):
    path = tmp_path / "x.docx"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(12):
            archive.writestr(str(number), b"")
    with pytest.raises(ParseError) as caught:
        parse_docx(path, "many.docx", ParseOptions(archive_entries=11))
    assert caught.value.reason == "too_large"


def odt(tmp_path, body, meta="", manifest=""):
    path = tmp_path / "made.odt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        content = f"<office:document-content {ODT}><office:body><office:text>{body}</office:text></office:body>"
        archive.writestr("content.xml", content + "</office:document-content>")
        archive.writestr(
            "meta.xml", f"<office:document-meta {ODT}><office:meta>{meta}</office:meta></office:document-meta>"
        )
        archive.writestr("META-INF/manifest.xml", f"<manifest>{manifest}</manifest>")
    return parse_odt(path, "made.odt", ParseOptions())


def test_structure_of_an_opendocument_text(tmp_path):
    cells = "".join(
        f"<table:table-row>{''.join(f'<table:table-cell><text:p>{c}</text:p></table:table-cell>' for c in row)}"
        "</table:table-row>"
        for row in ("ab", "cd")
    )
    document = odt(
        tmp_path,
        '<text:h text:outline-level="3">Head</text:h>'
        '<text:p>one<text:s text:c="2"/>two<text:tab/>three<text:note><text:note-citation>1</text:note-citation>'
        "<text:note-body><text:p>A note.</text:p></text:note-body></text:note></text:p>"
        "<text:list><text:list-item><text:p>first</text:p><text:list><text:list-item><text:p>inner</text:p>"
        "</text:list-item></text:list></text:list-item></text:list>"
        f"<table:table>{cells}</table:table>"
        "<text:tracked-changes><text:p>gone</text:p></text:tracked-changes>",
        "<dc:title>T</dc:title><meta:creation-date>2024-01-02T03:04:05</meta:creation-date><dc:language>de-DE</dc:language>",
    )
    assert blocks(document) == [
        ("heading", "Head"),
        ("paragraph", "one  two\tthree[1]"),
        ("paragraph", "[1] A note."),
        ("list", "first\ninner"),
        ("table", "a | b\nc | d"),
    ]
    assert document.blocks[0].level == 3
    assert (document.info.title, document.info.created, document.info.language) == ("T", "2024-01-02T03:04:05", "de")


def test_an_encrypted_opendocument_text_is_refused(tmp_path):
    with pytest.raises(ParseError) as caught:
        odt(tmp_path, "", manifest="<encryption-data/>")
    assert caught.value.reason == "encrypted"


def real(data_root, name):
    return data_root / "documents" / name


def test_real_word_documents(data_root):
    tables = parse_docx(real(data_root, "docx-tables.docx"), "docx-tables.docx", ParseOptions())
    assert [text for kind, text in blocks(tables) if kind == "table"] == [
        "Header Col 1 | Header Col 2\nLorem ipsum | A link example",
        "a | >b< | c\nd | e, f; g&t, h | i\nj | k | l",
        "a | b\n | c | d\ne",
    ]
    drawing = parse_docx(real(data_root, "drawingml.docx"), "drawingml.docx", ParseOptions())
    assert "Text 2" in drawing.text
    assert "Category 1 | 4.3 | 2.4 | 2" in drawing.text
    equations = parse_docx(real(data_root, "equations.docx"), "equations.docx", ParseOptions())
    assert "A=πr^2" in equations.text
    assert "(x+a)^n=∑_(k=0)^n" in equations.text
    chat = parse_docx(real(data_root, "teams_chat.docx"), "teams_chat.docx", ParseOptions())
    assert "James Bond" in chat.text


def test_the_handbook_is_read_whole(data_root):
    document = parse_docx(real(data_root, "handbook-872p.docx"), "handbook.docx", ParseOptions())
    assert len(document.text) > 800_000
    assert sum(block.kind is BlockKind.HEADING for block in document.blocks) == 294
    assert "[1]" in document.text


def test_the_real_opendocument_text(data_root):
    document = parse_odt(real(data_root, "simple.odt"), "simple.odt", ParseOptions())
    assert blocks(document)[0] == ("heading", "These are a few of my favorite things:")
    assert ("list", "Hockey") in blocks(document)
