"""What ECharts is told to draw: colours that can be seen, sizes and lines that mean something, names that do nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cortex_engine.core.graph import GraphEdge, GraphNode, Neighbourhood
from cortex_ui import graph_chart as chart
from cortex_ui.graph_state import Seen

HOSTILE = "{b} <img src=x onerror=alert(1)> \u202e" + "x" * 10_000
SHEET = "d" * 32


def _found() -> Neighbourhood:
    nodes = [
        GraphNode("a", "Marta Quill", "entity", group=SHEET, weight=40, x=-1, y=0),
        GraphNode("b", "Comet Quill", "entity", group=SHEET, weight=10, x=0, y=1, distance=1),
        GraphNode("c", HOSTILE, "entity", group="", weight=1, x=1, y=0, distance=1),
        GraphNode(SHEET, "report.pdf", "document", group=SHEET, weight=900, x=0, y=-1, distance=1),
    ]
    edges = [
        GraphEdge("a", "b", 3.0, proofs=9),
        GraphEdge("a", "c", 0.1, proofs=1),
        GraphEdge(SHEET, "a", 50.0, proofs=40),
    ]
    return Neighbourhood(tuple(nodes), tuple(edges))


def _series(seen: Seen | None = None, centre: str = "a") -> dict[str, Any]:
    found = _found()
    spec = chart.spec(found, seen or Seen(), centre, chart.places_of_groups(found.nodes), False)
    json.dumps(spec)
    return spec["series"][0]


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_every_colour_can_be_told_from_the_page(is_dark: bool) -> None:
    """WCAG 1.4.11: 3:1 for what is not text."""
    back = chart.BACK_DARK if is_dark else chart.BACK_LIGHT
    weak = {colour: _contrast(colour, back) for colour in chart.colours(is_dark)}
    assert {colour: contrast for colour, contrast in weak.items() if contrast < 3} == {}
    assert len(set(chart.colours(is_dark))) == len(chart.LIGHT) + 1


def test_the_eye_of_that_test() -> None:
    assert _contrast("#ffffff", "#000000") == pytest.approx(21)
    assert _contrast("#94A3B8", "#FFFFFF") < 3


def test_size_says_how_often_and_shape_what() -> None:
    nodes = {node["id"]: node for node in _series()["data"]}
    assert nodes["a"]["symbolSize"] > nodes["b"]["symbolSize"] > nodes["c"]["symbolSize"]
    assert nodes[SHEET]["symbol"] == "roundRect"
    assert nodes[SHEET]["symbolSize"] < nodes["a"]["symbolSize"], "a document does not outweigh its names"
    assert nodes["b"]["itemStyle"]["color"] == nodes["a"]["itemStyle"]["color"] == chart.LIGHT[0]
    assert nodes["c"]["itemStyle"]["color"] == chart.OTHER_LIGHT


def test_lines_are_thicker_where_more_sentences_prove_them_and_dotted_to_documents() -> None:
    strong, weak, sheet = (link["lineStyle"] for link in _series()["links"])
    assert strong["width"] > weak["width"]
    assert (strong["type"], sheet["type"]) == ("solid", "dotted")


def test_what_is_looked_at_has_a_ring_and_what_is_far_from_it_steps_back() -> None:
    nodes = {node["id"]: node["itemStyle"] for node in _series(Seen("b"))["data"]}
    assert [key for key, style in nodes.items() if style["borderWidth"] == 3] == ["b"]
    assert [key for key, style in nodes.items() if style["opacity"] < 1] == ["c", SHEET]
    links = _series(Seen("a", "b"))["links"]
    assert [link["lineStyle"]["opacity"] == 0.9 for link in links] == [True, False, False]


def test_without_a_choice_the_centre_has_the_ring_and_nothing_steps_back() -> None:
    nodes = {node["id"]: node["itemStyle"] for node in _series()["data"]}
    assert [key for key, style in nodes.items() if style["borderWidth"] == 3] == ["a"]
    assert all(style["opacity"] == 1 for style in nodes.values())


def test_a_hostile_name_is_cut_and_holds_no_template() -> None:
    node = next(node for node in _series()["data"] if node["id"] == "c")
    assert len(node["name"]) <= 60
    assert "\u202e" not in node["name"]
    assert "{" not in node["label"]["formatter"]
    assert node["tooltip"] == {"formatter": "{b}"}, "ECharts escapes what it puts in for {b}"


def test_the_same_question_gives_the_same_picture() -> None:
    assert _series() == _series()


def test_a_phone_gets_places_of_its_own_and_scrolls() -> None:
    found = _found()
    spec = chart.spec(found, Seen(), "a", {}, True)
    narrow = spec["media"][0]["option"]
    assert narrow["xAxis"]["max"] < spec["xAxis"]["max"]
    assert all(zoom["disabled"] for zoom in narrow["dataZoom"])
    assert [node["id"] for node in narrow["series"][0]["data"]] == [node["id"] for node in spec["series"][0]["data"]]


def test_the_largest_groups_get_the_colours_in_an_order_that_does_not_change() -> None:
    nodes = [GraphNode(str(number), "x", "entity", group=f"g{number % 12:02}") for number in range(30)]
    places = chart.places_of_groups(nodes)
    assert len(places) == len(chart.LIGHT)
    assert places == chart.places_of_groups(list(reversed(nodes)))
