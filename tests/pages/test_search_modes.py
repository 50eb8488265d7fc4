"""The ways of searching on the page, and the way through the graph on a card."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cortex_engine.config import load_config
from cortex_engine.core.graph import PathStep
from cortex_engine.core.search import Query, SearchMode
from cortex_engine.suite import CortexSuite
from cortex_ui import session
from cortex_ui.asked import MODES, Asked, from_query, from_url

ROOT = Path(__file__).parents[2]
HOSTILE = "<script>alert(1)</script> :red[Gates] ![x](http://evil.example/x.png)"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CortexSuite]:
    folder = tmp_path_factory.mktemp("modes")
    (folder / "mill.txt").write_text("The tidal mill was rebuilt. Its engineer is Aldous Pemberton.\n")
    (folder / "village.txt").write_text("In a green valley lies the village where Aldous Pemberton grew up.\n")
    session.stop()
    environ = {"CORTEX_EMBEDDING_BACKEND": "hashing", "CORTEX_MIN_FREE_BYTES": "0"}
    suite = session.start(load_config(folder / "library", environ), background=False)
    suite.ingest([folder / "mill.txt", folder / "village.txt"], "Papers")
    suite.extract_graph()
    yield suite
    session.stop()


def open_page(**params: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "cortex_ui" / "main.py"), default_timeout=60)
    at.run()
    at.switch_page(str(ROOT / "pages" / "3_Knowledge_Search.py"))
    for name, value in params.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception, at.exception
    return at


def html(at: AppTest) -> str:
    return " ".join(each.proto.body for each in at.get("html"))


def test_four_ways_by_the_names_of_the_mission_and_the_url_keeps_them(library: CortexSuite) -> None:
    at = open_page(q="the engineer of the tidal mill")
    control = at.segmented_control(key="mode")
    assert control.options == ["Hybrid", "Traditional", "GraphRAG Enhanced", "Words"]
    assert "via" not in html(at)
    control.set_value("graphrag").run()
    assert at.query_params["mode"] == "graphrag"
    assert '<div class="cx-quiet">via Aldous Pemberton</div>' in html(at)
    assert [entry.query.mode for entry in library.history()][:1] == [SearchMode.GRAPHRAG]


def test_names_on_the_way_are_shown_as_they_are_and_never_as_markup(
    library: CortexSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = library.search(Query("the engineer of the tidal mill", SearchMode.GRAPHRAG))
    path = (PathStep("e", HOSTILE, "query"), PathStep("f", "Microsoft", "together", "c"))
    hits = tuple(replace(hit, path=path) for hit in result.hits)
    monkeypatch.setattr(library, "search", lambda query, *_: replace(result, query=query, hits=hits))
    at = open_page(q="the engineer of the tidal mill", mode="graphrag")
    assert "<script>alert" not in html(at) and "<img" not in html(at)
    assert "via &lt;script&gt;alert(1)&lt;/script&gt; :red[Gates]" in html(at) and "→ Microsoft</div>" in html(at)


@pytest.mark.parametrize("old", ["meaning", "vector", "semantic"])
def test_links_and_saved_searches_of_older_versions_open(old: str) -> None:
    asked, told = from_url({"q": ["tea"], "mode": [old]}, [])
    assert asked.mode == "traditional" and told == []
    assert from_url({"mode": ["graph"]}, [])[0].mode == "graphrag"


def test_every_mode_goes_through_a_query_and_back() -> None:
    assert set(MODES.values()) == set(SearchMode)
    for name in MODES:
        asked = Asked("tea", name)
        assert from_query(asked.query()).mode == name
        assert from_url(asked.url(), []) == (asked, [])


def test_nothing_found_by_the_graph_offers_words_alone(library: CortexSuite) -> None:
    at = open_page(q='"no such phrase"', mode="graphrag")
    assert "by meaning, by words and by the knowledge graph" in html(at)
