"""From paths to queued files: collect, copy durably, queue."""

from __future__ import annotations

import os
import stat
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cortex_engine.core.app import IngestOptions
from cortex_engine.core.catalog import BlobStore, Catalog
from cortex_engine.core.errors import NotFoundError, StorageFullError, UsageError
from cortex_engine.core.records import NewFile
from cortex_engine.core.reports import FileState, IngestEvent, Job

_IGNORED_NAMES = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
_QUEUE_BATCH = 50
_ATTEMPTS = 3
_LONGEST_NAME = 500
"""Characters of an upload's name that are kept, from its end."""


def is_ignored(name: str) -> bool:
    """Hidden files and the traces that systems and Office programs leave in folders."""
    return name.startswith((".", "~$")) or name.lower() in _IGNORED_NAMES


def normalised(path: Path) -> Path:
    """Absolute and without "..", links kept: the form in which sources are remembered and compared."""
    absolute = path.absolute()
    if ".." not in absolute.parts:
        return absolute
    # "link/.." is the folder that holds what the link leads to: only the file system knows which.
    return absolute.resolve() if absolute.name == ".." else absolute.parent.resolve() / absolute.name


def in_words(path: Path | str) -> str:
    """A path as the catalog keeps it and people read it: bytes that are no UTF-8 become \\xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A folder or file that could not be looked into; `reason` is the system's word for why."""

    path: Path
    reason: str

    @property
    def message(self) -> str:
        """A sentence for a person."""
        return f"'{in_words(self.path.name)}' cannot be read: {self.reason}."


@dataclass(frozen=True, slots=True)
class Listing:
    """What was found below the paths: files sorted within a folder, each once, absolute; and what could not be listed."""

    files: tuple[Path, ...]
    unreadable: tuple[Unreadable, ...]


def collect(paths: Sequence[Path], recursive: bool, leave_out: Path | None = None) -> Listing:
    """Files to take in.

    Args:
        paths: files and folders. A file that is named is taken whatever its name; in folders some are ignored.
        recursive: go into subfolders. Links to folders are not followed.
        leave_out: the library's own folder: it is not taken into itself.

    Raises:
        NotFoundError: a path does not exist.
        UsageError: a path is neither file nor folder, or lies in `leave_out`.
    """
    own = leave_out.resolve() if leave_out else None
    files: dict[Path, None] = {}
    unreadable: list[Unreadable] = []
    for path in paths:
        if _kind(path) == "file":
            found: Iterable[Path] = (path,)
        else:
            found = _files_below(path, recursive, own, unreadable)
        if own and path.resolve().is_relative_to(own):
            raise UsageError(
                f"'{in_words(path)}' lies in the library's own folder {leave_out}; it cannot go into itself."
            )
        files.update(dict.fromkeys(normalised(file) for file in found))
    return Listing(tuple(files), tuple(unreadable))


def _kind(path: Path) -> str:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        hint = " It is a link that leads nowhere." if path.is_symlink() else ""
        raise NotFoundError(f"There is no file or folder '{in_words(path)}'.{hint}") from None
    except (OSError, ValueError) as error:
        raise NotFoundError(f"'{in_words(path)}' cannot be reached: {_reason(error)}.") from error
    if stat.S_ISDIR(mode):
        return "folder"
    if stat.S_ISREG(mode):
        return "file"
    raise UsageError(f"'{in_words(path)}' is neither a file nor a folder.")


def _reason(error: OSError | ValueError) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _files_below(folder: Path, recursive: bool, own: Path | None, unreadable: list[Unreadable]) -> Iterator[Path]:
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        unreadable.append(Unreadable(folder, _reason(error)))
        return
    for entry in entries:
        if is_ignored(entry.name):
            continue
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            if recursive and path.resolve() != own:
                yield from _files_below(path, recursive, own, unreadable)
        elif _is_file(entry, unreadable):
            yield path


def _is_file(entry: os.DirEntry[str], unreadable: list[Unreadable]) -> bool:
    try:
        return entry.is_file()
    except OSError as error:  # a link that leads to itself, or into a folder that is closed
        unreadable.append(Unreadable(Path(entry.path), _reason(error)))
        return False


class Submission:
    """Queues files: each is durable among the blobs before a job refers to it."""

    def __init__(
        self,
        catalog: Catalog,
        blobs: BlobStore,
        on_event: Callable[[IngestEvent], None],
        options: IngestOptions | None = None,
    ) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._on_event = on_event
        self._options = options

    def submit(
        self,
        kind: str,
        collection: str,
        files: Sequence[Path],
        unreadable: Sequence[Unreadable] = (),
        stop: threading.Event | None = None,
    ) -> tuple[Job, list[IngestEvent]]:
        """Copy and queue; files that cannot be read are reported and left out.

        Args:
            kind: "ingest" or "sync".
            collection: its name.
            files: absolute paths.
            unreadable: what could not even be listed: reported with the rest.
            stop: set from elsewhere: the files that are not copied by then are reported as not queued.

        Returns:
            The job, and an event for each file that could not be queued.

        Raises:
            StorageFullError: too little room; files before it are queued.
        """
        self._catalog.collection(collection)
        job = self._catalog.enqueue(kind, collection, [], options=self._options)
        failures: list[IngestEvent] = []
        batch: list[tuple[NewFile, Path]] = []

        def fail(path: Path, message: str) -> None:
            failures.append(IngestEvent(job.id, in_words(path), FileState.FAILED, message=message))
            self._on_event(failures[-1])

        for each in unreadable:
            fail(each.path, each.message)
        for position, path in enumerate(files):
            if stop is not None and stop.is_set():
                fail(path, f"{len(files) - position} files were not copied before the stop; give them again.")
                break
            try:
                batch.append((self._copy(path), path))
            except StorageFullError:
                self._queue(kind, collection, batch, job.id)
                raise
            except OSError as error:
                fail(path, Unreadable(path, _reason(error)).message)
            if len(batch) >= _QUEUE_BATCH:
                self._queue(kind, collection, batch, job.id)
                batch = []
        self._queue(kind, collection, batch, job.id)
        return self._catalog.job(job.id), failures

    def _copy(self, path: Path) -> NewFile:
        status = path.stat()
        sha256, size = self._blobs.put(path)
        return NewFile(in_words(path), in_words(path.name), sha256, size, status.st_mtime_ns)

    def receive(self, collection: str, uploads: Sequence[tuple[str, BinaryIO]]) -> Job:
        """Take uploads in: each is durable among the blobs before the job refers to it.

        Args:
            collection: its name.
            uploads: names (perhaps with the folders they came from) and streams, which can be read again.

        Raises:
            UsageError: there is nothing to take in.
            StorageFullError: too little room; nothing is queued.
        """
        self._catalog.collection(collection)
        wanted = [(name, stream) for given, stream in uploads if (name := upload_name(given))]
        if not wanted:
            raise UsageError("There was no file to add: hidden files and the traces of systems are left out.")
        batch = [(self._receive(name, stream), stream) for name, stream in wanted]
        job = self._catalog.enqueue("ingest", collection, [], options=self._options)
        self._queue("ingest", collection, batch, job.id)
        return self._catalog.job(job.id)

    def _receive(self, name: str, stream: BinaryIO) -> NewFile:
        stream.seek(0)
        sha256, size = self._blobs.put_stream(stream, _size(stream))
        return NewFile("", name, sha256, size)

    def _queue(self, kind: str, collection: str, batch: Sequence[tuple[NewFile, Path | BinaryIO]], job_id: str) -> None:
        """Queue; originals that another process has just removed with the last document of theirs are put again."""
        for attempt in range(_ATTEMPTS):
            try:
                if batch:
                    self._catalog.enqueue(kind, collection, [file for file, _ in batch], job_id)
                return
            except NotFoundError:
                if attempt == _ATTEMPTS - 1:
                    raise
                for file, source in batch:
                    if isinstance(source, Path):
                        self._blobs.put(source)
                    else:
                        self._receive(file.name, source)


def upload_name(given: str) -> str:
    """The name of an uploaded file, with the folders it came from; "" for what folders hold that nobody means.

    Separators are "/", parts that lead out of the folder are dropped, and so are control characters.
    """
    words = given.replace("\\", "/").encode("utf-8", "backslashreplace").decode()
    whole = "".join(letter for letter in words if unicodedata.category(letter) != "Cc")
    parts = [part for part in whole.split("/") if part not in {"", ".", ".."}]
    if len(parts) > 1 and any(is_ignored(part) for part in parts):
        return ""
    return "/".join(parts)[-_LONGEST_NAME:] or "file"


def _size(stream: BinaryIO) -> int:
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    return size
