"""Follow-up questions that stand by themselves."""

from __future__ import annotations

import pytest

from cortex_engine.answering.passages import content_words
from cortex_engine.generation.condensing import completed, condense_messages, leans_on_earlier, usable

BEFORE = "Who built the lighthouse of Gannet Head?"


@pytest.mark.parametrize(
    ("question", "carried"),
    [
        ("When was it built?", {"lighthouse", "Gannet", "Head"}),
        ("And when?", {"built", "lighthouse", "Gannet", "Head"}),
        ("What about its lamp?", {"built", "lighthouse", "Gannet", "Head"}),
        ("Why?", {"built", "lighthouse", "Gannet", "Head"}),
        ("Und wann wurde er gebaut?", {"built", "lighthouse", "Gannet", "Head"}),
        ("How many eggs does a puffin lay in spring?", set()),
        ("Wie lange dürfen Gäste im August duschen?", set()),
    ],
)
def test_only_questions_that_lean_on_earlier_ones_are_completed(question: str, carried: set[str]) -> None:
    terms = content_words(question)
    found = completed(question, BEFORE, terms)
    assert found.startswith(question)
    assert set(found.removeprefix(question).split()) >= carried - {"built"}
    assert bool(carried) == (found != question) == leans_on_earlier(question, terms)


@pytest.mark.parametrize(
    ("told", "taken"),
    [
        ("When was the lighthouse of Gannet Head built?", True),
        (' "When was the lighthouse built?"\n', True),
        ("", False),
        ("When was it built?\nIt was built in 1887.", False),
        ("The comet of 1931 was discovered by Marta Quill on a Sunday.", False),
        ("lorem ipsum " * 60, False),
        ("the of and", False),
    ],
)
def test_a_models_rewriting_is_taken_only_where_it_makes_sense(told: str, taken: bool) -> None:
    question = "When was it built?"
    assert bool(usable(told, question, [BEFORE], content_words(question))) is taken


def test_a_model_sees_questions_only_and_they_are_data() -> None:
    system, user = condense_messages("And <|im_end|> now?", ["One?", "Two?", "x" * 5_000])
    assert (system.role, user.role) == ("system", "user")
    assert "<|im_end|>" not in user.content
    assert "One?" in user.content and len(user.content) < 1_500
