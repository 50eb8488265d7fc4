"""Names and sentences of the graph on their way to the screen."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortex_engine.core.graph import EntityKind, GraphEntity
from cortex_ui import graph_proofs
from cortex_ui import graph_words as words

HOSTILE = "<img src=x onerror=alert(1)> :red[x] $y$"


def test_a_name_of_ten_thousand_characters_is_cut_and_marks_of_direction_are_gone() -> None:
    assert words.short("x" * 10_000) == "x" * 59 + "…"
    assert words.short("evil\u202egnp.exe\u200f") == "evilgnp.exe"
    assert words.short("a\nb\tc") == "a b c"
    assert words.short("\u202e\u200f ") == "(no name)"


def test_the_label_of_a_name_interprets_nothing_and_says_the_kind_only_where_it_is_known() -> None:
    label = words.label(HOSTILE, EntityKind.UNKNOWN)
    assert ":red[" not in label
    assert "\\<img" in label
    assert "gray" not in label
    assert words.label("Marta Quill", EntityKind.PERSON).endswith(":gray[person]")
    assert words.kind(GraphEntity("1", "x")) == ""


def test_names_are_marked_as_whole_words_without_case_and_the_longer_one_wins() -> None:
    text = "Bill Gates met gates and Gatesby; BILL GATES left."
    found = [text[start:end] for start, end in words.places(text, ["Gates", "Bill Gates", ""])]
    assert found == ["Bill Gates", "gates", "BILL GATES"]


def test_names_that_are_patterns_are_read_as_text() -> None:
    assert words.places("C++ and (x", ["C++", "(x", ".*"]) == [(0, 3), (8, 10)]
    assert words.places("nothing", []) == []


def test_a_snippet_is_escaped_with_its_names_marked() -> None:
    html = words.snippet_html(f"Quill wrote {HOSTILE} to Odell.", ["Quill", "Odell"])
    assert html.count("<mark>") == 2
    assert "<img" not in html
    assert "&lt;img" in html


def test_a_long_sentence_is_cut_around_the_first_name() -> None:
    html = words.snippet_html("a " * 500 + "Quill" + " b" * 500, ["Quill"])
    assert "<mark>Quill</mark>" in html
    assert html.startswith("… ")
    assert html.endswith(" …")
    assert len(html) < words.LONGEST_SNIPPET + 40


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=900), st.lists(st.text(max_size=12), max_size=4))
def test_any_sentence_becomes_html_with_no_tag_but_the_mark(text: str, names: list[str]) -> None:
    html = words.snippet_html(text, names).replace("<mark>", "").replace("</mark>", "")
    assert "<" not in html
    assert ">" not in html


@pytest.mark.parametrize(
    ("iso", "shown"),
    [
        ("2016-02-07", "7 February"),
        ("2016-02", "February"),
        ("2016", "2016"),
        ("2016-13-01", "2016-13-01"),
        ("", ""),
        ("soon-x", "soon-x"),
    ],
)
def test_days_of_a_timeline(iso: str, shown: str) -> None:
    assert graph_proofs.day(iso) == shown
