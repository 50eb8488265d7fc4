"""What a folder's files ask of a collection: what is new or changed, what is gone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cortex_engine.core.errors import NotFoundError
from cortex_engine.core.records import Source
from cortex_engine.ingestion.submission import Unreadable, collect, in_words


@dataclass(frozen=True, slots=True)
class FolderChanges:
    """The difference between a folder and a collection.

    Attributes:
        take: new and changed files.
        gone: paths that the collection has and the folder has no more.
        unchanged: number of files with the size and time that the catalog knows.
        unreadable: what could not be looked at; nothing is gone because of it.
    """

    take: tuple[Path, ...]
    gone: tuple[str, ...]
    unchanged: int
    unreadable: tuple[Unreadable, ...] = ()


def require_folder(folder: Path) -> None:
    """Make sure that the folder is there: nothing is deleted because a disk is not mounted.

    Raises:
        NotFoundError: it is not.
    """
    if not folder.is_dir():
        raise NotFoundError(f"There is no folder '{in_words(folder)}'. Nothing was changed in the library.")


def compare(folder: Path, known: Sequence[Source], leave_out: Path | None = None) -> FolderChanges:
    """Compare by path, size and modification time, as rsync does.

    Args:
        folder: absolute.
        known: what the collection has from below it.
        leave_out: see `collect`.

    Raises:
        NotFoundError: the folder is not there.
    """
    require_folder(folder)
    by_path = {source.path: source for source in known}
    listing = collect([folder], recursive=True, leave_out=leave_out)
    take, present, unchanged = [], set(), 0
    for path in listing.files:
        try:
            status = path.stat()
        except FileNotFoundError:  # it went while we looked
            continue
        source = by_path.get(in_words(path))
        present.add(in_words(path))
        if source is None or (source.mtime_ns, source.bytes) != (status.st_mtime_ns, status.st_size):
            take.append(path)
        else:
            unchanged += 1
    closed = tuple(in_words(each.path) for each in listing.unreadable)
    gone = [path for path in sorted(set(by_path) - present) if not any(_below(path, each) for each in closed)]
    return FolderChanges(tuple(take), tuple(gone), unchanged, listing.unreadable)


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip(os.sep)}{os.sep}")
