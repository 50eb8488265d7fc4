"""Knowledge Search against a real small library: what it asks, what it shows, what the URL and the widgets agree on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cortex_engine.config import load_config
from cortex_engine.core.app import ModelState, ModelStatus, PageView
from cortex_engine.core.flights import CandidatePlace
from cortex_engine.core.identifiers import picture_id
from cortex_engine.core.search import Filters, HitKind, Query, SearchHit, SearchMode, SearchResult, StageStanding
from cortex_engine.suite import CortexSuite
from cortex_ui import exporting, filters, hits, picture_query, replay, session, standing, trace, waterfall
from cortex_ui.asked import MODES, Asked, from_query, from_url
from cortex_ui.drawer import page_html

ROOT = Path(__file__).parents[2]
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    ":red[x] :material/home: $$x^2$$ `code` **b** ![a](http://example.com/a.png)",
    '"unclosed phrase -',
    "' OR 1=1 --",
    "NEAR(a b) AND * ^ {}",
    "\u202eevil\u0000\u0007",
    "%s %d {0} {{}} ${x}",
    "../../etc/passwd",
    "茶园 🦀 " * 30,
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CortexSuite]:
    """The samples, with the model loaded; no background work."""
    folder = tmp_path_factory.mktemp("search") / "library"
    session.stop()
    opened = session.start(load_config(folder), background=False)
    opened.load_samples()
    yield opened
    session.stop()


@pytest.fixture(autouse=True)
def clean_notebook(library: CortexSuite) -> None:
    library.forget_history()
    for search in library.saved_searches():
        library.delete_saved_search(search.id)


def open_page(**params: str | list[str]) -> AppTest:
    at = AppTest.from_file(str(ROOT / "cortex_ui" / "main.py"), default_timeout=60)
    at.run()
    at.switch_page(str(ROOT / "pages" / "3_Knowledge_Search.py"))
    for name, value in params.items():
        at.query_params[name.rstrip("_")] = value
    at.run()
    assert not at.exception, at.exception
    return at


def shown(at: AppTest) -> str:
    """Everything on the page that is text."""
    parts = [str(each.value) for kind in (at.html, at.markdown, at.info, at.warning, at.error) for each in kind]
    return "\n".join(part for part in parts if "cortexKeys" not in part)  # that is our own script


def markup(at: AppTest) -> list[str]:
    """Pieces of HTML, and Markdown that is not escaped, in which something of the hostile set came through."""
    html = [
        str(each.value) for each in at.html if not re.search(r"cortexKeys|\.cx-(snippet|falls) \{", str(each.value))
    ]
    marked = [str(each.value) for kind in (at.markdown, at.info, at.warning, at.error) for each in kind]
    labels = [str(each.label) for each in at.button]
    found = [each for each in html if re.search(r"<(script|img|style|iframe|a\b)", each.lower())]
    return found + [each for each in marked + labels if re.search(r"(?<!\\)<(script|img)|:red\[x|\]\(http", each)]


def names(at: AppTest) -> list[str]:
    """File names of the cards, in order."""
    found = []
    for each in at.html:
        if '<div class="cx-name">' in each.value:
            found.append(each.value.split('<div class="cx-name">')[1].split("</div>")[0])
    return found


def spied(library: CortexSuite, monkeypatch: pytest.MonkeyPatch) -> list[Query]:
    """The queries that reach the engine."""
    asked: list[Query] = []
    search = library.search

    def listened(query: Query, *how: object, **more: object) -> SearchResult:
        asked.append(query)
        return search(query, *how, **more)

    monkeypatch.setattr(library, "search", listened)
    return asked


class TestAsking:
    def test_an_answer_stands_first_with_its_words_marked(self, library: CortexSuite) -> None:
        at = open_page(q="Who discovered the comet?")
        assert names(at)[0] == "observatory-annual-report.pdf"
        assert "<mark>comet</mark>" in shown(at)
        assert re.search(r"\d+ passages in \d+ documents · \d", shown(at))

    def test_typing_searches_and_the_url_follows(self, library: CortexSuite) -> None:
        at = open_page()
        at.text_input(key="q").set_value("caffeine tea").run()
        assert names(at)[0] == "saltwind-tea-catalogue.docx"
        assert at.query_params["q"] == "caffeine tea"
        at.segmented_control(key="mode").set_value("words").run()
        assert at.query_params["mode"] == "words"
        at.segmented_control(key="mode").set_value("hybrid").run()
        assert "mode" not in at.query_params

    def test_a_rerun_that_changes_nothing_does_not_search(
        self, library: CortexSuite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = spied(library, monkeypatch)
        at = open_page(q="seals")
        assert len(asked) == 1
        at.run()
        at.run()
        assert len(asked) == 1
        at.text_input(key="q").set_value("ferry").run()
        assert [query.text for query in asked] == ["seals", "ferry"]

    def test_words_at_once_while_the_model_loads_and_the_model_as_soon_as_it_is_there(
        self, library: CortexSuite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ready = False
        asked = spied(library, monkeypatch)
        monkeypatch.setattr(library, "embedding_ready", lambda collections=(): ready)
        at = open_page(q="comet", mode="meaning")
        assert any("Keyword results; refining when all" in str(each.value) for each in at.info)
        assert [query.mode for query in asked] == [SearchMode.LEXICAL]
        ready = True
        at.run()
        assert not at.info
        assert [query.mode for query in asked] == [SearchMode.LEXICAL, SearchMode.VECTOR]
        assert [entry.query.mode for entry in library.history()] == [SearchMode.VECTOR]

    def test_order_and_grouping(self, library: CortexSuite) -> None:
        by_name = names(open_page(q="island", sort="name"))
        assert by_name == sorted(by_name, key=str.casefold)
        grouped, single = open_page(q="island"), open_page(q="island", group="0", n="50")
        assert len(names(grouped)) == len(set(names(grouped)))
        assert len(names(single)) > len(set(names(single)))

    def test_further_passages_are_searched_when_the_list_is_opened(
        self, library: CortexSuite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hit = next(hit for hit in library.search(Query("comet", group=True)).hits if hit.more)
        at = open_page(q="comet")
        assert not [each for each in at.button if str(each.key).startswith("open_other_")]
        at.session_state[f"passages_{hit.chunk_id}"] = True
        at.run()
        opened = [each for each in at.button if str(each.key).startswith("open_other_")]
        assert len(opened) == hit.more


class TestUrl:
    def test_values_that_make_no_sense_are_told_and_left_out(self, library: CortexSuite) -> None:
        at = open_page(
            q="comet",
            mode="telepathy",
            n="abc",
            sort="-1",
            group="maybe",
            from_="31.12.2024",
            to="2024-99-99",
            in_="Nowhere",
        )
        told = shown(at)
        for word in ("telepathy", "abc", "Nowhere", "2024"):
            assert word in told
        assert len(at.info) == 7
        assert names(at)[0] == "observatory-annual-report.pdf"
        assert dict(at.query_params.items()) == {"q": "comet"}

    def test_the_remarks_go_with_the_next_change(self, library: CortexSuite) -> None:
        at = open_page(q="comet", n="abc")
        at.run()
        assert at.info
        at.text_input(key="q").set_value("ferry").run()
        assert not at.info

    def test_every_control_survives_the_way_through_the_url(self) -> None:
        asked = Asked(
            'a "b c" -d & ü',
            "words",
            ("In & box", "ü"),
            ("pdf", "image"),
            ("de",),
            ("x y",),
            "report 2024",
            date(2024, 1, 2),
            date(2024, 3, 4),
            False,
            "newest",
            50,
            "0123456789abcdef",
            "pictures",
            False,
            30,
            7,
            "description",
            0.7,
        )
        assert from_url(asked.url(), ["In & box", "ü"]) == (asked, [])
        assert from_url({}, []) == (Asked(), [])
        assert Asked().url() == {}

    def test_a_saved_query_comes_back_whole(self) -> None:
        asked = Asked(
            "x", "traditional", ("A",), ("pdf",), ("de",), ("t",), "title", date(2024, 1, 2), None, False, size=50
        )
        asked = replace(
            asked, picture="p", kind="text", rerank=True, candidates=9, best=3, prefetch="picture", weight=0.0
        )
        assert from_query(asked.query()) == asked

    def test_numbers_of_reranking_and_pictures_that_make_no_sense(self) -> None:
        url = {
            "candidates": ["-3"],
            "best": ["²"],
            "weight": ["nan"],
            "rerank": ["yes"],
            "kind": ["video"],
            "prefetch": ["x"],
        }
        asked, remarks = from_url(url, [])
        assert asked == Asked() and len(remarks) == 6
        assert from_url({"weight": ["0"], "rerank": ["0"]}, []) == (Asked(weight=0.0, rerank=False), [])

    def test_a_picture_alone_is_a_question(self) -> None:
        assert Asked().empty and Asked("  ").empty
        assert not Asked(picture="p").empty and not Asked("x").empty

    def test_dates_the_wrong_way_round(self) -> None:
        asked, remarks = from_url({"from": ["2024-02-01"], "to": ["2024-01-01"]}, [])
        assert asked == Asked() and len(remarks) == 1

    def test_a_value_of_a_filter_that_no_document_has_does_not_break_the_page(self, library: CortexSuite) -> None:
        at = open_page(q="comet", type="../etc", lang="xx", tag="<b>")
        assert "No passage matches" in shown(at)

    def test_back_on_the_page_everything_is_as_it_was_left(self, library: CortexSuite) -> None:
        at = open_page(q="ferry", mode="words")
        at.switch_page(str(ROOT / "pages" / "Settings.py")).run()
        at.query_params.clear()  # as a browser does when another page is chosen
        at.switch_page(str(ROOT / "pages" / "3_Knowledge_Search.py")).run()
        assert at.text_input(key="q").value == "ferry"
        assert at.session_state["mode"] == "words"
        assert at.query_params["q"] == "ferry"


class TestFilters:
    def test_a_chip_takes_its_filter_away(self, library: CortexSuite) -> None:
        at = open_page(q="island", type="pdf")
        assert names(at) and all(name.endswith(".pdf") for name in names(at))
        chip = next(each for each in at.button if str(each.key).startswith("chip_type_"))
        assert chip.label == "PDF"
        chip.click().run()
        assert "type" not in at.query_params
        assert any(not name.endswith(".pdf") for name in names(at))

    def test_pills_show_how_many_documents_each_type_has(self, library: CortexSuite) -> None:
        at = open_page(q="island")
        options = at.pills(key="search_type").options
        assert "PDF (2)" in options and "Markdown (1)" in options

    def test_conditions_name_what_is_set_and_drop_one_at_a_time(self) -> None:
        asked = Asked("x", "hybrid", ("A", "B"), ("pdf",), start=date(2024, 1, 2))
        found = filters.conditions(asked)
        assert [each.text for each in found] == ["A", "B", "PDF", "from 2 Jan 2024"]
        assert found[0].without == replace(asked, collections=("B",))
        assert found[3].without == replace(asked, start=None)

    def test_no_results_offer_ways_on(self, library: CortexSuite) -> None:
        at = open_page(q="zzqxw", mode="words", type="pdf")
        assert "No passage matches" in shown(at) and "zzqxw" in shown(at)
        keys = [str(each.key) for each in at.button]
        assert "instead_everything" in keys and "instead_by_hybrid" in keys
        at.button(key="instead_everything").click().run()
        assert "type" not in at.query_params
        at.button(key="instead_by_hybrid").click().run()
        assert names(at)


class TestDrawer:
    def test_a_link_opens_the_page_with_the_passage_marked(self, library: CortexSuite) -> None:
        hit = library.search("When the power fails generator").hits[0]
        assert hit.document == "lighthouse-handbook.md"
        at = open_page(q="generator", doc=hit.document_id, page=str(hit.page), hit=hit.chunk_id)
        assert '<mark class="passage">' in shown(at)
        assert "<mark>generator</mark>" in shown(at)

    @pytest.mark.parametrize(
        ("params", "sentence"),
        [
            ({"doc": "ffffffffffff"}, "There is no document"),
            ({"doc": "<script>alert(1)</script>"}, "There is no document"),
            ({"doc": "DOC", "page": "abc"}, "'abc' is no page number"),
            ({"doc": "DOC", "page": "-3"}, "'-3' is no page number"),
            ({"doc": "DOC", "page": "99"}, "There is no page 99"),
            ({"doc": "DOC", "page": "²"}, "is no page number"),
            ({"doc": "DOC", "hit": "nothing"}, "There is no passage"),
            ({"doc": "DOC", "hit": "OTHER"}, "belongs to another document"),
        ],
    )
    def test_a_link_that_makes_no_sense_is_told(
        self, library: CortexSuite, params: dict[str, str], sentence: str
    ) -> None:
        report = library.document("observatory-annual-report.pdf")
        other = library.search("tea caffeine").hits[0]
        assert other.document_id != report.id
        values = {"DOC": report.id, "OTHER": other.chunk_id}
        at = open_page(**{name: values.get(value, value) for name, value in params.items()})
        told = shown(at).replace("\\", "").replace("\u2060", "")
        assert sentence in told
        assert not markup(at)

    def test_pages_are_turned_and_the_url_says_where(self, library: CortexSuite) -> None:
        report = library.document("observatory-annual-report.pdf")
        at = open_page(doc=report.id)
        at.button(key="drawer_right").click().run()
        assert at.query_params["page"] == "2"
        assert at.number_input(key="drawer_page").value == 2
        at.number_input(key="drawer_page").set_value(3).run()
        assert at.query_params["page"] == "3"
        assert at.button(key="drawer_right").disabled
        at.button(key="drawer_left").click().run()
        assert at.query_params["page"] == "2"

    def test_back_to_the_passage(self, library: CortexSuite) -> None:
        hit = next(hit for hit in library.search("comet").hits if hit.document == "observatory-annual-report.pdf")
        at = open_page(doc=hit.document_id, page="3", hit=hit.chunk_id, q="comet")
        at.button(key="drawer_back").click().run()
        assert at.query_params["page"] == str(hit.page)

    def test_open_page_and_close(self, library: CortexSuite) -> None:
        at = open_page(q="comet")
        next(each for each in at.button if str(each.key).startswith("open_")).click().run()
        assert at.query_params["doc"] and at.query_params["hit"]
        assert at.query_params["q"] == "comet"
        assert at.get_by_key("drawer_actions")

    def test_a_page_that_holds_markup_is_shown_as_text(self, library: CortexSuite) -> None:
        document = library.document("lighthouse-handbook.md")
        text = "before <script>alert(1)</script> **after** the storm"
        view = PageView(document, 1, 1, "", text, ((7, 20),), ((7, 15), (40, 45)))
        html = page_html(view)
        assert "<script" not in html
        assert html.count("<mark") == html.count("</mark>") == 3
        plain = page_html(replace(view, passage=(), terms=()))
        assert "<strong>after</strong>" in plain and "<script" not in plain


class TestHostile:
    @pytest.mark.parametrize("text", HOSTILE)
    def test_as_query_title_and_name(self, library: CortexSuite, text: str) -> None:
        at = open_page(q=text, title=text, tag=text, in_=text)
        assert not markup(at)

    def test_as_file_name_title_collection_tag_and_text(
        self, library: CortexSuite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        name = "<img src=x onerror=alert(1)> :red[x] ![a](http:x) $$y$$.md"
        text = f"# {HOSTILE[0]} {HOSTILE[2]}\n\nThe storm {HOSTILE[1]} took the roof. {HOSTILE[2]}\n"
        (tmp_path / name).write_text(text, encoding="utf-8")
        hostile = CortexSuite.open(tmp_path / "library")
        monkeypatch.setattr(session, "_open", hostile)
        try:
            hostile.ingest([tmp_path / name], collection=":red[x] <script>c</script>")
            (document,) = hostile.documents()
            hostile.set_tags(document.id, [":red[x] <b>t</b>"])
            hostile.set_metadata(document.id, title=HOSTILE[2], author=HOSTILE[0])
            hit = hostile.search("storm").hits[0]
            at = open_page(q="storm", tag=":red[x] <b>t</b>", doc=hit.document_id, page="1", hit=hit.chunk_id)
            assert '<mark class="passage">' in shown(at) and "storm" in shown(at)
            for key in ("more", "cite"):
                at.session_state[f"{key}_{hit.chunk_id}"] = True
            at.session_state["debug_log"] = True
            at.run()
            assert not at.exception
            assert not markup(at)
            assert names(at)[0].startswith("&lt;img src=x")
        finally:
            hostile.close()

    @pytest.mark.parametrize(
        "text", ["report.pdf", "a/b\\c.txt", "", "...", "x\r\nSet-Cookie: a", "\u202efdp.exe", "ü" * 300]
    )
    def test_download_names_are_plain(self, text: str) -> None:
        name = exporting.download_name(text)
        assert name and not set(name) & set('/\\\r\n:"<>|')
        assert exporting.file_stem(text)


class TestKeeping:
    def test_searches_are_remembered_once_and_run_again(self, library: CortexSuite) -> None:
        at = open_page(q="seals", mode="words")
        at.run()
        assert [entry.query.text for entry in library.history()] == ["seals"]
        at.text_input(key="q").set_value("").run()
        entry = library.history()[0]
        at.button(key=f"history_{entry.id}").click().run()
        assert at.query_params["q"] == "seals" and at.query_params["mode"] == "words"
        at.text_input(key="q").set_value("").run()
        at.button(key="forget_history").click().run()
        assert library.history() == []

    def test_save_run_rename_delete(self, library: CortexSuite) -> None:
        at = open_page(q="ferry", type="html")
        at.text_input(key="save_name").set_value("Crossings :red[x]")
        next(each for each in at.button if each.label == "Save").click().run()
        (saved,) = library.saved_searches()
        assert saved.name == "Crossings :red[x]" and saved.query.filters == Filters(types=("html",))
        at.text_input(key="q").set_value("").run()
        assert ":red[x]" not in at.button(key=f"run_{saved.id}").label
        at.button(key=f"run_{saved.id}").click().run()
        assert at.query_params["q"] == "ferry" and at.query_params["type"] == "html"
        at.session_state[f"change_{saved.id}"] = True
        at.run()
        at.text_input(key=f"name_{saved.id}").set_value("Ferries")
        at.button(key=f"rename_{saved.id}").click().run()
        assert [each.name for each in library.saved_searches()] == ["Ferries"]
        at.button(key=f"delete_{saved.id}").click().run()
        assert library.saved_searches() == []

    def test_a_name_that_is_taken_is_told_and_what_was_typed_stays(self, library: CortexSuite) -> None:
        library.save_search("Ferries", Query("ferry"))
        at = open_page(q="boats")
        at.text_input(key="save_name").set_value("Ferries")
        next(each for each in at.button if each.label == "Save").click().run()
        assert any("Ferries" in str(each.value) for each in at.error)
        assert at.text_input(key="save_name").value == "Ferries"
        assert len(library.saved_searches()) == 1

    def test_a_judgement_is_kept_and_taken_back(self, library: CortexSuite) -> None:
        hit = library.search(Query("comet", group=True)).hits[0]
        at = open_page(q="comet")
        at.session_state[f"more_{hit.chunk_id}"] = True
        at.run()
        at.button(key=f"judge_1_{hit.chunk_id}").click().run()
        assert [(each.chunk_id, each.value) for each in library.judgements("comet")] == [(hit.chunk_id, 1)]
        at.button(key=f"judge_0_{hit.chunk_id}").click().run()
        assert library.judgements("comet") == []


class TestTakingAway:
    def test_exports_are_offered_and_made_of_what_is_shown(self, library: CortexSuite) -> None:
        at = open_page(q="comet", sort="name")
        assert {each.key for each in at.get("download_button")} >= {"export_csv", "export_md", "export_json"}
        result = hits.arranged(library.search(Query("comet", group=True, top_k=20)), "name")
        documents = [hit.document for hit in result.hits]
        assert documents == sorted(documents, key=str.casefold)

    def test_citation_in_every_style(self, library: CortexSuite) -> None:
        hit = library.search(Query("comet", group=True)).hits[0]
        at = open_page(q="comet")
        at.session_state[f"cite_{hit.chunk_id}"] = True
        at.run()
        assert "Annual Report" in at.code[0].value
        at.segmented_control(key=f"citation_{hit.chunk_id}_style").set_value("bibtex").run()
        assert at.code[0].value.startswith("@")
        at.segmented_control(key=f"citation_{hit.chunk_id}_style").set_value("ris").run()
        assert at.code[0].value.startswith("TY  - ")

    def test_newest_first_goes_by_the_documents_dates(self, library: CortexSuite) -> None:
        result = hits.arranged(library.search(Query("island", group=True, top_k=50)), "newest")
        known = {each.id: each for each in library.documents()}
        dates = [
            known[hit.document_id].info.modified or known[hit.document_id].info.created or known[hit.document_id].added
            for hit in result.hits
        ]
        assert dates == sorted(dates, reverse=True)


class TestDebugLog:
    def result(self, library: CortexSuite) -> SearchResult:
        return library.search(Query("who discovered the comet", top_k=5))

    def test_every_stage_and_every_hit_is_in_it(self, library: CortexSuite) -> None:
        result = self.result(library)
        flight = library.flight(result.flight_id)
        stages = [row["Stage"] for row in trace.stages(flight)]
        assert stages == [step.stage for step in result.trace.steps]
        assert {"parse query", "scope", "embed", "vector", "lexical", "fusion", "present"} <= set(stages)
        places = library.candidate_places(list(flight.hits))
        rows = trace.standings(flight, places)
        assert [row["Rank"] for row in rows] == [1, 2, 3, 4, 5]
        assert [row["Document"] for row in rows] == [hit.document for hit in result.hits]
        assert rows[0]["vector score"] == pytest.approx(result.hits[0].stages["vector"].score, abs=1e-4)
        assert trace.standings(trace.of_result(result), places) == rows

    def test_it_reads_from_the_recorder_and_asks_again(self, library: CortexSuite) -> None:
        library.forget_flights()
        library.search(Query("heather on the moor", SearchMode.LEXICAL))
        at = open_page(q="comet")
        at.run()
        assert not at.dataframe
        at.session_state["debug_log"] = True
        at.run()
        assert len(at.dataframe) == 3
        assert next(iter(at.dataframe[0].value["Stage"])) == "parse query"
        assert [row.text for row in library.flights()] == ["comet", "heather on the moor"], (
            "one search, however often drawn"
        )
        assert len(at.selectbox(key="debug_flight").options) == 2
        at.selectbox(key="debug_stage").set_value("lexical").run()
        assert at.dataframe[2].value["Score"][0] > 0
        at.button(key="debug_again").click().run()
        assert [each.value for each in at.success] == ["The same results in the same order."]
        at.button(key="debug_forget").click().run()
        assert library.flights() == []
        assert not at.exception

    def test_differences_between_then_and_now(self) -> None:
        places = {each: CandidatePlace(f"id{each}", f"{each}.txt", 1) for each in "abc"}
        rows = replay.differences(["a", "b", "c", "gone"], ["b", "a", "c", "d"], places)
        assert [(row["Change"], row["Document"], row["Rank then"], row["Rank now"]) for row in rows] == [
            ("moved", "b.txt", 2, 1),
            ("moved", "a.txt", 1, 2),
            ("came", "(gone)", None, 4),
            ("went", "(gone)", 4, None),
        ]


class TestWhyNot:
    def test_the_stage_the_button_and_what_it_does(self, library: CortexSuite) -> None:
        at = open_page(q="Who discovered the comet?", n="3")
        at.session_state["why_not"] = True
        at.session_state["why_document"] = library.document("inselbrief.txt").id
        at.run()
        assert "and 3 documents are shown" in shown(at)
        button = at.button(key="why_apply_0")
        assert re.fullmatch(r"Show \d+ documents", button.label)
        button.click().run()
        assert "inselbrief.txt" in names(at)
        assert at.query_params["n"] == re.findall(r"\d+", button.label)[0]
        assert "did come back" in shown(at)

    def test_a_name_that_was_never_there(self, library: CortexSuite) -> None:
        at = open_page(q="comet")
        at.session_state["why_not"] = True
        at.session_state["why_document"] = HOSTILE[0]
        at.run()
        assert "no file of this name was ever handed over" in shown(at)
        assert not at.exception and not markup(at)

    def test_where_nothing_was_found_the_condition_is_dropped(self, library: CortexSuite) -> None:
        at = open_page(q="comet", mode="words", type="pptx")
        at.session_state["why_not"] = True
        at.session_state["why_document"] = library.document("observatory-annual-report.pdf").id
        at.run()
        at.button(key="why_apply_0").click().run()
        assert "type" not in at.query_params and "observatory-annual-report.pdf" in names(at)

    def test_what_a_link_says_of_candidates_and_documents_is_asked_and_can_be_taken_away(
        self, library: CortexSuite
    ) -> None:
        document = library.document("inselbrief.txt")
        asked, told = from_url({"q": ["x"], "only": [document.id], "pool": ["350"], "n": ["35"], "miss": ["0"]}, [])
        assert told == [] and asked == from_query(asked.query())
        assert asked.query().candidates == 350 and asked.query().top_k == 35
        at = open_page(q="island", only=document.id, pool="350")
        assert names(at) == ["inselbrief.txt"]
        assert library.history() == [], "the history would name a document that can be deleted"
        chips = {each.key: each for each in at.button if str(each.key).startswith("chip_")}
        assert [each.label for each in chips.values()] == ["only inselbrief\\.txt", "350 candidates"]
        chips["chip_pool"].click().run()
        assert "pool" not in at.query_params


class TestWaterfall:
    def test_the_bars_are_what_the_fusion_added(self, library: CortexSuite) -> None:
        result = library.search(Query("Who discovered the comet?"))
        hit = result.hits[0]
        parts = waterfall.shares(result.trace.stages, hit.chunk_id)
        assert [name for name, _ in parts] == ["Meaning", "Words", "Spelling"]
        assert sum(share for _, share in parts) == pytest.approx(hit.score)
        html = waterfall.html(parts, hit)
        assert html.count("cx-fall ") == 4 and f"{hit.score:.2f}" in html
        assert waterfall.shares(library.search(Query("comet", SearchMode.LEXICAL)).trace.stages, hit.chunk_id) == []

    def test_what_takes_away_goes_back(self) -> None:
        hit = SearchHit(1, 1.0, "d", "d.txt", (), 1, "c", "", 0, 0, {"rerank": StageStanding(2, 0.5)}, relevance=0.9)
        html = waterfall.html([("Meaning", 3.0), ("Words", -1.0)], hit)
        assert "cx-fall less cx-from-33 cx-wide-17" in html
        assert "rank 2" in html


class TestStanding:
    def test_words_for_what_answers_and_what_does_not(self, library: CortexSuite) -> None:
        good = library.search(Query("Who discovered the comet?"))
        assert standing.word(good.hits[0], standing.averages(good)) == "Strong"
        off = library.search(Query("python list comprehension", SearchMode.VECTOR))
        assert {standing.word(hit) for hit in off.hits} == {"Weak"}
        words = library.search(Query("comet", SearchMode.LEXICAL))
        assert standing.word(words.hits[0]) == "Keyword match"

    def test_a_model_whose_cosines_begin_high_is_not_strong_everywhere(self, library: CortexSuite) -> None:
        hit = library.search(Query("Who discovered the comet?")).hits[0]
        high = {"vector": replace(hit.stages["vector"], score=0.8)}
        assert standing.word(replace(hit, stages=high), {"vector": 0.75}) == "Weak"
        higher = {"vector": replace(hit.stages["vector"], score=0.9)}
        assert standing.word(replace(hit, stages=higher), {"vector": 0.75}) == "Strong"
        look = {
            "picture": replace(hit.stages["vector"], score=0.8),
            "description": replace(hit.stages["vector"], score=0.2),
        }
        assert standing.word(replace(hit, stages=look), {"picture": 0.4, "description": 0.1}) == "Strong"
        assert standing.word(replace(hit, stages=look), {"picture": 0.75, "description": 0.1}) == "Weak"

    def test_the_reranker_has_the_word_where_it_took_part(self, library: CortexSuite) -> None:
        hit = library.search(Query("Who discovered the comet?")).hits[0]
        words = {share: standing.word(replace(hit, relevance=share)) for share in (0.93, 0.6, 0.1)}
        assert words == {0.93: "Strong", 0.6: "Good", 0.1: "Weak"}
        shown = [standing.relevance(replace(hit, relevance=share)) for share in (None, 0.934, 0.9999, 0.0001)]
        assert shown == ["", "relevance 0.93", "relevance >0.99", "relevance <0.01"]
        raw = {**hit.stages, "rerank": StageStanding(1, -2.5)}
        rows = standing.numbers(replace(hit, stages=raw, relevance=0.0759))
        assert ("Reranker", "raw score -2.500", "rank 1") in rows and ("Relevance", "0.0759", "") in rows


class TestReranker:
    def _says(self, monkeypatch: pytest.MonkeyPatch, library: CortexSuite, state: ModelState, reason: str = "") -> None:
        status = ModelStatus("qwen3-vl reranker", "Qwen3-VL-Reranker-2B", state, reason, {"Device": "cuda:0"})
        monkeypatch.setattr(library, "reranker_status", lambda: status)
        monkeypatch.setattr(library, "config", library.config.model_copy(update={"reranker": "qwen3_vl"}))

    def _sidebar(self, at: AppTest) -> str:
        return "\n".join(str(each.value) for kind in (at.sidebar.html, at.sidebar.warning) for each in kind)

    def test_switched_off_it_is_one_quiet_line_and_the_way_to_switch_it_on(self, library: CortexSuite) -> None:
        at = open_page(q="comet")
        assert "No reranker orders results anew" in self._sidebar(at)
        assert not at.toggle or "search_rerank" not in [each.key for each in at.toggle]
        assert not [each for each in at.selectbox if each.key == "search_prefetch"], (
            "no model sees, so no picture controls"
        )
        assert "384 dimensions · text only" in self._sidebar(at)

    def test_what_is_set_goes_into_the_query_and_the_url(
        self, library: CortexSuite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self._says(monkeypatch, library, ModelState.HEALTHY)
        asked = spied(library, monkeypatch)
        at = open_page(q="comet")
        assert at.toggle(key="search_rerank").value is True, "as the settings say"
        assert (asked[-1].rerank, asked[-1].rerank_candidates, asked[-1].rerank_top_k) == (None, 0, 0)
        at.number_input(key="search_candidates").set_value(30).run()
        at.number_input(key="search_best").set_value(8).run()
        assert (asked[-1].rerank, asked[-1].rerank_candidates, asked[-1].rerank_top_k) == (None, 30, 8)
        assert dict(at.query_params.items()) == {"q": "comet", "candidates": "30", "best": "8"}
        at.toggle(key="search_rerank").set_value(False).run()
        assert asked[-1].rerank is False and at.query_params["rerank"] == "0"
        again = open_page(q="comet", rerank="0", candidates="30", best="8")
        assert again.toggle(key="search_rerank").value is False
        again.toggle(key="search_rerank").set_value(True).run()
        assert again.number_input(key="search_candidates").value == 30

    def test_one_that_cannot_be_used_says_why_and_how_to_set_it_up(
        self, library: CortexSuite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self._says(monkeypatch, library, ModelState.UNHEALTHY, "Every score is <b>1.0</b>.")
        at = open_page(q="comet")
        assert "cannot be used · on cuda:0" in self._sidebar(at)
        assert "Every score is &lt;b&gt;1.0" in self._sidebar(at)
        commands = [each.value for each in at.sidebar.code]
        assert "pip install -r requirements-qwen3-vl.txt" in commands
        assert "hf download Qwen/Qwen3-VL-Reranker-2B" in commands
        assert names(at), "search goes on"

    def test_while_it_loads_results_stand_in_their_first_order(
        self, library: CortexSuite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self._says(monkeypatch, library, ModelState.LOADING)
        asked = spied(library, monkeypatch)
        at = open_page(q="comet")
        assert any("ordered anew when Qwen3" in str(each.value) for each in at.info)
        assert asked[-1].rerank is False and names(at)


class TestPictures:
    def _found(self, library: CortexSuite, monkeypatch: pytest.MonkeyPatch, *kinds: str) -> list[SearchHit]:
        """Searches give, in this order: a passage ("text"), a page found by its look ("page"), a picture file ("file")."""
        model = library.search(Query("comet", top_k=20))
        hits = []
        for rank, (kind, hit) in enumerate(zip(kinds, model.hits, strict=False), start=1):
            if kind == "text":
                hits.append(replace(hit, rank=rank))
                continue
            look = {"picture": StageStanding(rank, 0.5)}
            name, media = (HOSTILE[1], "image") if kind == "file" else (hit.document, "pdf")
            known = picture_id(hit.document_id, rank)
            hits.append(
                replace(
                    hit, rank=rank, chunk_id=known, kind=HitKind.PICTURE, stages=look, document=name, media_type=media
                )
            )
        monkeypatch.setattr(library, "search", lambda query, *_: replace(model, query=query, hits=tuple(hits)))
        return hits

    def _order(self, at: AppTest) -> list[str]:
        keys = [str(each.key) for each in at.button if str(each.key).startswith("open_")]
        return [key.removeprefix("open_") for key in keys]

    def test_picture_files_stand_together_where_the_best_of_them_ranks(
        self, library: CortexSuite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hits = self._found(library, monkeypatch, "text", "file", "page", "file", "text")
        at = open_page(q="comet")
        assert self._order(at) == [hits[place].chunk_id for place in (0, 1, 3, 2, 4)]
        text = shown(at)
        assert "Found by the look of the page" in text
        assert [f"No. {rank}" in text for rank in (1, 2, 3, 4, 5)] == [True] * 5
        assert text.index("No. 2") < text.index("No. 4") < text.index("No. 3")
        assert not markup(at)
        likes = [str(each.key) for each in at.button if str(each.key).startswith("like_")]
        assert len(likes) == 3, "what has a look can be asked for; a passage cannot"

    def test_more_like_this_asks_for_the_picture_without_the_words(
        self, library: CortexSuite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hits = self._found(library, monkeypatch, "file", "file")
        at = open_page(q="comet", type="image")
        assert "No. 1" not in shown(at), "a gallery reads in its order"
        assert [str(each.value) for each in at.html if "2 pictures in" in str(each.value)]
        at.button(key=f"like_{hits[1].chunk_id}").click().run()
        assert dict(at.query_params.items()) == {"type": "image", "picture": hits[1].chunk_id}
        at = open_page(q="comet", mode="words")
        at.button(key=f"like_{hits[0].chunk_id}").click().run()
        assert dict(at.query_params.items()) == {"picture": hits[0].chunk_id}, "words alone find no picture"

    def test_words_alone_do_not_find_pictures_and_the_page_says_so(self, library: CortexSuite) -> None:
        at = open_page(q="comet", mode="words", kind="pictures")
        assert "Words alone do not find pictures" in shown(at) and not at.error
        at.button(key="instead_only_text").click().run()
        assert names(at) and at.query_params["kind"] == "text"

    def test_a_library_that_cannot_see_says_so_and_what_to_do(self, library: CortexSuite) -> None:
        at = open_page(q="comet", picture="0" * 32)
        (said,) = [str(each.value) for each in at.warning if "reads text only" in str(each.value)]
        assert "all\\-MiniLM" in said and "Settings" in said
        assert names(at)[0] == "observatory-annual-report.pdf", "the words are searched all the same"
        assert not list(at.get("file_uploader"))
        at.button(key="picture_drop").click().run()
        assert dict(at.query_params.items()) == {"q": "comet"} and not at.warning

    def test_chosen_collections_that_cannot_see_name_those_that_can(self, library: CortexSuite) -> None:
        plain = library.collections()[0]
        seeing = replace(plain, name="Shapes", spec=replace(plain.spec, max_pixels=4096))
        asked = Asked(picture="p", collections=(plain.name,))
        assert "Choose Shapes as well" in picture_query.blind([plain, seeing], asked)
        assert picture_query.blind([plain, seeing], replace(asked, collections=())) == ""
        assert picture_query.blind([plain], Asked("words")) == ""

    def test_the_link_of_a_picture_opens_its_page_without_missing_a_passage(self, library: CortexSuite) -> None:
        report = library.document("observatory-annual-report.pdf")
        at = open_page(doc=report.id, page="2", hit=picture_id(report.id, 2))
        assert not at.info and at.button(key="drawer_like")
        at.button(key="drawer_like").click().run()
        assert at.query_params["picture"] == picture_id(report.id, 2) and "doc" not in at.query_params


def test_an_empty_library_leads_to_the_ingest(
    tmp_path: Path, library: CortexSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = CortexSuite.open(tmp_path / "empty")
    monkeypatch.setattr(session, "_open", empty)
    try:
        at = open_page(q="anything")
        assert "There is nothing to search yet" in shown(at)
        assert any(each.value == "Add files" for each in at.page_link)
    finally:
        empty.close()


def test_results_are_kept_for_a_moment_of_the_library() -> None:
    assert MODES["words"] is SearchMode.LEXICAL
    assert from_url({"mode": ["lexical"]}, [])[0].mode == "words"
    assert {from_url({"mode": [word]}, [])[0].mode for word in ("meaning", "vector", "semantic")} == {"traditional"}
