"""GraphRAG on a real library: bridges between documents, scope, deletion, every door."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from cortex_engine.cli import cortex
from cortex_engine.config import load_config
from cortex_engine.core.graph import in_words
from cortex_engine.core.search import Filters, Query, SearchMode, SearchResult
from cortex_engine.suite import CortexSuite, query_of

QUESTION = "Where does the engineer of the tidal mill at Vellmouth come from?"
"""Only one document tells who the engineer is, only another one, which names no mill, tells of his home."""

FILES = {
    "mill.txt": "The tidal mill at Vellmouth was rebuilt last year. Its engineer is Aldous Pemberton, and the mill grinds again.\n",
    "village.txt": "The village of Oxwich lies in a green valley. There Aldous Pemberton grew up with four sisters.\n",
    "song.txt": "Old songs of the harbour were sung by Mabel Thorne. People still ask Mabel Thorne for them.\n",
    **{
        f"other{number}.txt": f"Report {number} on mills: water, wind and where the engineers of the coast come from. "
        f"The tide of spring {number} was high, and grinding stones were worn.\n"
        for number in range(12)
    },
}


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CortexSuite]:
    folder = tmp_path_factory.mktemp("graphrag")
    papers = folder / "papers"
    papers.mkdir()
    for name, text in FILES.items():
        (papers / name).write_text(text)
    environ = {"CORTEX_EMBEDDING_BACKEND": "hashing", "CORTEX_MIN_FREE_BYTES": "0"}
    with CortexSuite.open(loaded=load_config(folder / "library", environ)) as opened:
        opened.ingest([papers], "Papers")
        opened.ingest([papers / "mill.txt"], "Mills")
        opened.extract_graph()
        yield opened


def place(result: SearchResult, document: str) -> int:
    return [hit.document for hit in result.hits].index(document) + 1


def test_the_second_document_of_a_bridge_comes_in_front_of_those_that_only_share_words(suite: CortexSuite) -> None:
    plain = suite.search(Query(QUESTION, SearchMode.HYBRID, 20))
    found = suite.search(Query(QUESTION, SearchMode.GRAPHRAG, 20))
    assert not found.degraded and not found.warnings
    assert place(found, "mill.txt") == 1
    assert place(found, "village.txt") < place(plain, "village.txt")
    assert place(found, "village.txt") == 2
    hit = next(hit for hit in found.hits if hit.document == "village.txt")
    assert "grew up with four sisters" in hit.text and hit.page == 1
    assert in_words(hit.path) == "Aldous Pemberton"
    assert [step.via for step in hit.path] == ["mentioned in", "mentioned in"]
    mill = next(hit for hit in found.hits if hit.document == "mill.txt")
    assert [step.chunk_id for step in hit.path] == [mill.chunk_id, hit.chunk_id], "the passages that prove the way"
    assert hit.stages["graph"].rank and 0 < hit.stages["graph"].score < 1
    assert -1 <= hit.stages["vector"].score <= 1


def test_another_version_of_the_leading_document_does_not_silence_the_graph(suite: CortexSuite, tmp_path: Path) -> None:
    (tmp_path / "mill-2.txt").write_text(FILES["mill.txt"].replace("last year", "this year"))
    report = suite.ingest([tmp_path / "mill-2.txt"], "Papers")
    suite.extract_graph()
    try:
        found = suite.search(Query(QUESTION, SearchMode.GRAPHRAG, 20))
        assert {hit.document for hit in found.hits[:2]} == {"mill.txt", "mill-2.txt"}
        assert place(found, "village.txt") == 3
        assert next(hit for hit in found.hits if hit.document == "village.txt").path
    finally:
        assert not report.failed
        suite.delete_documents([suite.document("mill-2.txt").id])


def test_a_name_in_the_question_leads_to_its_passages(suite: CortexSuite) -> None:
    result = suite.search(Query("what is known of ALDOUS Pemberton's home", SearchMode.GRAPHRAG))
    step = next(step for step in result.trace.steps if step.stage == "graph")
    assert step.facts["entities"] == "Aldous Pemberton"
    assert {hit.document for hit in result.hits[:2]} == {"mill.txt", "village.txt"}
    paths = [hit.path for hit in result.hits[:2] if hit.path]
    assert paths and all(path[0].via == "query" for path in paths)


def test_nothing_outside_of_the_filter_is_found_or_passed_through(suite: CortexSuite) -> None:
    scoped = Query(QUESTION, SearchMode.GRAPHRAG, filters=Filters(collections=("Mills",)))
    assert [hit.document for hit in suite.search(scoped).hits] == ["mill.txt"]
    # Without the document that names him, no way leads from the question to the village.
    others = tuple(name for name in FILES if name != "mill.txt")
    result = suite.search(replace(scoped, filters=Filters(documents=others), top_k=20))
    assert all(not hit.path for hit in result.hits)


def test_equal_searches_give_equal_results(suite: CortexSuite) -> None:
    def plain(result: SearchResult) -> list[object]:
        return [(hit.chunk_id, hit.score, hit.path) for hit in result.hits]

    question = Query(QUESTION, SearchMode.GRAPHRAG)
    assert plain(suite.search(question)) == plain(suite.search(question))


def test_grouped_and_page_by_page_the_path_stays(suite: CortexSuite) -> None:
    result = suite.search(Query(QUESTION, SearchMode.GRAPHRAG, group=True))
    assert in_words(next(hit for hit in result.hits if hit.document == "village.txt").path) == "Aldous Pemberton"


@pytest.mark.parametrize("word", ["vector", "traditional"])
def test_the_former_name_of_a_mode_is_taken_everywhere(suite: CortexSuite, word: str) -> None:
    assert query_of("mill", word).mode is SearchMode.TRADITIONAL
    found = suite.search(query_of("tidal mill", word))
    assert set(found.hits[0].stages) == {"vector"}


def test_the_command_line_names_the_mode_and_the_way(suite: CortexSuite, tmp_path: Path) -> None:
    folder = suite.config.data_dir
    environ = {"CORTEX_EMBEDDING_BACKEND": "hashing", "CORTEX_MIN_FREE_BYTES": "0"}
    common = ["--data-dir", str(folder), "--no-server", "search", QUESTION, "--mode", "graphrag"]
    runner = CliRunner()
    told = runner.invoke(cortex, common, env=environ)
    assert told.exit_code == 0, told.output
    assert "via Aldous Pemberton" in told.output and "by the knowledge graph" in told.output
    data = json.loads(runner.invoke(cortex, [*common, "--json"], env=environ).stdout)
    assert data["mode"] == "graphrag"
    hit = next(hit for hit in data["hits"] if hit["document"] == "village.txt")
    assert [step["name"] for step in hit["path"]] == ["Aldous Pemberton"] * 2
    old = runner.invoke(cortex, [*common[:-1], "vector", "--json"], env=environ)
    assert json.loads(old.stdout)["mode"] == "traditional"


def test_deleting_the_bridge_takes_the_way_with_it(tmp_path: Path) -> None:
    papers = tmp_path / "papers"
    papers.mkdir()
    for name in ("mill.txt", "village.txt", "song.txt"):
        (papers / name).write_text(FILES[name])
    environ = {"CORTEX_EMBEDDING_BACKEND": "hashing", "CORTEX_MIN_FREE_BYTES": "0"}
    with CortexSuite.open(loaded=load_config(tmp_path / "library", environ)) as suite:
        suite.ingest([papers], "Papers")
        suite.extract_graph()
        question = Query(QUESTION, SearchMode.GRAPHRAG)
        assert any(hit.path for hit in suite.search(question).hits)
        suite.delete_documents([suite.document("mill.txt").id])
        after = suite.search(question)
        assert "mill.txt" not in {hit.document for hit in after.hits}
        assert not any(hit.path for hit in after.hits)


def test_switched_off_or_empty_it_is_hybrid_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("green tea is steamed")
    base = {"CORTEX_EMBEDDING_BACKEND": "hashing", "CORTEX_MIN_FREE_BYTES": "0"}
    for setting, word in (("0", "switched off"), ("1", "empty")):
        loaded = load_config(tmp_path / f"library{setting}", {**base, "CORTEX_GRAPH": setting})
        with CortexSuite.open(loaded=loaded) as suite:
            suite.ingest([tmp_path / "a.txt"], "Papers")
            suite.extract_graph()
            result = suite.search(Query("tea", SearchMode.GRAPHRAG))
            assert [hit.document for hit in result.hits] == ["a.txt"]
            assert result.degraded == ("graph",)
            (warning,) = (each for each in result.warnings if "graph" in each)
            assert word in warning and warning.endswith("as Hybrid does.")
