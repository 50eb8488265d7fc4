"""What is known of one document: to correct, with what the file itself says; where it came from; what it contains."""

from __future__ import annotations

import contextlib
from datetime import date

import streamlit as st

from cortex_engine.core.documents import Document
from cortex_ui import collections_state as state
from cortex_ui import drawer, exporting, languages, safe, wording
from cortex_ui.session import suite, told

_FIELDS = {"name": "Name", "title": "Title", "author": "Author"}
_EARLIEST, _LATEST = date(1, 1, 1), date(9999, 12, 31)


def draw(document_id: str) -> None:
    """The dialog's body."""
    with told():
        document = suite().document(document_id)
        own = suite().metadata_edits(document_id)
        changes = _form(document, own)
        tags = _tags(document)
        if st.button("Save", type="primary", key="details_send"):
            _save(document, changes, tags)
        _file(document)
        _origin(document)
        _contained(document)


def _form(document: Document, own: dict[str, str]) -> dict[str, str]:
    """The fields; returns those that differ from what is kept."""
    info = document.info
    kept = {"name": document.name, "title": info.title, "author": info.author}
    changes: dict[str, str] = {}
    for field, label in _FIELDS.items():
        key = _key(field, document)
        st.session_state.setdefault(key, kept[field])
        value = st.text_input(label, key=key)
        _what_the_file_says(field, key, own)
        if value != kept[field]:
            changes[field] = value
    with st.grid(2, min_column_width=200, gap="small"):
        with st.container(gap="small"):
            changes |= _date(document, own)
        with st.container(gap="small"):
            changes |= _language(document, own)
    return changes


def _key(field: str, document: Document) -> str:
    return f"details_{field}_{document.id}"


def _as_date(text: str) -> date | None:
    with contextlib.suppress(ValueError):
        return date.fromisoformat(text[:10])
    return None


def _date(document: Document, own: dict[str, str]) -> dict[str, str]:
    key, kept = _key("date", document), document.info.modified or document.info.created
    st.session_state.setdefault(key, _as_date(kept))
    value = st.date_input("Date", min_value=_EARLIEST, max_value=_LATEST, format="YYYY-MM-DD", key=key)
    _what_the_file_says("date", key, own)
    chosen = value if isinstance(value, date) else None
    return {} if chosen == _as_date(kept) else {"date": chosen.isoformat() if chosen else ""}


def _language(document: Document, own: dict[str, str]) -> dict[str, str]:
    key, kept = _key("language", document), document.info.language
    options = ["", *sorted({*languages.NAMES, kept, own.get("language", "")} - {""}, key=languages.name)]
    st.session_state.setdefault(key, kept)
    value = st.selectbox("Language", options, format_func=languages.name, key=key)
    _what_the_file_says("language", key, own)
    return {} if value == kept else {"language": value or ""}


def _what_the_file_says(field: str, key: str, own: dict[str, str]) -> None:
    """Under a corrected field: the file's own word, and a button that puts it back."""
    if field not in own:
        return
    said = languages.name(own[field]) if field == "language" else own[field]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"own_{key}"):
        text = f"The file itself says “{said}”" if said else "The file itself says nothing"
        safe.show(f'<span class="cx-quiet">{safe.escape(text)}</span>')
        st.button(
            "Restore",
            type="tertiary",
            icon=":material/undo:",
            on_click=_restore,
            args=(field, key, own[field]),
            key=f"restore_{key}",
        )


def _restore(field: str, key: str, said: str) -> None:
    st.session_state[key] = _as_date(said) if field == "date" else said


def _tags(document: Document) -> list[str]:
    key = _key("tags", document)
    st.session_state.setdefault(key, list(document.tags))
    options = list(dict.fromkeys([*document.tags, *suite().facets().tags, *st.session_state[key]]))
    return st.multiselect(
        "Tags",
        options,
        format_func=safe.one_line,
        accept_new_options=True,
        placeholder="Choose tags or type new ones",
        key=key,
    )


def _save(document: Document, changes: dict[str, str], tags: list[str]) -> None:
    if not changes and list(document.tags) == tags:
        state.close_dialog()
        st.rerun()
    if changes:
        suite().set_metadata(document.id, **changes)
    if list(document.tags) != tags:
        suite().set_tags(document.id, tags)
    changed = [*changes, *(["tags"] if list(document.tags) != tags else [])]
    state.done(f"Saved {', '.join(changed)} of '{changes.get('name', document.name)}'.")


def _file(document: Document) -> None:
    with st.container(horizontal=True, gap="small", key="details_file"):
        if st.button("Open", icon=":material/open_in_full:", type="tertiary", key="details_open"):
            _open(document.id)
        exporting.original(document, f"Original ({wording.size(document.bytes)})", "details_original")


def _open(document_id: str) -> None:
    """The drawer instead of this dialog."""
    state.close_dialog()
    drawer.open_document(document_id)
    st.rerun()


def _origin(document: Document) -> None:
    parts = [
        wording.kind(document.info.media_type),
        wording.count(document.page_count, "page"),
        wording.count(document.chunk_count, "passage"),
        f"added {wording.when(document.added)}",
    ]
    lines = [" · ".join(parts), f"In {', '.join(document.collections)}"]
    if document.parent_id:
        lines.append(f"It came inside of '{suite().document(document.parent_id).name}'")
    lines += [f"Taken from {path}" for path in document.source_paths]
    lines.append(f"Id {document.id}")
    st.markdown("**Where it came from**")
    safe.show("".join(f'<div class="cx-quiet">{safe.escape(line)}</div>' for line in lines))


def _contained(document: Document) -> None:
    children = suite().contained(document.id)
    if not children:
        return
    st.markdown(f"**It contains {wording.count(len(children), 'document')}**")
    with st.container(gap="xsmall", height=220 if len(children) > 5 else "content", key="details_contained"):
        for child in children[:100]:
            name = safe.label(child.name) or "Without a name"
            if st.button(name, type="tertiary", icon=":material/attach_file:", key=f"contained_{child.id}"):
                _open(child.id)
