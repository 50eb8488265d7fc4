"""What scores mean, on the page: calibrated collections, and the recall certificate of each model."""

from __future__ import annotations

from collections.abc import Collection as Models
from collections.abc import Sequence

import streamlit as st

from cortex_engine.core.calibration import (
    FUSION_STAGE,
    MEANING_STAGE,
    Calibration,
    CalibrationState,
    RecallCertificate,
    conformal_cut,
)
from cortex_ui import safe, tasks, wording
from cortex_ui.session import suite

_TASK = "calibrate"


def draw() -> None:
    """The section of the inspector."""
    states = [each for each in suite().calibration_states() if each.passages]
    if not states:
        return
    st.subheader("What scores mean", anchor=False)
    when = (
        "That is measured in the background after files came in, and again when a collection has doubled or halved."
        if suite().config.calibration
        else "That is measured by this button only: the setting 'calibration' is off."
    )
    st.markdown(
        ":gray[Scores are compared with those of unrelated passages, and of questions that the library is known to answer. "
        f"{when}]"
    )
    with st.container(key="certificate", gap="small"):
        calibrations = suite().calibrations()
        _collections(states, calibrations, suite().config.miss_rate)
        if told := rerankers(calibrations, suite().config.reranker_in_use):
            safe.show(f'<div class="cx-quiet">{safe.escape(told)}</div>')
        for row in suite().recall_certificates():
            safe.show(
                f'<div><strong>{safe.escape(row.model)}</strong> <span class="cx-quiet">{safe.escape(sentence(row))}</span></div>'
            )
        task = tasks.find(_TASK)
        if task is not None and tasks.follow(task, "Calibrating"):
            return
        if task is not None and task.error:
            st.error(safe.label(task.error), icon=":material/error:")
        st.button("Calibrate now", icon=":material/straighten:", on_click=_begin, key="calibrate_now")


def rerankers(calibrations: Sequence[Calibration], in_use: str) -> str:
    """Which rerankers' scores are measured in which collections, as sentences; "" without a reranker."""
    measured: dict[str, list[str]] = {}
    for each in calibrations:
        if each.reranker and each.pairs:
            measured.setdefault(each.reranker, []).append(
                f"{each.collection} ({wording.number(each.pairs)} unrelated pairs)"
            )
    told = [f"Scores of the reranker {name} are measured in {wording.listed(of)}." for name, of in measured.items()]
    if in_use == "http":
        told.append("A rerank service is only asked by 'Calibrate now': made questions and passages are sent to it.")
    elif in_use != "none" and not told:
        told.append("Scores of the reranker are not measured yet; that needs one that is loaded.")
    return " ".join(told)


def line(models: Models[str]) -> None:
    """A quiet line of the search's sidebar: how sure approximate searches with these models are."""
    for row in suite().recall_certificates():
        if row.model_id in models and not row.exact:
            safe.show(f'<div class="cx-quiet" role="note">{safe.escape(short(row))}</div>')


def sentence(row: RecallCertificate) -> str:
    """A certificate in a sentence."""
    if row.exact:
        return "Every search compares all vectors, so the nearest ones are always found."
    if not row.widening:
        return (
            f"The index lost too many (wanted: {_share(row.bound, 0)}), so every search compares all vectors for now."
        )
    if not row.samples:
        since = f" since they ask for {row.widening:g} times as many candidates" if row.widening > 1 else ""
        return (
            f"Searches of everything are approximate; none has been compared with the exact scan yet{since}. Filtered ones are "
            "exact."
        )
    wide = f" Searches ask for {row.widening:g} times as many candidates." if row.widening > 1 else ""
    return (
        f"Of the ten nearest passages searches find {_share(row.recall)} (95 % interval {_share(row.low)} to "
        f"{_share(row.high)}, {wording.number(row.samples)} compared, wanted: {_share(row.bound, 0)}). "
        f"Filtered ones are exact.{wide}"
    )


def short(row: RecallCertificate) -> str:
    """ "recall@10 98.7 % (97.9–99.2)"."""
    if not row.widening:
        return "all vectors are compared: the index lost too many"
    if not row.samples:
        return "approximate; recall not measured yet"
    wide = f", asks {row.widening:g} times as wide" if row.widening > 1 else ""
    return f"recall@{row.k} {_share(row.recall)} ({row.low * 100:.1f}–{row.high * 100:.1f}){wide}"


def _begin() -> None:
    tasks.begin(_TASK, lambda _: suite().calibrate())


def _collections(states: Sequence[CalibrationState], calibrations: Sequence[Calibration], rate: float) -> None:
    known = {(each.collection, each.stage): each for each in calibrations}
    body = "".join(
        _row(each, known.get((each.collection, FUSION_STAGE)), known.get((each.collection, MEANING_STAGE)), rate)
        for each in states
    )
    head = "".join(
        f"<th>{title}</th>"
        for title in (
            "Collection",
            "Answered questions",
            "Unrelated pairs",
            f"Found from (miss rate {_share(rate, 0)})",
            "Measured",
        )
    )
    safe.show(f'<table class="cx-table wide"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>')


def _row(state: CalibrationState, hybrid: Calibration | None, meaning: Calibration | None, rate: float) -> str:
    name = f"<td>{safe.escape(safe.one_line(state.collection))}</td>"
    if hybrid is None or meaning is None:
        return f'<tr>{name}<td colspan="4">not yet</td></tr>'
    if not hybrid.related:
        return f'<tr>{name}<td colspan="4">too few passages to tell</td></tr>'
    cut = conformal_cut([(hybrid.related, 1.0)], rate)
    by = f"{wording.number(hybrid.judged)} judged by people" if hybrid.judged else "made from passages"
    cells = (
        (f"{wording.number(len(hybrid.related))} ({by})", "answered questions"),
        (wording.number(meaning.pairs), "unrelated pairs"),
        ("–" if cut is None else f"{cut:.3f}", f"counts as found (miss rate {_share(rate, 0)})"),
        (wording.when(hybrid.made) + (", due again" if state.stale else ""), "measured"),
    )
    told = "".join(
        f'<td>{safe.escape(cell)}<span class="unit"> {safe.escape(unit)}</span></td>' for cell, unit in cells
    )
    return f"<tr>{name}{told}</tr>"


def _share(value: float, digits: int = 1) -> str:
    """ "98.7 %"."""
    return f"{value * 100:.{digits}f} %"
