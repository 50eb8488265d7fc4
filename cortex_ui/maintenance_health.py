"""Health: what the doctor finds, by how bad it is, and the button that mends it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import streamlit as st

from cortex_engine.core.reports import Finding, Severity
from cortex_ui import safe, tasks, wording
from cortex_ui.session import suite

_TASK = "doctor"
_LOOKS = {
    Severity.ERROR: ("bad", "error", "Needs mending"),
    Severity.WARNING: ("fair", "warning", "Needs attention"),
    Severity.NOTE: ("plain", "info", "Good to know"),
    Severity.OK: ("good", "check_circle", "In order"),
}
_FIX = re.compile(r"`(?:cortex )?doctor --fix`")
_CODE = re.compile(r"`([^`]*)`")


def draw() -> None:
    """The tab."""
    task = tasks.find(_TASK)
    running = task is not None and task.running
    findings: list[Finding] = [] if task is None or task.running or task.error else task.result
    mendable = any(each.fixable and not each.fixed for each in findings)
    st.markdown(
        ":gray[The doctor compares everything with everything: originals with their hashes, indexes with the catalog, accounts "
        "with documents. Search goes on meanwhile.]"
    )
    _buttons(running, mendable, full=task is not None and bool(task.about))
    if task is None:
        st.markdown("Nothing has been examined since the application was started.")
        return
    if tasks.follow(task, "Examining the library"):
        return
    if task.error:
        st.error(safe.label(task.error), icon=":material/error:")
        return
    _findings(findings, task.ended)


def _buttons(running: bool, mendable: bool, full: bool) -> None:
    """`full`: what is on the page was found by reading everything; mending looks as closely."""
    with st.container(horizontal=True, key="doctor_buttons"):
        st.button(
            "Examine",
            type="secondary" if mendable else "primary",
            icon=":material/stethoscope:",
            key="doctor_examine",
            disabled=running,
            on_click=_examine,
            args=(False, False),
        )
        st.button(
            "Examine everything",
            icon=":material/manage_search:",
            key="doctor_full",
            disabled=running,
            on_click=_examine,
            args=(False, True),
            help="Reads every byte and every vector; takes a while on a large library.",
        )
        if mendable:
            st.button(
                "Mend",
                type="primary",
                icon=":material/build:",
                key="doctor_mend",
                disabled=running,
                on_click=_examine,
                args=(True, full),
                help="Mends what can be mended without loss, and examines again.",
            )


def _examine(fix: bool, full: bool) -> None:
    tasks.begin(_TASK, lambda _: suite().doctor(fix=fix, full=full), about=full)


def _findings(findings: Sequence[Finding], when: str) -> None:
    by_severity = {
        severity: [each for each in findings if each.severity is severity and not each.fixed] for severity in _LOOKS
    }
    fixed = [each for each in findings if each.fixed]
    _verdict(by_severity, fixed, when)
    for severity in (Severity.ERROR, Severity.WARNING, Severity.NOTE):
        if by_severity[severity]:
            tone, icon, title = _LOOKS[severity]
            st.subheader(title, anchor=False)
            with st.container(border=True, gap="xsmall", key=f"findings_{severity}"):
                for each in by_severity[severity]:
                    safe.show(_finding(each, tone, icon))
    if fixed:
        st.subheader("Mended just now", anchor=False)
        with st.container(border=True, gap="xsmall", key="findings_fixed"):
            for each in fixed:
                safe.show(_finding(each, "good", "build_circle"))
    sound = by_severity[Severity.OK]
    if sound:
        with st.expander(f"{wording.count(len(sound), 'check')} in order", type="compact", key="findings_ok"):
            for each in sound:
                safe.show(_finding(each, "good", "check_circle"))


def _verdict(found: dict[Severity, list[Finding]], fixed: Sequence[Finding], when: str) -> None:
    errors, warnings = len(found[Severity.ERROR]), len(found[Severity.WARNING])
    told = f"Examined {wording.when(when)}."
    with st.container(key="doctor_verdict"):
        if errors:
            st.error(f"**{wording.count(errors, 'thing')} to mend.** {told}", icon=":material/error:")
        elif warnings:
            st.warning(f"**{wording.count(warnings, 'thing')} to look at.** {told}", icon=":material/warning:")
        else:
            mended = f" {wording.count(len(fixed), 'thing')} mended." if fixed else ""
            st.success(f"**The library is healthy.**{mended} {told}", icon=":material/verified:")


def _finding(each: Finding, tone: str, icon: str) -> str:
    remedy = "" if each.fixed or each.severity is Severity.OK else with_code(remedy_here(each))
    below = f'<div class="cx-quiet">{remedy}</div>' if remedy else ""
    return (
        f'<div class="cx-finding {tone}"><span class="cx-icon" aria-hidden="true">{icon}</span><div>'
        f'<div class="cx-name">{safe.escape(title(each.check))}</div><div>{with_code(each.message)}</div>{below}</div></div>'
    )


def title(check: str) -> str:
    """The doctor's word for a check as people read it: "sqlite-version" as "Sqlite version"."""
    words = check if " " in check else check.replace("-", " ")
    return words[:1].upper() + words[1:]


def remedy_here(each: Finding) -> str:
    """The remedy in terms of this page: what the command line's `doctor --fix` does, the button does too."""
    return _FIX.sub("Mend", each.remedy)


def with_code(text: str) -> str:
    """Escaped text, with what stands between backticks as code."""
    parts = _CODE.split(text)
    return "".join(
        f"<code>{safe.escape(part)}</code>" if place % 2 else safe.escape(part) for place, part in enumerate(parts)
    )
