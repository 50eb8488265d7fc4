"""A recorded search asked again: what came, what went, what moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from cortex_engine.core.flights import CandidatePlace, Flight
from cortex_ui import safe, wording
from cortex_ui.session import suite


def draw(flight: Flight) -> None:
    """Ask it, and say the differences."""
    with st.spinner("Asking again…"):
        again = suite().replay(flight.id)
    now = [hit.chunk_id for hit in again.hits]
    places = suite().candidate_places(list(dict.fromkeys([*flight.hits, *now])))
    changed = differences(flight.hits, now, places)
    if not changed:
        st.success("The same results in the same order.", icon=":material/check:")
        return
    changes = suite().moment()[0] != flight.moment
    since = " The library has changed since then." if changes else " Settings or models are others than they were then."
    safe.show(f'<div class="cx-quiet">{wording.count(len(changed), "difference")}.{since}</div>')
    st.dataframe(changed, hide_index=True, width="stretch", key="debug_differences")


def differences(
    before: Sequence[str], now: Sequence[str], places: Mapping[str, CandidatePlace]
) -> list[dict[str, str | int | None]]:
    """A row for each hit that came, went or has another rank."""
    then, present = ({each: rank for rank, each in enumerate(ids, start=1)} for ids in (before, now))
    rows: list[dict[str, str | int | None]] = []
    for each in dict.fromkeys([*now, *before]):
        if then.get(each) == present.get(each):
            continue
        what = "came" if each not in then else "went" if each not in present else "moved"
        place = places.get(each)
        rows.append(
            {
                "Change": what,
                "Document": safe.one_line(place.document) if place else "(gone)",
                "Page": place.page if place else None,
                "Rank then": then.get(each),
                "Rank now": present.get(each),
            }
        )
    return rows
