"""The collections as cards, with what can be done to each."""

from __future__ import annotations

from functools import partial

import streamlit as st

from cortex_engine.core.collections import Collection
from cortex_ui import collections_state as state
from cortex_ui import safe, wording
from cortex_ui.session import suite

_A_PAGE = 24
_ACTIONS = {
    "edit": ":material/edit: Rename or describe",
    "merge": ":material/merge: Merge into another",
    "delete": ":material/delete: Delete",
}


def draw() -> None:
    """All collections, a page of cards at a time."""
    collections = suite().collections()
    _head(collections)
    if not collections:
        _nothing_yet()
        return
    wanted = st.session_state.get("collection_search", "").casefold().split()
    found = [each for each in collections if all(word in _words(each) for word in wanted)]
    if not found:
        st.markdown("No collection has these words in its name or description.")
    pages = max(1, -(-len(found) // _A_PAGE))
    position = min(int(st.session_state.get("collections_page", 1)), pages) - 1
    moves = _moves()
    with st.grid("auto", min_column_width=290, gap="small", key="collections"):
        for collection in found[position * _A_PAGE : (position + 1) * _A_PAGE]:
            with st.container(border=True, height="stretch", gap="xsmall", key=f"collection_{collection.id}"):
                _card(collection, moves)
    if pages > 1:
        st.pagination(pages, key="collections_page")


def _words(collection: Collection) -> str:
    return f"{collection.name} {collection.description}".casefold()


def _head(collections: list[Collection]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        if len(collections) > 6:
            st.text_input(
                "Find a collection",
                type="search",
                live="300ms",
                placeholder="Find a collection",
                label_visibility="collapsed",
                key="collection_search",
                width=320,
            )
        else:
            safe.show(f'<span class="cx-quiet">{_sentence(len(collections))}</span>')
        st.button(
            "New collection",
            type="primary",
            icon=":material/create_new_folder:",
            on_click=state.open_dialog,
            args=("create",),
            key="new_collection",
        )


def _sentence(count: int) -> str:
    if count == 0:
        return "Collections keep documents together that are searched together."
    return f"{wording.count(count, 'collection')}. A document may belong to several; its file is kept once."


def _nothing_yet() -> None:
    with st.container(border=True, width=760, key="no_collections"):
        st.markdown("### There is no collection yet")
        st.markdown(
            ":gray[The first files that you add make one by themselves. Or make one now, to say what belongs together.]"
        )
        st.page_link("../pages/2_Knowledge_Ingest.py", label="Add files", icon=":material/note_add:")


def _moves() -> dict[str, str]:
    """Collection -> what its move to another model does, in a line."""
    return {
        each.collection: f"Moves to {each.target.model}: {each.state}" for each in suite().migrations(open_only=True)
    }


def _card(collection: Collection, moves: dict[str, str]) -> None:
    counts = suite().collection_counts(collection.name)
    safe.show(f'<h3 class="cx-name cx-heading">{safe.escape(collection.name)}</h3>')
    if collection.description:
        safe.show(f'<div class="cx-description">{safe.escape(collection.description)}</div>')
    facts = [
        wording.count(counts.documents, "document"),
        wording.count(counts.passages, "passage"),
        *([wording.count(counts.pictures, "picture")] if counts.pictures else []),
        wording.size(counts.bytes),
    ]
    spec = collection.spec
    reads = "text and pictures" if spec.sees else "text"
    model = f"{spec.model}, {wording.number(spec.dimension)} dimensions, {reads}"
    lines = [" · ".join(facts), model, f"Made {wording.when(collection.created)}", moves.get(collection.name, "")]
    safe.show("".join(f'<div class="cx-quiet">{safe.escape(line)}</div>' for line in lines if line.strip()))
    st.space("stretch")
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.button(
            "Documents",
            type="tertiary",
            icon=":material/description:",
            on_click=state.show,
            args=(collection.name,),
            key=f"documents_of_{collection.id}",
        )
        key = f"actions_of_{collection.id}"
        st.menu_button(
            "Change",
            list(_ACTIONS),
            type="tertiary",
            format_func=_ACTIONS.__getitem__,
            on_click=partial(_act, key, collection.name),
            key=key,
        )


def _act(key: str, name: str) -> None:
    if action := st.session_state.get(key):
        state.open_dialog(action, name)
