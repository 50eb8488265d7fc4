"""The door for other programs: what the mission's names answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from cortex_engine.config import load_config
from cortex_engine.core.errors import IndexUnavailableError, NotFoundError, UsageError
from cortex_engine.core.graph import GraphEntity
from cortex_engine.graph_query import EnhancedGraphManager, graph_search, hybrid_search
from cortex_engine.suite import CortexSuite

ENVIRON = {"CORTEX_EMBEDDING_BACKEND": "hashing", "CORTEX_MIN_FREE_BYTES": "0"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("graph_query")
    (place / "mill.txt").write_text("The tidal mill was rebuilt. Its engineer is Aldous Pemberton.\n")
    (place / "village.txt").write_text("In a green valley lies the village where Aldous Pemberton grew up.\n")
    (place / "song.txt").write_text("Old songs of the harbour were sung by Mabel Thorne for years.\n")
    with CortexSuite.open(loaded=load_config(place / "library", ENVIRON)) as suite:
        suite.ingest([place / "mill.txt", place / "village.txt", place / "song.txt"], "Papers")
        suite.extract_graph()
    return place


@pytest.fixture(scope="module")
def manager(folder: Path) -> Iterator[EnhancedGraphManager]:
    with (
        CortexSuite.open(loaded=load_config(folder / "library", ENVIRON)) as suite,
        EnhancedGraphManager(suite) as opened,
    ):
        yield opened
        opened.close()
        assert suite.documents(), "a library that was handed over stays open"


def test_the_entity_index_is_a_mapping_of_names(manager: EnhancedGraphManager) -> None:
    index = manager.entity_index
    assert isinstance(index, Mapping)
    assert isinstance(index["aldous pemberton"], GraphEntity)
    assert index["Aldous Pemberton"].documents == 2
    assert "mabel thorne" in index and "aldous" not in {*index} - {"pemberton"}
    assert len(index) == len(list(index)) == len({*index})
    assert all(index[name].name for name in index)
    with pytest.raises(KeyError):
        index["nobody at all"]


def test_hidden_entities_are_not_in_it(manager: EnhancedGraphManager) -> None:
    entity = manager.entity_index["mabel thorne"]
    manager._suite.hide_entity(entity.id)
    assert "mabel thorne" not in manager.entity_index and "mabel thorne" not in list(manager.entity_index)
    manager._suite.hide_entity(entity.id, False)
    assert "mabel thorne" in manager.entity_index


def test_the_stats_are_those_of_the_catalog(manager: EnhancedGraphManager) -> None:
    stats = manager.get_graph_stats()
    assert stats["documents"] == 3 and stats["entities"] >= 2 and stats["waiting"] == 0
    assert stats["mentions"] >= 3 and stats["extractor"]
    assert isinstance(stats["kinds"], dict)


@pytest.mark.parametrize("mode", ["graphrag", "hybrid", "traditional", "lexical", "vector"])
def test_every_result_is_a_real_passage_with_id_text_score_source_and_page(
    manager: EnhancedGraphManager, mode: str
) -> None:
    results = manager.search("the engineer of the tidal mill", 3, mode)
    assert results and results[0].source == "mill.txt"
    for result in results:
        assert result.text and result.id and result.page == 1 and isinstance(result.score, float)
        assert manager._suite.passage(result.id).chunk.text == result.text
        assert result.scores and all(isinstance(value, float) for value in result.scores.values())
    assert len({result.score for result in results}) == len(results), "scores tell results apart"


def test_the_way_through_the_graph_is_part_of_a_result(manager: EnhancedGraphManager) -> None:
    results = manager.search("the engineer of the tidal mill", 3)
    village = next(result for result in results if result.source == "village.txt")
    assert village.way == "Aldous Pemberton" and "graph" in village.scores
    assert results[0].path == () and results[0].way == ""


def test_what_makes_no_sense_is_refused_never_answered_with_nothing(manager: EnhancedGraphManager) -> None:
    with pytest.raises(UsageError, match="no search mode 'telepathy'"):
        manager.search("mill", mode="telepathy")
    with pytest.raises(NotFoundError):
        manager.search("mill", collections=("Nowhere",))
    with pytest.raises(UsageError):
        manager.search("")


def test_by_folder_it_opens_and_closes_the_library_itself(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    assert graph_search(folder / "library", "tidal mill", 1)[0].source == "mill.txt"
    assert hybrid_search(str(folder / "library"), "tidal mill", 1)[0].path == ()
    with pytest.raises(NotFoundError):
        EnhancedGraphManager(folder / "no library")


def test_a_lost_index_is_an_error_not_an_empty_list(
    manager: EnhancedGraphManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise IndexUnavailableError("The index is gone.")

    library = manager._suite._library
    monkeypatch.setattr(library, "lexical_index", gone)
    monkeypatch.setattr(library, "exact_store", gone)
    with pytest.raises(IndexUnavailableError):
        manager.search("tidal mill")
