"""The embedding map: passages as points, near ones similar, coloured by document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import streamlit as st

from cortex_engine.core.app import EmbeddingMap, VectorStatistics
from cortex_ui import drawer, maintenance_style, safe, tasks, wording
from cortex_ui.session import suite

_COLOURED = 10
_POINTS = 3000
_HEIGHT = 440
_MARGIN = 0.04
_CHART = "embedding_map"


def draw(found: Sequence[VectorStatistics]) -> None:
    """The map of one model; with several, a choice above it."""
    drawable = [each for each in found if each.vectors > 2]
    if not drawable:
        return
    st.subheader("Embedding map", anchor=False)
    chosen = drawable[0]
    if len(drawable) > 1:
        names = {
            each.spec.id: f"{each.spec.model} ({', '.join(each.collections) or 'no collection'})" for each in drawable
        }
        wanted = st.selectbox("Model", list(names), format_func=lambda key: safe.one_line(names[key]), key="map_model")
        chosen = next(each for each in drawable if each.spec.id == wanted)
    model_id, about = chosen.spec.id, (chosen.spec.id, chosen.vectors, chosen.expected)
    task = tasks.current(f"map:{model_id}", lambda _: suite().embedding_map(model_id, _POINTS), about)
    if tasks.follow(task, "Drawing the map"):
        return
    if task.error:
        st.error(safe.label(task.error), icon=":material/error:")
        return
    _map(task.result)


def _map(drawn: EmbeddingMap) -> None:
    counts = Counter(zip(drawn.document_ids, drawn.documents, strict=True))
    places = {document: place for place, ((document, _), _) in enumerate(counts.most_common(_COLOURED))}
    groups: list[list[int]] = [[] for _ in range(_COLOURED + 1)]
    for position, document in enumerate(drawn.document_ids):
        groups[places.get(document, _COLOURED)].append(position)
    with st.container(key="map_row"):
        wide, narrow = st.columns([2.2, 1], gap="medium")
    with wide, st.container(border=True, gap="xsmall", key="map_frame"):
        st.echarts_chart(
            spec(drawn, groups),
            height=_HEIGHT,
            key=_CHART,
            on_select=lambda: _open(drawn, groups),
            alt=f"Map of {wording.count(len(drawn.points), 'passage')}: similar passages lie near each other.",
        )
        safe.show(f'<div class="cx-quiet">{safe.escape(_remark(drawn))}</div>')
    with narrow:
        _legend(counts, places)


def spec(drawn: EmbeddingMap, groups: Sequence[Sequence[int]]) -> dict[str, Any]:
    """What ECharts is to draw: a series for each coloured document, and one for all others below them.

    What is shown on hover goes through the placeholders `{@[n]}`, whose values ECharts inserts as escaped text.
    """
    colours = [
        *(maintenance_style.DARK if maintenance_style.dark() else maintenance_style.LIGHT),
        maintenance_style.OTHER,
    ]
    series = [
        {
            "type": "scatter",
            "id": str(place),
            "z": 1 if place == _COLOURED else 2,
            "symbolSize": 7 if len(drawn.points) > 600 else 9,
            "selectedMode": "single",
            "itemStyle": {"color": colours[place], "opacity": 0.45 if place == _COLOURED else 0.72},
            "emphasis": {"itemStyle": {"opacity": 1}},
            "data": [_point(drawn, position) for position in positions],
        }
        for place, positions in enumerate(groups)
        if positions
    ]
    across, up = (_axis([point[direction] for point in drawn.points]) for direction in (0, 1))
    return {
        "animation": False,
        "grid": {"left": 8, "right": 8, "top": 8, "bottom": 8},
        "xAxis": across,
        "yAxis": up,
        "tooltip": {
            "trigger": "item",
            "formatter": "<b>{@[2]}</b><br>{@[3]}",
            "extraCssText": "max-width: 320px; white-space: normal; overflow-wrap: anywhere;",
            "confine": True,
        },
        "dataZoom": [{"type": "inside", "xAxisIndex": 0}, {"type": "inside", "yAxisIndex": 0}],
        "series": series,
    }


def _axis(values: Sequence[float]) -> dict[str, Any]:
    """An axis that nobody sees, just as long as the points need: the directions have no unit."""
    low, high = min(values), max(values)
    room = (high - low) * _MARGIN or 1.0
    return {"type": "value", "show": False, "min": low - room, "max": high + room}


def _point(drawn: EmbeddingMap, position: int) -> list[Any]:
    x, y = drawn.points[position]
    preview = safe.one_line(drawn.previews[position])
    return [round(x, 4), round(y, 4), safe.one_line(drawn.documents[position]), preview]


def _open(drawn: EmbeddingMap, groups: Sequence[Sequence[int]]) -> None:
    """A point was clicked: open its page."""
    for group in st.session_state[_CHART].selection.selected:
        place, indices = str(group.get("series_id", "")), group["data_indices"]
        if place.isdigit() and int(place) < len(groups) and indices and indices[0] < len(groups[int(place)]):
            position = groups[int(place)][indices[0]]
            drawer.open_document(drawn.document_ids[position], drawn.pages[position], drawn.chunk_ids[position])
            return


def _legend(counts: Counter[tuple[str, str]], places: dict[str, int]) -> None:
    rows = [
        _row(places[document], name, count) for (document, name), count in counts.most_common() if document in places
    ]
    if others := len(counts) - len(places):
        rest = sum(count for (document, _), count in counts.items() if document not in places)
        rows.append(_row(_COLOURED, wording.count(others, "other document"), rest))
    head = '<thead><tr><th>Document</th><th class="number">Passages</th></tr></thead>'
    safe.show(f'<table class="cx-table">{head}<tbody>{"".join(rows)}</tbody></table>')


def _row(place: int, name: str, count: int) -> str:
    return (
        f'<tr><td class="dotted"><span class="cx-swatch c{place}" aria-hidden="true"></span>{safe.escape(name)}</td>'
        f'<td class="number">{wording.number(count)}</td></tr>'
    )


def _remark(drawn: EmbeddingMap) -> str:
    sample = ""
    if drawn.total > _POINTS:
        sample = f" {wording.number(len(drawn.points))} of {wording.number(drawn.total)} passages, drawn at random."
    return (
        f"Near points are similar passages; select one to read it. The two directions hold {drawn.explained:.0%} of all "
        f"differences (PCA).{sample}"
    )
