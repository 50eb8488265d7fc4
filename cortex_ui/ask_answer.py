"""A turn of a conversation: the question, the answer with every sentence's proof, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cortex_engine.core.answers import Answer, AnswerSentence, Proof
from cortex_ui import ask_sources, ask_state, safe, wording
from cortex_ui.ask_sources import QUOTES

_ICONS = {Proof.QUOTED: "format_quote", Proof.SUPPORTED: "check", Proof.UNVERIFIED: "help"}
_WORDS = {Proof.QUOTED: "quoted", Proof.SUPPORTED: "supported", Proof.UNVERIFIED: "unverified"}


def question(text: str, follows: bool) -> None:
    """What was asked. `follows`: it is the newest one, below others: it is scrolled to when it appears."""
    here = " cx-here" if follows else ""
    with st.chat_message("user", avatar=":material/person:"):
        safe.show(f'<div class="cx-question{here}">{safe.escape(text.strip())}</div>')


def draw(answer: Answer, collections: tuple[str, ...], last: bool, follows: bool = False) -> None:
    """A whole turn. `last`: it is the newest one of its conversation, and can be asked again; `follows`: as in `question`."""
    question(answer.question, follows)
    with st.chat_message("assistant", avatar=":material/menu_book:"):
        if answer.searched and answer.searched != answer.question:
            safe.show(f'<div class="cx-quiet">Searched for “{safe.escape(safe.one_line(answer.searched))}”</div>')
        for note in answer.notes if not answer.abstained or answer.writer == QUOTES else ():
            st.info(safe.label(note), icon=":material/info:")
        if answer.abstained:
            ask_sources.not_in_the_library(answer, collections, last)
        elif answer.sentences:
            if answer.writer == QUOTES:
                _quotes(answer)
            else:
                _prose(answer)
            with st.container(gap="xxsmall"):
                _checked(answer)
                ask_sources.passages(answer)
                _actions(answer, collections, last)


def _prose(answer: Answer) -> None:
    """What a model wrote, as running text with its numbers in it."""
    sources = {source.number: source for source in answer.sources}
    with st.container(key=f"prose_{answer.turn_id}"):
        for position, sentence in enumerate(answer.sentences):
            safe.show(sentence_html(sentence))
            for number in sentence.citations:
                if number in sources:
                    ask_sources.number(sources[number], answer, position)
    with st.container(horizontal=True, gap="small", key=f"sources_{answer.turn_id}"):
        for source in ask_sources.cited(answer):
            ask_sources.named(source, answer, "named")


def sentence_html(sentence: AnswerSentence) -> str:
    """HTML of a sentence with the sign of its proof; breaks before it are kept, and nothing in it is interpreted."""
    breaks = "<br>" * min(2, len(sentence.text) - len(sentence.text.lstrip("\n")))
    word = _WORDS[sentence.proof]
    title = safe.escape(proof_words(sentence))
    sign = f'<span class="cx-icon cx-sign" role="img" aria-label="{word}">{_ICONS[sentence.proof]}</span>'
    if sentence.proof is Proof.UNVERIFIED:
        sign = f' <span class="cx-tag">{word}</span>'
    text = safe.escape(sentence.text.strip())
    return f'{breaks}<span class="cx-said {sentence.proof}" title="{title}"><span class="cx-words">{text}</span>{sign}</span>'


def _quotes(answer: Answer) -> None:
    """The best sentences of the sources, each with the place where it stands."""
    sources = {source.number: source for source in answer.sources}
    for position, sentence in enumerate(answer.sentences):
        with st.container(gap=None, key=f"quote_{answer.turn_id}_{position}"):
            safe.show(f'<div class="cx-said">“{safe.escape(safe.one_line(sentence.text))}”</div>')
            with st.container(horizontal=True, gap="small"):
                for number in sentence.citations:
                    if number in sources:
                        ask_sources.named(sources[number], answer, str(position), sentence.text)


def proof_words(sentence: AnswerSentence) -> str:
    """How a sentence stands to its sources, as sentences."""
    if sentence.proof is Proof.UNVERIFIED:
        return f"Unverified: {sentence.reason or 'no source bears it out.'}"
    proved = sentence.proved_by or sentence.citations
    near = "" if sentence.similarity is None else f" (similarity {sentence.similarity:.2f})"
    said = "Quoted word for word from" if sentence.proof is Proof.QUOTED else "Supported: borne out by"
    words = f"{said} {_numbers(proved)}{near if sentence.proof is Proof.SUPPORTED else ''}."
    rest = [number for number in sentence.citations if number not in proved]
    if rest:
        words += f" It cites {_numbers(rest)} too, which {'does' if len(rest) == 1 else 'do'} not bear it out."
    return words


def _numbers(numbers: Sequence[int]) -> str:
    return f"source{'' if len(numbers) == 1 else 's'} {wording.listed([str(each) for each in numbers])}"


def borne_out(answer: Answer) -> str:
    """ "5 of 6 sentences are borne out by their sources"."""
    total = len(answer.sentences)
    good = sum(sentence.proof is not Proof.UNVERIFIED for sentence in answer.sentences)
    if all(sentence.proof is Proof.QUOTED for sentence in answer.sentences):
        return f"{wording.count(total, 'sentence')}, quoted word for word"
    if good == total:
        return (
            "The sentence is borne out by its source"
            if total == 1
            else f"All {total} sentences are borne out by their sources"
        )
    if total == 1:
        return "The sentence is not borne out by a source"
    return f"{good or 'None'} of {total} sentences {'is borne out by its' if good <= 1 else 'are borne out by their'} sources"


def _checked(answer: Answer) -> None:
    """The verdict; opened, it says of each sentence how it was checked."""
    good = all(sentence.proof is not Proof.UNVERIFIED for sentence in answer.sentences)
    with st.expander(
        borne_out(answer),
        icon=":material/verified:" if good else ":material/rule:",
        type="compact",
        key=f"ask_checked_{answer.turn_id}",
    ):
        rows = [
            f'<li class="cx-proof {sentence.proof}"><span class="cx-icon" aria-hidden="true">{_ICONS[sentence.proof]}</span>'
            f'<div class="cx-grow"><div>{safe.escape(safe.one_line(sentence.text))}</div>'
            f'<div class="cx-reason">{safe.escape(proof_words(sentence))}</div></div></li>'
            for sentence in answer.sentences
        ]
        safe.show(f'<ul class="cx-proofs">{"".join(rows)}</ul>')


def _actions(answer: Answer, collections: tuple[str, ...], last: bool) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key=f"acts_{answer.turn_id}"):
        with st.popover("Copy", icon=":material/content_copy:", type="tertiary", key=f"copy_{answer.turn_id}"):
            st.code(plain(answer), language=None, wrap_lines=True)
        ask_sources.search_link(answer, "Search for this", collections)
        if last and answer.notes:
            st.button(
                "Try again",
                icon=":material/refresh:",
                type="tertiary",
                on_click=ask_state.ask,
                args=(answer.question,),
                key=f"again_{answer.turn_id}",
            )
        with st.container(width="content"):
            safe.show(f'<span class="cx-quiet">{safe.escape(_made(answer))}</span>')


def _made(answer: Answer) -> str:
    who = "Quotes from your documents" if answer.writer == QUOTES else f"Written by {safe.one_line(answer.writer)}"
    return f"{who} · {wording.milliseconds(answer.milliseconds)}" if answer.milliseconds else who


def plain(answer: Answer) -> str:
    """The answer as text to be pasted somewhere: numbers in brackets, the list of sources below."""
    sentences = []
    for sentence in answer.sentences:
        breaks = "\n" * (len(sentence.text) - len(sentence.text.lstrip("\n")))
        text = f"“{sentence.text.strip()}”" if answer.writer == QUOTES else sentence.text.strip()
        marks = "".join(f" [{number}]" for number in sentence.citations)
        doubt = " (unverified)" if sentence.proof is Proof.UNVERIFIED else ""
        sentences.append(f"{breaks}{text}{marks}{doubt}")
    between = "\n" if answer.writer == QUOTES else " "
    listed = [f"[{source.number}] {ask_sources.where(source)}" for source in ask_sources.cited(answer)]
    return between.join(sentences) + "\n\n" + "\n".join(listed)
