"""Logs: what the application wrote down, newest first."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from cortex_engine.core.app import LogLine
from cortex_ui import safe
from cortex_ui.session import suite

_LEVELS = {"DEBUG": "Everything", "INFO": "Info and above", "WARNING": "Warnings and errors", "ERROR": "Errors only"}
_SHOWN = 200
_DOWNLOADED = 50_000


def draw() -> None:
    """The tab."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="log_filter"):
        level = st.selectbox(
            "Level",
            list(_LEVELS),
            index=1,
            format_func=_LEVELS.__getitem__,
            key="log_level",
            width=220,
        )
        contains = st.text_input(
            "Search",
            type="search",
            key="log_search",
            placeholder="Word or number",
        )
        st.download_button(
            "Download",
            data=lambda: as_text(suite().log_lines(_DOWNLOADED, level, contains)),
            file_name="cortex-log.txt",
            mime="text/plain",
            icon=":material/download:",
            on_click="ignore",
            key="log_download",
            width="content",
            help="What the filters leave, as plain text. Keys, passwords and cookies are not in the log.",
        )
        st.button("Refresh", icon=":material/refresh:", key="log_refresh", width="content")
    lines = suite().log_lines(_SHOWN + 1, level, contains)
    if not lines:
        st.markdown("No line fits." if contains or level != "INFO" else "Nothing has been written down yet.")
        return
    with st.container(border=True, key="log_lines"):
        safe.show("".join(_line(each) for each in lines[:_SHOWN]))
    if len(lines) > _SHOWN:
        st.markdown(f":gray[The newest {_SHOWN} lines; the download has all of them.]")


def as_text(lines: list[LogLine]) -> str:
    """A line of text for each, oldest first; further lines of a message are indented."""
    return "".join(
        f"{each.time} {each.level:<8} {each.logger}: {each.message.replace(chr(10), chr(10) + '    ')}\n"
        for each in reversed(lines)
    )


def _line(each: LogLine) -> str:
    return (
        f'<div class="cx-log"><span class="when">{safe.escape(_time(each.time))}</span>'
        f'<span class="{safe.escape(each.level)}">{safe.escape(each.level.capitalize())}</span>'
        f'<div class="what">{safe.escape(each.message)}<span class="who">{safe.escape(each.logger)}</span></div></div>'
    )


def _time(iso: str) -> str:
    try:
        return f"{datetime.fromisoformat(iso).astimezone():%d %b %H:%M:%S}"
    except ValueError:
        return iso
