"""Originals by content, and the lock of the one owner."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import stat
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from cortex_engine.catalog import FileBlobStore, OwnerLock
from cortex_engine.core.errors import LibraryLockedError, NotFoundError, StorageFullError, UsageError

_FORK = multiprocessing.get_context("fork")


def _blobs(folder: Path) -> FileBlobStore:
    return FileBlobStore(folder / "blobs", min_free_bytes=0)


def test_the_same_content_lies_there_once(tmp_path: Path) -> None:
    blobs = _blobs(tmp_path)
    (tmp_path / "a.bin").write_bytes(b"honey" * 1_000_000)
    sha256, size = blobs.put(tmp_path / "a.bin")
    assert (sha256, size) == (hashlib.sha256(b"honey" * 1_000_000).hexdigest(), 5_000_000)
    before = blobs.path(sha256).stat().st_ino
    assert blobs.put_bytes(b"honey" * 1_000_000) == (sha256, size)
    place = blobs.path(sha256)
    assert place.stat().st_ino == before
    assert place.relative_to(tmp_path) == Path("blobs", sha256[:2], sha256)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    assert list(blobs.all()) == [sha256]
    assert list((tmp_path / "blobs" / "tmp").iterdir()) == []
    blobs.delete(sha256)
    blobs.delete(sha256)
    with pytest.raises(NotFoundError):
        blobs.path(sha256)
    with pytest.raises(UsageError):
        blobs.path("../../etc/passwd")


def test_an_original_cut_short_is_replaced(tmp_path: Path) -> None:
    blobs = _blobs(tmp_path)
    sha256, _ = blobs.put_bytes(b"honey")
    blobs.path(sha256).write_bytes(b"ho")
    blobs.put_bytes(b"honey")
    assert blobs.path(sha256).read_bytes() == b"honey"


def test_too_little_room_writes_nothing(tmp_path: Path) -> None:
    blobs = FileBlobStore(tmp_path / "blobs", min_free_bytes=1 << 60)
    with pytest.raises(StorageFullError, match="must stay free"):
        blobs.put_bytes(b"honey")
    assert list(blobs.all()) == []
    assert list((tmp_path / "blobs" / "tmp").iterdir()) == []


def test_the_owner_clears_away_what_dead_processes_left(tmp_path: Path) -> None:
    _blobs(tmp_path)
    folder = tmp_path / "blobs" / "tmp"
    dead = _FORK.Process(target=os._exit, args=(0,))
    dead.start()
    dead.join()
    (folder / f"{dead.pid}-aa-bb").touch()
    (folder / f"{os.getpid()}-other-bb").touch()
    (folder / f"{os.getppid()}-aa-bb").touch()
    FileBlobStore(tmp_path / "blobs", owner=True)
    assert [path.name for path in folder.iterdir()] == [f"{os.getppid()}-aa-bb"]


def _hold(folder: Path, pipe: Connection) -> None:
    lock = OwnerLock(folder, "cortex ingest letters")
    lock.acquire()
    pipe.send("held")
    signal.pause()


def test_the_lock_names_its_holder_and_a_killed_one_frees_it(tmp_path: Path) -> None:
    ours, theirs = _FORK.Pipe()
    other = _FORK.Process(target=_hold, args=(tmp_path, theirs))
    other.start()
    assert ours.recv() == "held"
    lock = OwnerLock(tmp_path)
    holder = lock.holder()
    assert holder is not None
    assert (holder.pid, holder.command) == (other.pid, "cortex ingest letters")
    with pytest.raises(LibraryLockedError, match=rf"in use by process {other.pid} \(cortex ingest letters, since"):
        lock.acquire()
    other.kill()
    other.join()
    assert lock.holder() is None
    lock.acquire(timeout=5)
    assert lock.holder() is not None
    assert lock.holder().pid == os.getpid()
    inode = (tmp_path / "locks" / "owner.lock").stat().st_ino
    lock.heartbeat()
    with pytest.raises(LibraryLockedError):
        OwnerLock(tmp_path).acquire()
    lock.release()
    assert lock.holder() is None
    assert (tmp_path / "locks" / "owner.lock").stat().st_ino == inode
