"""What people take away: citations, links, the results as a file."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import streamlit as st

from cortex_engine.core.documents import Document
from cortex_engine.core.exports import results_csv, results_json, results_markdown
from cortex_engine.core.search import SearchResult
from cortex_ui import safe
from cortex_ui.session import suite, told

_STYLES = {"plain": ("Plain text", "txt"), "bibtex": ("BibTeX", "bib"), "ris": ("RIS", "ris")}
_FORMATS = {
    "csv": ("CSV, for spreadsheets", "text/csv", ":material/table:"),
    "md": ("Markdown, for notes", "text/markdown", ":material/notes:"),
    "json": ("JSON, with every number", "application/json", ":material/data_object:"),
}


def citation(document_id: str, name: str, page: int, key: str) -> None:
    """Draw the citation of a page: a style to choose, the text with a copy button, a file to download."""
    style = st.segmented_control(
        "Citation style",
        list(_STYLES),
        default="plain",
        required=True,
        format_func=lambda each: _STYLES[each][0],
        label_visibility="collapsed",
        key=f"{key}_style",
    )
    style = style if style in _STYLES else "plain"
    with told():
        text = suite().cite(document_id, page, style)
        st.code(text, language=None, wrap_lines=True)
        suffix = _STYLES[style][1]
        st.download_button(
            f"Download .{suffix}",
            text,
            file_name=f"{file_stem(name)}-p{page}.{suffix}",
            mime="text/plain",
            icon=":material/download:",
            type="tertiary",
            on_click="ignore",
            key=f"{key}_download_{style}",
        )


def link(params: dict[str, str | list[str]], page: str = "Knowledge_Search") -> str:
    """The address of a page of this application with these parameters."""
    here = (st.context.url or "").split("?")[0].rstrip("/")
    base = here.rsplit("/", 1)[0] if here.count("/") > 2 else here
    return f"{base}/{page}?{urlencode(params, doseq=True)}"


def file_stem(name: str) -> str:
    """A file name without its suffix and without anything that a file system or a header could stumble over."""
    last = safe.one_line(name).replace("\\", "/").rsplit("/", 1)[-1]
    stem = last.rsplit(".", 1)[0] or "document"
    return (
        "".join(letter if letter.isalnum() or letter in "-_. " else "_" for letter in stem)[:80].strip() or "document"
    )


def download_name(name: str) -> str:
    """The document's own name, as a name that can be saved under."""
    last = safe.one_line(name).replace("\\", "/").rsplit("/", 1)[-1]
    return f"{file_stem(name)}.{last.rsplit('.', 1)[1]}" if "." in last else file_stem(name)


def results(result: SearchResult) -> None:
    """The results as files; each is made when it is asked for."""
    makers: dict[str, Callable[[SearchResult], str]] = {
        "csv": results_csv,
        "md": results_markdown,
        "json": results_json,
    }
    for suffix, make in makers.items():
        title, mime, icon = _FORMATS[suffix]
        st.download_button(
            title,
            data=lambda make=make: make(result),  # type: ignore[misc]
            file_name=f"{file_stem((result.query.text or 'like a picture') + '.')}.{suffix}",
            mime=mime,
            icon=icon,
            type="tertiary",
            on_click="ignore",
            key=f"export_{suffix}",
        )


def original(document: Document, label: str, key: str, note: str | None = None) -> None:
    """A button that hands out the original, unchanged and under its own name; it is read when it is asked for."""
    st.download_button(
        label,
        data=lambda: suite().original(document.id).read_bytes(),
        file_name=download_name(document.name),
        mime="application/octet-stream",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
        help=note,
        key=key,
    )
