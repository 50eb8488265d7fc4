"""What is said of an answer: its verdict, the proof of each sentence, the text to be copied."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortex_engine.core.answers import Answer, AnswerSentence, CitedSource, Proof
from cortex_ui import ask_answer, ask_progress, wording

GOOD = AnswerSentence("It is so.", (1,), Proof.QUOTED, proved_by=(1,))
NEAR = AnswerSentence("It was so.", (1, 2), Proof.SUPPORTED, 0.834, proved_by=(2,))
BAD = AnswerSentence("It will be so.", (), Proof.UNVERIFIED, reason="It cites no source.")


def answer(*sentences: AnswerSentence, writer: str = "tiny at host") -> Answer:
    sources = (
        CitedSource(1, "d", "a\u202e.pdf", 3, "c1", "text"),
        CitedSource(2, "e", "b.txt", 1, "c2", "text"),
        CitedSource(3, "e", "b.txt", 1, "c3", "text"),
    )
    return Answer("t", "c", "How is it?", "How is it?", sentences, sources, writer=writer)


@pytest.mark.parametrize(
    ("sentences", "words"),
    [
        ((GOOD, NEAR, BAD), "2 of 3 sentences are borne out by their sources"),
        ((GOOD, BAD), "1 of 2 sentences is borne out by its sources"),
        ((BAD, BAD), "None of 2 sentences is borne out by its sources"),
        ((GOOD, NEAR), "All 2 sentences are borne out by their sources"),
        ((NEAR,), "The sentence is borne out by its source"),
        ((BAD,), "The sentence is not borne out by a source"),
        ((GOOD,), "1 sentence, quoted word for word"),
        ((GOOD, GOOD), "2 sentences, quoted word for word"),
    ],
)
def test_the_verdict(sentences: tuple[AnswerSentence, ...], words: str) -> None:
    assert ask_answer.borne_out(answer(*sentences)) == words


def test_the_proof_of_a_sentence_in_words() -> None:
    assert ask_answer.proof_words(GOOD) == "Quoted word for word from source 1."
    assert ask_answer.proof_words(NEAR) == (
        "Supported: borne out by source 2 (similarity 0.83). It cites source 1 too, which does not bear it out."
    )
    assert ask_answer.proof_words(BAD) == "Unverified: It cites no source."


def test_the_copy_has_numbers_doubts_and_sources() -> None:
    assert ask_answer.plain(answer(GOOD, NEAR, BAD)) == (
        "It is so. [1] It was so. [1] [2] It will be so. (unverified)\n\n[1] a.pdf · page 3\n[2] b.txt · page 1"
    )
    assert ask_answer.plain(answer(GOOD, writer="quotes")).startswith("“It is so.” [1]\n\n[1]")


def test_what_is_listed() -> None:
    assert [wording.listed(words) for words in ([], ["1"], ["1", "2"], ["1", "2", "3"])] == [
        "",
        "1",
        "1 and 2",
        "1, 2 and 3",
    ]


HOSTILE = st.text(alphabet="<>&\"'[]()!:$`*#/=ab1 \n\u202e\x00", max_size=60)


@settings(max_examples=150, deadline=None)
@given(HOSTILE, HOSTILE)
def test_no_text_becomes_markup(text: str, reason: str) -> None:
    for proof in Proof:
        html = ask_answer.sentence_html(AnswerSentence(text, (1,), proof, reason=reason))
        assert set(re.findall(r"</?([^\s>]+)", html)) <= {"br", "span"}
        assert html.count('"') % 2 == 0 and "\u202e" not in html
    assert set(re.findall(r"</?([^\s>]+)", ask_progress.as_it_comes(text))) <= {"span"}


def test_numbers_are_shown_as_such_while_the_text_comes() -> None:
    html = ask_progress.as_it_comes("So [1], [2, 3] and [x] [123] <b>[4]</b>")
    assert re.findall(r'cx-number">([^<]*)<', html) == ["1", "2, 3", "4"]
    assert "&lt;b&gt;" in html and "[123]" in html
