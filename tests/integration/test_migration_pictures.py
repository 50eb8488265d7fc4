"""Moving a collection that reads text to a model that sees: pictures are drawn from the originals and come along."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cortex_engine.core.migration import Migration
from cortex_engine.core.migration import MigrationState as State
from cortex_engine.core.pictures import VectorName
from cortex_engine.core.search import HitKind, Query, SearchMode
from cortex_engine.suite import CortexSuite

pytestmark = pytest.mark.xdist_group("qwen3_vl")

OpenSuite = Callable[..., CortexSuite]


@pytest.fixture(scope="module")
def embedder(qwen3_vl_models: Path) -> Any:
    """The trained tiny model, loaded once."""
    import torch

    from cortex_engine.embedding.qwen3_vl import Qwen3VLEmbedder, Qwen3VLOptions

    torch.set_num_threads(1)
    made = Qwen3VLEmbedder(str(qwen3_vl_models / "trained_embedding"), Qwen3VLOptions(max_pixels=65_536))
    made.load()
    return made


def _vectors(folder: Path) -> list[list[tuple[Any, ...]]]:
    with sqlite3.connect(folder / "catalog.db") as connection:
        return [
            connection.execute(query).fetchall()
            for query in (
                "SELECT p.id, v.name, v.data FROM picture_vector v JOIN picture p ON p.key = v.picture ORDER BY 1, 2",
                "SELECT c.id, v.model, v.data FROM vector v JOIN chunk c ON c.key = v.chunk ORDER BY 1, 2",
            )
        ]


def test_text_and_pictures_move_to_a_model_that_sees_with_the_same_bytes_after_an_interruption(
    open_suite: OpenSuite, tmp_path: Path, qwen3_vl_models: Path, qwen3_vl_pictures: Path, embedder: Any
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for path in qwen3_vl_pictures.glob("t_*.png"):
        shutil.copy(path, folder)
    (folder / "words.txt").write_text("A lighthouse keeper writes of storms.\n")
    target = f"qwen3_vl:{qwen3_vl_models / 'trained_embedding'}"
    settings = {"QWEN3_VL_MAX_PIXELS": "65536", "CORTEX_VECTOR_STORE": "exact", "CORTEX_OCR": "false"}
    first = open_suite(tmp_path / "first", **settings)
    first.ingest([folder], "Things")
    assert first.counts().pictures == 0
    before = [(hit.chunk_id, hit.score) for hit in first.search("lighthouse storms").hits]
    first.close()
    shutil.copytree(tmp_path / "first", tmp_path / "second")

    def move(place: Path, interrupt: bool) -> CortexSuite:
        suite = open_suite(place, **settings)
        suite._library.shelf.put(embedder)
        stop = threading.Event()

        def watch(migration: Migration) -> None:
            assert [(hit.chunk_id, hit.score) for hit in suite.search("lighthouse storms").hits] == before
            if interrupt and migration.done > 1:
                stop.set()

        migration = suite.run_migration(suite.start_migration("Things", target).id, watch, stop)
        if interrupt:
            assert (migration.state, 1 < migration.done < migration.total) == (State.RUNNING, True)
            suite.close()
            suite = open_suite(place, **settings)
            suite._library.shelf.put(embedder)
            migration = suite.run_migration(migration.id)
        assert (migration.state, migration.done, migration.total) == (State.READY, 17, 17), migration.message
        return suite

    suite = move(tmp_path / "first", interrupt=False)
    move(tmp_path / "second", interrupt=True)
    assert _vectors(tmp_path / "first") == _vectors(tmp_path / "second")

    migration = suite.migrations()[0]
    suite.switch_migration(migration.id)
    hits = suite.search(Query("a yellow cross", SearchMode.VECTOR, 3)).hits
    assert (hits[0].document, hits[0].kind) == ("t_yellow_cross.png", HitKind.PICTURE)
    suite.rollback_migration(migration.id)
    assert [(hit.chunk_id, hit.score) for hit in suite.search("lighthouse storms").hits] == before
    suite.purge_migration(migration.id)
    assert suite._library.catalog.picture_vector_counts(embedder.spec.id) == dict.fromkeys(VectorName, 0)


def test_a_picture_whose_original_is_damaged_is_told_and_hinders_nothing(
    open_suite: OpenSuite, tmp_path: Path, qwen3_vl_models: Path, qwen3_vl_pictures: Path, embedder: Any
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for colour in ("red", "blue"):
        shutil.copy(qwen3_vl_pictures / f"t_{colour}_circle.png", folder)
    settings = {"QWEN3_VL_MAX_PIXELS": "65536", "CORTEX_VECTOR_STORE": "exact", "CORTEX_OCR": "false"}
    suite = open_suite(**settings)
    suite._library.shelf.put(embedder)
    suite.ingest([folder], "Things")
    path = suite._library.blobs.path(suite.document("t_red_circle.png").sha256)
    path.chmod(0o600)
    path.write_bytes(b"no picture any more")
    migration = suite.start_migration("Things", f"qwen3_vl:{qwen3_vl_models / 'trained_embedding'}")
    ready = suite.run_migration(migration.id)
    assert (ready.state, ready.done, ready.total) == (State.READY, 1, 2)
    assert "1 of its pictures could not be drawn again" in ready.message
    assert suite._library.catalog.picture_counts() == 2, "where another model's vectors are in use it has to stay"
    suite.switch_migration(migration.id)
    hits = suite.search(Query("a blue circle", SearchMode.VECTOR, 3)).hits
    assert [hit.document for hit in hits] == ["t_blue_circle.png"]
