"""Storage: what lies where and how large it is; backup and rebuild."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from cortex_engine.core.app import StorageItem, StorageReport
from cortex_engine.core.errors import UsageError
from cortex_ui import safe, tasks, wording
from cortex_ui.session import suite, told

_KINDS = {
    "truth": ("must be kept", "good"),
    "derived": ("can be rebuilt", "plain"),
    "cache": ("cache", "plain"),
    "log": ("log", "plain"),
    "other": ("not ours", "fair"),
}
_LOW = 0.05
_ASKED = "rebuild_asked"


def draw() -> None:
    """The tab."""
    report = suite().storage()
    size = sum(item.bytes for item in report.items)
    kept = sum(item.bytes for item in report.items if item.kind == "truth")
    with st.grid(4, min_column_width=128, gap="small", key="storage_figures"):
        st.metric("Library", wording.size(size), border=True)
        st.metric("To be backed up", wording.size(kept), border=True)
        st.metric("Free on the disk", wording.size(report.free), border=True)
        st.metric("Last backup", wording.when(report.backup_made) or "never", border=True)
    if report.free < report.total * _LOW:
        st.warning(
            f"**The disk is nearly full:** {wording.size(report.free)} of {wording.size(report.total)} are free.",
            icon=":material/hard_disk:",
        )
    _items(report)
    _backup(report)
    _rebuild()
    if st.session_state.get(_ASKED):
        _confirm()


def _items(report: StorageReport) -> None:
    st.subheader("What lies where", anchor=False)
    head = '<th>Part</th><th>Kind</th><th class="number">Size</th><th class="number">Files</th><th>Where</th>'
    rows = "".join(_row(item, report.folder) for item in report.items)
    with st.container(border=True, key="storage_items"):
        safe.show(f'<table class="cx-table wide"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>')
    safe.show(f'<div class="cx-quiet">The library lies in {safe.escape(report.folder)}.</div>')


def _row(item: StorageItem, folder: str) -> str:
    word, tone = _KINDS.get(item.kind, (item.kind, "plain"))
    where = item.path.removeprefix(folder).lstrip("/\\")
    return (
        f'<tr><td><span class="cx-name">{safe.escape(item.name)}</span><div class="cx-quiet">{safe.escape(item.remark)}</div>'
        f'</td><td><span class="cx-chip {tone}">{safe.escape(word)}</span></td>'
        f'<td class="number">{wording.size(item.bytes)}</td><td class="number">{wording.count(item.files, "file")}</td>'
        f'<td class="cx-quiet">{safe.escape(where)}</td></tr>'
    )


def _backup(report: StorageReport) -> None:
    st.subheader("Backup", anchor=False)
    st.markdown(
        ":gray[Catalog and originals go into an empty folder outside of the library, each compared with its hash. Indexes are "
        "rebuilt from them when the backup is restored.]"
    )
    if report.backup:
        safe.show(
            f'<div class="cx-quiet">The last one went to {safe.escape(report.backup)}, '
            f"{safe.escape(wording.when(report.backup_made))}.</div>"
        )
    task = tasks.find("backup")
    with st.container(width=760):
        with st.form("backup_form", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
            folder = st.text_input(
                "Folder on this computer", placeholder="/media/stick/cortex-backup", key="backup_folder"
            )
            sent = st.form_submit_button(
                "Back up",
                type="primary",
                icon=":material/save:",
                disabled=task is not None and task.running,
                width="content",
                key="backup_begin",
            )
        if sent:
            with told():
                target = backup_target(folder)
                task = tasks.begin("backup", lambda running: suite().backup(target, running.tell))
        if task is None or tasks.follow(task, "Copying originals"):
            return
        if task.error:
            st.error(safe.label(task.error), icon=":material/error:")
        else:
            done = f"The backup of {wording.when(task.ended)} is complete: {task.result}"
            st.success(safe.label(done), icon=":material/check_circle:")


def backup_target(text: str) -> Path:
    """The folder that a person named.

    Raises:
        UsageError: nothing was named, or no whole path.
    """
    if not text.strip():
        raise UsageError("Name the folder that the backup is to be written to.")
    target = Path(text.strip()).expanduser()
    if not target.is_absolute():
        raise UsageError(
            f"'{text.strip()}' is no whole path. Give one from the root of the disk, like /media/stick/backup."
        )
    return target


def _rebuild() -> None:
    st.subheader("Indexes", anchor=False)
    st.markdown(
        ":gray[All indexes can be built anew from the catalog; no document is read again. This is seldom needed: what is damaged "
        "is found and rebuilt by itself.]"
    )
    task = tasks.find("rebuild")
    running = task is not None and task.running
    st.button("Rebuild all indexes", icon=":material/sync:", key="rebuild", disabled=running, on_click=_ask)
    if task is None or tasks.follow(task, "Building the indexes anew"):
        return
    if task.error:
        st.error(safe.label(task.error), icon=":material/error:")
    else:
        many = "1 index was" if len(task.result) == 1 else f"{len(task.result)} indexes were"
        st.success(f"{many} built anew, {wording.when(task.ended)}.", icon=":material/check_circle:")


def _ask() -> None:
    st.session_state[_ASKED] = True


def _forget() -> None:
    st.session_state.pop(_ASKED, None)


@st.dialog("Rebuild all indexes", icon=":material/sync:", on_dismiss=_forget)
def _confirm() -> None:
    passages = wording.count(suite().counts().passages, "passage")
    st.markdown(
        f"The indexes of {passages} are built anew beside the present ones and then take their place. Documents, vectors and "
        "collections stay as they are. New files wait until it is done."
    )
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep them", key="rebuild_keep"):
            _forget()
            st.rerun()
        if st.button("Rebuild", type="primary", key="rebuild_confirm"):
            _forget()
            tasks.begin("rebuild", lambda _: suite().rebuild())
            st.rerun()
