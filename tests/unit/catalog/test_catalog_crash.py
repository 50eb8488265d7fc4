"""kill -9 at every named failpoint, and several processes at once."""

from __future__ import annotations

import multiprocessing
import re
import signal
import sqlite3
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import cortex_engine.catalog as catalog_room
from cortex_engine.catalog import FileBlobStore, SqliteCatalog
from cortex_engine.catalog.connection import Database
from cortex_engine.catalog.schema import MIGRATIONS, Migration, schema_version
from cortex_engine.core.errors import ConfigError
from cortex_engine.core.failpoints import FAILPOINTS, activate
from cortex_engine.core.identifiers import document_id, picture_id
from cortex_engine.core.pictures import DescribedBy, Picture, PreparedPicture, VectorName
from cortex_engine.core.records import NewFile, PreparedDocument, Source
from cortex_engine.core.reports import FileState
from tests.graph_kit import CapitalExtractor

_FORK = multiprocessing.get_context("fork")
_MIGRATION = ("migration.before", "migration.after")
_CATALOG = Path(catalog_room.__file__).parent
_PASSED = {
    name
    for module in _CATALOG.glob("*.py")
    for name in re.findall(r'failpoint\("([a-z.]+)"\)', module.read_text("utf-8"))
}
"""Every failpoint that stands in the code of the catalog; other rooms test theirs."""
_HERE = tuple(sorted(name for name in _PASSED - set(_MIGRATION) if not name.startswith("reembed.")))

Prepare = Callable[..., PreparedDocument]


def _run(target: Callable[..., None], *arguments: object) -> int:
    """Run in a forked process; its exit code."""

    def guarded() -> None:
        try:
            target(*arguments)
        except BaseException:
            traceback.print_exc()
            raise

    process = _FORK.Process(target=guarded)
    process.start()
    process.join(60)
    assert process.exitcode is not None
    return process.exitcode


def _open(folder: Path) -> SqliteCatalog:
    return SqliteCatalog(
        folder / "catalog.db", owner=True, blobs=FileBlobStore(folder / "blobs", min_free_bytes=0, owner=True)
    )


def _note(folder: Path, word: str) -> None:
    with (folder / "acknowledged").open("a") as stream:
        stream.write(f"{word}\n")


def _pictured(prepared: PreparedDocument) -> PreparedDocument:
    """With a picture of its page."""
    key = document_id(prepared.sha256)
    picture = Picture(picture_id(key, 1), key, 1, 64, 64, "A harbour.", DescribedBy.OCR)
    ((model_id, vectors),) = prepared.vectors.items()
    named = {model_id: {VectorName.PICTURE: vectors[0], VectorName.DESCRIPTION: vectors[1]}}
    return replace(prepared, pictures=[PreparedPicture(picture, named)], drawn=True)


def _life(folder: Path, failpoint: str, prepare: Prepare) -> None:
    """What a library goes through; each acknowledged step is written down beside it."""
    activate(failpoint)
    catalog = _open(folder)
    blobs = FileBlobStore(folder / "blobs", min_free_bytes=0)
    catalog.release_claims()
    for content in ("old", "new"):
        sha256, size = blobs.put_bytes(content.encode())
        catalog.enqueue("ingest", "home", [NewFile("/in/file", content, sha256, size)])
        for file in catalog.claim("me", 9):
            catalog.update_file(file.id, FileState.EMBEDDING)
            catalog.commit(_pictured(prepare(file.name)), "home", Source("home", "/in/file", "", 1, 1), file.id)
            _note(folder, f"committed {file.name}")
        for waiting in catalog.ungraphed("capitals 1"):
            catalog.keep_graph(waiting.document_id, "capitals 1", CapitalExtractor().extract(waiting))
    for name in ("words", "vectors"):
        catalog.begin_index_write(name)
        catalog.end_index_write(name, catalog.last_seq())
        catalog.swap_generation(name, 2, catalog.last_seq())
    gone = catalog.delete_documents([one.id for one in catalog.documents()])
    _note(folder, f"deleted {len(gone)}")
    catalog.drop_blobs()
    catalog.close()


@pytest.mark.parametrize("failpoint", _HERE)
def test_a_kill_at_every_failpoint_loses_nothing(tmp_path: Path, prepare: Prepare, spec, failpoint: str) -> None:
    first = _open(tmp_path)
    first.create_collection("home", spec)
    first.close()
    assert _run(_life, tmp_path, failpoint, prepare) == -signal.SIGKILL
    notes = tmp_path / "acknowledged"
    acknowledged = notes.read_text().split("\n") if notes.exists() else []
    catalog = _open(tmp_path)
    assert [finding for finding in catalog.check(full=True) if finding.severity == "error"] == []
    names = [document.name for document in catalog.documents()]
    if "deleted 1" in acknowledged:
        assert names == []
    elif "committed new" in acknowledged:
        # Killed in the deletion: either all of it or nothing.
        assert names in (["new.txt"], [])
    elif "committed old" in acknowledged:
        assert names in (["old.txt"], ["new.txt"])
    for document in catalog.documents():
        assert len(catalog.chunks([document.id])) == document.chunk_count == 3
        assert catalog.blob_hashes() >= {document.sha256}
        assert [picture.width for picture in catalog.pictures([document.id])] == [64]
    assert catalog.picture_counts() == len(names)
    catalog.close()
    assert _run(_life, tmp_path, "", prepare) == 0
    catalog = _open(tmp_path)
    assert (catalog.documents(), catalog.blob_hashes(), list(FileBlobStore(tmp_path / "blobs").all())) == (
        [],
        set(),
        [],
    )
    assert catalog.jobs(active_only=True) == []
    assert not any(state.dirty for state in catalog.index_states().values())
    catalog.close()


def _colour(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE tag ADD COLUMN colour TEXT")


def _migrate(path: Path, failpoint: str) -> None:
    activate(failpoint)
    with Database(path, migrations=(*MIGRATIONS, Migration(MIGRATIONS[-1].version + 1, "a colour", _colour))).plain():
        pass


@pytest.mark.parametrize("failpoint", _MIGRATION)
def test_a_kill_in_a_migration_leaves_one_version_or_the_other(tmp_path: Path, spec, failpoint: str) -> None:
    path = tmp_path / "catalog.db"
    catalog = SqliteCatalog(path)
    catalog.create_collection("home", spec)
    catalog.close()
    assert _run(_migrate, path, failpoint) == -signal.SIGKILL
    connection = sqlite3.connect(path)
    assert schema_version(connection) == MIGRATIONS[-1].version + (failpoint == "migration.after")
    assert connection.execute("SELECT name FROM collection").fetchall() == [("home",)]
    connection.close()
    assert _run(_migrate, path, "") == 0


def test_every_failpoint_is_tried() -> None:
    assert len(_HERE) >= 19
    assert set(FAILPOINTS) >= _PASSED
    for wrong in ("nothing", "commit.before:0", "commit.before:x"):
        with pytest.raises(ConfigError):
            activate(wrong)


def _write(path: Path, prepare: Prepare, number: int) -> None:
    catalog = SqliteCatalog(path)
    for turn in range(15):
        # Every third document is the same for all processes.
        content = f"shared {turn}" if turn % 3 == 0 else f"process {number} turn {turn}"
        catalog.commit(prepare(content), "home", Source("home", f"/in/{number}/{turn}", "", 1, 1))
        catalog.enqueue("ingest", "home", [NewFile(f"/q/{number}/{turn}", "q", f"{number * 100 + turn:064x}", 1)])
    catalog.close()


def _work(path: Path, out: Path, number: int) -> None:
    catalog = SqliteCatalog(path)
    with (out / str(number)).open("w") as stream:
        while files := catalog.claim(f"worker {number}", 2):
            for file in files:
                stream.write(f"{file.id}\n")
                catalog.update_file(file.id, FileState.DONE)
    catalog.close()


def test_four_processes_write_in_turn(tmp_path: Path, prepare: Prepare, spec) -> None:
    path = tmp_path / "catalog.db"
    catalog = SqliteCatalog(path, owner=True)
    catalog.create_collection("home", spec)
    for target, last in ((_write, prepare), (_work, tmp_path)):
        processes = [_FORK.Process(target=target, args=(path, last, number)) for number in range(4)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
        assert [process.exitcode for process in processes] == [0] * 4
    assert catalog.counts().documents == 5 + 4 * 10
    assert catalog.counts().chunks == 3 * 45
    assert len(catalog.sources("home")) == 60
    assert [entry.seq for entry in catalog.outbox(0)] == list(range(1, 46))
    worked = [line for number in range(4) for line in (tmp_path / str(number)).read_text().split()]
    assert len(worked) == len(set(worked)) == 60
    assert catalog.jobs(active_only=True) == []
    assert all(finding.severity != "error" for finding in catalog.check(full=True))
    catalog.close()
