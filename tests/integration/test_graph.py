"""The knowledge graph on a real library: extracted at ingest or in the background, asked, edited, exported, and gone with its documents."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import networkx
import pytest
from click.testing import CliRunner

from cortex_engine import backends, graphing
from cortex_engine.cli import cortex
from cortex_engine.config import load_config
from cortex_engine.core.errors import ModelUnavailableError, NotFoundError, UsageError
from cortex_engine.core.graph import DocumentGraph, EntityKind, WaitingGraph
from cortex_engine.suite import CortexSuite, query_of
from tests.absent_kit import without
from tests.graph_kit import CapitalExtractor

OpenSuite = Callable[..., CortexSuite]
_PAPERS = {
    "comet.txt": "in 1887 Marta Quill saw a comet from the tower of Merrow. Quill wrote to Emil Zorn in Prague about it.",
    "letters.txt": "to Marta Quill came a long letter of Emil Zorn. later Emil Zorn moved from Prague to Merrow.",
    "tea.txt": "the tea of Ostrava is sold by Hilda Brandt. people say that Hilda Brandt never drinks it herself.",
    "mill.txt": "for years the old mill in Ostrava was owned by Hilda Brandt. then a brother of Hilda Brandt took it.",
}
_REAL = backends.build_extractor


@pytest.fixture(scope="module", autouse=True)
def capitals() -> Iterator[None]:
    """What is extracted does not hang on the rules, which have tests of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            backends, "build_extractor", lambda config: (CapitalExtractor(aliases={"Quill": "Marta Quill"}), "A test.")
        )
        yield


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    folder.mkdir()
    for name, text in _PAPERS.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CortexSuite]:
    """A library with the four papers; nothing in it is changed for good."""
    place = tmp_path_factory.mktemp("filled")
    for name, text in _PAPERS.items():
        (place / name).write_text(text)
    environ = {"CORTEX_EMBEDDING_BACKEND": "hashing", "CORTEX_MIN_FREE_BYTES": "0"}
    with CortexSuite.open(loaded=load_config(place / "library", environ)) as suite:
        suite.ingest([place / name for name in _PAPERS], "Papers")
        yield suite


def _use(suite: CortexSuite, extractor: object) -> None:
    suite._library.__dict__["_extraction"] = (extractor, "Chosen by the test.")


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def _ids(suite: CortexSuite) -> dict[str, str]:
    return {document.name: document.id for document in suite.documents()}


def test_an_ingest_leaves_a_graph_with_its_proofs(filled: CortexSuite) -> None:
    stats = filled.graph_stats()
    assert (stats.documents, stats.waiting, stats.failed) == (4, 0, 0) and stats.extractor and stats.extractor_note
    marta, ids = filled.entity("marta QUILL"), _ids(filled)
    assert marta.documents == 2 and marta.id == filled.entity(marta.id).id
    assert filled.entity("Quill").id == marta.id, "an alias leads to it"
    for place in filled.entity_mentions(marta.id):
        text = _PAPERS[place.document]
        assert "Quill" in text[place.char_start : place.char_end] and place.snippet in text
    beside = {each.entity.name: each for each in filled.entity_neighbours(marta.id)}
    assert beside["Emil Zorn"].weight == 2 and beside["Emil Zorn"].entity.score >= 0
    proofs = filled.relation_proofs(marta.id, beside["Emil Zorn"].entity.id)
    assert {proof.document for proof in proofs} == {"comet.txt", "letters.txt"}
    assert "Hilda Brandt" in {each.name for each in filled.document_entities([ids["tea.txt"]])}
    with pytest.raises(NotFoundError, match="Marta Quill"):
        filled.entity("marta qui")


def test_pictures_are_small_and_always_the_same(filled: CortexSuite) -> None:
    marta, ids = filled.entity("Marta Quill"), _ids(filled)
    found = filled.local_graph([marta.id])
    assert found == filled.local_graph([marta.id]) and found.left_out == 0
    names = {node.name: node for node in found.nodes}
    assert names["Marta Quill"].distance == 0 and {"Emil Zorn", "comet.txt", "letters.txt"} <= set(names)
    assert "Hilda Brandt" not in names and names["comet.txt"].what == "document"
    assert names["Marta Quill"].group in ids.values()
    assert all(-1 <= node.x <= 1 and -1 <= node.y <= 1 for node in found.nodes)
    assert len({(node.x, node.y) for node in found.nodes}) == len(found.nodes)
    there = {node.id for node in found.nodes}
    assert all({edge.source, edge.target} <= there and edge.proofs > 0 for edge in found.edges)
    few = filled.local_graph([marta.id], limit=3)
    assert len(few.nodes) == 3 and few.left_out == len(found.nodes) - 3
    around = filled.local_graph(document_ids=[ids["tea.txt"]], depth=2)
    assert {"tea.txt", "Hilda Brandt"} <= {node.name for node in around.nodes}
    chunk = filled.entity_mentions(marta.id)[0].chunk_id
    assert {node.distance for node in filled.local_graph(chunk_ids=[chunk]).nodes} == {0, 1}
    assert filled.local_graph(["0" * 32], ["0" * 32], ["0" * 32], depth=3).nodes == ()


def test_documents_that_name_the_same_belong_together(filled: CortexSuite) -> None:
    ids = _ids(filled)
    groups = {frozenset(group.document_ids): group for group in filled.communities()}
    assert set(groups) == {
        frozenset((ids["comet.txt"], ids["letters.txt"])),
        frozenset((ids["tea.txt"], ids["mill.txt"])),
    }
    assert "Hilda Brandt" in groups[frozenset((ids["tea.txt"], ids["mill.txt"]))].name
    ((nearest, score),) = filled.related_documents(ids["tea.txt"])
    assert nearest == ids["mill.txt"] and 0 < score <= 1
    assert filled.graph_stats().communities == 2
    with pytest.raises(NotFoundError):
        filled.related_documents("0" * 32)


def test_the_export_can_be_read_again(filled: CortexSuite) -> None:
    marta, ids = filled.entity("Marta Quill"), _ids(filled)
    graphml = networkx.read_graphml(io.BytesIO(filled.export_graph("graphml")))
    node_link = networkx.node_link_graph(json.loads(filled.export_graph("json")), edges="edges")
    for graph in (graphml, node_link):
        assert graph.nodes[marta.id]["label"] == "Marta Quill" and graph.nodes[ids["tea.txt"]]["label"] == "tea.txt"
        assert graph.edges[marta.id, ids["comet.txt"]] == {"how": "mentioned in", "proofs": 2}
    assert len(graphml) == len(node_link) and graphml.number_of_edges() == node_link.number_of_edges()
    assert json.loads(filled.export_graph("json", ["Papers"])) == json.loads(filled.export_graph("json"))
    with pytest.raises(UsageError):
        filled.export_graph("pdf")
    with pytest.raises(NotFoundError):
        filled.export_graph("json", ["Nothing"])


def test_a_deletion_takes_what_only_that_document_proved(open_suite: OpenSuite, papers: Path, tmp_path: Path) -> None:
    suite = open_suite()
    suite.ingest([papers], "Papers")
    suite.hide_entity(suite.entity("Ostrava").id)
    suite.merge_entities(suite.entity("Prague").id, suite.entity("Merrow").id)
    ids = _ids(suite)
    suite.delete_documents([ids["comet.txt"], ids["mill.txt"]])
    assert suite.entity("Marta Quill").documents == 1 and suite.find_entities("1887") == []
    view = suite._library.graph.view()
    assert view is not None and set(view.rows.document_ids) == {ids["letters.txt"], ids["tea.txt"]}
    assert {node.id for node in suite.local_graph([suite.entity("Emil Zorn").id], depth=3).nodes} <= {
        *view.rows.entity_ids,
        *view.rows.document_ids,
    }
    suite.delete_documents([ids["letters.txt"], ids["tea.txt"]])
    assert suite.find_entities() == [] and suite.local_graph().nodes == () and suite.communities() == []
    suite.close()
    dump = "\n".join(sqlite3.connect(tmp_path / "library" / "catalog.db").iterdump())
    named = [
        name
        for name in ("Quill", "quill", "Zorn", "Ostrava", "ostrava", "Prague", "Brandt", "comet.txt")
        if name in dump
    ]
    assert named == [], "nothing names what is gone"


def test_the_doctor_mends_sums_and_a_backup_holds_the_graph(
    open_suite: OpenSuite, papers: Path, tmp_path: Path
) -> None:
    suite = open_suite()
    suite.ingest([papers], "Papers")
    before = suite.find_entities()
    other = sqlite3.connect(tmp_path / "library" / "catalog.db")
    other.execute("UPDATE graph_entity SET mentions = mentions + 1, shown_mentions = shown_mentions + 1")
    other.execute("UPDATE graph_form SET form = 'Somebody' WHERE form = 'Hilda Brandt'")
    other.commit()
    other.close()
    found = {each.check: each for each in suite.doctor(fix=True)}
    assert found["catalog-graph"].fixed
    assert "catalog-graph" not in {each.check for each in suite.doctor()}
    suite.rebuild()
    assert suite.find_entities() == before
    suite.backup(tmp_path / "backup")
    restored = open_suite(suite.restore(tmp_path / "backup", tmp_path / "restored"))
    assert restored.find_entities() == before and restored.graph_stats() == suite.graph_stats()


def test_the_background_reads_what_an_older_library_holds(open_suite: OpenSuite, papers: Path) -> None:
    off = open_suite(CORTEX_GRAPH="false")
    off.ingest([papers], "Papers")
    stats = off.graph_stats()
    assert (stats.documents, stats.waiting) == (0, 0) and "switched off" in stats.extractor_note
    assert off._library.graph.view() is None and "switched off" in off._library.graph.state()
    off.close()
    suite = open_suite()
    _use(suite, _REAL(suite.config)[0])
    assert suite.graph_stats().waiting == 4
    suite.start_background()
    _until(lambda: suite.graph_stats().waiting == 0 and not suite.graph_stats().behind)
    assert suite.entity("Hilda Brandt").documents == 2 and suite.communities()
    (papers / "new.txt").write_text("Yes, the bridge of Karlow was built by Hilda Brandt. It stands in Karlow still.")
    suite.submit([papers / "new.txt"], "Papers")
    _until(lambda: suite.find_entities("Karlow") != [] and not suite.graph_stats().behind)
    assert "Karlow" in {node.name for node in suite.local_graph([suite.entity("Hilda Brandt").id]).nodes}


def test_a_former_view_shows_nothing_that_was_deleted(open_suite: OpenSuite, papers: Path) -> None:
    suite = open_suite()
    suite.ingest([papers], "Papers")
    assert len(suite.communities()) == 2
    suite._library.attended = True  # somebody refreshes the view, but not now
    ids = _ids(suite)
    hilda = suite.entity("Hilda Brandt")
    suite.delete_documents([ids["comet.txt"]])
    suite.hide_entity(hilda.id)
    (left,) = suite.communities()
    assert set(left.document_ids) == {ids["tea.txt"], ids["mill.txt"]}
    assert left.name == "Ostrava" and hilda.id not in left.entity_ids
    assert suite.related_documents(ids["letters.txt"]) == []
    around = suite.local_graph(document_ids=[ids["letters.txt"]], depth=3)
    assert ids["comet.txt"] not in {node.id for node in around.nodes}
    assert hilda.id not in {node.id for node in suite.local_graph([hilda.id]).nodes}, "what is hidden is in no picture"


def test_a_document_that_cannot_be_read_hinders_no_other(
    open_suite: OpenSuite, papers: Path, caplog: pytest.LogCaptureFixture
) -> None:
    suite = open_suite()
    broken = CapitalExtractor(broken="letters")
    _use(suite, broken)
    suite.ingest([papers], "Papers")
    stats = suite.graph_stats()
    assert (stats.documents, stats.waiting, stats.failed) == (3, 0, 1)
    assert stats.failure.startswith("'letters.txt': its names could not be read (RuntimeError)")
    assert "out of order" in caplog.text and len(broken.read) == 4
    assert graphing.extract_waiting(suite._library) == 0 and len(broken.read) == 4, "it is not tried again and again"
    _use(suite, CapitalExtractor())
    told: list[tuple[int, int]] = []
    assert suite.extract_graph(lambda done, waiting: told.append((done, waiting))) == 1 and told == [(1, 0)]
    assert (suite.graph_stats().documents, suite.graph_stats().failed) == (4, 0)
    _use(suite, CapitalExtractor("2", {"Prague": EntityKind.PLACE}))
    assert suite.graph_stats().waiting == 4, "another extractor reads all of them again"
    assert suite.extract_graph() == 4 and suite.entity("Prague").kind is EntityKind.PLACE


class _Away(CapitalExtractor):
    """A model that cannot be reached until `there` is set."""

    def __init__(self) -> None:
        super().__init__("away")
        self.there = threading.Event()
        self.asked = 0

    def extract(self, document: WaitingGraph) -> DocumentGraph:
        self.asked += 1
        if not self.there.is_set():
            raise ModelUnavailableError("The model is away.")
        return super().extract(document)


def test_files_go_in_while_the_extractor_is_away(open_suite: OpenSuite, papers: Path) -> None:
    suite = open_suite()
    away = _Away()
    _use(suite, away)
    suite.start_background()
    job = suite.submit([papers], "Papers")[0]
    _until(lambda: suite.job(job.id)[0].finished == 4 and away.asked > 0)
    time.sleep(0.3)
    assert away.asked == 1, "it is left alone for a while"
    assert suite.queue_progress().trouble == "" and suite.graph_stats().waiting == 4
    assert suite.graph_stats().extractor_note == "Chosen by the test. Documents wait: The model is away."
    with pytest.raises(ModelUnavailableError):
        suite.extract_graph()
    away.there.set()
    assert suite.extract_graph() == 4 and suite.graph_stats().waiting == 0
    assert suite.graph_stats().extractor_note == "Chosen by the test."
    suite._library.extraction_trouble = "The model is away."
    assert suite.graph_stats().extractor_note == "Chosen by the test.", "no document waits for it"


def test_what_is_gone_from_a_folder_goes_before_names_are_read(open_suite: OpenSuite, papers: Path) -> None:
    class Looking(CapitalExtractor):
        def extract(self, document: WaitingGraph) -> DocumentGraph:
            there.append({each.name for each in suite.documents()})
            return super().extract(document)

    suite, there = open_suite(), list[set[str]]()
    (papers / "comet.txt").rename(papers.parent / "comet.txt")
    suite.sync_folder(papers, "Papers")
    _use(suite, Looking())
    (papers / "tea.txt").unlink()
    (papers.parent / "comet.txt").rename(papers / "comet.txt")
    suite.sync_folder(papers, "Papers")
    assert there == [{"comet.txt", "letters.txt", "mill.txt"}] and suite.graph_stats().waiting == 0


class _Silent(CapitalExtractor):
    """A service that does not answer until it is told to end."""

    def __init__(self) -> None:
        super().__init__("silent")
        self.asked, self.ended = threading.Event(), threading.Event()

    def halt(self) -> None:
        self.ended.set()

    def extract(self, document: WaitingGraph) -> DocumentGraph:
        self.asked.set()
        assert self.ended.wait(30)
        raise ModelUnavailableError("The service was hung up on.")


def test_an_extractor_that_hangs_keeps_neither_files_nor_the_end_waiting(open_suite: OpenSuite, papers: Path) -> None:
    suite = open_suite()
    silent = _Silent()
    _use(suite, silent)
    suite.start_background()
    suite.submit([papers / "tea.txt"], "Papers")
    assert silent.asked.wait(30)
    job = suite.submit([papers / "mill.txt"], "Papers")[0]
    _until(lambda: suite.job(job.id)[0].finished == 1)
    assert suite.search(query_of("the old mill", "lexical")).hits and suite.queue_progress().trouble == ""
    assert not silent.ended.is_set() and suite.graph_stats().waiting == 2
    suite.close()
    assert silent.ended.is_set()


def test_a_defect_of_what_finds_names_is_no_trouble_of_files(
    open_suite: OpenSuite, papers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> int:
        raise TypeError("not callable")

    suite = open_suite()
    monkeypatch.setattr(graphing, "extract_waiting", broken)
    monkeypatch.setattr(graphing, "refresh", broken)
    monkeypatch.setattr(graphing, "_FIRST_PAGE_SECONDS", 0.0)
    suite.start_background()
    suite.ingest([papers / "tea.txt"], "Papers")
    _until(lambda: "Documents wait: an unexpected failure (TypeError)" in suite.graph_stats().extractor_note)
    assert suite.queue_progress().trouble == ""


def test_places_outside_of_the_passages_are_refused_once(open_suite: OpenSuite, papers: Path) -> None:
    class Wild(CapitalExtractor):
        def extract(self, document: WaitingGraph) -> DocumentGraph:
            found = super().extract(document)
            first = found.mentions[0]
            return DocumentGraph(mentions=(type(first)(first.name, first.chunk_id, 10**6, 10**6 + 3, first.surface),))

    suite = open_suite()
    wild = Wild()
    _use(suite, wild)
    suite.ingest([papers / "tea.txt"], "Papers")
    assert len(wild.read) == 1 and suite.graph_stats().failed == 1


_ABSENT = """
import sys
from pathlib import Path
from cortex_engine.config import load_config
from cortex_engine.core.errors import ModelUnavailableError
from cortex_engine.suite import CortexSuite, query_of
settings = {"CORTEX_EMBEDDING_BACKEND": "hashing", "CORTEX_MIN_FREE_BYTES": "0"}
with CortexSuite.open(loaded=load_config(Path(sys.argv[1]), settings)) as suite:
    assert suite.ingest([Path(sys.argv[2])], "Papers").failed == []
    assert suite.search(query_of("marta quill", "graphrag")).hits
    print(suite.graph_stats().waiting, suite.graph_stats().extractor_note)
    for ask in (suite.local_graph, suite.export_graph, suite.extract_graph):
        try:
            ask()
        except ModelUnavailableError as error:
            print(ask.__name__, error)
"""


def test_without_its_packages_the_rest_goes_on_and_says_so(tmp_path: Path, papers: Path) -> None:
    environ = {**os.environ, **without("spacy", "scipy", "networkx")}
    environ["PYTHONPATH"] += f"{os.pathsep}{Path(__file__).parents[2]}"
    command = [sys.executable, "-c", _ABSENT, str(tmp_path / "library"), str(papers / "letters.txt")]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    note, local, export, extract = done.stdout.splitlines() or [done.stderr]
    assert note.startswith("1 ") and "Documents wait: " in note and "pip install -r requirements.txt" in note
    assert "scipy" in local and "networkx" in export and "spaCy" in extract
    assert "the knowledge graph lacks the newest documents" in done.stderr


def test_the_command_line_shows_and_edits_the_graph(filled: CortexSuite, tmp_path: Path) -> None:
    def run(*words: str, status: int = 0) -> str:
        said = CliRunner().invoke(cortex, ["--data-dir", str(filled.config.data_dir), "graph", *words])
        assert said.exit_code == status or (status and said.exception), said.output
        return said.output

    assert "entities" in run() and json.loads(run("stats", "--json"))["waiting"] == 0
    assert "Hilda Brandt" in run("entities") and "Marta Quill" not in run("entities", "hilda")
    shown = run("entity", "hilda brandt")
    assert "tea.txt, page 1" in shown and "beside: Ostrava" in shown
    beginning = shown.partition("[")[2].partition("]")[0]
    assert len(beginning) == 12 and run("entity", beginning) == shown, "what is shown can be asked for"
    run("hide", "Ostrava")
    assert "Ostrava" in run("entities", "--hidden") and "Ostrava" not in run("entities")
    run("unhide", "Ostrava")
    assert "Ostrava" in run("entities")
    assert json.loads(run("merge", "Prague", "Merrow", "--json"))["entity"]["name"] == "Merrow"
    assert "Merrow" in run("entities", "--merged")
    run("entities", "Merrow", "--merged", status=2)
    run("split", "Merrow")
    assert json.loads(run("entities", "--merged", "--json")) == {"entities": []}
    assert "Hilda Brandt" in run("communities")
    target = tmp_path / "graph.graphml"
    run("export", "-o", str(target))
    assert len(networkx.read_graphml(target)) > 5
    assert json.loads(run("export", "--format", "json"))["nodes"]
    assert json.loads(run("extract", "--json"))["read"] == 0
    run("entity", "nobody at all", status=1)
