"""The page Knowledge Graph on a real small library, driven by Streamlit's AppTest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cortex_engine.config import load_config
from cortex_engine.core.graph import DocumentGraph, EntityKind, ExtractedEntity, Mention, Relation, RelationKind
from cortex_engine.suite import CortexSuite
from cortex_ui import session

ROOT = Path(__file__).parents[2]
PAGE = "../pages/Knowledge_Graph.py"
HOSTILE = "<img src=x onerror=alert(1)> :red[x] $y$ [a](http://b)"
LONG = "Z" * 10_000
TEXTS = {
    "harbour.txt": "The harbour of Stonequay was built by Marta Quill. In May 2021 Marta Quill met Jonas Odell in Stonequay. "
    "Later Jonas Odell wrote to the Royal Observatory.",
    "comet.txt": "At night Marta Quill watched the sky from Gannet Head. The Royal Observatory thanked Marta Quill in 2022. "
    "It was from Gannet Head that Ines Tolland saw it too.",
    "tea.txt": "The best tea of Stonequay is sold by Ines Tolland. Every spring Ines Tolland visits Jonas Odell.",
    "hostile.txt": "Nothing is named here.",
}


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CortexSuite]:
    """The open library of the process; tests take back what they change."""
    folder = tmp_path_factory.mktemp("graph")
    with pytest.MonkeyPatch.context() as patch:
        _settings(patch, folder / "library")
        library = session.start(load_config(), background=False)
        for name, text in TEXTS.items():
            (folder / name).write_text(text, encoding="utf-8")
        library.ingest([folder / name for name in TEXTS], "Letters")
        library.extract_graph()
        _attack(library)
        yield library
        session.stop()


def _settings(patch: pytest.MonkeyPatch, folder: Path, **more: str) -> None:
    session.stop()
    settings = {"DATA_DIR": str(folder), "EMBEDDING_BACKEND": "hashing", "MIN_FREE_BYTES": "0", **more}
    for name, value in settings.items():
        patch.setenv(f"CORTEX_{name}", value)


def _attack(library: CortexSuite) -> None:
    """What no extractor would find: hostile names in a document's part of the graph."""
    document = library.document("hostile.txt")
    waiting = next(each for each in library._library.catalog.ungraphed("none", 20) if each.document_id == document.id)
    chunk = waiting.chunks[0]
    begin, end = chunk.char_start, chunk.char_start + len(chunk.text)
    names = (HOSTILE, LONG, "Marta Quill")
    part = DocumentGraph(
        tuple(ExtractedEntity(name) for name in names),
        tuple(Mention(name, chunk.chunk_id, begin, begin + 7, "Nothing") for name in names),
        tuple(
            Relation(*sorted((name, "Marta Quill")), RelationKind.TOGETHER, chunk.chunk_id, begin, end)
            for name in names[:2]
        ),
    )
    assert library._library.catalog.keep_graph(document.id, library._library.extractor.fingerprint, part)


def page(**query: str | list[str]) -> AppTest:
    """The page at an address."""
    at = AppTest.from_file(str(ROOT / "cortex_ui" / "main.py"), default_timeout=60)
    at.switch_page(PAGE)
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    return at


def texts(at: AppTest) -> str:
    """Everything that is written on the page."""
    kinds = (at.markdown, at.html, at.error, at.warning, at.info, at.toast, at.title)
    return "\n".join(str(each.value) for kind in kinds for each in kind)


def labels(at: AppTest) -> list[str]:
    return [each.label for each in at.button]


def keys(at: AppTest, begin: str) -> list[str]:
    return [each.key for each in at.button if each.key and each.key.startswith(begin)]


def idof(suite: CortexSuite, name: str) -> str:
    return suite.entity(name).id


def chart(at: AppTest) -> str:
    """What the chart is told to draw, as JSON."""
    return "".join(str(each.proto.spec) for each in at.get("echarts_chart"))


# -- nothing to draw -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "says", "leads_to"),
    [({}, "There is nothing to draw yet", "Add files"), ({"GRAPH": "false"}, "is switched off", "Settings")],
    ids=["empty", "off"],
)
def test_where_there_is_nothing_the_page_says_why_and_leads_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], says: str, leads_to: str
) -> None:
    _settings(monkeypatch, tmp_path / "library", **settings)
    try:
        session.start(load_config(), background=False)
        at = page(entity="x", depth="9")
        assert says in texts(at)
        assert leads_to in [each.label for each in at.get("page_link")]
    finally:
        session.stop()


def test_documents_that_name_nothing_are_told_from_documents_that_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _settings(monkeypatch, tmp_path / "library")
    file = tmp_path / "plain.txt"
    file.write_text("nothing here has a name of its own, and so it goes on.", encoding="utf-8")
    try:
        library = session.start(load_config(), background=False)
        library.ingest([file], "Letters")
        assert "No names were found" in texts(page())
        monkeypatch.setattr(type(library._library.extractor), "fingerprint", "another")
        at = page()
        assert "are being read for names" in texts(at)
        assert "1 document still to be read" in texts(at)
        library._library.extraction_trouble = "The model is away."
        assert "Documents wait: The model is away." in texts(page())
        catalog, (document,) = library._library.catalog, library.documents()
        catalog.fail_graph(document.id, library._library.extractor.fingerprint, "It is out of order.")
        assert "It is out of order" in texts(page()) and "name nobody" not in texts(page())
    finally:
        session.stop()


# -- the first picture and the search of names -----------------------------------------------------------------------


def test_the_start_shows_the_most_mentioned_names_and_what_found_them(suite: CortexSuite) -> None:
    at = page()
    shown = texts(at)
    assert "The most mentioned names" in shown
    assert "Marta Quill :gray[5]" in labels(at)
    assert suite.graph_stats().extractor_note in shown
    assert "Marta Quill" in chart(at)


def test_typing_suggests_names_without_case_and_a_click_draws_the_graph_around_one(suite: CortexSuite) -> None:
    at = page()
    at.text_input(key="graph_find").set_value("quill").run()
    (key,) = keys(at, "found_names_")
    at.button(key=key).click().run()
    assert at.query_params["entity"] == idof(suite, "Marta Quill")
    assert at.text_input(key="graph_find").value == ""
    assert "<h2" in texts(at)


def test_what_no_name_holds_can_be_searched_instead(suite: CortexSuite) -> None:
    at = page()
    at.text_input(key="graph_find").set_value("sold every spring").run()
    assert "No name has “sold every spring” in it." in texts(at)
    at.button(key="graph_search_it").click().run()
    assert at.query_params["q"] == "sold every spring"
    assert "The search “sold every spring”" in texts(at)


# -- entity, document, passage, search -------------------------------------------------------------------------------


def test_the_page_of_an_entity_has_names_relations_passages_documents_and_dates(suite: CortexSuite) -> None:
    marta, jonas = idof(suite, "Marta Quill"), idof(suite, "Jonas Odell")
    at = page(entity=marta)
    shown = texts(at)
    assert "5 mentions in 3 documents" in shown
    assert f"related_{jonas}" in keys(at, "related_")
    tabs = [tab.label for tab in at.tabs]
    assert tabs == ["Related", "Passages", "Documents", "Timeline"]
    at.session_state["graph_tabs"] = "Passages"
    at.run()
    assert "by <mark>Marta Quill</mark>." in texts(at)
    at.session_state["graph_tabs"] = "Documents"
    at.run()
    assert len(keys(at, "document_")) >= 3
    at.session_state["graph_tabs"] = "Timeline"
    at.run()
    shown = texts(at)
    assert shown.index("2021") < shown.index("2022")
    assert '<div class="cx-quiet">May</div>' in shown


def test_a_sentence_opens_its_page_in_the_drawer_and_the_picture_stays(suite: CortexSuite) -> None:
    marta, jonas = idof(suite, "Marta Quill"), idof(suite, "Jonas Odell")
    at = page(entity=marta)
    at.button(key=f"proofs_{jonas}").click().run()
    assert at.query_params["see"] == marta
    assert at.query_params["with"] == jonas
    assert "1 sentence with both names" in texts(at)
    assert "<mark>Marta Quill</mark> met <mark>Jonas Odell</mark>" in texts(at)
    at.button(key=keys(at, "open_between_")[0]).click().run()
    assert at.query_params["doc"] == suite.document("harbour.txt").id
    assert at.query_params["entity"] == marta
    assert at.get("dialog")


def test_links_by_name_by_document_and_by_passage_are_understood(suite: CortexSuite) -> None:
    assert "Jonas Odell" in texts(page(entity="jonas odell"))
    at = page(doc=suite.document("tea.txt").id)
    assert "doc" not in at.query_params, "without a page it is the centre, and no drawer opens"
    assert not at.get("dialog")
    assert "Names in it" in texts(at)
    chunk = suite.search("harbour", record=False).hits[0].chunk_id
    at = page(passage=chunk)
    assert "A passage of harbour.txt, page 1" in texts(at)
    assert "In this picture" in texts(at)


def test_a_date_has_a_page_though_it_stands_in_no_picture(suite: CortexSuite) -> None:
    (year,) = suite.find_entities("2022", kinds=(EntityKind.DATE,))
    shown = texts(page(entity=year.id))
    assert "Nothing stands beside it" in shown
    assert '<h2 class="cx-entity">2022</h2>' in shown


def test_the_depth_is_kept_in_the_address(suite: CortexSuite) -> None:
    at = page(entity=idof(suite, "Ines Tolland"), depth="2")
    assert at.segmented_control(key="graph_depth").value == 2
    at.segmented_control(key="graph_depth").set_value(3).run()
    assert at.query_params["depth"] == "3"


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"depth": "7", "entity": "Marta Quill"}, "the depth '7', which is not 1, 2 or 3"),
        ({"entity": "f" * 32}, f"There is no name '{'f' * 32}'"),
        ({"document": "e" * 32}, "There is no document"),
        ({"passage": "d" * 32}, "There is no passage"),
        ({"entity": "Marta Quill", "see": "../../etc"}, "cannot be read"),
        ({"entity": "Marta Quill", "see": "a" * 32}, "is in the library no more"),
        ({"entity": HOSTILE + " unknown"}, "There is no name"),
        ({"q": "x" * 3000}, "was cut to 2,000 characters"),
    ],
)
def test_what_a_link_says_wrong_is_dropped_with_a_remark_and_the_page_goes_on(
    suite: CortexSuite, query: dict[str, str], says: str
) -> None:
    at = page(**query)
    assert says in texts(at).replace("\\", "").replace("\u2060", "")
    assert "graph_find" in [each.key for each in at.text_input]
    assert not at.error


def test_a_search_that_finds_nothing_says_so_and_leads_back(suite: CortexSuite) -> None:
    at = page(q='"no such phrase anywhere"')
    assert "Nothing was found that names anything" in texts(at)
    at.button(key="graph_no_picture_start").click().run()
    assert "q" not in at.query_params
    assert "The most mentioned names" in texts(at)


def test_the_table_has_every_node_and_every_connection(suite: CortexSuite) -> None:
    at = page(entity="Jonas Odell")
    found = suite.local_graph((idof(suite, "Jonas Odell"),))
    at.segmented_control(key="graph_view").set_value("Table").run()
    shown = texts(at)
    tables = [part for part in shown.split("<table") if 'class="cx-nodes"' in part]
    assert [table.count("<tr>") - 1 for table in tables] == [len(found.nodes), len(found.edges)]
    assert not at.get("echarts_chart")


# -- changes by hand -------------------------------------------------------------------------------------------------


def test_two_names_are_merged_after_a_confirmation_and_taken_apart_again(suite: CortexSuite) -> None:
    ines, jonas = idof(suite, "Ines Tolland"), idof(suite, "Jonas Odell")
    at = page(entity=jonas)
    at.session_state["graph_dialog"] = ("merge", jonas)
    at.run()
    at.text_input(key="graph_merge_find").set_value("toll").run()
    at.radio(key="graph_merge_with").set_value(ines).run()
    at.radio(key="graph_merge_keeps").set_value(ines).run()
    assert "No document changes" in texts(at)
    assert suite.merged_entities() == []
    at.button(key="graph_merge_send").click().run()
    assert [each.id for each in suite.merged_entities()] == [ines]
    assert at.query_params["entity"] == ines
    assert "“Jonas Odell” is part of “Ines Tolland” now." in texts(at)
    assert "Also: Jonas Odell" in texts(at)
    at.button(key="graph_undo").click().run()
    assert suite.merged_entities() == []
    assert suite.entity(jonas).name == "Jonas Odell"


def test_a_hidden_name_is_on_the_list_and_can_be_shown_again(suite: CortexSuite) -> None:
    gannet = idof(suite, "Gannet Head")
    at = page(entity=gannet)
    at.session_state["graph_dialog"] = ("hide", gannet)
    at.run()
    assert not suite.entity(gannet).hidden
    at.button(key="graph_hide_send").click().run()
    assert suite.entity(gannet).hidden
    assert "entity" not in at.query_params
    assert "“Gannet Head” is hidden." in texts(at)
    assert "Gannet Head" not in chart(at)
    assert "This name is hidden" in texts(page(entity=gannet))
    at.button(key="graph_edits").click().run()
    at.button(key=f"undo_0_{gannet}").click().run()
    assert not suite.entity(gannet).hidden
    assert "graph_edits" not in [each.key for each in at.button]


def test_an_edit_that_fails_is_told_and_the_dialog_stays(suite: CortexSuite, monkeypatch: pytest.MonkeyPatch) -> None:
    from cortex_engine.core.errors import NotFoundError

    def gone(*_: object, **__: object) -> None:
        raise NotFoundError("There is no such name any more.")

    at = page(entity="Gannet Head")
    at.session_state["graph_dialog"] = ("hide", idof(suite, "Gannet Head"))
    at.run()
    monkeypatch.setattr(CortexSuite, "hide_entity", gone)
    at.button(key="graph_hide_send").click().run()
    assert "There is no such name any more" in at.error[0].value.replace("\\", "")


# -- hostile names ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", ["Graph", "Table"])
def test_hostile_names_are_shown_and_do_nothing(suite: CortexSuite, view: str) -> None:
    at = page(entity="Marta Quill", depth="2")
    at.segmented_control(key="graph_view").set_value(view).run()
    everything = texts(at) + "".join(labels(at)) + chart(at)
    assert "<img src=x" not in texts(at)
    assert all(":red[" not in each and "$y$" not in each for each in labels(at))
    assert "Z" * 61 not in everything
    assert "Z" * 20 in everything
    assert "onerror" in everything, "it is shown, as text"
    hostile = next(each for each in suite.find_entities("onerror"))
    at = page(entity=hostile.id)
    assert "&lt;img src=x" in texts(at)
    assert "<img src=x" not in texts(at)


# -- ways into the graph ---------------------------------------------------------------------------------------------


def test_home_names_what_is_mentioned_most(suite: CortexSuite) -> None:
    at = AppTest.from_file(str(ROOT / "cortex_ui" / "main.py"), default_timeout=60).run()
    assert not at.exception
    assert "Marta Quill :gray[5]" in [each.label for each in at.get("page_link")]
