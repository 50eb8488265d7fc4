"""An answer while it is written: its words as they come, a button that stops it, and what is left when it breaks off."""

from __future__ import annotations

import re

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cortex_ui import ask_answer, ask_state, ask_writing, safe

_FOLLOW_SECONDS = 0.3
_PATIENCE = 0.25
_DELETED = "What was written rested on documents, one of which has been deleted since: it is gone too."
_MARK = re.compile(r"\[(\d{1,2}(?:\s?,\s?\d{1,2})*)\]")


def draw(writing: ask_writing.Writing, follows: bool) -> None:
    """The question and what there is of its answer; it goes on by itself. `follows`: as in `ask_answer.question`."""
    ask_answer.question(writing.question.text, follows)
    writing.ended.wait(_PATIENCE)
    if writing.answer is not None:
        st.rerun()
    if writing.over:
        with _place():
            had = bool(writing.text)
            _text(ask_writing.without_deleted(writing))
            if had and not writing.text:
                safe.show(f'<div class="cx-quiet">{_DELETED}</div>')
            _broken_off(writing)  # in no fragment: what it offers changes the whole page
    else:
        st.fragment(_follow, run_every=_FOLLOW_SECONDS)(writing)


def _follow(writing: ask_writing.Writing) -> None:
    """What is written so far; the page is drawn anew when that has ended."""
    if writing.over or writing.answer is not None:
        st.rerun()
    with _place():
        _text(writing.text)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            with st.container(width="content"):
                safe.show(f'<span class="cx-quiet" role="status">{safe.escape(writing.status or "Searching…")}</span>')
            st.button(
                "Stop",
                icon=":material/stop_circle:",
                type="tertiary",
                on_click=ask_writing.stop,
                args=(writing,),
                key="ask_stop",
            )


def _place() -> DeltaGenerator:
    return st.chat_message("assistant", avatar=":material/menu_book:").container(key="ask_writing")


def _text(text: str) -> None:
    if text:
        safe.show(f'<div class="cx-writing">{as_it_comes(text)}</div>')


def as_it_comes(text: str) -> str:
    """HTML of unchecked text: nothing in it is interpreted but its numbers, which are shown as such."""
    return _MARK.sub(r'<span class="cx-number">\1</span>', safe.escape(text))


def _broken_off(writing: ask_writing.Writing) -> None:
    """It was stopped, or it went wrong: what there is stands above, the question is not lost."""
    if writing.problem and not writing.stopped:
        st.error(safe.label(writing.problem), icon=":material/error:")
    else:
        st.warning(
            "You stopped this answer. Nothing of it was checked, and it is not kept.", icon=":material/stop_circle:"
        )
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Try again", icon=":material/refresh:", on_click=ask_state.begin, args=(writing.question,), key="ask_again"
        )
        st.button(
            "Put it into the box",
            icon=":material/edit:",
            type="tertiary",
            on_click=_edit,
            args=(writing,),
            key="ask_edit",
        )


def _edit(writing: ask_writing.Writing) -> None:
    ask_state.drop(writing)
    ask_state.back_into_box(writing.question.text)
