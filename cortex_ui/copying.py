"""Copying a folder of this computer into the library, beside the page: it may take minutes."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from cortex_engine.core.app import IngestOptions
from cortex_engine.core.errors import CortexError
from cortex_engine.core.reports import IngestEvent, Job
from cortex_ui import safe, wording
from cortex_ui.session import suite

PROBLEM = "ingest_problem"
_COPYING = "ingest_copying"
_PATIENCE = 0.6
_SHOWN = 20
_log = logging.getLogger(__name__)


@dataclass
class _Copying:
    """A copy under way; whoever draws the page looks at it."""

    path: Path
    job: Job | None = None
    unreadable: list[IngestEvent] = field(default_factory=list)
    problem: str = ""
    done: threading.Event = field(default_factory=threading.Event)


def start(path: Path, collection: str, options: IngestOptions) -> None:
    """Begin; what is quick is done when this returns."""
    copying = _Copying(path)
    opened = suite()

    def run() -> None:
        try:
            copying.job, copying.unreadable = opened.submit([path], collection, options=options)
        except CortexError as error:
            copying.problem = str(error)
        # The thread has no other voice than the page's.
        except Exception as error:  # noqa: BLE001
            _log.exception("unexpected failure while %s was copied", path)
            copying.problem = (
                f"The files were not added because of an unexpected failure ({type(error).__name__}: {error})."
            )
        finally:
            copying.done.set()

    threading.Thread(target=run, name="cortex-copy", daemon=True).start()
    st.session_state[_COPYING] = copying
    copying.done.wait(_PATIENCE)
    if copying.job is not None and not copying.unreadable:
        files = wording.count(copying.job.total, "file")
        st.toast(f"{files} added to the queue. You can leave this page.", icon=":material/check:")


def under_way() -> bool:
    """Whether files are being copied for this session."""
    copying: _Copying | None = st.session_state.get(_COPYING)
    return copying is not None and not copying.done.is_set()


def report() -> None:
    """Show what goes on, or how it ended when that was not as expected (until files are added again)."""
    copying: _Copying | None = st.session_state.get(_COPYING)
    if copying is not None and not copying.done.is_set():
        st.info(
            f"Files from {safe.label(str(copying.path))} are being copied into the library. The first of them are taken in "
            "already.",
            icon=":material/file_copy:",
        )
    elif copying is not None:
        st.session_state[PROBLEM] = copying.problem or _left_out(copying)
        del st.session_state[_COPYING]
    if problem := st.session_state.get(PROBLEM, ""):
        st.error(safe.label(problem), icon=":material/error:")


def _left_out(copying: _Copying) -> str:
    if copying.job is not None and copying.job.total == 0 and not copying.unreadable:
        return f"There is no file in '{copying.path}' that could be added; hidden files are left out."
    if not copying.unreadable:
        return ""
    names = " ".join(event.message for event in copying.unreadable[:_SHOWN])
    more = len(copying.unreadable) - _SHOWN
    return f"Not copied: {names}" + (f" And {wording.count(more, 'more file')}." if more > 0 else "")
