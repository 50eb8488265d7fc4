"""The documents of a collection, or of all: filtered, ordered, a page at a time, with rows to select."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cortex_engine.core.app import Facets
from cortex_engine.core.documents import Document
from cortex_engine.core.search import Filters
from cortex_ui import collections_bulk, drawer, languages, safe, wording
from cortex_ui import collections_state as state
from cortex_ui.collections_state import Listing
from cortex_ui.session import suite

A_PAGE = 50
_ROW, _HEAD = 36, 35
_ORDERS = {
    "name": "By name",
    "added": "Newest first",
    "size": "Largest first",
    "pages": "Most pages first",
    "type": "By type",
}
_FIELDS = {"types": ("Type", wording.kind), "languages": ("Language", languages.name), "tags": ("Tag", safe.one_line)}
_CLICK = "document_click"
_SHOWN = "documents_shown"


def draw() -> None:
    """Filters, actions, table, pages."""
    filters, order = _head()
    total = suite().count_documents(filters)
    if total == 0:
        _nothing(filters)
        return
    actions, line = st.container(key="documents_actions"), st.container(key="documents_line")
    listing = _table(filters, order, total, line)
    with actions:
        collections_bulk.actions(listing)


def _head() -> tuple[Filters, str]:
    """Collection, words, filters, order."""
    with st.grid(4, min_column_width=150, gap="small", key="documents_head"):
        collection = state.choose("documents_collection")
        title = st.text_input(
            "Filter by title or name",
            type="search",
            live="300ms",
            placeholder="Title or name",
            label_visibility="collapsed",
            key="documents_title",
            persist_state="session",
        )
        filters = _narrowed(Filters(collections=(collection,) if collection else (), title=title))
        order = st.selectbox(
            "Order",
            list(_ORDERS),
            format_func=_ORDERS.__getitem__,
            label_visibility="collapsed",
            key="documents_order",
            persist_state="session",
        )
    return filters, order if order in _ORDERS else "name"


def _narrowed(filters: Filters) -> Filters:
    """What the boxes for type, language and tag add; each choice says how many documents it gives."""
    kept: dict[str, Any] = {field: tuple(st.session_state.get(f"documents_{field}", ())) for field in _FIELDS}
    facets = suite().facets(replace(filters, **kept))
    used = sum(1 for values in kept.values() if values)
    with st.popover(
        f"Filters ({used})" if used else "Filters",
        icon=":material/filter_list:",
        width="stretch",
        key="documents_filters",
    ):
        chosen: dict[str, Any] = {
            field: _choices(label, field, facets, name) for field, (label, name) in _FIELDS.items()
        }
    return replace(filters, **chosen)


def _choices(label: str, field: str, facets: Facets, name) -> tuple[str, ...]:  # type: ignore[no-untyped-def]
    counts: dict[str, int] = {value: count for value, count in getattr(facets, field).items() if value}
    key = f"documents_{field}"
    chosen = list(st.session_state.get(key, []))
    options = [*counts, *(value for value in chosen if value not in counts)]
    return tuple(
        st.multiselect(
            label,
            options,
            format_func=lambda value: f"{safe.one_line(name(value))} ({wording.number(counts.get(value, 0))})",
            placeholder=f"Any {label.lower()}" if options else "None here",
            disabled=not options,
            key=key,
            persist_state="session",
        )
    )


def _nothing(filters: Filters) -> None:
    bare = Filters(collections=filters.collections)
    if filters != bare and suite().count_documents(bare):
        st.markdown("No document meets these filters.")
        st.button("Clear the filters", icon=":material/filter_alt_off:", on_click=_clear, key="clear_filters")
        return
    with st.container(border=True, width=760, key="no_documents"):
        st.markdown("### There are no documents here yet")
        st.markdown(":gray[Add files, or copy documents here from another collection.]")
        st.page_link("../pages/2_Knowledge_Ingest.py", label="Add files", icon=":material/note_add:")


def _clear() -> None:
    st.session_state["documents_title"] = ""
    for field in ("types", "languages", "tags"):
        st.session_state[f"documents_{field}"] = []


def _table(filters: Filters, order: str, total: int, line: DeltaGenerator) -> Listing:
    """Draw a page of the table, and in `line` what is shown; returns it with what is selected."""
    pages, everything = max(1, -(-total // A_PAGE)), not filters.collections
    asked = hashlib.sha256(repr((filters, order, state.version())).encode()).hexdigest()[:12]
    page_key = f"documents_page_{asked}"
    page = min(int(st.session_state.get(page_key, 1)), pages)
    documents = tuple(suite().documents(filters, A_PAGE, (page - 1) * A_PAGE, order))
    st.session_state[_SHOWN] = [document.id for document in documents]
    event = st.dataframe(
        _rows(documents, everything),
        column_config=_columns(everything),
        hide_index=True,
        height=_HEAD + _ROW * min(len(documents), 14) + 2,
        row_height=_ROW,
        on_select="rerun",
        selection_mode="multi-row",
        key=f"documents_table_{asked}_{page}",
        alt="Documents. Select rows to tag, move, copy or delete them.",
    )
    selected = tuple(documents[row].id for row in event.selection.rows if row < len(documents))
    with line, st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":gray[{_which(page, len(documents), total)}]", width="content")
        full = len(selected) == len(documents) < total
        whole = full and st.checkbox(f"Select all {wording.number(total)}, on every page", key=f"whole_{asked}_{page}")
    if pages > 1:
        st.pagination(pages, key=page_key)
    return Listing("".join(filters.collections), filters, total, documents, selected, whole)


def _which(page: int, shown: int, total: int) -> str:
    if shown == total:
        return wording.count(total, "document")
    first = (page - 1) * A_PAGE + 1
    return f"{wording.number(first)} to {wording.number(first + shown - 1)} of {wording.count(total, 'document')}"


def _rows(documents: tuple[Document, ...], everything: bool):  # type: ignore[no-untyped-def]
    import pandas

    rows = []
    for document in documents:
        row = {
            "open": ":material/open_in_full:",
            "name": safe.one_line(document.name),
            "title": safe.one_line(document.info.title),
            "type": wording.kind(document.info.media_type),
            "tags": [safe.one_line(tag) for tag in document.tags],
            "pages": document.page_count,
            "size": wording.size(document.bytes),
            "added": wording.when(document.added),
            "collections": [safe.one_line(name) for name in document.collections],
            "language": languages.name(document.info.language) if document.info.language else "",
            "passages": document.chunk_count,
        }
        if not everything:
            del row["collections"]
        rows.append(row)
    return pandas.DataFrame(rows)


def _columns(everything: bool) -> dict[str, Any]:
    config = st.column_config
    columns: dict[str, Any] = {
        "open": config.ButtonColumn("Open", width=60, type="tertiary", on_click=_open, key=_CLICK),
        "name": config.TextColumn("Name", width=250),
        "title": config.TextColumn("Title", width=180),
        "type": config.TextColumn("Type", width=85),
        "pages": config.NumberColumn("Pages", format="localized", width=70),
        "passages": config.NumberColumn("Passages", format="localized", width=90),
        "size": config.TextColumn("Size", alignment="right", width=80),
        "language": config.TextColumn("Language", width=90),
        "tags": config.ListColumn("Tags", width=130),
        "added": config.TextColumn("Added", width=115),
    }
    if everything:
        columns["collections"] = config.ListColumn("Collections", width=160)
    return columns


def _open() -> None:
    """The button of a row: what stood there is asked again, in the order that the table had."""
    row = st.session_state[_CLICK]["row"]
    shown: list[str] = st.session_state.get(_SHOWN, [])
    if 0 <= row < len(shown):
        drawer.open_document(shown[row])
