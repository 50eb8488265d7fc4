"""The files of a job: one row each, what needs a person first, page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from cortex_engine.core.documents import Document
from cortex_engine.core.reports import FileState, Job, JobFile, JobState
from cortex_engine.core.search import Filters
from cortex_ui import drawer, safe, wording
from cortex_ui.session import suite, told

_ROWS = 12
_GROUPS = (
    (FileState.PARSING, FileState.EMBEDDING, FileState.INDEXING),
    (FileState.FAILED, FileState.QUARANTINED),
    (FileState.QUEUED,),
    (FileState.CANCELLED,),
    (FileState.DONE, FileState.ALREADY_HERE),
)
"""In work, in need of a person, waiting, dropped, done: in this order."""

_WORDS = {
    FileState.QUEUED: ("Waiting", "schedule"),
    FileState.PARSING: ("Reading", "menu_book"),
    FileState.EMBEDDING: ("Turning into vectors", "memory"),
    FileState.INDEXING: ("Indexing", "database"),
    FileState.DONE: ("Done", "check_circle"),
    FileState.ALREADY_HERE: ("Already here", "content_copy"),
    FileState.FAILED: ("Failed", "error"),
    FileState.QUARANTINED: ("Quarantined", "gpp_maybe"),
    FileState.CANCELLED: ("Cancelled", "block"),
}
_RETRY = (FileState.FAILED, FileState.QUARANTINED, FileState.CANCELLED)


def draw(job: Job) -> None:
    """The rows of a page of the job's files."""
    pages = max(1, -(-job.total // _ROWS))
    key = f"files_page_{job.id}"
    page = min(st.session_state.get(key, 1), pages)
    files = _window(job, (page - 1) * _ROWS, _ROWS)
    documents = _documents(files)
    with st.container(gap=None, key=f"files_{job.id}"):
        for file in files:
            _row(file, documents.get(file.document_id), job.state is JobState.PAUSED)
    if pages > 1:
        st.pagination(pages, key=key)


def _window(job: Job, offset: int, limit: int) -> list[JobFile]:
    """So many files from the `offset`-th on, group after group."""
    files: list[JobFile] = []
    for states in _GROUPS:
        size = sum(job.counts.get(state, 0) for state in states)
        if offset < size and len(files) < limit:
            files += suite().job_files(job.id, states, limit - len(files), offset)
        offset = max(0, offset - size)
    return files


def _documents(files: Sequence[JobFile]) -> Mapping[str, Document]:
    ids = tuple(file.document_id for file in files if file.document_id)
    found = suite().documents(Filters(documents=ids), limit=len(ids)) if ids else []
    return {document.id: document for document in found}


def _row(file: JobFile, document: Document | None, paused: bool) -> None:
    html = _html(file, document, paused)
    retry = file.state in _RETRY
    if not retry and document is None:
        safe.show(html)
        return
    with st.container(horizontal=True, wrap=False, vertical_alignment="top", gap="small", key=f"file_{file.id}"):
        with st.container():
            safe.show(html)
        if retry:
            st.button(
                "Retry",
                type="tertiary",
                icon=":material/refresh:",
                key=f"retry_file_{file.id}",
                on_click=_retry,
                args=(file.id,),
                width="content",
            )
        elif document is not None:
            st.button(
                "Open",
                type="tertiary",
                icon=":material/open_in_full:",
                key=f"open_file_{file.id}",
                on_click=_open,
                args=(document.id,),
                width="content",
            )


def _html(file: JobFile, document: Document | None, paused: bool) -> str:
    word, icon = _WORDS[file.state]
    if paused and file.state is FileState.QUEUED:
        word, icon = "Paused", "pause"
    facts = [word]
    if file.state is FileState.DONE and document is not None:
        facts.append(wording.count(document.chunk_count, "passage"))
    if file.state is FileState.DONE and document is None:
        facts.append("deleted since")
    message = file.message if file.state in {FileState.FAILED, FileState.QUARANTINED, FileState.DONE} else ""
    if file.state is FileState.ALREADY_HERE:
        message = _already(file, document)
    reason = f'<div class="cx-reason">{safe.escape(message)}</div>' if message else ""
    return (
        f'<div class="cx-file {file.state}"><span class="cx-icon" aria-hidden="true">{icon}</span><div class="cx-grow">'
        f'<div class="cx-line"><span class="cx-name">{safe.escape(file.name)}</span> '
        f'<span class="cx-state">{safe.escape(" · ".join(facts))}</span></div>{reason}</div></div>'
    )


def _already(file: JobFile, document: Document | None) -> str:
    if document is None:
        return "The document has been deleted since."
    name = "the same file" if document.name == file.name else f"the same content as '{document.name}'"
    return f"It is {name} in '{file.collection}'; nothing was changed."


def _retry(file_id: int) -> None:
    with told():
        suite().retry_file(file_id)
    st.rerun()


def _open(document_id: str) -> None:
    drawer.open_document(document_id)
    st.rerun()
