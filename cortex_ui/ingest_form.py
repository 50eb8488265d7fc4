"""Adding files: what is dropped, chosen or named by its path, where it goes, and how it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from cortex_engine.core.app import IngestOptions
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import CortexError
from cortex_engine.core.network import is_loopback
from cortex_ui import copying, ingest_options, safe, wording
from cortex_ui.session import suite, told

FILES, FOLDER, PATH = "Files", "Folder", "Path on this computer"
_ROUND = "ingest_round"
"""Number of the uploader that is shown: another number is an empty one."""

_STEPS = (
    "Its text is read; scanned pages and pictures go through OCR.",
    "The text is cut into passages that keep their page and their place.",
    "Passages become vectors, on this computer; with Qwen3-VL pictures and pages do too.",
    "It can be searched, and found again on the page.",
)
_FORMATS = (
    "PDF, Word, PowerPoint, Excel, OpenDocument text, RTF, web pages, Markdown, text, CSV, JSON, XML, e-mail, EPUB, ZIP "
    "archives, PNG, JPEG, WebP, TIFF, BMP and GIF"
)


def draw() -> None:
    """The form."""
    ways = [FILES, FOLDER, PATH] if _at_this_computer() else [FILES, FOLDER]
    way = st.segmented_control(
        "What to add", ways, default=FILES, required=True, key="ingest_way", label_visibility="collapsed"
    )
    chosen = _path() if way == PATH else _uploader(way == FOLDER)
    collection, spec = _collection()
    with st.container(horizontal=True, vertical_alignment="center", key="ingest_bar"):
        place = st.container(width="content")
        options, model, target = ingest_options.draw(spec)
    place.button(
        _label(way, chosen),
        type="primary",
        icon=":material/add:",
        disabled=not chosen,
        key="ingest_add",
        on_click=_add_path if way == PATH else _add_uploads,
        args=(chosen, collection, options, target),
    )
    safe.show(f'<div class="cx-quiet">{safe.escape(ingest_options.summary(options, model))}</div>')
    if spec is None and not target and (wrong := ingest_options.fault()):
        st.warning(
            f"{safe.label(wrong)} Until then choose a collection that is there, or another model in Options.",
            icon=":material/warning:",
        )
    copying.report()


def explanation() -> None:
    """What happens to a file, formats and limits."""
    with st.container(border=True, key="ingest_explanation", gap="small"):
        st.markdown("**What happens to a file**")
        items = "".join(f"<li>{safe.escape(step)}</li>" for step in _STEPS)
        safe.show(f'<ol class="cx-steps">{items}</ol>')
        limit = wording.size(suite().config.parse_file_bytes)
        safe.show(
            f'<div class="cx-quiet">{_FORMATS}, up to {limit} each. Everything stays on this computer; the original is kept '
            "unchanged. You can leave this page while files are taken in.</div>"
        )


def _at_this_computer() -> bool:
    """Whether the page is served to this computer only: else a path would be one on somebody else's."""
    return is_loopback(str(st.get_option("server.address") or ""))


def _uploader(folder: bool) -> list[Any]:
    key = f"ingest_upload_{'folder' if folder else 'files'}_{st.session_state.setdefault(_ROUND, 0)}"
    with st.container(key="drop_folder" if folder else "drop"):
        return list(
            st.file_uploader(
                "Drop a folder here" if folder else "Drop files here",
                accept_multiple_files="directory" if folder else True,
                key=key,
                label_visibility="collapsed",
            )
            or ()
        )


def _path() -> str:
    text = st.text_input(
        "A file or folder on this computer",
        placeholder="/home/me/Documents" if Path("/").drive == "" else "C:\\Users\\me\\Documents",
        key="ingest_path",
        persist_state="page",
        help="Files are copied into the library; the originals stay where they are. Folders are taken with their subfolders.",
    )
    return text.strip().strip("\"'")


def _collection() -> tuple[str, EmbeddingSpec | None]:
    """The name of the collection that files go to, and the model it has; None where it is not there yet."""
    known = {collection.name: collection.spec for collection in suite().collections()}
    default = suite().config.default_collection
    names = [*known] if default in known else [default, *known]
    name = st.selectbox(
        "Collection",
        names,
        index=names.index(default),
        accept_new_options=True,
        format_func=safe.one_line,
        placeholder="Choose a collection, or type the name of a new one",
        key="ingest_collection",
        persist_state="session",
        help="Choose one, or type the name of a new one. A document may be in several collections.",
    )
    name = (name or default).strip()
    return name, known.get(name)


def _label(way: str, chosen: list[Any] | str) -> str:
    if way == PATH:
        return "Add from this path"
    return f"Add {wording.count(len(chosen), 'file')}" if chosen else "Add files"


def _own_name(sent: str) -> str:
    """The name as the person's disk has it: browsers send a quotation mark in a file name as %22 (WHATWG, multipart)."""
    return sent.replace("%22", '"')


def _made(collection: str, target: str) -> None:
    """Make the collection with the model that was chosen for it; with none chosen, its first file makes it.

    Raises:
        UsageError, ModelUnavailableError: there is no such model here.
    """
    if target and collection not in {each.name for each in suite().collections()}:
        suite().create_collection(collection, spec=suite().spec_of(target))


def _add_uploads(files: list[Any], collection: str, options: IngestOptions, target: str) -> None:
    st.session_state.pop(copying.PROBLEM, None)
    with told():
        _made(collection, target)
        job = suite().receive([(_own_name(file.name), file) for file in files], collection, options)
        # What was uploaded lies in the library now: an empty uploader lets go of its memory.
        st.session_state[_ROUND] += 1
        st.toast(
            f"{wording.count(job.total, 'file')} added to the queue. You can leave this page.", icon=":material/check:"
        )


def _add_path(text: str, collection: str, options: IngestOptions, target: str) -> None:
    st.session_state.pop(copying.PROBLEM, None)
    try:
        path = Path(text).expanduser()
    except RuntimeError:  # there is no such user
        path = Path(text)
    if not path.is_absolute():
        st.session_state[copying.PROBLEM] = (
            f"'{text}' does not say where it begins. Give the whole path, from the root folder or the drive on."
        )
        return
    try:
        _made(collection, target)
        copying.start(path, collection, options)
    except CortexError as error:
        st.session_state[copying.PROBLEM] = str(error)
