"""Knowledge Graph in a real browser: what AppTest cannot drive (the picture, its clicks, widths), and how it looks."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from browser_kit import hostile, screens
from browser_kit.axe import script, violations
from browser_kit.server import App, free_port
from browser_kit.trap import Trap
from browser_kit.watching import error_boxes, eventually, ready, text_of

from cortex_engine.config import load_config
from cortex_engine.core.graph import DocumentGraph, ExtractedEntity, Mention, Neighbourhood, Relation, RelationKind
from cortex_engine.suite import CortexSuite
from cortex_ui import graph_chart
from cortex_ui.graph_places import HEIGHT, WIDTH
from cortex_ui.graph_state import Seen

SCREENS = Path(__file__).parents[2] / "build" / "screens"
MARTA = "Marta Quill"
_MARGIN = (8, 10)
"""Between the frame's edge and the picture, across and up (`grid` of the chart)."""


@pytest.fixture(scope="module")
def trap():
    trap = Trap()
    yield trap
    trap.close()


@pytest.fixture(scope="module")
def world(trap, tmp_path_factory):
    """A running server on the samples and a document that names everything hostile; with the ids that tests need."""
    server = App(
        tmp_path_factory.mktemp("graph") / "library",
        {"CORTEX_MIN_FREE_BYTES": "0", "CORTEX_EMBEDDING_BACKEND": "hashing", "HF_HUB_OFFLINE": "1"},
        port=free_port(),
    )
    with CortexSuite.open(loaded=load_config(server.folder, server.settings)) as suite:
        suite.submit_samples()
        suite.work()
        suite.extract_graph()
        _attack(suite, trap)
        marta = suite.entity(MARTA).id
        picture = suite.local_graph((marta,))
        evil = suite.find_entities("ZQX01")[0].id
        hub = suite.local_graph((suite.entity("Hostile Hub").id,))
    server.start()
    yield server, marta, picture, evil, hub
    server.stop()


def _attack(suite: CortexSuite, trap: Trap) -> None:
    """Names that no extractor would find, beside one that it does."""
    catalog, document = suite._library.catalog, suite.document("inselbrief.txt")
    chunk = next(each for each in catalog.ungraphed("none", 50) if each.document_id == document.id).chunks[0]
    begin, end = chunk.char_start, chunk.char_start + len(chunk.text)
    names = [*hostile.vectors(trap).values(), "Hostile Hub"]
    part = DocumentGraph(
        tuple(ExtractedEntity(name) for name in names),
        tuple(Mention(name, chunk.chunk_id, begin, begin + 5, chunk.text[:5]) for name in names),
        tuple(
            Relation(*sorted((name, "Hostile Hub")), RelationKind.TOGETHER, chunk.chunk_id, begin, end)
            for name in names[:-1]
        ),
    )
    assert catalog.keep_graph(document.id, suite._library.extractor.fingerprint, part)


@pytest.fixture(scope="module")
def axe() -> str:
    return script()


# -- the picture -----------------------------------------------------------------------------------------------------


def _places(found: Neighbourhood) -> dict[str, tuple[float, float]]:
    """Node -> its place as a share of the picture, from its left upper corner."""
    drawn = graph_chart.spec(found, Seen(), "", {}, False)["series"][0]["data"]
    return {node["id"]: (node["value"][0] / WIDTH, 1 - node["value"][1] / HEIGHT) for node in drawn}


def _point(page, place: tuple[float, float]) -> tuple[float, float]:
    """Where a place of the picture lies on the screen."""
    box = page.locator(".st-key-graph_frame canvas").first.bounding_box()
    (left, top), (x, y) = _MARGIN, place
    return box["x"] + left + x * (box["width"] - 2 * left), box["y"] + top + y * (box["height"] - 2 * top)


def _click(page, place: tuple[float, float]) -> None:
    page.mouse.click(*_point(page, place))
    page.wait_for_timeout(400)
    ready(page)


def _middle(
    found: Neighbourhood, places: dict[str, tuple[float, float]]
) -> tuple[tuple[str, str], tuple[float, float]]:
    """An edge between two names, and the point half-way along it that lies farthest from all nodes and other edges."""
    names = {node.id for node in found.nodes if node.what == "entity"}
    curves = {
        (edge.source, edge.target): _curve(places[edge.source], places[edge.target])
        for edge in found.edges
        if {edge.source, edge.target} <= names
    }
    everything = [_curve(places[edge.source], places[edge.target]) for edge in found.edges]

    def room(pair: tuple[str, str]) -> float:
        middle = curves[pair][10]
        others = [point for curve in everything if curve != curves[pair] for point in curve]
        return min(abs(middle[0] - x) + abs(middle[1] - y) for x, y in [*others, *places.values()])

    best = max(curves, key=room)
    return best, curves[best][10]


def _curve(one: tuple[float, float], other: tuple[float, float], bend: float = 0.06) -> list[tuple[float, float]]:
    """21 points of the line as ECharts draws it: a quadratic curve, in pixels of the frame it was made for."""
    (x1, y1), (x2, y2) = ((x * WIDTH, y * HEIGHT) for x, y in (one, other))
    cx, cy = (x1 + x2) / 2 - (y1 - y2) * bend, (y1 + y2) / 2 - (x2 - x1) * bend
    points = []
    for step in range(21):
        t = step / 20
        x = (1 - t) ** 2 * x1 + 2 * t * (1 - t) * cx + t * t * x2
        y = (1 - t) ** 2 * y1 + 2 * t * (1 - t) * cy + t * t * y2
        points.append((x / WIDTH, y / HEIGHT))
    assert all(one != other for one, other in pairwise(points))
    return points


def _shot(page, name: str, whole: bool = False) -> None:
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.wait_for_timeout(400)
    page.screenshot(path=SCREENS / f"graph-{name}.png", full_page=whole)


def _heading(page) -> str:
    return page.locator(".st-key-graph_panel h2").first.inner_text()


# -- the walk --------------------------------------------------------------------------------------------------------


def test_from_a_name_to_the_page_that_proves_it_and_back(world, open_page, axe) -> None:
    server, marta, found, *_ = world
    page = open_page(server, "graph", width=1440)
    _shot(page, "start-1440-light")
    page.locator(".st-key-graph_find input").press_sequentially("marta q", delay=20)
    suggestion = page.locator(".st-key-found_names button").first
    suggestion.wait_for()
    assert suggestion.inner_text().startswith(MARTA)
    suggestion.click()
    ready(page)
    assert f"entity={marta}" in page.url
    assert _heading(page) == MARTA
    _shot(page, "entity-1440-light")

    places = _places(found)
    other = next(node for node in found.nodes if node.what == "entity" and node.id != marta)
    _click(page, places[other.id])
    assert f"see={other.id}" in page.url
    assert _heading(page) == other.name
    _shot(page, "node-1440-light")
    assert violations(page, axe) == []
    pair, middle = _middle(found, places)
    _click(page, middle)
    assert {part.split("=")[1] for part in page.url.split("&") if part.startswith(("see=", "with="))} == set(pair)
    assert "both names" in text_of(page)
    _shot(page, "edge-1440-light")
    page.locator('[class*="st-key-proof_between"]').first.click(position={"x": 20, "y": 8})
    page.wait_for_selector('[role="dialog"]')
    ready(page)
    assert "doc=" in page.url and "hit=" in page.url
    _shot(page, "drawer-1440-light")
    screens.close_drawer(page)
    assert f"see={pair[0]}" in page.url
    page.locator('[class*="st-key-proof_between"]').first.click(position={"x": 20, "y": 8})
    screens.button(screens.drawer(page), "Graph").click()
    page.wait_for_selector('[role="dialog"]', state="detached")
    ready(page)
    assert "document=" in page.url
    assert _heading(page) == "observatory-annual-report.pdf"
    _shot(page, "document-1440-light")
    assert error_boxes(page) == []


def test_names_are_merged_and_taken_apart_and_the_graph_is_taken_away(world, open_page, axe) -> None:
    server, marta, *_ = world
    page = open_page(server, "graph", width=1440, dark=True, entity=marta, depth=2)
    _shot(page, "depth2-1440-dark")
    trouble = {"entity": violations(page, axe)}
    screens.button(page, "Change").click()
    page.get_by_text("Merge with another name", exact=True).last.click()
    ready(page)
    page.locator(".st-key-graph_merge_find input").press_sequentially("odell", delay=20)
    choice = page.locator(".st-key-graph_merge_with label").filter(has_text="Jonas Odell")
    choice.wait_for()
    choice.click()
    ready(page)
    page.wait_for_selector(".st-key-graph_merge_send")
    _shot(page, "merge-1440-dark")
    trouble["merge"] = violations(page, axe)
    page.locator(".st-key-graph_merge_send button").first.click()
    page.get_by_text("now.").first.wait_for()
    ready(page)
    assert "Your changes (1)" in text_of(page)
    screens.button(page, "Your changes (1)").click()
    page.get_by_role("dialog").wait_for()
    _shot(page, "changes-1440-dark")
    page.keyboard.press("Escape")
    ready(page)
    page.locator(".st-key-graph_undo button").first.click()
    eventually(lambda: "Your changes" not in text_of(page), 20, page, "the merge is undone")
    eventually(lambda: "Also: Jonas Odell" not in text_of(page), 20, page, "the names are two again")
    screens.button(page, "Export").click()
    with page.expect_download() as taken:
        page.locator(".st-key-graph_export_json button").first.click()
    exported = json.loads(Path(taken.value.path()).read_text(encoding="utf-8"))
    assert MARTA in json.dumps(exported, ensure_ascii=False)
    assert taken.value.suggested_filename == "knowledge-graph.json"
    assert {name: each for name, each in trouble.items() if each} == {}


def test_hostile_names_do_nothing_in_picture_tooltip_panel_and_table(world, trap, open_page) -> None:
    server, _, _, evil, hub = world
    page = open_page(server, "graph", width=1440, entity="Hostile Hub")
    _shot(page, "hostile-1440-light")
    told = set()
    for place in list(_places(hub).values())[:12]:
        page.mouse.move(*_point(page, place))
        page.wait_for_timeout(60)
        told.add(page.evaluate(_TOOLTIP))
    assert any("ZQX" in each for each in told), told
    hostile.assert_harmless(page, trap, "tooltips")
    page.goto(server.url("graph", entity="Hostile Hub", see=evil))
    ready(page)
    hostile.assert_harmless(page, trap, "panel")
    page.locator(".st-key-graph_view button").last.click()
    ready(page)
    hostile.assert_harmless(page, trap, "table")
    assert "ZQX08" in text_of(page)
    assert error_boxes(page) == []


_TOOLTIP = """() => [...document.querySelectorAll(".st-key-graph_frame div")]
  .filter((each) => getComputedStyle(each).zIndex === "9999999" && getComputedStyle(each).visibility !== "hidden")
  .map((each) => each.innerText).join(" ")"""


def test_on_a_phone_and_what_is_added_appears(world, open_page, tmp_path) -> None:
    server, marta, *_ = world
    page = open_page(server, "graph", width=390, entity=marta)
    _shot(page, "entity-390-light")
    wide = page.evaluate("() => { const m = document.querySelector('[data-testid=\"stMain\"]');"
                         " return m.scrollWidth - m.clientWidth; }")  # fmt: skip
    assert wide <= 1
    page.locator(".st-key-graph_panel").scroll_into_view_if_needed()
    _shot(page, "panel-390-light")
    page.locator(".st-key-graph_view button").last.click()
    ready(page)
    _shot(page, "table-390-light")

    file = tmp_path / "letter.txt"
    file.write_text("The lighthouse was sold by Zebulon Crake. Nobody had asked Zebulon Crake why.", encoding="utf-8")
    page.goto(server.url("ingest"))
    screens.upload(page, [file])
    screens.wait_until_arrived(page, 1)
    page.goto(server.url("graph"))
    ready(page)

    def suggested() -> bool:
        field = page.locator(".st-key-graph_find input")
        field.fill("")
        field.press_sequentially("zebulon", delay=20)
        page.wait_for_timeout(700)
        ready(page)
        return page.locator(".st-key-found_names button").count() > 0

    eventually(suggested, 60, page, "the new name is suggested")
    page.locator(".st-key-found_names button").first.click()
    ready(page)
    eventually(lambda: page.locator(".st-key-graph_frame canvas").count() > 0, 30, page, "the picture is drawn anew")
    assert _heading(page) == "Zebulon Crake"
