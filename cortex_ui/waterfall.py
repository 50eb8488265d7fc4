"""How a hit's score came about: what each way of searching added to it, as bars that begin where the one before ended."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cortex_engine.core.search import SearchHit, SearchResult
from cortex_engine.core.stages import FlightStage
from cortex_ui import safe, standing, style

_STAGES = "search_stages"
_STEPS = 50
_SMALL = 0.005

_CSS = f"""
.cx-falls {{ width: 100%; border-collapse: collapse; font-size: 0.88rem; font-variant-numeric: tabular-nums; }}
.cx-falls :is(th, td) {{ border: 0; padding: 0.16rem 0.4rem 0.16rem 0; text-align: left; font-weight: 400; }}
.cx-falls :is(th, td:last-child) {{ white-space: nowrap; width: 1%; }} .cx-falls td:last-child {{ text-align: right; }}
.cx-fall {{ display: block; height: 0.6rem; border-radius: 3px; background: #6366f1; min-width: 3px; }}
.cx-fall.less {{ background: #d97706; }} .cx-fall.sum {{ background: #0e9f6e; }}
.cx-falls tr.sum :is(th, td) {{ font-weight: 600; border-top: 1px solid rgba(128, 136, 160, 0.35); }}
{"".join(f".cx-from-{step} {{ margin-left: {100 * step / _STEPS:g}%; }}" for step in range(_STEPS + 1))}
{"".join(f".cx-wide-{step} {{ width: {100 * step / _STEPS:g}%; }}" for step in range(_STEPS + 1))}
"""


def prepare(result: SearchResult) -> None:
    """Before the hits are drawn: what their menus will ask for, and the styles."""
    st.session_state[_STAGES] = result.trace.stages
    style.add(_CSS)


def draw(hit: SearchHit) -> None:
    """The bars; nothing where only one way of searching took part."""
    stages: Sequence[FlightStage] = st.session_state.get(_STAGES, ())
    parts = shares(stages, hit.chunk_id)
    if parts:
        st.markdown("**How its score came about**")
        safe.show(html(parts, hit))


def shares(stages: Sequence[FlightStage], chunk_id: str) -> list[tuple[str, float]]:
    """Name of each way of searching, and what it added to the fused score of a hit; empty where nothing was fused."""
    found = []
    for stage in stages:
        share = next((each.share for each in stage.candidates if each.chunk_id == chunk_id and each.share), None)
        if share is not None:
            found.append((standing.stage_name(stage.name), share))
    return found


def html(parts: Sequence[tuple[str, float]], hit: SearchHit) -> str:
    """A table with a bar in each row: where it begins, how wide it is, and the number."""
    total = sum(share for _, share in parts)
    edges, position = [0.0], 0.0
    for _, share in parts:
        position += share
        edges.append(position)
    low, high = min(*edges, 0.0), max(*edges, total, 0.0)
    room = (high - low) or 1.0
    rows, position = [], 0.0
    for name, share in parts:
        rows.append(_row(name, position, position + share, low, room, f"{share:+.2f}", "less" if share < 0 else ""))
        position += share
    rows.append(_row("Together", 0.0, total, low, room, f"{total:.2f}", "sum", "sum"))
    if hit.relevance is not None and (place := hit.stages.get("rerank")) is not None:
        rank = f"rank {place.rank}" if place.rank else ""
        number, raw = f"{place.score:.2f}", ""
        if place.standard is not None:
            number, raw = f"{place.standard:.2f}", f"raw score {number}"
        above = standing.compared(hit) if hit.relevance_share is not None else ""
        facts = ", ".join(filter(None, [standing.relevance(hit), rank, raw, above]))
        rows.append(f'<tr><th>Reranker</th><td class="cx-quiet">{facts}</td><td>{number}</td></tr>')
    return f'<table class="cx-falls"><tbody>{"".join(rows)}</tbody></table>'


def _row(name: str, start: float, end: float, low: float, room: float, number: str, kind: str, row: str = "") -> str:
    begin, stop = (round((edge - low) / room * _STEPS) for edge in sorted((start, end)))
    begin = min(begin, _STEPS - 1)
    bar = f'<span class="cx-fall {kind} cx-from-{begin} cx-wide-{stop - begin}" aria-hidden="true"></span>'
    if abs(end - start) < _SMALL:
        bar = ""
    return f'<tr class="{row}"><th>{safe.escape(name)}</th><td>{bar}</td><td>{number}</td></tr>'
