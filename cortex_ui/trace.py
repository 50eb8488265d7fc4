"""The search debug log: what every stage of the search on the screen did, and where each hit stood in it.

It is built from the result itself, which a search returns as a value: nothing is collected on the side.
"""

from __future__ import annotations

import json
import math

import streamlit as st

from cortex_engine.core.search import SearchHit, SearchResult
from cortex_ui import safe, wording


def panel(result: SearchResult) -> None:
    """The expander at the end of the results; its tables are made when it is open."""
    _panel(result)


@st.fragment
def _panel(result: SearchResult) -> None:
    expander = st.expander("Search debug log", icon=":material/troubleshoot:", on_change="rerun", key="debug_log")
    if not expander.open:
        return
    with expander:
        total = wording.milliseconds(result.timings_ms["total"])
        degraded = f" · without {', '.join(result.degraded)}" if result.degraded else ""
        safe.show(
            f'<div class="cx-quiet">Mode {safe.escape(result.query.mode)} · {len(result.trace.steps)} stages · {total}'
            f"{safe.escape(degraded)}</div>"
        )
        st.markdown("**Stages**")
        st.dataframe(stages(result), hide_index=True, width="stretch", key="debug_stages")
        st.markdown("**Hits in every stage**")
        st.dataframe(standings(result), hide_index=True, width="stretch", key="debug_hits")
        for warning in result.warnings:
            st.warning(safe.label(warning), icon=":material/warning:")
        st.download_button(
            "Download as JSON",
            data=lambda: as_json(result),
            file_name="search-debug-log.json",
            mime="application/json",
            icon=":material/download:",
            type="tertiary",
            on_click="ignore",
            key="debug_download",
        )


def stages(result: SearchResult) -> list[dict[str, str | int | float]]:
    """A row for each step, in order."""
    return [
        {
            "Stage": step.stage,
            "Milliseconds": round(step.milliseconds, 2),
            "Candidates": step.candidates,
            "Facts": "; ".join(f"{name} {_short(value)}" for name, value in step.facts.items()),
            "Warning": step.warning,
        }
        for step in result.trace.steps
    ]


def standings(result: SearchResult) -> list[dict[str, str | int | float | None]]:
    """A row for each hit: its rank and score in every stage that knows it (None elsewhere)."""
    names = list(dict.fromkeys(stage for hit in result.hits for stage in hit.stages))
    rows: list[dict[str, str | int | float | None]] = []
    for hit in result.hits:
        row: dict[str, str | int | float | None] = {
            "Rank": hit.rank,
            "Document": safe.one_line(hit.document),
            "Page": hit.page,
            "Kind": str(hit.kind),
        }
        if any(each.relevance is not None for each in result.hits):
            row["Relevance"] = None if hit.relevance is None else round(hit.relevance, 4)
        for name in names:
            place = hit.stages.get(name)
            row[f"{name} rank"] = place.rank if place else None
            row[f"{name} score"] = round(place.score, 4) if place and math.isfinite(place.score) else None
        row["Id"] = hit.chunk_id
        rows.append(row)
    return rows


def as_json(result: SearchResult) -> str:
    """The whole log."""
    query = result.query
    log = {
        "query": query.text,
        "mode": str(query.mode),
        "top_k": query.top_k,
        "grouped": query.group,
        "picture": query.picture,
        "kinds": [str(kind) for kind in query.kinds],
        "rerank": query.rerank,
        "rerank_candidates": query.rerank_candidates,
        "rerank_top_k": query.rerank_top_k,
        "prefetch": query.prefetch,
        "picture_weight": query.picture_weight,
        "degraded": list(result.degraded),
        "warnings": list(result.warnings),
        "milliseconds": _known(result.timings_ms),
        "steps": [
            {
                "stage": step.stage,
                "milliseconds": round(step.milliseconds, 3),
                "candidates": step.candidates,
                "warning": step.warning,
                "facts": _known(step.facts),
            }
            for step in result.trace.steps
        ],
        "hits": [_hit(hit) for hit in result.hits],
    }
    return json.dumps(log, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _hit(hit: SearchHit) -> dict[str, object]:
    return {
        "rank": hit.rank,
        "score": _number(hit.score),
        "document": hit.document,
        "document_id": hit.document_id,
        "page": hit.page,
        "chunk_id": hit.chunk_id,
        "more": hit.more,
        "kind": str(hit.kind),
        "relevance": None if hit.relevance is None else _number(hit.relevance),
        "stages": {name: {"rank": place.rank, "score": _number(place.score)} for name, place in hit.stages.items()},
    }


def _short(value: str | int | float) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _known(values: object) -> dict[str, object]:
    """The mapping with numbers that JSON does not know as null."""
    return {
        str(name): _number(value) if isinstance(value, float) else value
        for name, value in dict(values).items()  # type: ignore[call-overload]
    }
