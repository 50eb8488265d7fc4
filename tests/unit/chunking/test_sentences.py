from __future__ import annotations

import itertools

import pytest

from cortex_engine.chunking.sentences import characters, clauses, sentences, words


def cut(text: str) -> list[str]:
    return [text[start:end].strip() for start, end in sentences(text, 0, len(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It rained. We stayed in.", ["It rained.", "We stayed in."]),
        ('"Stop!" he said. Then he left.', ['"Stop!" he said.', "Then he left."]),
        (
            "See Dr. Weber, e.g. on Monday. It costs 3.50 francs.",
            ["See Dr. Weber, e.g. on Monday.", "It costs 3.50 francs."],
        ),
        ("J. R. R. Tolkien wrote it. Who else?", ["J. R. R. Tolkien wrote it.", "Who else?"]),
        ("Das gilt z. B. am 3. Mai bzw. danach. Gut so.", ["Das gilt z. B. am 3. Mai bzw. danach.", "Gut so."]),
        ("It was 1995. Nobody knew.", ["It was 1995.", "Nobody knew."]),
        ("今天下雨。我们在家！为什么？", ["今天下雨。", "我们在家！", "为什么？"]),
        ("「行こう。」彼は言った。", ["「行こう。」", "彼は言った。"]),
        ("هل هذا صحيح؟ نعم.", ["هل هذا صحيح؟", "نعم."]),
        ("यह सही है। वह गया।", ["यह सही है।", "वह गया।"]),
        ("Well… maybe. Or so…  Yes.", ["Well… maybe.", "Or so…", "Yes."]),
        ("One paragraph\n\nAnother", ["One paragraph", "Another"]),
        ("", [""]),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


def test_spans_are_contiguous_and_begin_with_ink() -> None:
    text = "  One.   Two!\n\n\nThree? 四。 五"
    spans = sentences(text, 0, len(text))
    assert spans[0][0] == 0
    assert spans[-1][1] == len(text)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(spans))
    assert all(not text[start].isspace() for start, _ in spans[1:])


def test_a_cut_between_characters_keeps_marks_with_their_base() -> None:
    text = "e\u0301" * 10
    pieces = [text[start:end] for start, end in characters(text, 0, len(text), 5)]
    assert "".join(pieces) == text
    assert all(not piece.startswith("\u0301") for piece in pieces)
    assert max(map(len, pieces)) <= 5


def test_an_endless_run_of_marks_is_cut_all_the_same() -> None:
    text = "a" + "\u0301" * 1000
    pieces = [text[start:end] for start, end in characters(text, 0, len(text), 10)]
    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= 10


def test_clauses_and_words_cover_their_range() -> None:
    text = "one, two; three: four – five，六、七 " + "word " * 60
    for spans in (clauses(text, 4, len(text)), words(text, 4, len(text))):
        assert "".join(text[start:end] for start, end in spans) == text[4:]
        assert len(spans) > 1
