"""The queue: every job with its files, their states in words, and what can be done about them."""

from __future__ import annotations

import contextlib

import streamlit as st

from cortex_engine.core.errors import NotFoundError
from cortex_engine.core.reports import FileState, Job, JobState
from cortex_ui import copying, queue_rows, safe, wording
from cortex_ui.session import suite, told

_SECONDS = 1.0
_OPEN_JOBS = 2
"""Ended jobs whose files are shown without asking."""
_JOBS = 10
_ENDED = (JobState.DONE, JobState.CANCELLED)
_BAD = (FileState.FAILED, FileState.QUARANTINED)


def draw() -> None:
    """The queue; it follows by itself while something happens."""
    busy = _busy()
    # One function for both: a click on the way while this changes must find the fragment that it belongs to.
    st.fragment(_follow, run_every=_SECONDS if busy else None)(busy)


def _busy() -> bool:
    progress = suite().queue_progress()
    # Files in work end also when their job is paused or cancelled.
    return progress.busy or bool(progress.active) or copying.under_way()


def _follow(was_busy: bool) -> None:
    with told():
        if _busy() != was_busy:
            st.rerun()
    _jobs()


def _jobs() -> None:
    with told():
        jobs = [job for job in suite().jobs() if job.total or job.state not in _ENDED]
        if not jobs:
            _nothing()
            return
        _head(jobs)
        pages = -(-len(jobs) // _JOBS)
        page = min(st.session_state.get("jobs_page", 1), pages)
        shown = jobs[(page - 1) * _JOBS : page * _JOBS]
        ended = 0
        for job in shown:
            ended += job.state in _ENDED
            _job(job, folded=ended > _OPEN_JOBS)
        if pages > 1:
            st.pagination(pages, key="jobs_page")


def _nothing() -> None:
    with st.container(key="queue_empty", horizontal_alignment="center"):
        st.space("small")
        safe.show(
            '<div class="cx-quiet cx-centre">Nothing has been added yet. What you add appears here, file by file.</div>'
        )


def _head(jobs: list[Job]) -> None:
    progress = suite().queue_progress()
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="queue_head"
    ):
        st.subheader("Queue", anchor=False)
        if any(job.state in _ENDED for job in jobs):
            st.button(
                "Clear ended jobs",
                type="tertiary",
                icon=":material/clear_all:",
                key="clear_jobs",
                on_click=_forget,
                help="Takes them off this list; the documents stay.",
            )
    if progress.trouble:
        st.warning(safe.label(progress.trouble), icon=":material/warning:")


def _job(job: Job, folded: bool) -> None:
    with st.container(border=True, key=f"job_{job.id}", gap="small"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"):
            safe.show(
                f'<div><span class="cx-name">{safe.escape(job.collection)}</span> '
                f'<span class="cx-quiet">{_summary(job)}</span></div>'
            )
            with st.container(horizontal=True, width="content", gap="xsmall", vertical_alignment="center"):
                _badges(job)
                _actions(job)
        if job.state not in _ENDED and job.total:
            st.progress(job.finished / job.total, text=_going(job))
        if not folded:
            queue_rows.draw(job)
            return
        with st.expander("Files", type="compact", key=f"job_files_{job.id}", on_change="rerun") as files:
            if files.open:
                queue_rows.draw(job)


def _summary(job: Job) -> str:
    words = [wording.count(job.total, "file"), wording.when(job.created)]
    if job.kind == "sync":
        words.insert(0, "folder sync")
    return safe.escape(" · ".join(words))


def _going(job: Job) -> str:
    share = f"{wording.number(job.finished)} of {wording.count(job.total, 'file')} done"
    return f"Paused · {share}" if job.state is JobState.PAUSED else share


def _badges(job: Job) -> None:
    done = sum(job.counts.get(state, 0) for state in (FileState.DONE, FileState.ALREADY_HERE))
    bad = sum(job.counts.get(state, 0) for state in _BAD)
    if job.state is JobState.PAUSED:
        st.badge("Paused", color="orange")
    if job.state is JobState.CANCELLED:
        st.badge("Cancelled", color="gray")
    if done:
        st.badge(f"{wording.number(done)} done", color="green")
    if job.total > job.finished:
        st.badge(f"{wording.number(job.total - job.finished)} to go", color="blue")
    if bad:
        st.badge(f"{wording.number(bad)} failed", color="red")


def _actions(job: Job) -> None:
    def action(label: str, icon: str, name: str) -> None:
        st.button(
            label,
            type="tertiary",
            icon=f":material/{icon}:",
            key=f"{name}_{job.id}",
            on_click=_act,
            args=(name, job.id),
        )

    if job.state is JobState.PAUSED:
        action("Resume", "play_arrow", "resume")
    elif job.state not in _ENDED:
        action("Pause", "pause", "pause")
    if job.state not in _ENDED:
        action("Cancel", "close", "cancel")
        return
    if any(job.counts.get(state) for state in (*_BAD, FileState.CANCELLED)):
        action("Retry all", "refresh", "retry")
    if job.finished == job.total:
        action("Remove", "close", "remove")


def _act(name: str, job_id: str) -> None:
    acts = {
        "pause": suite().pause_job,
        "resume": suite().resume_job,
        "cancel": suite().cancel_job,
        "retry": suite().retry_job,
        "remove": suite().forget_job,
    }
    with told():
        acts[name](job_id)
    st.rerun()


def _forget() -> None:
    with told():
        for job in suite().jobs():
            if job.state in _ENDED and job.finished == job.total:
                with contextlib.suppress(NotFoundError):  # another window was faster
                    suite().forget_job(job.id)
    st.rerun()
