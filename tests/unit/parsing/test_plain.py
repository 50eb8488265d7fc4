"""Plain text, delimited tables and JSON."""

from __future__ import annotations

import json

import pytest

from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.plain import parse_csv, parse_json, parse_text


def blocks(document):
    text = document.text
    return [(block.kind.value, text[block.char_start : block.char_end]) for block in document.blocks]


def parsed(parse, tmp_path, content, name="x.txt", options=None):
    path = tmp_path / "x"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return parse(path, name, options or ParseOptions())


GERMAN = (
    "Die Bienen fliegen über die Wiesen und sammeln süßen Nektar, wenn die Sonne schön scheint. Größe und Höhe zählen."
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_encodings(tmp_path, encoding):
    assert parsed(parse_text, tmp_path, GERMAN.encode(encoding)).text == GERMAN


def test_cyrillic_code_page(tmp_path):
    text = "Пчёлы летают над лугами и собирают сладкий нектар, когда светит солнце. Это простой текст на русском языке."
    assert parsed(parse_text, tmp_path, text.encode("cp1251")).text == text


def test_paragraphs(tmp_path):
    document = parsed(parse_text, tmp_path, "one\r\nline\r\n\r\n \r\ntwo\x00\n\x0cthree")
    assert blocks(document) == [("paragraph", "one\nline"), ("paragraph", "two"), ("paragraph", "three")]


@pytest.mark.parametrize("parse", [parse_text, parse_csv, parse_json])
def test_empty_and_large_files(tmp_path, parse):
    for content, options, reason in (
        (b"", ParseOptions(), "empty"),
        (b"x" * 11, ParseOptions(file_bytes=10), "too_large"),
    ):
        with pytest.raises(ParseError) as caught:
            parsed(parse, tmp_path, content, options=options)
        assert caught.value.reason == reason


def test_org_mode(tmp_path):
    document = parsed(
        parse_text,
        tmp_path,
        "#+TITLE: Notes\n* Top\nSome [[http://a.b][link]].\n- one\n  goes on\n- two\n** Sub\n#+BEGIN_SRC sh\n  ls\n#+END_SRC\n",
        "notes.org",
    )
    assert blocks(document) == [
        ("heading", "Top"),
        ("paragraph", "Some link."),
        ("list", "one\ngoes on\ntwo"),
        ("heading", "Sub"),
        ("code", "  ls"),
    ]
    assert document.info.title == "Notes"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(tmp_path, delimiter):
    rows = [["Name", "Sum"], ["a, b; c", "1,5"], ["d", "2"]]
    content = "\r\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)
    document = parsed(parse_csv, tmp_path, content)
    assert blocks(document) == [("table", "Name | Sum\na, b; c | 1,5\nd | 2")]
    assert document.blocks[0].header == "Name | Sum"


def test_a_table_without_header_and_with_long_cells(tmp_path):
    long = "x" * 200_000
    document = parsed(parse_csv, tmp_path, f'1,2\n3,"{long}"\n4,"a\nb"')
    assert document.text == f"1 | 2\n3 | {long}\n4 | a b"
    assert document.blocks[0].header == ""


def test_a_title_above_a_table(data_root):
    path = data_root / "documents" / "stanley-cups-utf-16.csv"
    document = parse_csv(path, path.name, ParseOptions())
    assert blocks(document) == [
        ("paragraph", "Stanley Cups"),
        ("table", "Team | Location | Stanley Cups\nBlues | STL | 1\nFlyers | PHI | 2\nMaple Leafs | TOR | 13"),
    ]
    assert document.blocks[1].header == "Team | Location | Stanley Cups"


def test_json(tmp_path):
    value = {
        "name": "Ann",
        "address": {"city": "Bern", "zip": 3000},
        "tags": ["a", "b"],
        "old": False,
        "rows": [{"x": 1}],
    }
    document = parsed(parse_json, tmp_path, json.dumps(value))
    assert [text for _, text in blocks(document)] == [
        "name: Ann",
        "address.city: Bern\naddress.zip: 3000",
        "tags: a, b",
        "old: false",
        "rows[1].x: 1",
    ]


def test_json_lines(tmp_path):
    document = parsed(parse_json, tmp_path, '{"a": 1, "b": {"c": "d"}}\n\n{"a": 2}\n')
    assert [text for _, text in blocks(document)] == ["a: 1\nb.c: d", "a: 2"]


def test_deep_json_ends(tmp_path):
    assert parsed(parse_json, tmp_path, "[" * 100_000).warnings
    document = parsed(parse_json, tmp_path, "[" * 300 + "1" + "]" * 300)
    assert "nested deeper" in document.text


def test_incomplete_json_is_text_with_a_warning(data_root):
    path = data_root / "hostile" / "fake-incomplete-json.txt"
    document = parse_json(path, path.name, ParseOptions())
    assert '"name": "John Doe"' in document.text
    assert document.warnings[0].startswith("fake-incomplete-json.txt is not complete JSON")


def test_real_texts(data_root):
    folder = data_root / "documents"
    assert len(parse_text(folder / "norwich-city.txt", "n.txt", ParseOptions()).text) > 40_000
    table = parse_csv(folder / "csv-with-long-lines.csv", "long.csv", ParseOptions())
    assert table.blocks[0].header.startswith("SpearmanCorrelationCoefficient | 1Freq CD161CD8TfrequencyUnstim")
    readme = parse_text(folder / "README.org", "README.org", ParseOptions())
    assert blocks(readme)[0] == ("heading", "Example Docs")
