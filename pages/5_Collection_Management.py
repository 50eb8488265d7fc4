"""Collection Management: collections, their documents, their figures."""

from __future__ import annotations

import streamlit as st

from cortex_ui import (
    collections_bulk,
    collections_details,
    collections_dialogs,
    collections_documents,
    collections_overview,
    collections_statistics,
    drawer,
    safe,
    wording,
)
from cortex_ui import collections_state as state
from cortex_ui.session import told


def _draw() -> None:
    st.title("Collection Management")
    state.say_what_was_done()
    if "in" in st.query_params:
        st.session_state.setdefault(state.TAB, state.TABS[1])
    _unknown_name()
    tabs = st.tabs(list(state.TABS), key=state.TAB, on_change=state.tab_changed)
    for tab, draw in zip(
        tabs, (collections_overview.draw, collections_documents.draw, collections_statistics.draw), strict=True
    ):
        if tab.open:
            with tab, told():
                draw()
    if wanted := state.dialog():
        _show(wanted)
    else:
        drawer.show_opened()


def _unknown_name() -> None:
    """A link may name a collection that was renamed or deleted."""
    name = st.query_params.get("in", "")
    if name and name not in state.names():
        st.warning(f"There is no collection {safe.label(name)} any more, or not yet.", icon=":material/search_off:")


def _show(wanted: state.Dialog) -> None:
    """The dialog that was asked for."""
    ids, collection = wanted.documents, wanted.collection
    many = wording.count(len(ids), "document")
    dialogs = {
        "create": ("New collection", "create_new_folder", collections_dialogs.create, ()),
        "edit": ("Rename or describe", "edit", collections_dialogs.edit, (collection,)),
        "merge": ("Merge collections", "merge", collections_dialogs.merge, (collection,)),
        "delete": ("Delete a collection", "delete", collections_dialogs.delete, (collection,)),
        "details": ("Document", "description", collections_details.draw, ids[:1]),
        "tags": (f"Tags of {many}", "sell", collections_bulk.tags, (ids,)),
        "copy": (f"Copy {many}", "content_copy", collections_bulk.place, ("copy", ids, collection)),
        "move": (f"Move {many}", "drive_file_move", collections_bulk.place, ("move", ids, collection)),
        "remove": (f"Remove {many}", "remove_circle", collections_bulk.remove, (ids, collection)),
        "delete_documents": (f"Delete {many}", "delete", collections_bulk.delete, (ids,)),
    }
    title, icon, body, arguments = dialogs[wanted.kind]

    def inside() -> None:
        with told():
            body(*arguments)  # type: ignore[operator]

    st.dialog(title, width=620, icon=f":material/{icon}:", on_dismiss=state.close_dialog)(inside)()


_draw()
