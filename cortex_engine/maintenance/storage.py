"""What lies in the data folder: its parts, what they are for, and how large they are."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cortex_engine.core.app import StorageItem, StorageReport

_LAST_BACKUP = "last_backup.json"
_NAMED = {
    "blobs": ("Originals", "truth", "Every file as it was taken in."),
    "cortex_config.json": ("Settings", "truth", "What differs from the defaults."),
    "models": ("Models", "cache", "Unpacked from the installed packages; unpacked again when they are missing."),
    "opened": ("Opened copies", "cache", "Copies of originals that were opened in another program."),
    "pages": ("Page pictures", "cache", "Pages and thumbnails; drawn again when they are needed."),
    "tmp": ("Uploads under way", "cache", "Removed when they are taken in."),
    "logs": ("Log", "log", "What the application did; older parts are removed by themselves."),
}
_INDEXES = {
    "lexical": "Word index",
    "exact": "Exact vector index",
    "pictures": "Index of pictures",
    "descriptions": "Index of pictures' descriptions",
}
_SMALL = {_LAST_BACKUP, "locks"}
"""Ours, and not worth a line."""
_BLOCK = 512


def storage_report(folder: Path) -> StorageReport:
    """What lies in `folder`, largest first within each kind.

    Raises:
        OSError: the folder cannot be read.
    """
    usage = shutil.disk_usage(folder)
    order = {"truth": 0, "derived": 1, "cache": 2, "log": 3}
    items = sorted(
        (item for item in _items(folder) if item.files),
        key=lambda item: (order.get(item.kind, 4), -item.bytes, item.name),
    )
    path, when = last_backup(folder)
    return StorageReport(str(folder), tuple(items), usage.free, usage.total, path, when)


def note_backup(folder: Path, target: Path) -> None:
    """Remember where the newest backup went."""
    when = datetime.now(UTC).isoformat(timespec="seconds")
    draft = folder / f"{_LAST_BACKUP}.tmp"
    draft.write_text(json.dumps({"path": str(target), "when": when}), encoding="utf-8")
    draft.chmod(0o600)
    draft.replace(folder / _LAST_BACKUP)


def last_backup(folder: Path) -> tuple[str, str]:
    """Folder and time (ISO 8601 UTC) of the newest backup; ("", "") when none is known."""
    try:
        noted = json.loads((folder / _LAST_BACKUP).read_text(encoding="utf-8"))
        return str(noted["path"]), str(noted["when"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", ""


def _items(folder: Path) -> Iterator[StorageItem]:
    catalog: list[Path] = []
    copies: list[Path] = []
    rest: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.name == "derived" and path.is_dir():
            yield from (_index(each) for each in sorted(path.iterdir()))
        elif path.name in _NAMED:
            name, kind, remark = _NAMED[path.name]
            yield _item(name, kind, remark, path)
        elif path.name.startswith("catalog.db"):
            (copies if path.name.endswith(".backup") else catalog).append(path)
        elif path.name not in _SMALL:
            rest.append(path)
    if catalog:
        remark = "Documents, passages, pictures, vectors, collections, jobs, and what people keep."
        yield _item("Catalog", "truth", remark, *catalog)
    if copies:
        remark = "Made before an update changed the catalog. Can be deleted when all is well."
        yield _item("Copies of older catalogs", "cache", remark, *copies)
    if rest:
        yield _item("Other files", "other", f"Not of Cortex Suite: {', '.join(each.name for each in rest[:5])}", *rest)


def _index(path: Path) -> StorageItem:
    word = path.name.split("-", 1)[0]
    name = _INDEXES.get(word, "Large vector index")
    return _item(name, "derived", "Follows the catalog; can be rebuilt from it.", path)


def _item(name: str, kind: str, remark: str, *paths: Path) -> StorageItem:
    count = size = 0
    for path in paths:
        for file in _files(path):
            count, size = count + 1, size + file
    return StorageItem(name, str(paths[0]), kind, size, count, remark)


def _files(path: Path) -> Iterator[int]:
    """What each file takes of the disk (a sparse file less than its length); links are not followed."""
    if path.is_symlink() or not path.is_dir():
        yield _size(path)
        return
    for parent, _, names in os.walk(path):
        yield from (_size(Path(parent) / name) for name in names)


def _size(path: Path) -> int:
    try:
        status = path.lstat()
    except FileNotFoundError:  # removed in this moment
        return 0
    blocks = getattr(status, "st_blocks", None)
    return status.st_size if blocks is None else min(status.st_size, blocks * _BLOCK)
