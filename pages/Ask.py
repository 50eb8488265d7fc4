"""Ask: a question, an answer from the library's own pages, and for each sentence the place that proves it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from cortex_engine.core.answers import Conversation
from cortex_ui import ask_answer, ask_box, ask_history, ask_progress, ask_state, ask_style, ask_writing, drawer, safe
from cortex_ui.session import suite, told

_PAGES = Path(__file__).parent
_WIDTH = 860
_QUESTIONS = 4


def main() -> None:
    """The page."""
    ask_style.apply()
    collections = suite().collections()
    ask_state.take_over([each.name for each in collections])
    opened, writing = ask_state.conversation(), ask_state.writing()
    if writing is not None and writing.answer is not None:
        ask_state.arrived(writing.answer)
        opened, writing = ask_state.conversation(), None
    with st.container(width=_WIDTH, gap="small", key="conversation"):
        ask_history.head(opened)
        for remark in ask_state.remarks():
            st.info(safe.label(remark), icon=":material/link_off:")
        if not any(each.document_count for each in collections):
            _empty_library()
        elif opened is None and writing is None:
            _start()
        else:
            _turns(opened, writing)
    with st.bottom, st.container(width=_WIDTH, gap="xsmall", key="ask_bottom"):
        ask_box.draw(collections)
    ask_history.sidebar(opened.id if opened else "")
    if not ask_history.dialog(opened):
        drawer.show_opened()


def _turns(opened: Conversation | None, writing: ask_writing.Writing | None) -> None:
    with told():
        turns = suite().turns(opened.id) if opened is not None else []
        where = opened.collections if opened is not None else ()
        earlier = turns if writing is not None else turns[:-1]
        for turn in earlier:
            ask_answer.draw(turn, where, last=False)
        follows = bool(earlier)
        with st.container(gap="small", key="ask_newest" if follows else "ask_only"):
            if writing is not None:
                ask_progress.draw(writing, follows)
            elif turns:
                ask_answer.draw(turns[-1], where, last=True, follows=follows)


def _start() -> None:
    """Nothing was asked yet."""
    with told():
        safe.show(
            '<div class="cx-quiet">Answers come from your own documents; every sentence names the page that proves it, and '
            "what no page proves is marked.</div>"
        )
        questions = suite().sample_questions()[:_QUESTIONS]
        if questions:
            st.markdown("**Try one of these**")
            with st.container(horizontal=True, gap="small", key="ask_examples"):
                for position, question in enumerate(questions):
                    st.button(
                        safe.label(question),
                        icon=":material/forum:",
                        wrap=True,
                        on_click=ask_state.ask,
                        args=(question,),
                        key=f"ask_example_{position}",
                    )


def _empty_library() -> None:
    with st.container(border=True, key="empty_library"):
        st.markdown("### There is nothing to ask yet")
        st.markdown(
            "Add files, or load the samples on the home page; each document can be asked as soon as it is done."
        )
        st.page_link(
            _PAGES / "2_Knowledge_Ingest.py", label="Add files", icon=":material/arrow_forward:", icon_position="right"
        )


main()
