"""Backup and restore: a consistent copy of the catalog, the originals, and a manifest of hashes.

Derived indexes are never copied: they are built again from the kept vectors.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from cortex_engine.core.catalog import BlobStore, Catalog
from cortex_engine.core.errors import AlreadyExistsError, CatalogError, NotFoundError, StorageFullError
from cortex_engine.core.identifiers import file_hash

_FORMAT = 1
_MANIFEST = "manifest.json"
_CATALOG = "catalog.db"
_ROOM = 1.1


def _silent(done: int, total: int) -> None:
    """Nobody listens."""


def write_backup(
    catalog: Catalog, blobs: BlobStore, target: Path, on_progress: Callable[[int, int], None] = _silent
) -> Path:
    """Copy catalog and originals into `target`, which must be empty or absent; returns it.

    Args:
        on_progress: told how many files are written, of how many.

    Raises:
        AlreadyExistsError: the folder is not empty.
        StorageFullError: too little room.
        CatalogError: an original is missing or damaged (a backup that lacks something is no backup).
    """
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise AlreadyExistsError(
                f"{target} is a file, or a folder that is not empty. Give an empty or a new folder."
            )
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        catalog.backup_to(target / _CATALOG)
        hashes = {_CATALOG: file_hash(target / _CATALOG)}
        wanted = sorted(catalog.blob_hashes())
        for position, sha256 in enumerate(wanted):
            on_progress(position, len(wanted))
            copy = target / "blobs" / sha256[:2] / sha256
            copy.parent.mkdir(parents=True, exist_ok=True)
            _copy(blobs.path(sha256), copy)
            if file_hash(copy) != sha256:
                raise CatalogError(f"The original {sha256[:12]} is damaged on disk; `doctor --full` names all such.")
            hashes[f"blobs/{sha256[:2]}/{sha256}"] = sha256
    except OSError as error:
        raise StorageFullError(f"The backup could not be written to {target}: {error.strerror}.") from error
    manifest = {"format": _FORMAT, "files": hashes}
    _write_durably(target / _MANIFEST, json.dumps(manifest, indent=1))
    return target


def restore_backup(source: Path, data_dir: Path) -> Path:
    """Make a library from a backup; every file is compared with the manifest before anything is put in place.

    Raises:
        NotFoundError: there is no backup in `source`.
        AlreadyExistsError: `data_dir` holds a library.
        CatalogError: the backup is damaged or of a newer format.
        StorageFullError: too little room.
    """
    manifest = _manifest(source)
    if (data_dir / _CATALOG).exists():
        raise AlreadyExistsError(f"{data_dir} holds a library. Restore into an empty folder (--data-dir).")
    names = list(manifest["files"])
    for name in names:
        _check_file(source, name, manifest["files"][name])
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    size = sum((source / name).stat().st_size for name in names)
    if shutil.disk_usage(data_dir).free < size * _ROOM:
        raise StorageFullError(f"The backup needs {size / 1e6:.0f} MB, and {data_dir} has too little room.")
    for name in sorted(names, key=lambda each: each == _CATALOG):
        copy = data_dir / name
        copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = copy.with_name(f"{copy.name}.restoring")
        _copy(source / name, draft)
        draft.replace(copy)
    return data_dir


def _manifest(source: Path) -> dict[str, dict[str, str]]:
    try:
        manifest = json.loads((source / _MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError(f"There is no complete backup in {source}: {_MANIFEST} is missing.") from None
    except (OSError, ValueError) as error:
        raise CatalogError(f"The manifest of the backup in {source} cannot be read: {error}.") from error
    if (
        not isinstance(manifest, dict)
        or not isinstance(manifest.get("files"), dict)
        or _CATALOG not in manifest["files"]
    ):
        raise CatalogError(f"The manifest of the backup in {source} is not one of ours.")
    if manifest.get("format") != _FORMAT:
        raise CatalogError(
            f"The backup in {source} is of format {manifest.get('format')}; this program knows {_FORMAT}."
        )
    return manifest


def _check_file(source: Path, name: str, expected: str) -> None:
    """Names come from a file that others may have written: only our own layout is accepted."""
    path = source / name
    layout = name == _CATALOG or (
        name == f"blobs/{expected[:2]}/{expected}" and expected.isalnum() and len(expected) == 64
    )
    if not layout or path.is_symlink():
        raise CatalogError(f"The manifest of the backup names '{name}', which is not part of a backup.")
    if not path.is_file():
        raise CatalogError(f"The backup is not complete: '{name}' is missing.")
    if file_hash(path) != expected:
        raise CatalogError(f"The backup is damaged: '{name}' is not what the manifest says. Nothing was restored.")


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    with target.open("rb") as stream:
        os.fsync(stream.fileno())
    target.chmod(0o600)


def _write_durably(path: Path, text: str) -> None:
    draft = path.with_suffix(".tmp")
    with draft.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)
