"""Collection Management on a real small library, driven by Streamlit's AppTest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cortex_engine.config import load_config
from cortex_engine.suite import CortexSuite
from cortex_ui import collections_state as state
from cortex_ui import languages, session

ROOT = Path(__file__).parents[2]
HOSTILE = ":red[x] <b>b</b> $y$"


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CortexSuite]:
    """The open library of the process: two collections, four documents, one of them in both."""
    monkeypatch.setenv("CORTEX_DATA_DIR", str(tmp_path / "library"))
    monkeypatch.setenv("CORTEX_EMBEDDING_BACKEND", "hashing")
    monkeypatch.setenv("CORTEX_MIN_FREE_BYTES", "0")
    session.stop()
    library = session.start(load_config(), background=False)
    for folder, names in {"Letters": ("one.txt", "two.txt"), HOSTILE: ("three.md", "four.txt")}.items():
        place = tmp_path / str(len(folder))
        place.mkdir()
        for name in names:
            (place / name).write_text(f"The harbour and its lighthouse, told in {name}.", encoding="utf-8")
        library.ingest([place], folder, recursive=True)
    library.add_to_collection(HOSTILE, ["one.txt"])
    library.describe_collection("Letters", "What came by post. ![](http://example.org/x.png)")
    yield library
    session.stop()


def page(dialog: state.Dialog | None = None, **query: str) -> AppTest:
    """The page, with a dialog open where one is given."""
    at = AppTest.from_file(str(ROOT / "cortex_ui" / "main.py"), default_timeout=60)
    at.run()
    at.switch_page("../pages/5_Collection_Management.py")
    for name, value in query.items():
        at.query_params[{"inside": "in"}.get(name, name)] = value
    if dialog is not None:
        at.session_state["collections_dialog"] = dialog
    at.run()
    assert not at.exception
    return at


def texts(at: AppTest) -> str:
    """Everything that is written on the page."""
    return "\n".join(
        str(each.value) for kind in (at.markdown, at.html, at.error, at.warning, at.toast) for each in kind
    )


def names(suite: CortexSuite) -> list[str]:
    return [collection.name for collection in suite.collections()]


def test_an_empty_library_says_how_collections_come_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORTEX_DATA_DIR", str(tmp_path / "library"))
    session.stop()
    try:
        session.start(load_config(), background=False)
        assert "There is no collection yet" in texts(page())
        assert "There are no documents here yet" in texts(page(inside=""))
    finally:
        session.stop()


def test_cards_show_names_counts_and_models_with_nothing_interpreted(suite: CortexSuite) -> None:
    shown = texts(page())
    assert ":red[x] &lt;b&gt;b&lt;/b&gt; $y$" in shown
    assert "<b>b</b>" not in shown
    assert "What came by post. ![](http://example.org/x.png)" in shown
    assert "2 documents · 2 passages" in shown
    assert "3 documents · 3 passages" in shown
    assert shown.count("dimensions") == 2


def test_a_collection_is_made_and_says_which_model_it_gets(suite: CortexSuite) -> None:
    at = page(state.Dialog("create"))
    assert "keeps its model" in texts(at)
    at.text_input(key="create_name").set_value("Minutes")
    at.text_area(key="create_description").set_value("Of the council")
    at.button(key="create_send").click().run()
    assert "Minutes" in names(suite)
    assert "is there" in texts(at)
    assert "collections_dialog" not in at.session_state


def test_a_name_that_is_taken_is_told_and_what_was_typed_stays(suite: CortexSuite) -> None:
    at = page(state.Dialog("create"))
    at.text_input(key="create_name").set_value("Letters")
    at.button(key="create_send").click().run()
    assert at.error and "Letters" in at.error[0].value
    assert at.text_input(key="create_name").value == "Letters"


def test_renaming_keeps_documents_and_the_address(suite: CortexSuite) -> None:
    at = page(state.Dialog("edit", "Letters"), inside="Letters")
    at.text_input(key="edit_name").set_value("Post")
    at.text_area(key="edit_description").set_value("Renamed")
    at.button(key="edit_send").click().run()
    assert {(each.name, each.description, each.document_count) for each in suite.collections()} >= {
        ("Post", "Renamed", 2)
    }
    assert at.query_params["in"] == "Post"
    assert len(at.dataframe[0].value) == 2


def test_deleting_says_exactly_what_goes_and_that_goes(suite: CortexSuite) -> None:
    at = page(state.Dialog("delete", "Letters"))
    shown = texts(at)
    assert "1 document with 1 passage" in shown
    assert "<li>two.txt</li>" in shown
    assert "<li>one.txt</li>" not in shown
    assert "1 document stays: other collections hold them too." in shown
    assert at.button(key="delete_send").label == "Delete it and 1 document"
    at.button(key="delete_send").click().run()
    assert names(suite) == [HOSTILE]
    assert {document.name for document in suite.documents()} == {"one.txt", "three.md", "four.txt"}


def test_merging_says_what_happens_and_deletes_no_document(suite: CortexSuite) -> None:
    at = page(state.Dialog("merge", "Letters"))
    assert at.button(key="merge_send").disabled
    at.selectbox(key="merge_target").select(HOSTILE).run()
    assert "2 documents of 'Letters' will belong to" in texts(at)
    at.button(key="merge_send").click().run()
    assert [(each.name, each.document_count) for each in suite.collections()] == [(HOSTILE, 4)]


def test_collections_of_different_models_are_not_merged_and_the_sentence_says_why(suite: CortexSuite) -> None:
    from dataclasses import replace

    other = replace(suite.default_spec(), model="another-model", dimension=64)
    suite.create_collection("Other model", "", other)
    at = page(state.Dialog("merge", "Letters"))
    at.selectbox(key="merge_target").select("Other model").run()
    at.button(key="merge_send").click().run()
    assert at.error and "another" in at.error[0].value
    assert "Letters" in names(suite)


def test_the_address_chooses_the_collection_and_the_filters_narrow(suite: CortexSuite) -> None:
    at = page(inside=HOSTILE)
    assert sorted(at.dataframe[0].value["name"]) == ["four.txt", "one.txt", "three.md"]
    at.multiselect(key="documents_types").select("markdown").run()
    assert list(at.dataframe[0].value["name"]) == ["three.md"]
    assert at.query_params["in"] == HOSTILE
    at.multiselect(key="documents_types").set_value([]).run()
    at.text_input(key="documents_title").set_value("nothing like it").run()
    assert "No document meets these filters" in texts(at)
    at.button(key="clear_filters").click().run()
    assert len(at.dataframe[0].value) == 3
    at.selectbox(key="documents_collection").select("").run()
    assert len(at.dataframe[0].value) == 4
    assert set(at.dataframe[0].value) >= {"collections"}


def test_a_collection_that_is_gone_is_told_and_all_documents_are_shown(suite: CortexSuite) -> None:
    at = page(inside="No such $x$")
    assert at.warning and "No such" in at.warning[0].value
    assert len(at.dataframe[0].value) == 4


def test_documents_come_by_pages_in_the_order_asked_for(suite: CortexSuite, tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(60):
        (many / f"n{number:03}.txt").write_text(f"number {number} " * (number + 1), encoding="utf-8")
    suite.ingest([many], "Many", recursive=True)
    at = page(inside="Many")
    assert (len(at.dataframe[0].value), at.dataframe[0].value["name"][0]) == (50, "n000.txt")
    assert "1 to 50 of 60 documents" in texts(at)
    pager = at.get("pagination")[0]
    at.session_state[pager.key] = 2
    at.run()
    assert (len(at.dataframe[0].value), at.dataframe[0].value["name"][0]) == (10, "n050.txt")
    at.selectbox(key="documents_order").select("size").run()
    assert at.dataframe[0].value["name"][0] == "n059.txt"


def test_tags_are_added_and_taken_away(suite: CortexSuite) -> None:
    ids = tuple(document.id for document in suite.documents())
    at = page(state.Dialog("tags", "", ids))
    at.multiselect(key="tags_add").set_value([HOSTILE]).run()
    at.button(key="tags_send").click().run()
    assert all(document.tags == (HOSTILE,) for document in suite.documents())
    assert "Tags of 4 documents: added" in texts(at)
    at = page(state.Dialog("tags", "", ids))
    at.multiselect(key="tags_remove").select(HOSTILE).run()
    at.button(key="tags_send").click().run()
    assert not any(document.tags for document in suite.documents())


@pytest.mark.parametrize(("kind", "left"), [("copy", {"one.txt", "two.txt"}), ("move", {"one.txt"})])
def test_documents_are_copied_and_moved(kind: str, left: set[str], suite: CortexSuite) -> None:
    at = page(state.Dialog(kind, "Letters", (suite.document("two.txt").id,)))
    at.selectbox(key="place_target").select(HOSTILE).run()
    at.button(key="place_send").click().run()
    assert not at.error
    found = {document.name: document.collections for document in suite.documents()}
    assert {name for name, collections in found.items() if "Letters" in collections} == left
    assert HOSTILE in found["two.txt"]


def test_removing_says_which_documents_would_be_deleted(suite: CortexSuite) -> None:
    ids = tuple(suite.document(name).id for name in ("one.txt", "two.txt"))
    at = page(state.Dialog("remove", "Letters", ids))
    assert "1 of them is in no other collection and will be deleted for good" in texts(at)
    assert "<li>two.txt</li>" in texts(at)
    assert at.button(key="remove_send").label == "Remove, and delete 1 document"
    at.button(key="remove_send").click().run()
    assert {document.name for document in suite.documents()} == {"one.txt", "three.md", "four.txt"}


def test_deleting_documents_says_what_goes(suite: CortexSuite) -> None:
    at = page(state.Dialog("delete_documents", "", (suite.document("one.txt").id,)))
    assert "1 document with 1 passage" in texts(at)
    assert len(suite.documents()) == 4
    at.button(key="delete_documents_send").click().run()
    assert len(suite.documents()) == 3


def test_metadata_is_corrected_and_what_the_file_says_can_be_put_back(suite: CortexSuite) -> None:
    document = suite.document("one.txt")
    dialog = state.Dialog("details", "", (document.id,))
    at = page(dialog)
    at.text_input(key=f"details_title_{document.id}").set_value(HOSTILE)
    at.text_input(key=f"details_name_{document.id}").set_value("renamed.txt")
    at.selectbox(key=f"details_language_{document.id}").select("fr")
    at.multiselect(key=f"details_tags_{document.id}").set_value(["new"])
    at.button(key="details_send").click().run()
    edited = suite.document(document.id)
    assert (edited.info.title, edited.name, edited.info.language, edited.tags) == (
        HOSTILE,
        "renamed.txt",
        "fr",
        ("new",),
    )
    at = page(dialog)
    assert "The file itself says “one.txt”" in texts(at)
    at.button(key=f"restore_details_name_{document.id}").click().run()
    assert at.text_input(key=f"details_name_{document.id}").value == "one.txt"
    at.button(key="details_send").click().run()
    assert suite.document(document.id).name == "one.txt"
    assert "name" not in suite.metadata_edits(document.id)


def test_a_document_shows_where_it_came_from_and_its_original(suite: CortexSuite, tmp_path: Path) -> None:
    document = suite.document("one.txt")
    at = page(state.Dialog("details", "", (document.id,)))
    assert str(tmp_path / "7" / "one.txt") in texts(at)
    assert document.id in texts(at)
    assert at.get("download_button")


def test_a_document_that_went_meanwhile_is_told(suite: CortexSuite) -> None:
    document = suite.document("one.txt")
    suite.delete_documents([document.id])
    at = page(state.Dialog("details", "", (document.id,)))
    assert at.error and "There is no document" in at.error[0].value


def test_statistics_count_types_languages_sizes_and_pages(suite: CortexSuite) -> None:
    at = page(inside=HOSTILE)
    at.session_state[state.TAB] = "Statistics"
    at.run()
    assert [metric.value for metric in at.metric][:3] == ["3", "3", "3"]
    shown = texts(at)
    for words in ("<th>Text</th>", "<th>Markdown</th>", "<th>up to 100 kB</th>", "<th>1 page</th>"):
        assert words in shown


def test_languages_have_names() -> None:
    assert (languages.name("de"), languages.name("xx"), languages.name("")) == ("German", "xx", "Not known")
