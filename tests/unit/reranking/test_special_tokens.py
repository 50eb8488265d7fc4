"""Control tokens in people's text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_engine.core.special_tokens import harmless

PIECES = ["<|", "|>", "<", ">", "|", "im_end", "image_pad", "think", "/", " ", "a", "\n", "\ud800", "é"]
CONTROL = re.compile(r"<\|\w+\|>|</?(think|tool_call|tool_response)>")


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_no_control_token_is_left_and_nothing_else_is_lost(text: str) -> None:
    made = harmless(text)
    assert not CONTROL.search(made)
    assert harmless(made) == made
    assert made.replace(" ", "") == text.encode("utf-8", "replace").decode().replace(" ", "")


@pytest.mark.parametrize("text", ["a < b", "if x <| y", "<b>bold</b>", "x |> f()", "<|", "|im_end|"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text
