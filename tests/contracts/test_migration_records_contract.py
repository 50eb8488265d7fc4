"""The contract of the port `MigrationRecords`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cortex_engine.catalog import SqliteCatalog
from cortex_engine.core.catalog import Catalog
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.documents import Chunk, DocumentInfo, Page, PageState, ParsedDocument
from cortex_engine.core.errors import AlreadyExistsError, ModelMismatchError, NotFoundError, UsageError
from cortex_engine.core.identifiers import chunk_id, content_hash, document_id
from cortex_engine.core.migration import MigrationState as State
from cortex_engine.core.migration import ParityReport
from cortex_engine.core.records import PreparedDocument
from cortex_engine.core.search import Filters

OLD = EmbeddingSpec("hashing", "old", "1", 2, "none", True, 64)
NEW = EmbeddingSpec("hashing", "new", "1", 3, "none", True, 64)
_BACKENDS: dict[str, Callable[[Path], Catalog]] = {"sqlite": lambda folder: SqliteCatalog(folder / "catalog.db")}


@pytest.fixture(params=_BACKENDS)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    made = _BACKENDS[request.param](tmp_path)
    made.create_collection("home", OLD)
    yield made
    made.close()


def _put(catalog: Catalog, name: str, passages: int = 3, spec: EmbeddingSpec = OLD, collection: str = "home") -> str:
    texts = [f"Passage {number} of {name}." for number in range(passages)]
    whole, sha256 = " ".join(texts), content_hash(name.encode())
    key = document_id(sha256)
    chunks = []
    for ordinal, text in enumerate(texts):
        start = whole.index(text)
        end = start + len(text)
        chunks.append(Chunk(chunk_id(key, start, end, text), key, ordinal, text, start, end, 1, 1))
    vectors = {spec.id: np.full((passages, spec.dimension), 0.5, np.float32)}
    parsed = ParsedDocument(DocumentInfo("text"), (Page(1, whole, PageState.TEXT),), ())
    catalog.commit(PreparedDocument(sha256, f"{name}.txt", 1, parsed, chunks, vectors, "p"), collection)
    return key


def _fill(catalog: Catalog, migration_id: str, limit: int = 64) -> list[int]:
    """Make every vector that lacks; sizes of the portions."""
    sizes = []
    while chunks := catalog.lacking(migration_id, limit):
        dimension = NEW.dimension if catalog.migration(migration_id).state is not State.SWITCHED else OLD.dimension
        assert catalog.fill(migration_id, [each.id for each in chunks], np.ones((len(chunks), dimension), np.float32))
        sizes.append(len(chunks))
    return sizes


def test_a_whole_life(catalog: Catalog) -> None:
    _put(catalog, "tea"), _put(catalog, "bees")
    migration = catalog.begin_migration("home", NEW)
    assert (migration.state, migration.source, migration.target) == (State.RUNNING, OLD, NEW)
    assert (migration.done, migration.total, migration.report) == (0, 6, None)
    assert _fill(catalog, migration.id, 4) == [4, 2]
    assert catalog.specs(None) == {OLD.id: OLD}, "vectors on the side count in no search"
    assert catalog.members(NEW.id) == frozenset()
    assert catalog.kept_models() == {OLD.id: OLD}

    report = ParityReport(2, {1: 0.5, 10: 1.0}, 0.25, None, 1.0, 1, (("q", "tea.txt"),), ())
    catalog.set_migration(migration.id, State.READY, "Look at it.", report)
    ready = catalog.migration(migration.id[:6])
    assert (ready.state, ready.message, ready.report, ready.done) == (State.READY, "Look at it.", report, 6)
    assert set(catalog.kept_models()) == {OLD.id, NEW.id}

    catalog.set_migration(migration.id, State.SWITCHED)
    assert catalog.collection("home").spec == NEW
    assert catalog.migration(migration.id).report == report
    assert catalog.specs(None) == {NEW.id: NEW}
    assert catalog.purge_model(OLD.id) == 0, "an open migration keeps them"
    late = _put(catalog, "late", spec=NEW)
    assert [chunk.document_id for chunk in catalog.lacking(migration.id)] == [late] * 3
    assert _fill(catalog, migration.id) == [3]

    catalog.set_migration(migration.id, State.ROLLED_BACK)
    assert catalog.collection("home").spec == OLD
    assert catalog.specs(None) == {OLD.id: OLD}
    catalog.set_migration(migration.id, State.DONE)
    assert catalog.purge_model(OLD.id) == 0
    assert catalog.purge_model(NEW.id) == 9
    assert catalog.purge_model(NEW.id) == 0
    assert catalog.counts().vectors == {OLD.id: 9, NEW.id: 0}
    assert catalog.migrations(open_only=True) == []
    assert [each.id for each in catalog.migrations()] == [migration.id]


def test_what_cannot_follow_is_refused(catalog: Catalog) -> None:
    with pytest.raises(NotFoundError):
        catalog.begin_migration("nowhere", NEW)
    with pytest.raises(AlreadyExistsError, match="already"):
        catalog.begin_migration("home", OLD)
    migration = catalog.begin_migration("home", NEW)
    with pytest.raises(AlreadyExistsError, match="cancel"):
        catalog.begin_migration("home", replace(NEW, model="third"))
    for state in (State.SWITCHED, State.ROLLED_BACK, State.DONE):
        with pytest.raises(UsageError, match="running"):
            catalog.set_migration(migration.id, state)
    assert catalog.collection("home").spec == OLD
    catalog.set_migration(migration.id, State.CANCELLED)
    with pytest.raises(UsageError):
        catalog.set_migration(migration.id, State.RUNNING)
    assert catalog.begin_migration("home", NEW).id != migration.id
    for wrong in ("", "zz", "%"):
        with pytest.raises(NotFoundError):
            catalog.migration(wrong)


def test_nothing_is_written_for_a_migration_that_was_stopped(catalog: Catalog) -> None:
    _put(catalog, "tea")
    migration = catalog.begin_migration("home", NEW)
    chunks = [chunk.id for chunk in catalog.lacking(migration.id)]
    vectors = np.ones((3, NEW.dimension), np.float32)
    with pytest.raises(ModelMismatchError):
        catalog.fill(migration.id, chunks, np.ones((3, 7), np.float32))
    for state in (State.PAUSED, State.CANCELLED):
        catalog.set_migration(migration.id, state)
        assert not catalog.fill(migration.id, chunks, vectors)
    assert catalog.counts().vectors[NEW.id] == 0


def test_a_deleted_passage_is_left_out(catalog: Catalog) -> None:
    gone, stays = _put(catalog, "tea"), _put(catalog, "bees")
    migration = catalog.begin_migration("home", NEW)
    chunks = catalog.lacking(migration.id)
    catalog.delete_documents([gone])
    assert catalog.fill(migration.id, [chunk.id for chunk in chunks], np.ones((6, NEW.dimension), np.float32))
    assert catalog.migration(migration.id).done == catalog.migration(migration.id).total == 3
    assert {chunk.document_id for chunk in chunks} == {gone, stays}


def test_documents_that_another_collection_keeps_under_the_model(catalog: Catalog) -> None:
    """`away` uses the new model: its vectors count, those of `home` do not, and purging removes only those of `home`."""
    catalog.create_collection("away", NEW)
    ours, both = _put(catalog, "tea"), _put(catalog, "bees")
    theirs = _put(catalog, "rain", spec=NEW, collection="away")
    catalog.add_to_collection("away", [both])
    migration = catalog.begin_migration("home", NEW)
    assert catalog.members(OLD.id) is None
    assert catalog.members(NEW.id) == {both, theirs}
    _fill(catalog, migration.id)
    assert set(catalog.specs(catalog.scope(Filters(documents=(ours,))))) == {OLD.id}
    assert set(catalog.specs(catalog.scope(Filters(documents=(both,))))) == {OLD.id, NEW.id}
    owners = catalog.documents_of([chunk.id for chunk in catalog.chunks([ours, theirs])])
    assert set(owners.values()) == {ours, theirs}
    catalog.set_migration(migration.id, State.CANCELLED)
    assert catalog.purge_model(NEW.id) == 3
    assert catalog.counts().vectors[NEW.id] == 6
    assert catalog.members(NEW.id) is None


def test_pairs_of_vectors_and_the_model_on_the_side(catalog: Catalog) -> None:
    _put(catalog, "tea", 10)
    migration = catalog.begin_migration("home", NEW)
    assert catalog.side_model(OLD.id) == NEW
    assert catalog.side_model(NEW.id) is None
    assert [part.shape for part in catalog.vector_pairs(OLD.id, NEW.id, 5)] == [(0, 2), (0, 3)]
    _fill(catalog, migration.id, 4)
    source, target = catalog.vector_pairs(OLD.id, NEW.id, 5)
    assert (source.shape, target.shape) == ((5, 2), (5, 3))
    assert (float(source[0, 0]), float(target[0, 0])) == (0.5, 1.0)
    assert len(catalog.vector_pairs(OLD.id, NEW.id, 100)[0]) == 10
    catalog.set_migration(migration.id, State.READY)
    catalog.set_migration(migration.id, State.SWITCHED)
    assert catalog.side_model(NEW.id) == OLD
    assert catalog.side_model(OLD.id) is None


def test_a_collection_on_the_move_is_not_merged_away(catalog: Catalog) -> None:
    catalog.create_collection("other", OLD)
    catalog.begin_migration("home", NEW)
    with pytest.raises(AlreadyExistsError, match="home"):
        catalog.merge_collections(["home"], "other")
    catalog.delete_collection("home")
    assert catalog.migrations() == []
