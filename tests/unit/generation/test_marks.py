"""A model's answer taken apart: sentences, and the numbers they cite."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_engine.chunking.sentences import sentences
from cortex_engine.generation.marks import statements
from cortex_engine.generation.thoughts import without_thoughts


def parts(text: str) -> list[tuple[str, tuple[int, ...]]]:
    return [(each.text, each.cited) for each in statements(text, sentences)]


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("So it is [1].", (1,)),
        ("So it is. [1]", (1,)),
        ("So it is.[1][3]", (1, 3)),
        ("So it is [1, 2; 4].", (1, 2, 4)),
        ("So it is [2-4].", (2, 3, 4)),
        ("So it is ［１］.", (1,)),
        ("So it is【２】.", (2,)),
        ("So it is [Passage 3].", (3,)),
        ("So it is [^1] [1].", (1,)),
        ("So it is [999].", (999,)),
        ("[1] So it is.", (1,)),
        ("So [1] it is [2].", (1, 2)),
        ("So it is [sic] in 2024.", ()),
        ("So it is [a1].", ()),
        ("So it is.\n[1] [2]", (1, 2)),
    ],
)
def test_a_mark_belongs_to_its_sentence_and_is_taken_out(text: str, cited: tuple[int, ...]) -> None:
    ((plain, numbers),) = parts(text)
    assert numbers == cited
    assert plain.startswith("So it is") or plain.startswith("So")
    assert not any(f"[{number}]" in plain for number in range(1000))


def test_sentences_lines_and_paragraphs() -> None:
    text = "It is **big** [1]. It is old.[2] Dr. Smith says so [3].\n\n## Why\n- One thing [1]\n- Another\n\n\nThe end! [2]"
    assert parts(text) == [
        ("It is big.", (1,)),
        ("It is old.", (2,)),
        ("Dr. Smith says so.", (3,)),
        ("\n\nWhy", ()),
        ("\n- One thing", (1,)),
        ("\n- Another", ()),
        ("\n\nThe end!", (2,)),
    ]
    assert parts("海燕筑巢。［１］你好［２］。") == [("海燕筑巢。", (1,)), ("你好。", (2,))]
    assert parts("[1] [2]") == parts("  \n ") == parts("…") == []


@given(st.text(st.sampled_from("ab .!?\n[]1２,-【】*#_"), max_size=60))
def test_nothing_is_lost_but_marks(text: str) -> None:
    found = statements(text, sentences)
    letters = [letter for letter in text if letter in "ab"]
    assert [letter for each in found for letter in each.text if letter in "ab"] == letters
    assert all(each.text.strip() and len(set(each.cited)) == len(each.cited) for each in found)


@given(st.text(st.sampled_from("ab<>/thinkTHINK "), max_size=60), st.integers(1, 7))
def test_thoughts_are_taken_out_wherever_they_are_cut(text: str, size: int) -> None:
    whole = f"a{text}<think>secret 42</think>z"
    pieces = [whole[place : place + size] for place in range(0, len(whole), size)]
    found = "".join(without_thoughts(iter(pieces)))
    assert found == "".join(without_thoughts(iter([whole])))
    assert "secret 42" not in found or "<think>" in text
