"""What lies in a data folder, told apart by what it is for."""

from __future__ import annotations

from pathlib import Path

import pytest

from cortex_engine.config import load_config
from cortex_engine.core.errors import CortexError, UsageError
from cortex_engine.maintenance.storage import last_backup, note_backup, storage_report
from cortex_engine.suite import CortexSuite


def write(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)


def test_each_part_has_its_kind_and_size(tmp_path: Path) -> None:
    write(tmp_path / "catalog.db", 9000)
    write(tmp_path / "catalog.db-wal", 500)
    write(tmp_path / "catalog.db.version-1.backup", 800)
    write(tmp_path / "blobs" / "ab" / "abcd", 7000)
    write(tmp_path / "blobs" / "cd" / "cdef", 3000)
    write(tmp_path / "derived" / "lexical-000001" / "meta.json", 30)
    write(tmp_path / "derived" / "exact-1234-000002" / "vectors", 4000)
    write(tmp_path / "derived" / "knowledge_hub_db-1234-000002" / "chroma.sqlite3", 6000)
    write(tmp_path / "pages" / "ab.png", 70)
    write(tmp_path / "logs" / "cortex.log", 60)
    write(tmp_path / "cortex_config.json", 20)
    write(tmp_path / "locks" / "owner.lock", 1)
    write(tmp_path / "holiday.jpg", 10)
    (tmp_path / "models").mkdir()
    seen = {item.name: (item.kind, item.bytes, item.files) for item in storage_report(tmp_path).items}
    assert seen == {
        "Originals": ("truth", 10_000, 2),
        "Catalog": ("truth", 9500, 2),
        "Settings": ("truth", 20, 1),
        "Large vector index": ("derived", 6000, 1),
        "Exact vector index": ("derived", 4000, 1),
        "Word index": ("derived", 30, 1),
        "Copies of older catalogs": ("cache", 800, 1),
        "Page pictures": ("cache", 70, 1),
        "Log": ("log", 60, 1),
        "Other files": ("other", 10, 1),
    }


def test_the_disk_is_told(tmp_path: Path) -> None:
    report = storage_report(tmp_path)
    assert 0 < report.free < report.total
    assert (report.items, report.backup, report.folder) == ((), "", str(tmp_path))


def test_links_are_not_followed_and_sparse_files_count_what_they_take(tmp_path: Path) -> None:
    write(tmp_path / "outside" / "huge", 5000)
    library = tmp_path / "library"
    library.mkdir()
    (library / "blobs").symlink_to(tmp_path / "outside")
    with (library / "catalog.db").open("wb") as stream:
        stream.truncate(10_000_000_000)
    sizes = {item.name: item.bytes for item in storage_report(library).items}
    assert sizes["Originals"] < 1000
    assert sizes["Catalog"] < 1_000_000


def test_the_newest_backup_is_remembered(tmp_path: Path) -> None:
    assert last_backup(tmp_path) == ("", "")
    note_backup(tmp_path, Path("/media/stick/cortex"))
    path, when = last_backup(tmp_path)
    assert path == "/media/stick/cortex"
    assert when.endswith("+00:00")
    (tmp_path / "last_backup.json").write_text("[torn")
    assert last_backup(tmp_path) == ("", "")
    assert storage_report(tmp_path).items == ()


@pytest.mark.parametrize("inside", ["", "backup", "derived/backup"])
def test_a_backup_goes_outside_of_the_library_and_tells_how_far_it_is(tmp_path: Path, inside: str) -> None:
    (tmp_path / "tea.txt").write_text("Green tea is steamed.")
    (tmp_path / "oil.txt").write_text("Olive oil is pressed.")
    environ = {"CORTEX_EMBEDDING_BACKEND": "hashing", "CORTEX_MIN_FREE_BYTES": "0"}
    steps: list[tuple[int, int]] = []
    with CortexSuite.open(loaded=load_config(tmp_path / "library", environ)) as suite:
        suite.ingest([tmp_path / "tea.txt", tmp_path / "oil.txt"], "Papers")
        with pytest.raises(UsageError, match="elsewhere"):
            suite.backup(suite.config.data_dir / inside)
        assert suite.storage().backup == ""
        target = suite.backup(tmp_path / "copy", lambda done, total: steps.append((done, total)))
        assert suite.storage().backup == str(target.resolve())
        assert steps == [(0, 2), (1, 2)]


@pytest.mark.parametrize("target", ["tea.txt", "tea.txt/copy"])
def test_a_failed_backup_is_a_sentence_and_not_remembered(tmp_path: Path, target: str) -> None:
    (tmp_path / "tea.txt").write_text("Green tea is steamed.")
    with CortexSuite.open(loaded=load_config(tmp_path / "library", {"CORTEX_EMBEDDING_BACKEND": "hashing"})) as suite:
        with pytest.raises(CortexError, match="tea.txt"):
            suite.backup(tmp_path / target)
        assert suite.storage().backup == ""
