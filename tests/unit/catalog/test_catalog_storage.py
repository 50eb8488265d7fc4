"""The database file: made, migrated, damaged, full, locked, copied."""

from __future__ import annotations

import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from cortex_engine.catalog import SqliteCatalog
from cortex_engine.catalog.connection import Database
from cortex_engine.catalog.schema import MIGRATIONS, PAGE_SIZE, Migration, schema_version
from cortex_engine.core.errors import CatalogError, LibraryLockedError, StorageFullError

_NEWEST = MIGRATIONS[-1].version
_NEWER = (
    *MIGRATIONS,
    Migration(_NEWEST + 1, "a colour", lambda c: (c.execute("ALTER TABLE tag ADD COLUMN colour TEXT"), None)[1]),
)


def _break(connection: sqlite3.Connection) -> None:
    connection.execute("DROP TABLE tag")
    raise RuntimeError("killed in the middle")


def _tables_version(path: Path) -> int:
    connection = sqlite3.connect(path)
    version = schema_version(connection)
    connection.close()
    return version


def test_only_the_person_may_read_it(catalog: SqliteCatalog, tmp_path: Path) -> None:
    assert catalog.counts().documents == 0
    for name in ("catalog.db", "catalog.db-wal"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if ".new-" in path.name] == []


def test_pragmas(tmp_path: Path) -> None:
    database = Database(tmp_path / "catalog.db")

    def pragma(name: str) -> object:
        with database.plain() as connection:
            return connection.execute(f"PRAGMA {name}").fetchone()[0]

    assert pragma("journal_mode") == "wal"
    assert (pragma("synchronous"), pragma("foreign_keys"), pragma("wal_autocheckpoint")) == (2, 1, 0)
    assert pragma("busy_timeout") == 30_000
    database.become_owner()
    assert pragma("wal_autocheckpoint") == 1000
    database.close()


def test_an_older_catalog_is_migrated_after_a_copy(tmp_path: Path, prepare, spec) -> None:
    path = tmp_path / "catalog.db"
    old = SqliteCatalog(path)
    old.create_collection("home", spec)
    key = old.commit(prepare("honey"), "home").document_id
    old.close()
    broken = Database(path, migrations=(*MIGRATIONS, Migration(_NEWEST + 1, "breaks", _break)))
    with pytest.raises(RuntimeError), broken.plain():
        pass
    assert _tables_version(path) == _NEWEST
    same = SqliteCatalog(path)
    same.set_tags(key, ["still here"])
    same.close()
    newer = Database(path, migrations=_NEWER)
    with newer.read() as connection:
        assert connection.execute("SELECT name, colour FROM tag").fetchall() == [("still here", None)]
    newer.close()
    assert _tables_version(path) == _NEWEST + 1
    assert _tables_version(tmp_path / f"catalog.db.version-{_NEWEST}.backup") == _NEWEST
    with pytest.raises(CatalogError, match="newer version"):
        SqliteCatalog(path)


@pytest.mark.parametrize("damage", ["empty", "text", "other database", "only the log"])
def test_a_damaged_file_is_refused_and_left_alone(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "catalog.db"
    if damage == "other database":
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE other (x)")
        connection.close()
    elif damage == "only the log":
        (tmp_path / "catalog.db-wal").write_bytes(b"x")
    else:
        path.write_bytes(b"" if damage == "empty" else b"no database at all " * 1000)
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
    with pytest.raises(CatalogError, match="Restore"):
        SqliteCatalog(path)
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == before


def test_a_damaged_page_is_an_error_with_a_remedy(tmp_path: Path, prepare, spec) -> None:
    path = tmp_path / "catalog.db"
    catalog = SqliteCatalog(path)
    catalog.create_collection("home", spec)
    for number in range(30):
        catalog.commit(prepare(f"honey {number}"), "home")
    catalog.close()
    # The first pages of three tables: pages that hold the schema itself must stay, or the file does not even open.
    connection = sqlite3.connect(path)
    roots = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name IN ('document', 'chunk', 'vector')")
    pages = [page for (page,) in roots]
    connection.close()
    assert len(pages) == 3
    data = bytearray(path.read_bytes())
    for page in pages:
        start = (page - 1) * PAGE_SIZE
        data[start : start + 200] = b"\xff" * 200
    path.write_bytes(data)
    catalog = SqliteCatalog(path)
    for reading in (lambda: list(catalog.vectors(spec.id)), catalog.documents, lambda: list(catalog.passages())):
        with pytest.raises(CatalogError, match="damaged.*Restore"):
            reading()
    errors = [finding for finding in catalog.check() if finding.severity == "error"]
    assert errors
    assert all(finding.remedy for finding in errors)
    catalog.close()


def test_a_full_disk_writes_nothing(tmp_path: Path, catalog: SqliteCatalog, prepare) -> None:
    catalog.commit(prepare("small"), "home")
    database = catalog._database
    with database.plain() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 3}")
    with pytest.raises(StorageFullError, match="full"):
        catalog.commit(prepare("large", sentences=2000), "home")
    assert catalog.counts().documents == 1
    assert catalog.last_seq() == 1
    with database.plain() as connection:
        connection.execute("PRAGMA max_page_count = 1000000")
    assert catalog.commit(prepare("large", sentences=2000), "home").created


def test_a_write_that_waits_too_long_says_so(tmp_path: Path, catalog: SqliteCatalog) -> None:
    impatient = Database(tmp_path / "catalog.db", busy_seconds=0.05)
    with (
        catalog._database.write(),
        pytest.raises(LibraryLockedError, match="Another process"),
        impatient.write(),
    ):
        pass
    impatient.close()


def test_a_backup_is_a_whole_catalog(tmp_path: Path, catalog: SqliteCatalog, prepare) -> None:
    key = catalog.commit(prepare("honey"), "home").document_id
    catalog.backup_to(tmp_path / "copy.db")
    catalog.delete_documents([key])
    copy = SqliteCatalog(tmp_path / "copy.db")
    assert copy.document(key).name == "honey.txt"
    copy.close()
    with pytest.raises(CatalogError, match="closed"):
        copy.counts()


def test_threads_have_their_own_connections_and_leave_none_behind(catalog: SqliteCatalog, prepare) -> None:
    def work(number: int) -> None:
        catalog.commit(prepare(f"thread {number}"), "home")

    for start in (0, 4):
        threads = [threading.Thread(target=work, args=(number,)) for number in range(start, start + 4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert catalog.counts().documents == 8
    assert len(catalog._database._open) <= 5
