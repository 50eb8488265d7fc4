"""What people type, taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_engine.core.errors import UsageError
from cortex_engine.retrieval.query_text import MAX_CHARACTERS, ParsedQuery, parse_query


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("plain words", ParsedQuery("plain words")),
        ('a "b  c" d', ParsedQuery("a b c d", ("b c",))),
        (
            "„Haus am See“ «le mot» 「日本語」 “curly”",
            ParsedQuery("Haus am See le mot 日本語 curly", ("Haus am See", "le mot", "日本語", "curly")),
        ),
        ("»Haus« da", ParsedQuery("Haus da", ("Haus",))),
        ('什么是"黑豹队"的', ParsedQuery("什么是 黑豹队 的", ("黑豹队",))),
        ("boat -builder", ParsedQuery("boat", (), ("builder",))),
        ('boat -"boat builder" -„am See“', ParsedQuery("boat", (), ("boat builder", "am See"))),
        ("e-mail a - b --flag", ParsedQuery("e-mail a - b --flag")),
        ("x\u3000-y", ParsedQuery("x", (), ("y",))),
        ('open "quote here', ParsedQuery("open quote here")),
        ('-"never closed', ParsedQuery("- never closed")),
        ('"" empty', ParsedQuery("empty")),
        ('19" rack', ParsedQuery('19" rack')),
        ('12" or 14" pipes', ParsedQuery('12" or 14" pipes')),
        ('"same" "same" -x -x', ParsedQuery("same same", ("same",), ("x",))),
        ("it's a dog's life", ParsedQuery("it's a dog's life")),
    ],
)
def test_takes_queries_apart(typed, expected):
    assert parse_query(typed) == expected


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ('"" - ?', "no word or number"),
        ("-a -b", r"leave out \(a, b\)"),
        ("x" * (MAX_CHARACTERS + 1), "10,001"),
    ],
)
def test_refuses_what_asks_for_nothing(typed, expected):
    with pytest.raises(UsageError, match=expected):
        parse_query(typed)


def test_lexical_query_carries_the_languages():
    words = parse_query('a "b" -c').lexical(("de",))
    assert (words.text, words.phrases, words.excluded, words.languages) == ("a b", ("b",), ("c",), ("de",))


@given(st.text(alphabet='ab 1-"“”„«»「」\u3000', max_size=40))
def test_any_typing_is_parsed_or_refused(typed):
    try:
        parsed = parse_query(typed)
    except UsageError:
        return
    assert any(character.isalnum() for character in parsed.text)
    assert all(any(c.isalnum() for c in part) for part in (*parsed.phrases, *parsed.excluded))
