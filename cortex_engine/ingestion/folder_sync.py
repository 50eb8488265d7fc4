"""What a folder's files ask of a collection: what is new or changed, what is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cortex_engine.core.errors import NotFoundError
from cortex_engine.core.records import Source
from cortex_engine.ingestion.submission import collect


@dataclass(frozen=True, slots=True)
class FolderChanges:
    """The difference between a folder and a collection.

    Attributes:
        take: new and changed files.
        gone: paths that the collection has and the folder has no more.
        unchanged: number of files with the size and time that the catalog knows.
    """

    take: tuple[Path, ...]
    gone: tuple[str, ...]
    unchanged: int


def compare(folder: Path, known: Sequence[Source]) -> FolderChanges:
    """Compare by path, size and modification time, as rsync does.

    Raises:
        NotFoundError: the folder is not there (nothing is deleted because a disk is not mounted).
    """
    if not folder.is_dir():
        raise NotFoundError(f"There is no folder '{folder}'. Nothing was changed in the library.")
    by_path = {source.path: source for source in known}
    take, present = [], set()
    for path in collect([folder], recursive=True):
        status, source = path.stat(), by_path.get(str(path))
        present.add(str(path))
        if source is None or (source.mtime_ns, source.bytes) != (status.st_mtime_ns, status.st_size):
            take.append(path)
    gone = sorted(set(by_path) - present)
    return FolderChanges(tuple(take), tuple(gone), len(present) - len(take))
