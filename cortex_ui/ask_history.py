"""The conversations: a list in the sidebar, and what can be done with the open one."""

from __future__ import annotations

import streamlit as st

from cortex_engine.core.answers import Conversation
from cortex_ui import ask_state, ask_writing, exporting, safe, wording
from cortex_ui.session import suite, told

_SHOWN, _MOST = 12, 200
_TITLE = 100
_DIALOG = "ask_dialog"


def sidebar(opened: str) -> None:
    """All conversations, the newest first; `opened`: the one on the page."""
    with st.sidebar.container(key="ask_history", gap="xsmall"), told():
        safe.show('<div class="cx-side">Conversations</div>')
        st.button(
            "New conversation",
            icon=":material/add_comment:",
            type="tertiary",
            on_click=ask_state.open_conversation,
            args=("",),
            key="ask_new",
        )
        kept = suite().conversations(_MOST)
        if not kept:
            safe.show('<div class="cx-quiet">What you ask is kept here.</div>')
        with st.container(gap=None, key="ask_conversations"):
            for each in kept[:_SHOWN]:
                _entry(each, opened)
        if len(kept) > _SHOWN:
            older = st.expander(
                wording.count(len(kept) - _SHOWN, "older one"), type="compact", on_change="rerun", key="ask_older"
            )
            if older.open:
                with older, st.container(gap=None):
                    for each in kept[_SHOWN:]:
                        _entry(each, opened)
                    if len(kept) == _MOST:
                        safe.show(
                            '<div class="cx-quiet">What is older still is listed by <code>cortex conversations</code>.</div>'
                        )


def _entry(each: Conversation, opened: str) -> None:
    facts = f"{wording.count(each.turns, 'question')} · {wording.when(each.updated)}"
    st.button(
        safe.label(each.title),
        type="secondary" if each.id == opened else "tertiary",
        help=safe.label(f"{safe.one_line(each.title)} · {facts}"),
        width="stretch",
        on_click=ask_state.open_conversation,
        args=(each.id,),
        key=f"conversation_{each.id}",
    )


def head(opened: Conversation | None) -> None:
    """The page's title, and beside it what can be done with the open conversation."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="ask_head"):
        st.title("Ask", width="content")
        if opened is not None:
            with st.container(horizontal=True, gap="xsmall", width="content"):
                st.download_button(
                    "Export",
                    data=lambda: suite().conversation_markdown(opened.id),
                    file_name=f"{exporting.file_stem(opened.title + '.')}.md",
                    mime="text/markdown",
                    icon=":material/download:",
                    type="tertiary",
                    on_click="ignore",
                    key="ask_export",
                )
                _opens("Rename", "edit", opened)
                _opens("Delete", "delete", opened)
    if opened is not None and (opened.turns > 1 or opened.collections):
        where = ", ".join(opened.collections)
        line = " · ".join(
            filter(None, [safe.one_line(opened.title), wording.count(opened.turns, "question"), safe.one_line(where)])
        )
        safe.show(f'<div class="cx-quiet">{safe.escape(line)}</div>')


def _opens(title: str, icon: str, opened: Conversation) -> None:
    st.button(
        title,
        icon=f":material/{icon}:",
        type="tertiary",
        on_click=_open,
        args=(title, opened.id),
        key=f"ask_{title.lower()}",
    )


def _open(kind: str, conversation_id: str) -> None:
    st.session_state[_DIALOG] = (kind, conversation_id)


def _close() -> None:
    st.session_state.pop(_DIALOG, None)


def dialog(opened: Conversation | None) -> bool:
    """Draw the dialog that was asked for; whether there is one."""
    kind, wanted = st.session_state.get(_DIALOG, ("", ""))
    if opened is None or wanted != opened.id:
        _close()
        return False
    body = _rename if kind == "Rename" else _delete
    title = "Rename the conversation" if kind == "Rename" else "Delete the conversation"

    def inside() -> None:
        with told():
            body(opened)

    st.dialog(title, width=520, on_dismiss=_close)(inside)()
    return True


def _rename(opened: Conversation) -> None:
    with st.form("ask_rename_form", border=False):
        title = st.text_input("Title", opened.title, max_chars=_TITLE, key=f"ask_title_{opened.id}")
        if st.form_submit_button("Save", type="primary", key="ask_rename_send"):
            suite().rename_conversation(opened.id, title)
            _close()
            st.rerun()


def _delete(opened: Conversation) -> None:
    turns = wording.count(opened.turns, "question")
    safe.show(
        f"<p>“{safe.escape(safe.one_line(opened.title))}” goes for good, with {turns} and what was answered. "
        "No document is touched.</p>"
    )
    if st.button("Delete it", type="primary", icon=":material/delete:", key="ask_delete_send"):
        ask_writing.stop_all(opened.id)
        suite().delete_conversation(opened.id)
        _close()
        ask_state.open_conversation("")
        st.rerun()
