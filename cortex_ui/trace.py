"""The search debug log: recorded searches, what every stage of one saw, and the same question asked again.

It reads from the flight recorder; a search that is not recorded (the settings may say so) is shown from its result.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import streamlit as st

from cortex_engine.core.flights import CandidatePlace, Flight, FlightSummary
from cortex_engine.core.graph import in_words
from cortex_engine.core.search import SearchResult
from cortex_ui import replay, safe, standing, wording
from cortex_ui.session import suite, told

_LISTED = 50
_ROWS = 200
"""Candidates of a stage in the table; all that are kept stand in the download."""
_THIS = "this search"

Row = dict[str, str | int | float | None]


def panel(result: SearchResult) -> None:
    """The expander at the end of the results; its tables are made when it is open."""
    _panel(result)


@st.fragment
def _panel(result: SearchResult) -> None:
    expander = st.expander("Search debug log", icon=":material/troubleshoot:", on_change="rerun", key="debug_log")
    if not expander.open:
        return
    with expander, told():
        flight = _chosen(result)
        _head(flight)
        ids = [*flight.hits, *(each.chunk_id for stage in flight.stages for each in stage.candidates[:_ROWS])]
        places = suite().candidate_places(list(dict.fromkeys(ids)))
        st.markdown("**Stages**")
        st.dataframe(stages(flight), hide_index=True, width="stretch", key="debug_stages")
        st.markdown("**Hits in every stage**")
        st.dataframe(standings(flight, places), hide_index=True, width="stretch", key="debug_hits")
        _candidates(flight, places)
        _circumstances(flight)
        for warning in flight.warnings:
            st.warning(safe.label(warning), icon=":material/warning:")
        _actions(flight)


def _chosen(result: SearchResult) -> Flight:
    """The recorded search that is looked at: this one, unless another is chosen."""
    rows = {row.id: row for row in suite().flights(_LISTED)}
    this = result.flight_id if result.flight_id in rows else _THIS
    options = [this, *(each for each in rows if each != this)]
    if st.session_state.get("debug_flight") not in options or st.session_state.get("debug_of") != this:
        st.session_state["debug_flight"], st.session_state["debug_of"] = this, this
    chosen = st.selectbox(
        "Recorded search", options, format_func=lambda each: _named(rows.get(each), each == this), key="debug_flight"
    )
    return of_result(result) if chosen == _THIS else suite().flight(str(chosen))


def _named(row: FlightSummary | None, this: bool) -> str:
    if row is None:
        return "This search (not recorded)"
    text = safe.one_line(row.text) or "a picture"
    facts = f"{wording.count(row.hits, 'hit')} · {row.mode}"
    return f"{'This search' if this else wording.when(row.asked)}: {text[:80]} · {facts}"


def of_result(result: SearchResult) -> Flight:
    """A search that was not recorded, as if it had been."""
    trace = result.trace
    return Flight(
        *("", "", result.query, trace, trace.stages, tuple(hit.chunk_id for hit in result.hits)),
        terms=trace.terms,
        models=trace.models,
        degraded=result.degraded,
        warnings=result.warnings,
        paths={hit.chunk_id: hit.path for hit in result.hits if hit.path},
    )


def _head(flight: Flight) -> None:
    total = wording.milliseconds(sum(step.milliseconds for step in flight.trace.steps))
    facts = [f"Mode {flight.query.mode}", wording.count(len(flight.trace.steps), "step"), total]
    facts += [f"without {', '.join(flight.degraded)}"] if flight.degraded else []
    facts += [f"asked by {flight.door}"] if flight.door else []
    facts += [f"{wording.count(flight.gone, 'candidate')} no longer in the library"] if flight.gone else []
    safe.show(f'<div class="cx-quiet">{safe.escape(" · ".join(facts))}</div>')


def stages(found: Flight | SearchResult) -> list[Row]:
    """A row for each step, in order."""
    return [
        {
            "Stage": step.stage,
            "Milliseconds": round(step.milliseconds, 2),
            "Candidates": step.candidates,
            "Facts": "; ".join(f"{name} {_short(value)}" for name, value in step.facts.items()),
            "Warning": step.warning,
        }
        for step in found.trace.steps
    ]


def standings(flight: Flight, places: Mapping[str, CandidatePlace]) -> list[Row]:
    """A row for each hit: its rank, score and share in every stage that knows it (None elsewhere)."""
    known = {stage.name: {each.chunk_id: each for each in stage.candidates} for stage in flight.stages}
    rows: list[Row] = []
    for rank, hit in enumerate(flight.hits, start=1):
        row: Row = {"Rank": rank, **_place(places, hit)}
        for name, candidates in known.items():
            each = candidates.get(hit)
            row[f"{name} rank"] = each.rank if each else None
            row[f"{name} score"] = _number(each.score) if each else None
        if flight.paths:
            row["Path"] = safe.one_line(in_words(flight.paths.get(hit, ())))
        row["Id"] = hit
        rows.append(row)
    return rows


def _candidates(flight: Flight, places: Mapping[str, CandidatePlace]) -> None:
    """All that one stage saw."""
    names = [stage.name for stage in flight.stages if stage.candidates]
    if not names:
        return
    if st.session_state.get("debug_stage") not in names:
        st.session_state["debug_stage"] = names[0]
    name = st.selectbox("Candidates of", names, format_func=standing.stage_name, width=280, key="debug_stage")
    stage = next(each for each in flight.stages if each.name == name)
    rows: Sequence[Row] = [
        {
            "Rank": each.rank,
            **_place(places, each.chunk_id),
            "Score": _number(each.score),
            "Adds": _number(each.share) if each.share else None,
            "Hit": "yes" if each.chunk_id in flight.hits else "",
            "Id": each.chunk_id,
        }
        for each in stage.candidates[:_ROWS]
    ]
    asked = f"asked for {wording.number(stage.limit)}" if stage.limit else ""
    shown = f"the first {_ROWS} shown" if stage.total > _ROWS else ""
    facts = " · ".join(filter(None, [wording.count(stage.total, "candidate"), asked, shown]))
    safe.show(f'<div class="cx-quiet">{facts}</div>')
    st.dataframe(rows, hide_index=True, width="stretch", key="debug_candidates")


def _circumstances(flight: Flight) -> None:
    """Words, models and settings."""
    terms = ", ".join(f"{word} {weight:.2f}" for word, weight in flight.terms.items())
    models = ", ".join(f"{name.split(' ')[0]} ({key})" for key, name in flight.models.items())
    settings = ", ".join(f"{name} {_short(value)}" for name, value in flight.settings.items())
    facts = (("Words and their weight", terms), ("Models", models), ("Settings", settings), ("Id", flight.id))
    rows = "".join(
        f"<tr><th>{name}</th><td>{safe.escape(safe.one_line(text))}</td></tr>" for name, text in facts if text
    )
    if rows:
        safe.show(f'<table class="cx-facts"><tbody>{rows}</tbody></table>')


def _actions(flight: Flight) -> None:
    if not flight.id:
        return
    with st.container(horizontal=True, gap="small", key="debug_actions"):
        st.download_button(
            "Download as JSON",
            data=lambda: suite().export_flight(flight.id),
            file_name=f"search-{flight.id}.json",
            mime="application/json",
            icon=":material/download:",
            type="tertiary",
            on_click="ignore",
            key="debug_download",
        )
        again = st.button("Ask again", icon=":material/replay:", type="tertiary", key="debug_again")
        st.button(
            "Forget recorded searches", icon=":material/delete:", type="tertiary", on_click=_forget, key="debug_forget"
        )
    if again:
        replay.draw(flight)


def _forget() -> None:
    suite().forget_flights()


def _place(places: Mapping[str, CandidatePlace], each: str) -> Row:
    place = places.get(each)
    return {"Document": safe.one_line(place.document) if place else "(gone)", "Page": place.page if place else None}


def _short(value: str | int | float) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _number(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
