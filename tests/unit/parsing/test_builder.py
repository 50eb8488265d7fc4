"""The builder keeps offsets, pages and limits right for any sequence of calls."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortex_engine.core.documents import BlockKind, PageState
from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.builder import DocumentBuilder, clean_text, iso_date, language_code, one_line

TEXTS = st.text(
    alphabet=st.one_of(st.characters(), st.sampled_from("ab \n\r\t\f\x00\u0301\u00ad\ufeff\ud800|é")), max_size=30
)
CALLS = st.lists(
    st.one_of(
        st.tuples(st.just("heading"), TEXTS, st.integers(-1, 9)),
        st.tuples(st.just("paragraph"), TEXTS),
        st.tuples(st.just("item"), TEXTS),
        st.tuples(st.just("code"), TEXTS),
        st.tuples(st.just("table"), st.lists(st.lists(TEXTS, max_size=4), max_size=4), st.booleans()),
        st.tuples(st.just("page"), TEXTS),
    ),
    max_size=20,
)


@given(CALLS)
@settings(max_examples=300, deadline=None)
def test_offsets_hold_for_any_sequence_of_calls(calls):
    builder = DocumentBuilder("text", ParseOptions())
    for name, *arguments in calls:
        getattr(builder, name)(*arguments)
    document = builder.build()
    text = document.text

    position = 0
    for block in document.blocks:
        assert position <= block.char_start < block.char_end <= len(text)
        position = block.char_end
        assert "\f" not in text[block.char_start : block.char_end]
        if block.kind is BlockKind.TABLE and block.header:
            assert text[block.char_start : block.char_end].startswith(block.header + "\n")
        assert (1 <= block.level <= 6) == (block.kind is BlockKind.HEADING)
    covered = "".join(text[block.char_start : block.char_end] for block in document.blocks)
    assert "".join(covered.split()) == "".join(text.split())
    assert text.count("\f") == len(document.pages) - 1
    assert unicodedata.is_normalized("NFC", text)
    assert not any(unicodedata.category(character) in {"Cc", "Cs"} and character not in "\n\t\f" for character in text)
    assert all((page.state is PageState.TEXT) == bool(page.text) for page in document.pages)

    singles = [(name, arguments[0]) for name, *arguments in calls if name in {"heading", "paragraph"}]
    wanted = [
        (name, one_line(given) if name == "heading" else clean_text(given).strip())
        for name, given in singles
        if clean_text(given).strip()
    ]
    found = [
        (block.kind.value, text[block.char_start : block.char_end])
        for block in document.blocks
        if block.kind.value in {"heading", "paragraph"}
    ]
    assert [("".join(t.split()), k) for k, t in found] == [("".join(t.split()), k) for k, t in wanted]


def test_blocks_stand_a_blank_line_apart_and_lists_join():
    builder = DocumentBuilder("text", ParseOptions())
    builder.heading("  A\nTitle ", 2)
    builder.item("one")
    builder.item("two")
    builder.paragraph("text")
    builder.page("second", 10, 20)
    builder.item("three")
    document = builder.build()
    assert document.text == "A Title\n\none\ntwo\n\ntext\fthree"
    kinds = [(block.kind, document.text[block.char_start : block.char_end]) for block in document.blocks]
    assert kinds == [
        (BlockKind.HEADING, "A Title"),
        (BlockKind.LIST, "one\ntwo"),
        (BlockKind.PARAGRAPH, "text"),
        (BlockKind.LIST, "three"),
    ]
    assert (document.pages[1].label, document.pages[1].width, document.pages[1].height) == ("second", 10, 20)


def test_a_table_is_a_line_a_row_with_its_header():
    builder = DocumentBuilder("csv", ParseOptions())
    builder.table([["Name", "Sum", ""], ["a\nb", "", "3"], ["", ""], ["c", "4"]])
    builder.table([["1", "2"], ["3", "4"]], header=False)
    builder.table([["5", "6"]], header=False, inherited="Name | Sum")
    document = builder.build()
    assert document.pages[0].text == "Name | Sum\na b |  | 3\nc | 4\n\n1 | 2\n3 | 4\n\n5 | 6"
    assert [block.header for block in document.blocks] == ["Name | Sum", "", "Name | Sum"]


def test_text_is_normalised():
    assert clean_text("e\u0301\x00a\r\nb\fc\x0bd\ud800\u00ad\ufeff\x9b") == "éa\nb\nc\nd\ufffd"


def test_code_keeps_its_indentation():
    builder = DocumentBuilder("text", ParseOptions())
    builder.code("\n  def f():\n\n      pass\n\n")
    assert builder.build().text == "  def f():\n\n      pass"


def test_an_empty_document_is_one_blank_page():
    document = DocumentBuilder("text", ParseOptions()).build()
    assert [(page.number, page.text, page.state) for page in document.pages] == [(1, "", PageState.BLANK)]
    assert document.blocks == ()


@pytest.mark.parametrize(
    ("options", "call"),
    [
        (ParseOptions(characters=10), lambda builder: [builder.paragraph("123456"), builder.paragraph("7890")]),
        (ParseOptions(pages=2), lambda builder: [builder.page(), builder.page(), builder.page()]),
        (ParseOptions(table_columns=3), lambda builder: builder.table([["a", "b", "c", "d"]])),
        (ParseOptions(table_cells=3), lambda builder: builder.table([["a", "b"], ["c", "d"]])),
    ],
)
def test_limits_refuse_with_a_sentence(options, call):
    with pytest.raises(ParseError, match=r"big\.csv has .*over the limit") as caught:
        call(DocumentBuilder("csv", options, "big.csv"))
    assert caught.value.reason == "too_large"


def test_what_a_document_says_about_itself():
    builder = DocumentBuilder("docx", ParseOptions())
    builder.describe(title=" A\ntitle ", author="", created="2024-01-02 03:04:05", language="de-CH")
    builder.describe(title="", modified="Tue, 01 Oct 2024 12:34:56 -0500", created="yesterday")
    builder.note("subject", "bees")
    builder.note("keywords", " ")
    info = builder.build().info
    assert (info.title, info.created, info.modified) == ("A title", "2024-01-02T03:04:05", "2024-10-01T12:34:56-05:00")
    assert (info.language, info.extra) == ("de", (("subject", "bees"),))


def test_dates_and_languages():
    assert [iso_date(text) for text in ("2024", "2024-05", "2024-05-06T07:08:09Z", "no", "")] == [
        "2024", "2024-05", "2024-05-06T07:08:09Z", "", "",
    ]  # fmt: skip
    assert [language_code(tag) for tag in ("EN", "zh_Hans", "english", "")] == ["en", "zh", "", ""]
