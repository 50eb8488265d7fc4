"""What the page Collection Management keeps between runs: the collection in the URL, the open dialog, what was done."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from cortex_engine.core.documents import Document
from cortex_engine.core.search import Filters
from cortex_ui import safe
from cortex_ui.session import suite

TABS = ("Collections", "Documents", "Statistics")
TAB = "collections_tab"
EVERYTHING = ""
"""Stands for all collections together."""

_DIALOG, _SAID, _VERSION = "collections_dialog", "collections_said", "collections_version"


@dataclass(frozen=True, slots=True)
class Dialog:
    """A dialog to show: its kind, and the collection and documents that it is about."""

    kind: str
    collection: str = ""
    documents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of the documents that were asked for.

    Attributes:
        collection: whose they are, or `EVERYTHING`.
        total: how many meet the filters.
        selected: ids of the rows that are selected on this page.
        whole: everything that meets the filters is selected, on the other pages too.
    """

    collection: str
    filters: Filters
    total: int
    documents: tuple[Document, ...]
    selected: tuple[str, ...] = ()
    whole: bool = False

    @property
    def count(self) -> int:
        """How many documents are selected."""
        return self.total if self.whole else len(self.selected)

    def ids(self) -> tuple[str, ...]:
        """Ids of all selected documents."""
        if not self.whole:
            return self.selected
        return tuple(document.id for document in suite().documents(self.filters, limit=self.total))


def open_dialog(kind: str, collection: str = "", documents: tuple[str, ...] = ()) -> None:
    """Show a dialog with the next run (for `on_click`)."""
    st.session_state[_DIALOG] = Dialog(kind, collection, documents)


def close_dialog() -> None:
    """Show none."""
    st.session_state.pop(_DIALOG, None)


def dialog() -> Dialog | None:
    """The dialog to show."""
    return st.session_state.get(_DIALOG)


def done(sentence: str) -> None:
    """Something was changed: close the dialog, say what happened, draw the page anew with nothing selected."""
    close_dialog()
    st.session_state[_SAID] = sentence
    st.session_state[_VERSION] = version() + 1
    st.rerun()


def version() -> int:
    """How many changes were made; part of the keys that must not outlive a change."""
    return int(st.session_state.get(_VERSION, 0))


def say_what_was_done() -> None:
    """Tell the last change, once."""
    if sentence := st.session_state.pop(_SAID, ""):
        st.toast(safe.label(sentence), icon=":material/check_circle:", duration="long")


def shown() -> str:
    """The collection whose documents are shown, or `EVERYTHING`; a name that is no more counts as everything."""
    name = st.query_params.get("in", EVERYTHING)
    return name if name in names() else EVERYTHING


def names() -> list[str]:
    """Names of all collections."""
    return [collection.name for collection in suite().collections()]


def show(name: str, tab: str = TABS[1]) -> None:
    """Go to the documents of a collection (for `on_click`)."""
    st.query_params["in"] = name
    st.session_state[TAB] = tab


def tab_changed() -> None:
    """The list of collections has an address without a collection."""
    if st.session_state.get(TAB) == TABS[0]:
        st.query_params.pop("in", None)


def choose(key: str) -> str:
    """The box to choose a collection in; the URL follows it."""
    options = [EVERYTHING, *names()]
    st.session_state[key] = shown()
    st.selectbox(
        "Collection",
        options,
        format_func=lambda name: safe.one_line(name) if name else "All collections",
        key=key,
        on_change=_chosen,
        args=(key,),
        label_visibility="collapsed",
    )
    return shown()


def _chosen(key: str) -> None:
    st.query_params["in"] = st.session_state[key]
