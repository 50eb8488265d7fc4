"""What reaches a terminal: nothing raw from files, words that were asked for, columns that are kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_engine.cli.wording import (
    asked_words,
    cells,
    clean,
    counted,
    ordinal,
    padded,
    pattern_of,
    shortened,
    snippet,
    wrapped,
)


@given(st.text())
def test_no_control_character_is_left(text: str) -> None:
    assert not any(each < " " or "\x7f" <= each < "\xa0" for each in clean(text))
    clean(text).encode()


def test_escape_codes_and_turned_names_do_not_get_through() -> None:
    assert "\x1b" not in clean("a\x1b[31mred")
    assert clean("invoice\u202efdp.exe") == "invoicefdp.exe"
    assert clean("a\nb\tc", lines=True) == "a\nb\tc"


@pytest.mark.parametrize(("number", "word"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (112, "112th"),
                                              (121, "121st")])  # fmt: skip
def test_ordinals(number: int, word: str) -> None:
    assert ordinal(number) == word


def test_counts() -> None:
    assert [counted(number, "page") for number in (0, 1, 1024)] == ["0 pages", "1 page", "1,024 pages"]


def test_excluded_and_short_words_are_not_marked() -> None:
    assert asked_words('where do ducks nest -geese -"wild birds"') == ["where", "ducks", "nest"]
    assert asked_words("to be") == ["to", "be"]


@pytest.mark.parametrize(
    ("query", "text", "marked"),
    [
        ("nesting", "It nests here; the nestling nods.", ["nests", "nestling"]),
        ("duck", "Ducks duckweed duck", ["Ducks", "duck"]),
        ("縦書き", "文字を縦書きにする", ["縦書"]),
    ],
)
def test_words_are_marked_in_their_forms(query: str, text: str, marked: list[str]) -> None:
    pattern = pattern_of(asked_words(query))
    assert pattern is not None
    assert pattern.findall(text) == marked


def test_the_snippet_shows_where_the_words_stand() -> None:
    text = "filler " * 200 + "the puffin digs a burrow " + "filler " * 200
    shown = snippet(text, pattern_of(["puffin", "burrow"]), 120)
    assert "puffin digs a burrow" in shown
    assert shown.startswith("…")
    assert shown.endswith("…")


@given(st.text(alphabet="ab cé文字 \n", max_size=300), st.integers(40, 110))
def test_nothing_is_wider_than_the_terminal(text: str, width: int) -> None:
    assert cells(snippet(text, None, width)) <= width
    assert all(cells(line) <= width for line in wrapped(text, width, "    "))
    assert cells(shortened(text, width)) <= width


@given(st.text(alphabet="ab cé文字", max_size=300))
def test_wrapping_loses_nothing(text: str) -> None:
    assert "".join("".join(wrapped(text, 40, "    ")).split()) == "".join(text.split())


def test_padding_counts_columns() -> None:
    assert padded("文字", 6) == "文字  "
