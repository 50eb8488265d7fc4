"""HTML, Markdown and XML: structure kept, marks and machinery left out, attacks refused."""

from __future__ import annotations

import pytest

from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.markup import parse_html, parse_markdown, parse_xml


def blocks(document):
    text = document.text
    return [(block.kind.value, text[block.char_start : block.char_end]) for block in document.blocks]


def parsed(parse, tmp_path, content, options=None):
    path = tmp_path / "x"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return parse(path, "x.file", options or ParseOptions())


PAGE = """<!DOCTYPE html><html lang="de-CH"><head><title>A
title</title><meta name="Author" content="Ann"><meta property="article:published_time" content="2024-05-06T07:08:09Z">
<style>p {color: red}</style><script>var x = "<p>no</p>";</script></head><body>
<nav><a href="/">Home</a></nav><div role="navigation">Menu</div><div style="display: none">secret</div>
<h2>Head <em>line</em></h2>
<p>One <a href="http://a.b/c">link</a>,
   two<br>lines &amp; more.</p>loose text
<ul><li>first<ul><li>inner</li></ul></li><li><p>second</p></li></ul>
<pre>
def f():
    return 1
</pre>
<table><caption>Sums</caption><tr><th>Name</th><th>Sum</th></tr>
<tr><td rowspan="2">wax <b>and</b><ul><li>a</li><li>b</li></ul></td><td>1</td></tr><tr><td>2</td></tr>
<tr><td colspan="2">all</td></tr></table>
<table role="presentation"><tr><td>left</td><td>right</td></tr></table>
</body></html>"""


def test_a_page(tmp_path):
    document = parsed(parse_html, tmp_path, PAGE)
    assert blocks(document) == [
        ("heading", "Head line"),
        ("paragraph", "One link, two\nlines & more."),
        ("paragraph", "loose text"),
        ("list", "first\ninner\nsecond"),
        ("code", "def f():\n    return 1"),
        ("paragraph", "Sums"),
        ("table", "Name | Sum\nwax and a b | 1\n | 2\nall"),
        ("paragraph", "left"),
        ("paragraph", "right"),
    ]
    assert document.blocks[0].level == 2
    assert document.blocks[6].header == "Name | Sum"
    info = document.info
    assert (info.title, info.author, info.created, info.language) == ("A title", "Ann", "2024-05-06T07:08:09Z", "de")


@pytest.mark.parametrize(
    "content",
    [
        "<p>Zoë – 5 €</p>".encode("utf-16"),
        b"\xef\xbb\xbf" + "<p>Zoë – 5 €</p>".encode(),
        b'<meta charset="windows-1252">' + "<p>Zoë – 5 €</p>".encode("cp1252"),
        b'<meta http-equiv=content-type content="text/html; charset=iso-8859-1">' + "<p>Zoë – 5 €</p>".encode("cp1252"),
        b'<meta charset="utf-16">' + "<p>Zoë – 5 €</p>".encode(),
        b'<?xml version="1.0" encoding="utf-8"?>' + "<p>Zoë – 5 €</p>".encode(),
    ],
)
def test_character_sets(tmp_path, content):
    assert parsed(parse_html, tmp_path, content).text == "Zoë – 5 €"


@pytest.mark.parametrize(
    "content", ["<div>" * 200_000, "<b>" * 513, "<div " + "a" * 30 + ">" + "<table><tr><td>" * 600, "<p>" + "x" * 1001]
)
def test_pages_beyond_the_limits_are_refused(tmp_path, content):
    with pytest.raises(ParseError, match=r"x\.file") as caught:
        parsed(parse_html, tmp_path, content, ParseOptions(html_bytes=1000 if "xx" in content else 10_000_000))
    assert caught.value.reason == "too_large"


def test_depth_within_the_limit_is_read_to_the_bottom(tmp_path):
    assert (
        parsed(parse_html, tmp_path, "<div>" * 500 + "<table><tr><td>a<td>b</table>" + "</div>" * 500).text == "a | b"
    )


def test_a_quote_does_not_hide_depth_and_open_tags_cost_no_time(tmp_path):
    with pytest.raises(ParseError) as caught:
        parsed(parse_html, tmp_path, '<div a">' + "<div>" * 3000 + '"')
    assert caught.value.reason == "too_large"
    parsed(parse_html, tmp_path, "<a" * 500_000)


def test_a_table_in_a_layout_table_stays_a_table(tmp_path):
    page = "<table><tr><td>side</td><td><table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table></td></tr></table>"
    assert blocks(parsed(parse_html, tmp_path, page)) == [("paragraph", "side"), ("table", "A | B\n1 | 2")]


def test_real_pages(data_root):
    folder = data_root / "documents"
    rich = parse_html(folder / "html_rich_table_cells.html", "rich", ParseOptions())
    assert "Mallard | Ponds, lakes, rivers | Quack" in rich.text
    assert [block.header for block in rich.blocks if block.header] == [
        "Name | Habitat | Comment",
        "Genus | Species",
        "Action",
        "Name | Description | Image",
    ]
    steel = parse_html(folder / "example-steelJIS-datasheet-utf-16.html", "steel", ParseOptions())
    assert "0.39 - 0.46 | 0.2 - 0.35 | 0.65 - 1.1" in steel.text
    assert steel.info.author == "SteelJIS(.com)"
    duck = parse_html(folder / "wiki_duck.html", "duck", ParseOptions())
    assert ("heading", "Duck") in blocks(duck)
    assert len(duck.text) > 20_000
    assert duck.info.title == "Duck - Wikipedia"


def test_markdown(tmp_path):
    document = parsed(
        parse_markdown,
        tmp_path,
        "---\ntitle: 'On wax'\nauthor: Ann\ndate: 2024-05-06\ntags: [bees, wax]\n---\n"
        "# Head *line*\n\nSome **bold** [link](http://a.b) `code`\nnext ![alt](x.png)\n\n"
        "- one\n- two\n  - inner\n\n1. a\n\n```py\nx = 1\n\ny = 2\n```\n\n"
        "| A | B |\n|---|---|\n| 1 | `2` |\n\n> quoted\n\n<div>raw <b>html</b></div>\n\nSetext\n------\n",
    )
    assert blocks(document) == [
        ("heading", "Head line"),
        ("paragraph", "Some bold link code next alt"),
        ("list", "one\ntwo\ninner\na"),
        ("code", "x = 1\n\ny = 2"),
        ("table", "A | B\n1 | 2"),
        ("paragraph", "quoted"),
        ("paragraph", "raw html"),
        ("heading", "Setext"),
    ]
    assert document.blocks[-1].level == 2
    info = document.info
    assert (info.title, info.author, info.created, info.extra) == (
        "On wax",
        "Ann",
        "2024-05-06",
        (("tags", "bees, wax"),),
    )


def test_markdown_in_another_character_set(data_root):
    path = data_root / "hostile" / "umlauts-non-utf8.md"
    assert blocks(parse_markdown(path, path.name, ParseOptions())) == [
        ("heading", "können"),
        ("paragraph", "können"),
        ("paragraph", "äöüß"),
    ]


def test_xml(tmp_path):
    document = parsed(
        parse_xml,
        tmp_path,
        '<!DOCTYPE a [<!ENTITY me "Ann + Co">]><article xml:lang="en"><title>On wax</title>'
        "<author>&me;</author><year>2024</year>"
        "<section><title>Intro</title><p>Some <b>bold</b> text.</p><!-- no --><list><item>one</item><item>two</item></list>"
        "<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table></section></article>",
    )
    assert blocks(document) == [
        ("heading", "On wax"),
        ("paragraph", "author: Ann + Co\nyear: 2024"),
        ("heading", "Intro"),
        ("paragraph", "Some bold text."),
        ("list", "one\ntwo"),
        ("table", "A | B\n1 | 2"),
    ]
    assert [block.level for block in document.blocks if block.level] == [1, 2]
    assert (document.info.title, document.info.author, document.info.language) == ("On wax", "Ann + Co", "en")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("<a><b></a>", "damaged"),
        ("no xml", "damaged"),
        ("<a>" * 300 + "</a>" * 300, "damaged"),
        ('<!DOCTYPE a [<!ENTITY b "1"><!ENTITY c "&b;&b;">]><a>&c;</a>', "forbidden"),
        ('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a>&b;</a>', "forbidden"),
        ("", "empty"),
    ],
)
def test_xml_that_is_refused(tmp_path, content, reason):
    with pytest.raises(ParseError, match=r"x\.file") as caught:
        parsed(parse_xml, tmp_path, content)
    assert caught.value.reason == reason


@pytest.mark.parametrize("name", ["external.xml", "xmlbomb.xml"])
def test_hostile_xml_is_refused(data_root, name):
    with pytest.raises(ParseError) as caught:
        parse_xml(data_root / "hostile" / name, name, ParseOptions())
    assert caught.value.reason == "forbidden"


def test_the_real_patent(data_root):
    path = data_root / "documents" / "ipa20180000016.xml"
    document = parse_xml(path, path.name, ParseOptions())
    assert document.info.title == "LIGHT EMITTING DEVICE AND PLANT CULTIVATION METHOD"
    assert ("heading", "Abstract") in blocks(document)
    assert sum(kind == "list" for kind, _ in blocks(document)) == 1
    assert len(document.text) > 60_000
