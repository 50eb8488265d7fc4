"""Snippets: the densest window, cut at borders of words, with marks that stay on their words."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from cortex_engine.core.app import Snippet, Span
from cortex_engine.core.snippets import cut_snippet


def spans_of(text: str, *words: str) -> list[Span]:
    found: list[Span] = []
    for word in words:
        place = text.find(word)
        while place >= 0:
            found.append((place, place + len(word)))
            place = text.find(word, place + 1)
    return sorted(found)


def words_of(snippet: Snippet) -> list[str]:
    return [snippet.text[start:end] for start, end in snippet.marks]


def test_a_short_text_stays_whole_on_one_line() -> None:
    text = "  Green tea\n\n is\tfresh;\r\nblack tea not. "
    snippet = cut_snippet(text, spans_of(text, "tea", "not"), 320)
    assert snippet.text == "Green tea is fresh; black tea not."
    assert words_of(snippet) == ["tea", "tea", "not"]


def test_the_densest_window_is_shown_with_the_beginning_of_its_sentence() -> None:
    filler = "Lorem ipsum dolor sit amet. " * 40
    text = f"A kittiwake. {filler}On cliffs the kittiwake nests with the puffin nearby. {filler}A puffin."
    snippet = cut_snippet(text, spans_of(text, "kittiwake", "puffin", "nests"), 120)
    assert words_of(snippet) == ["kittiwake", "nests", "puffin"]
    assert len(snippet.text) <= 120
    assert snippet.text.startswith("… Lorem") or snippet.text.startswith("… On cliffs")
    assert snippet.text.endswith(" …")


def test_different_words_count_more_than_one_word_again_and_again() -> None:
    text = f"tea tea tea tea {'x ' * 300} tea and milk {'y ' * 300}"
    assert words_of(cut_snippet(text, spans_of(text, "tea", "milk"), 60)) == ["tea", "milk"]


def test_without_marks_the_beginning_is_shown() -> None:
    text = "One two three four five six seven eight nine ten eleven twelve"
    snippet = cut_snippet(text, (), 30)
    assert snippet == Snippet("One two three four five …")


def test_marks_across_line_ends_and_ideographs() -> None:
    text = "迅速激发细胞活\n力，帮助肌肤"
    snippet = cut_snippet(text, [(4, 9)], 320)
    assert snippet.text == "迅速激发细胞活力，帮助肌肤"
    assert words_of(snippet) == ["细胞活力"]
    assert words_of(cut_snippet("in   -\n batch", [(0, 13)], 320)) == ["in - batch"]


def test_a_mark_longer_than_the_snippet_is_cut() -> None:
    snippet = cut_snippet("a" * 1000, [(0, 1000)], 100)
    assert len(snippet.text) <= 100
    assert words_of(snippet) == [snippet.text.strip(" …")]


@settings(max_examples=500, deadline=None)
@given(
    st.text(alphabet="ab é\n\t.。東京\u0301", max_size=400),
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 12)), max_size=20),
    st.integers(20, 120),
)
def test_every_snippet_is_a_piece_of_its_text(text: str, places: list[tuple[int, int]], length: int) -> None:
    marks: list[Span] = []
    for start, size in sorted(places):
        if start + size <= len(text) and (not marks or start > marks[-1][1]):
            marks.append((start, start + size))
    snippet = cut_snippet(text, marks, length)
    assert len(snippet.text) <= length
    assert "\n" not in snippet.text
    bare = "".join(text.split())
    assert "".join(snippet.text.removeprefix("… ").removesuffix(" …").split()) in bare
    assert all(0 <= start < end <= len(snippet.text) for start, end in snippet.marks)
    assert all(first[1] <= second[0] for first, second in pairwise(snippet.marks))
    allowed = {"".join(text[start:end].split()) for start, end in marks}
    for word in words_of(snippet):
        assert any("".join(word.split()) in each for each in allowed)
    if any(each for each in allowed):
        assert snippet.marks
