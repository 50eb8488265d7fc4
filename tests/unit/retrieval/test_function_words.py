"""Which words of a query say what it is about."""

from __future__ import annotations

import pytest

from cortex_engine.retrieval.function_words import without_function_words
from cortex_engine.retrieval.query_text import parse_query


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("May I take my dog on board?", "take dog board?"),
        ("Wie lange dürfen Gäste duschen?", "Wie lange dürfen Gäste duschen?"),
        ("Wie viele Punkte gab die Verteidigung ab?", "viele Punkte gab Verteidigung ab?"),
        ("What’s in the box", "box"),
        ("ferry winter timetable", "ferry winter timetable"),
        ("die casting", "die casting"),
        ("to be or not to be", "to be or not to be"),
        ("the ?", "the ?"),
        ("茶园怎样对付虫害？", "茶园怎样对付虫害？"),
        ("", ""),
    ],
)
def test_function_words_go_where_the_query_has_others(query, left):
    assert without_function_words(query) == left


def test_only_the_words_lose_them():
    parsed = parse_query('when is "the last ferry" in winter')
    assert parsed.text == "when is the last ferry in winter", "the model reads the whole question"
    assert parsed.lexical().text == "last ferry winter"
    assert parsed.lexical().phrases == ("the last ferry",)
