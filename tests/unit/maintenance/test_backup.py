"""Backups are complete or refused, and a backup from a stranger can put nothing outside of the library."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from cortex_engine.catalog import FileBlobStore, SqliteCatalog
from cortex_engine.core.errors import AlreadyExistsError, CatalogError, NotFoundError
from cortex_engine.core.records import NewFile
from cortex_engine.embedding.hashing import HashingEmbedder
from cortex_engine.maintenance.backup import restore_backup, write_backup


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """A backup with one original."""
    blobs = FileBlobStore(tmp_path / "blobs", min_free_bytes=0)
    catalog = SqliteCatalog(tmp_path / "catalog.db", blobs=blobs)
    catalog.create_collection("Papers", HashingEmbedder().spec)
    sha256, size = blobs.put_bytes(b"the original")
    catalog.enqueue("ingest", "Papers", [NewFile("", "a.txt", sha256, size)])
    target = write_backup(catalog, blobs, tmp_path / "backup")
    catalog.close()
    return target


def manifest_of(backup: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((backup / "manifest.json").read_text())
    return manifest


def write_manifest(backup: Path, manifest: dict[str, Any]) -> None:
    (backup / "manifest.json").write_text(json.dumps(manifest))


def test_a_backup_is_restored_byte_for_byte(backup: Path, tmp_path: Path) -> None:
    folder = restore_backup(backup, tmp_path / "restored")
    for name, expected in manifest_of(backup)["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == expected
    assert len(manifest_of(backup)["files"]) == 2


def test_neither_a_library_nor_a_full_folder_is_overwritten(backup: Path, tmp_path: Path) -> None:
    restore_backup(backup, tmp_path / "restored")
    with pytest.raises(AlreadyExistsError, match="holds a library"):
        restore_backup(backup, tmp_path / "restored")
    blobs = FileBlobStore(tmp_path / "restored" / "blobs", min_free_bytes=0)
    catalog = SqliteCatalog(tmp_path / "restored" / "catalog.db")
    with pytest.raises(AlreadyExistsError, match="not empty"):
        write_backup(catalog, blobs, backup)
    catalog.close()


def test_an_unfinished_backup_is_no_backup(backup: Path, tmp_path: Path) -> None:
    (backup / "manifest.json").unlink()
    with pytest.raises(NotFoundError, match="no complete backup"):
        restore_backup(backup, tmp_path / "restored")


def test_a_damaged_or_incomplete_backup_is_refused_before_anything_is_written(backup: Path, tmp_path: Path) -> None:
    (name,) = [each for each in manifest_of(backup)["files"] if each.startswith("blobs/")]
    (backup / name).write_bytes(b"the original?")
    with pytest.raises(CatalogError, match="damaged"):
        restore_backup(backup, tmp_path / "restored")
    (backup / name).unlink()
    with pytest.raises(CatalogError, match="not complete"):
        restore_backup(backup, tmp_path / "restored")
    assert not (tmp_path / "restored").exists()


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "blobs/../../outside", "derived/x", "blobs/aa/zz"])
def test_names_of_a_strange_manifest_are_not_followed(name: str, backup: Path, tmp_path: Path) -> None:
    manifest = manifest_of(backup)
    manifest["files"][name] = "0" * 64
    write_manifest(backup, manifest)
    with pytest.raises(CatalogError, match="not part of a backup"):
        restore_backup(backup, tmp_path / "restored")
    assert not (tmp_path / "outside").exists()


def test_links_in_a_backup_are_not_followed(backup: Path, tmp_path: Path) -> None:
    (name,) = [each for each in manifest_of(backup)["files"] if each.startswith("blobs/")]
    secret = tmp_path / "secret"
    secret.write_bytes((backup / name).read_bytes())
    (backup / name).unlink()
    (backup / name).symlink_to(secret)
    with pytest.raises(CatalogError, match="not part of a backup"):
        restore_backup(backup, tmp_path / "restored")


@pytest.mark.parametrize("text", ["", "[]", '{"files": {}}', '{"format": 9, "files": {"catalog.db": "x"}}'])
def test_a_manifest_that_is_not_ours_is_refused(text: str, backup: Path, tmp_path: Path) -> None:
    (backup / "manifest.json").write_text(text)
    with pytest.raises(CatalogError):
        restore_backup(backup, tmp_path / "restored")
