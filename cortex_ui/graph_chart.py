"""The picture of the graph: names and documents as nodes, what connects them as edges, at places that the engine chose.

Nothing moves by itself and nothing is drawn at random: the same question gives the same picture.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import streamlit as st

from cortex_engine.core.graph import GraphEdge, GraphNode, Neighbourhood
from cortex_ui import graph_places, safe, wording
from cortex_ui import graph_state as state
from cortex_ui import graph_words as words

LIGHT = ("#4338CA", "#0B8A5F", "#C2610A", "#0277B5", "#C81E70", "#7C3AED", "#4D7C0F", "#B42318")
DARK = ("#8B93FA", "#34D399", "#FBBF24", "#38BDF8", "#F472B6", "#C4A5FD", "#A3E635", "#FF8B81")
OTHER_LIGHT, OTHER_DARK = "#64748B", "#94A3B8"
"""Colours of groups, and of what belongs to none; each has 3:1 or more against the page (a test counts)."""

BACK_LIGHT, BACK_DARK = "#FFFFFF", "#0D111C"
_INK_LIGHT, _INK_DARK = "#0F172A", "#E6E9F2"
_LINE_LIGHT, _LINE_DARK = "#7A859C", "#75809A"
PIXELS_HIGH = 560
_SMALLEST, _LARGEST, _SHEET = 11.0, 36.0, 20.0
_FEW = 12.0
"""Mentions that a name needs to be drawn largest, where no other has more."""

_THIN, _THICK = 1.1, 5.0
_ONE = math.log1p(1)
_LABEL = 26
_PHONE = 480
_NAMED_NARROW = 30
"""Nodes whose names are written on a phone; a finger, and the table, bring the others."""
_STRONG = 8
"""So many of the heaviest have bold letters."""


def dark() -> bool:
    """Whether the page is shown in the dark theme."""
    return bool(st.context.theme.type == "dark")


def colours(is_dark: bool) -> tuple[str, ...]:
    """The colours of the groups, then that of what belongs to none."""
    return (*DARK, OTHER_DARK) if is_dark else (*LIGHT, OTHER_LIGHT)


def places_of_groups(nodes: Sequence[GraphNode]) -> dict[str, int]:
    """Group -> its colour's place: the largest groups have colours of their own."""
    counts = Counter(node.group for node in nodes if node.group)
    ordered = sorted(counts, key=lambda group: (-counts[group], group))
    return {group: place for place, group in enumerate(ordered[: len(LIGHT)])}


def draw(found: Neighbourhood, seen: state.Seen, centre: str, about: str, names: Mapping[str, str]) -> None:
    """The picture and its legend.

    Args:
        centre: id of the node that it is drawn around, "" where that is no one node. about: the same in words.
        names: of the groups.
    """
    groups = places_of_groups(found.nodes)
    nodes = hashlib.sha256("".join(node.id for node in found.nodes).encode()).hexdigest()[:12]
    key = f"graph_chart_{state.clicks()}_{nodes}"  # what was selected in another picture means nothing in this one
    st.echarts_chart(
        spec(found, seen, centre, groups, dark()),
        height=PIXELS_HIGH,
        key=key,
        on_select=lambda: _clicked(key, found),
        alt=_alt(found, about),
    )
    legend(found, groups, names)


def _clicked(key: str, found: Neighbourhood) -> None:
    """A node or an edge was clicked: the panel shows it; what was clicked again is let go."""
    for group in st.session_state[key].selection.selected:
        for position in group["data_indices"]:
            if group.get("data_type") == "edge" and position < len(found.edges):
                edge = found.edges[position]
                state.look_at(edge.source, edge.target, by_chart=True)
                return
            if group.get("data_type") != "edge" and position < len(found.nodes):
                state.look_at(found.nodes[position].id, by_chart=True)
                return
    state.look_away()


def _alt(found: Neighbourhood, about: str) -> str:
    heaviest = sorted(found.nodes, key=lambda node: (node.distance, -node.weight))[:5]
    named = ", ".join(words.short(node.name) for node in heaviest)
    return safe.one_line(
        f"Graph, {about}: {wording.count(len(found.nodes), 'node')}, "
        f"{wording.count(len(found.edges), 'connection')}; among them {named}. The view Table has all of them."
    )


# -- what ECharts is to draw -----------------------------------------------------------------------------------------


def spec(
    found: Neighbourhood, seen: state.Seen, centre: str, groups: Mapping[str, int], is_dark: bool
) -> dict[str, Any]:
    """The option of the chart. Text goes in as names only, which ECharts draws on its canvas and escapes in its tooltip."""
    ink, back = (_INK_DARK, BACK_DARK) if is_dark else (_INK_LIGHT, BACK_LIGHT)
    nodes = _nodes(found, seen, centre, groups, is_dark)
    return {
        "animation": False,
        "grid": {"left": 8, "right": 8, "top": 10, "bottom": 10},
        "xAxis": {"type": "value", "show": False, "min": 0, "max": graph_places.WIDTH},
        "yAxis": {"type": "value", "show": False, "min": 0, "max": graph_places.HEIGHT},
        "dataZoom": [
            {"type": "inside", "xAxisIndex": 0, "filterMode": "none"},
            {"type": "inside", "yAxisIndex": 0, "filterMode": "none"},
        ],
        "tooltip": {"confine": True, "extraCssText": "max-width: 300px; white-space: normal;"},
        "series": [
            {
                "type": "graph",
                "id": "graph",
                "coordinateSystem": "cartesian2d",
                "layout": "none",
                "selectedMode": "single",
                "cursor": "pointer",
                "label": {
                    "show": True,
                    "position": "bottom",
                    "distance": 3,
                    "color": ink,
                    "textBorderColor": back,
                    "textBorderWidth": 3,
                },
                "labelLayout": {"hideOverlap": True},
                "emphasis": {"focus": "adjacency", "label": {"show": True, "fontWeight": 600}},
                "blur": {"itemStyle": {"opacity": 0.45}, "lineStyle": {"opacity": 0.1}, "label": {"opacity": 0.5}},
                "select": {"itemStyle": {"borderColor": ink, "borderWidth": 3}, "lineStyle": {"opacity": 1}},
                "data": nodes,
                "links": _links(found, seen, is_dark),
            }
        ],
        "media": [{"query": {"maxWidth": _PHONE}, "option": _narrow(found, nodes)}],
    }


def _narrow(found: Neighbourhood, nodes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What is otherwise on a phone: other places, and a finger that scrolls the page, not the picture."""
    first = {
        node.id
        for node in sorted(found.nodes, key=lambda node: (node.distance > 0, -node.weight, node.id))[:_NAMED_NARROW]
    }
    spots = _spots(found.nodes, graph_places.NARROW, first)
    return {
        "xAxis": {"max": graph_places.NARROW},
        "dataZoom": [{"disabled": True}, {"disabled": True}],
        "series": [
            {
                "id": "graph",
                "data": [
                    {**node, "value": list(spot), "label": {**node["label"], "show": node["id"] in first}}
                    for node, spot in zip(nodes, spots, strict=True)
                ],
            }
        ],
    }


def _spots(nodes: Sequence[GraphNode], width: float, named: Collection[str] | None = None) -> list[tuple[float, float]]:
    """Places of the nodes; `named`: those whose names are written, all of them where it is None."""
    sizes = _sizes(nodes)
    spots = [
        graph_places.Spot(
            node.x,
            node.y,
            sizes[node.id],
            len(words.short(node.name, _LABEL)) if named is None or node.id in named else 0,
        )
        for node in nodes
    ]
    return graph_places.spread(spots, width)


def _nodes(
    found: Neighbourhood, seen: state.Seen, centre: str, groups: Mapping[str, int], is_dark: bool
) -> list[dict[str, Any]]:
    sizes, beside = _sizes(found.nodes), _beside(found.edges, seen)
    strong = {node.id for node in sorted(found.nodes, key=lambda node: (-sizes[node.id], node.id))[:_STRONG]}
    strong |= {seen.first or centre, seen.second}
    ringed = {seen.first or centre, seen.second}
    ink, back = (_INK_DARK, BACK_DARK) if is_dark else (_INK_LIGHT, BACK_LIGHT)
    drawn = []
    for node, spot in zip(found.nodes, _spots(found.nodes, graph_places.WIDTH), strict=True):
        far = bool(beside) and node.id not in beside
        style = {
            "color": colours(is_dark)[groups.get(node.group, -1)],
            "opacity": 0.5 if far else 1,
            "borderColor": ink if node.id in ringed else back,
            "borderWidth": 3 if node.id in ringed else 1,
        }
        label = {
            "formatter": words.short(node.name, _LABEL).replace("{", "(").replace("}", ")"),
            "fontSize": 12.5 if node.id in strong else 11.5,
            "fontWeight": 650 if node.id in strong else 400,
            "opacity": 0.6 if far else 1,
        }
        drawn.append(
            {
                "id": node.id,
                "name": words.short(node.name),
                "value": list(spot),
                "symbol": "roundRect" if node.what == "document" else "circle",
                "symbolSize": sizes[node.id],
                "itemStyle": style,
                "label": label,
                "tooltip": {"formatter": "{b}"},
            }
        )
    return drawn


def _beside(edges: Sequence[GraphEdge], seen: state.Seen) -> frozenset[str]:
    """What is looked at and what stands beside it; everything, where nothing is looked at, is nobody in particular."""
    if seen.second:
        return frozenset((seen.first, seen.second))
    if not seen.first:
        return frozenset()
    ends = [(edge.source, edge.target) for edge in edges if seen.first in (edge.source, edge.target)]
    return frozenset((seen.first, *(end for pair in ends for end in pair)))


def _sizes(nodes: Sequence[GraphNode]) -> dict[str, float]:
    """Node -> diameter in pixels: the area of a name grows with its weight, for the eye compares areas."""
    most = max([_FEW, *(node.weight for node in nodes if node.what != "document")])
    sizes = {}
    for node in nodes:
        share = math.sqrt(min(1.0, max(0.0, node.weight) / most))
        sizes[node.id] = _SHEET if node.what == "document" else round(_SMALLEST + (_LARGEST - _SMALLEST) * share, 1)
    return sizes


def _links(found: Neighbourhood, seen: state.Seen, is_dark: bool) -> list[dict[str, Any]]:
    """Edges between names, thicker where more sentences prove them; dotted ones to the documents that name them."""
    sheets = {node.id for node in found.nodes if node.what == "document"}
    between = [edge for edge in found.edges if edge.source not in sheets and edge.target not in sheets]
    most = math.log1p(max((edge.proofs for edge in between), default=1))
    quiet, loud = (_LINE_DARK, DARK[0]) if is_dark else (_LINE_LIGHT, LIGHT[0])
    drawn = []
    for edge in found.edges:
        ends = {edge.source, edge.target}
        meant = ends == {seen.first, seen.second} if seen.second else seen.first in ends
        named = bool(ends & sheets)
        share = 0.0 if named else math.log1p(edge.proofs) / most - _ONE / most
        style = {
            "width": round(_THIN + (_THICK - _THIN) * share, 2),
            "type": "dotted" if named else "solid",
            "color": loud if meant else quiet,
            "opacity": 0.9 if meant else 0.22 if seen.first else 0.6 if named else round(0.4 + 0.35 * share, 2),
            "curveness": 0.06,
        }
        drawn.append({"source": edge.source, "target": edge.target, "value": edge.proofs, "lineStyle": style})
    return drawn


# -- the legend ------------------------------------------------------------------------------------------------------


def legend(found: Neighbourhood, groups: Mapping[str, int], names: Mapping[str, str]) -> None:
    """What colours, shapes and sizes mean."""
    counts = Counter(node.group for node in found.nodes)
    parts = [_entry(place, words.short(names.get(group, group), 40), counts[group]) for group, place in groups.items()]
    others = sum(count for group, count in counts.items() if group not in groups)
    if others and groups:
        parts.append(_entry(len(LIGHT), "others", others))
    remarks = ["Larger: more mentions. Thicker: more sentences."]
    if any(node.what == "document" for node in found.nodes):
        remarks.append("Squares are documents, dotted lines lead to what they name.")
    if found.left_out:
        remarks.append(f"{wording.number(found.left_out)} lighter ones are left out.")
    safe.show(
        f'<ul class="cx-legend" aria-label="Colours">{"".join(parts)}</ul>'
        f'<div class="cx-quiet">{safe.escape(" ".join(remarks))}</div>'
    )


def _entry(place: int, name: str, count: int) -> str:
    return (
        f'<li><span class="cx-swatch c{place}" aria-hidden="true"></span>{safe.escape(name)} '
        f'<span class="cx-quiet">{wording.number(count)}</span></li>'
    )
