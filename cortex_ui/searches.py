"""Searches that were made and searches that are kept: lists to run them again, names to keep them under."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from cortex_engine.core.app import SavedSearch
from cortex_engine.core.errors import CortexError
from cortex_engine.core.search import Query
from cortex_ui import filters, safe, search_state, wording
from cortex_ui.asked import Asked, from_query
from cortex_ui.session import suite, told

_RECENT = 8
_TROUBLE = "searches_trouble"


def recent(limit: int = _RECENT) -> None:
    """The newest searches, each to be asked again."""
    with told():
        entries = suite().history(limit)
        if not entries:
            safe.show('<div class="cx-quiet">Your searches will stand here.</div>')
            return
        with st.container(gap=None, key="recent_searches"):
            for entry in entries:
                facts = f"{wording.count(entry.hits, 'result')} · {wording.when(entry.asked)}"
                st.button(
                    safe.label(said(entry.query)),
                    icon=":material/image_search:" if entry.query.picture else ":material/history:",
                    type="tertiary",
                    help=safe.label(f"{facts}{_conditions(entry.query)}"),
                    on_click=_ask,
                    args=(entry.query,),
                    key=f"history_{entry.id}",
                )
            st.button(
                "Forget these searches",
                icon=":material/delete:",
                type="tertiary",
                on_click=_forget,
                key="forget_history",
            )


def saved() -> None:
    """The saved searches, each to be run, renamed or deleted."""
    with told():
        searches = suite().saved_searches()
        if not searches:
            safe.show('<div class="cx-quiet">Save a search from its results, and it stands here under its name.</div>')
        with st.container(gap=None, key="saved_searches"):
            for search in searches:
                with st.container(horizontal=True, gap="small", vertical_alignment="center", key=f"saved_{search.id}"):
                    st.button(
                        safe.label(search.name),
                        icon=":material/bookmark:",
                        type="tertiary",
                        help=safe.label(f"{said(search.query)}{_conditions(search.query)}"),
                        on_click=_ask,
                        args=(search.query,),
                        key=f"run_{search.id}",
                    )
                    edit = st.popover(
                        "Change", icon=":material/edit:", type="tertiary", on_change="rerun", key=f"change_{search.id}"
                    )
                    if edit.open:
                        with edit:
                            _change(search)
        trouble = st.session_state.pop(_TROUBLE, "")
        if trouble:
            st.error(safe.label(trouble), icon=":material/error:")


def _change(search: SavedSearch) -> None:
    key = f"name_{search.id}"
    st.session_state.setdefault(key, search.name)
    st.text_input("Name", key=key)
    with st.container(horizontal=True, gap="small"):
        st.button("Rename", on_click=_rename, args=(search.id, key), key=f"rename_{search.id}")
        st.button("Delete", icon=":material/delete:", on_click=_delete, args=(search.id,), key=f"delete_{search.id}")


def keep(asked: Asked) -> None:
    """The popover that saves the search on the screen."""
    with st.popover("Save", icon=":material/bookmark_add:", type="tertiary", key="save"):
        with st.form("save_form", border=False):
            st.text_input("Name of this search", placeholder=said(asked.query())[:60], key="save_name")
            st.form_submit_button("Save", on_click=_save, args=(asked.query(),), key="save_button")
        trouble = st.session_state.pop(_TROUBLE, "")
        if trouble:
            st.error(safe.label(trouble), icon=":material/error:")


def said(query: Query) -> str:
    """What was asked, on one line; a picture without words has none."""
    return safe.one_line(query.text) or "What looks like a picture"


def _conditions(query: Query) -> str:
    """ " · PDF, German" for a query with filters, else ""."""
    asked = from_query(query)
    texts = [condition.text for condition in filters.conditions(asked)]
    texts += ["with a picture"] if query.picture and query.text else []
    texts += [] if asked.kind == "all" else [f"only {asked.kind}"]
    return f" · {', '.join(texts)}" if texts else ""


def _ask(query: Query) -> None:
    search_state.put(from_query(query))


def _forget() -> None:
    _try(lambda: suite().forget_history())


def _delete(search_id: int) -> None:
    _try(lambda: suite().delete_saved_search(search_id))


def _rename(search_id: int, key: str) -> None:
    _try(lambda: suite().rename_saved_search(search_id, str(st.session_state.get(key, ""))))


def _save(query: Query) -> None:
    name = str(st.session_state.get("save_name", "")).strip() or said(query)[:60]
    if _try(lambda: suite().save_search(name, query)):
        st.session_state["save_name"] = ""
        st.toast(f"Saved as {safe.label(name)}", icon=":material/bookmark:")


def _try(change: Callable[[], object]) -> bool:
    """Do it, and keep an expected error's sentence for where the person looks."""
    try:
        change()
    except CortexError as error:
        st.session_state[_TROUBLE] = str(error)
        return False
    return True
