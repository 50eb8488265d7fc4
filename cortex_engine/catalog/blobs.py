"""Originals by content, immutable and durable before anything refers to them."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from cortex_engine.catalog.schema import sync_folder
from cortex_engine.core.catalog import BlobStore
from cortex_engine.core.errors import NotFoundError, StorageFullError, UsageError
from cortex_engine.core.failpoints import failpoint

_READ_SIZE = 1 << 20
_KEEP_FREE = 2_000_000_000
_KEEP_FREE_SHARE = 0.05
_SHA256 = re.compile(r"[0-9a-f]{64}")

_PROCESS = f"{os.getpid()}-{secrets.token_hex(4)}"
"""Marks the temporary files of this process; the random part tells it from an earlier one with the same number."""


class FileBlobStore:
    """The port `BlobStore` on a folder: `ab/ab12…`, files 0600, folders 0700.

    Args:
        folder: made when it is not there.
        min_free_bytes: bytes of the disk that must stay free; by default 2 GB or 5 % of the disk, whichever is less.
        owner: this process owns the library and clears away what dead processes left.
    """

    def __init__(self, folder: Path, *, min_free_bytes: int | None = None, owner: bool = False) -> None:
        self._folder = folder
        self._temporary = folder / "tmp"
        self._min_free_bytes = min_free_bytes
        self._temporary.mkdir(mode=0o700, parents=True, exist_ok=True)
        if owner:
            self.clean_unfinished()

    def put(self, source: Path) -> tuple[str, int]:
        """Copy a file in (temporary file, fsync, rename, fsync of the folder); returns its sha256 and size.

        Raises:
            StorageFullError: too little room; nothing is left behind.
            OSError: the source cannot be read.
        """
        with source.open("rb") as stream:
            return self._put(stream, os.fstat(stream.fileno()).st_size)

    def put_bytes(self, data: bytes) -> tuple[str, int]:
        """The same for bytes in memory (attachments, uploads)."""
        return self._put(io.BytesIO(data), len(data))

    def put_stream(self, stream: BinaryIO, size: int) -> tuple[str, int]:
        """The same for an open stream (uploads), read from where it stands, block by block; `size`: about how many bytes."""
        return self._put(stream, size)

    def path(self, sha256: str) -> Path:
        """Where the original lies.

        Raises:
            NotFoundError: it is not there.
        """
        place = self._place(sha256)
        if not place.is_file():
            raise NotFoundError(f"The original {sha256[:12]}… is not in the library; ingest the file again.")
        return place

    def delete(self, sha256: str) -> None:
        """Remove it if it is there."""
        place = self._place(sha256)
        if place.exists():
            place.unlink(missing_ok=True)
            sync_folder(place.parent)

    def all(self) -> Iterator[str]:
        """Every sha256 that is held."""
        for folder in sorted(self._folder.iterdir()):
            if len(folder.name) == 2 and folder.is_dir():
                yield from sorted(place.name for place in folder.iterdir() if _SHA256.fullmatch(place.name))

    def _place(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise UsageError(f"'{sha256}' is no SHA-256 (64 hexadecimal digits in lower case).")
        return self._folder / sha256[:2] / sha256

    def _put(self, stream: BinaryIO, size: int) -> tuple[str, int]:
        self._require_room(size)
        temporary = self._temporary / f"{_PROCESS}-{secrets.token_hex(8)}"
        try:
            sha256, written = self._write(stream, temporary)
            self._move(temporary, self._place(sha256), written)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFullError(f"The disk that holds '{self._folder}' is full; free some room.") from error
            raise
        finally:
            temporary.unlink(missing_ok=True)
        return sha256, written

    def _require_room(self, size: int) -> None:
        usage = shutil.disk_usage(self._folder)
        keep = self._min_free_bytes
        if keep is None:
            keep = min(_KEEP_FREE, int(usage.total * _KEEP_FREE_SHARE))
        if usage.free - size < keep:
            raise StorageFullError(
                f"The disk that holds '{self._folder}' has {usage.free / 1e9:.2f} GB left; a file of {size / 1e9:.2f} GB "
                f"does not fit, as {keep / 1e9:.2f} GB must stay free. Nothing was written; free some room."
            )

    @staticmethod
    def _write(stream: BinaryIO, temporary: Path) -> tuple[str, int]:
        digest, written = hashlib.sha256(), 0
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as target:
            while block := stream.read(_READ_SIZE):
                digest.update(block)
                target.write(block)
                written += len(block)
            target.flush()
            failpoint("blob.written")
            os.fsync(target.fileno())
        failpoint("blob.fsynced")
        return digest.hexdigest(), written

    @staticmethod
    def _move(temporary: Path, place: Path, size: int) -> None:
        # An original of another size under this name was damaged from outside: the new copy takes its place.
        if place.is_file() and place.stat().st_size == size:
            return
        if not place.parent.exists():
            place.parent.mkdir(mode=0o700, exist_ok=True)
            sync_folder(place.parent.parent)
        temporary.replace(place)
        failpoint("blob.renamed")
        sync_folder(place.parent)

    def clean_unfinished(self) -> None:
        """Clear away the temporary files that dead processes left. Only the owner of the library does so."""
        for leftover in self._temporary.iterdir():
            pid = leftover.name.partition("-")[0]
            own = leftover.name.startswith(f"{_PROCESS}-")
            if pid.isdecimal() and not own and (int(pid) == os.getpid() or not _alive(int(pid))):
                # It may end by itself in this moment.
                with suppress(FileNotFoundError):
                    leftover.unlink()


def _alive(pid: int) -> bool:
    import psutil

    return bool(psutil.pid_exists(pid))


def require_blob(blobs: BlobStore | None, sha256: str, name: str) -> None:
    """Make sure, inside a write transaction, that the original has not been removed meanwhile.

    Raises:
        NotFoundError: it is not there.
    """
    if blobs is None:
        return
    try:
        blobs.path(sha256)
    except NotFoundError as error:
        raise NotFoundError(
            f"The original of '{name}' is no longer in the library (a document with the same content was deleted at "
            "this moment). Ingest the file again."
        ) from error
