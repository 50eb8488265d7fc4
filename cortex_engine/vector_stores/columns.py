"""Append-only files: what a store has written once never changes, so that readers need no lock.

A column is a file of fixed-size records. Its length in records and a running CRC-32 over all of them stand in the
store's manifest, which is replaced atomically: a reader sees the records that the manifest counts, old or new, never
half of one. Bytes behind the counted ones are the remains of a write that was cut off, or one that is going on.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.errors import IndexUnavailableError

_READ_SIZE = 1 << 24
MANIFEST = "manifest.json"
REMEDY = "Run `cortex rebuild` to restore it from the catalog."


def damaged(path: Path, what: str) -> IndexUnavailableError:
    """The error for a file of the vector index that cannot be used."""
    return IndexUnavailableError(f"The vector index file {path} {what}. {REMEDY}")


class Column:
    """A file of records that only grows.

    Args:
        path: the file; made by the first `append`.
        dtype: type of a record's elements.
        width: elements in a record; 0 for records that are single elements.
        count, crc: as the manifest has them.

    Raises:
        IndexUnavailableError: the file is missing or shorter than `count` records.
    """

    def __init__(self, path: Path, dtype: Any, width: int = 0, count: int = 0, crc: int = 0) -> None:
        self.path = path
        self.count = count
        self.crc = crc
        self._dtype = np.dtype(dtype)
        self._width = width
        self._stream: BinaryIO | None = None
        self._view: NDArray[Any] | None = None
        self._unsynced = False
        if count and self._size() < self.bytes:
            raise damaged(path, f"holds {self._size()} bytes where {self.bytes} belong")

    @property
    def bytes(self) -> int:
        """Length of the counted records."""
        return int(self.count * self._dtype.itemsize * max(self._width, 1))

    @property
    def view(self) -> NDArray[Any]:
        """All counted records, `(count,)` or `(count, width)`, mapped from the file and read-only."""
        if self._view is None:
            shape = (self.count, self._width) if self._width else (self.count,)
            if self.bytes == 0:
                return np.empty(shape, self._dtype)
            with self.path.open("rb") as stream:
                mapped = mmap.mmap(stream.fileno(), self.bytes, access=mmap.ACCESS_READ)
            self._view = np.frombuffer(mapped, self._dtype).reshape(shape)
        return self._view

    def trim(self) -> None:
        """Cut off the remains of a write that was never finished. For the writing process only."""
        if self._size() > self.bytes:
            os.truncate(self.path, self.bytes)

    def append(self, records: NDArray[Any]) -> None:
        """Write records behind the counted ones; they are readable at once and durable after `sync`."""
        if len(records) == 0:
            return
        data = np.ascontiguousarray(records, self._dtype).reshape(-1).view(np.uint8).data
        if self._stream is None:
            self._stream = self.path.open("r+b" if self.path.exists() else "w+b", buffering=0)
            self._stream.seek(self.bytes)
        written = 0
        while written < len(data):
            written += self._stream.write(data[written:])
        self.crc = zlib.crc32(data, self.crc)
        self.count += len(records)
        self._view = None
        self._unsynced = True

    def sync(self) -> None:
        """Wait until everything appended is on the disk."""
        if self._stream is not None and self._unsynced:
            os.fsync(self._stream.fileno())
            self._unsynced = False

    def verify(self) -> None:
        """Read everything and compare length and CRC-32.

        Raises:
            IndexUnavailableError: they differ from the manifest's.
        """
        if self._size() != self.bytes:
            raise damaged(self.path, f"holds {self._size()} bytes where {self.bytes} belong")
        crc = 0
        if self.bytes:
            with self.path.open("rb") as stream:
                while block := stream.read(_READ_SIZE):
                    crc = zlib.crc32(block, crc)
        if crc != self.crc:
            raise damaged(self.path, "does not have the checksum that was recorded")

    def close(self) -> None:
        """Close the file; arrays that were handed out stay readable."""
        self._view = None
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0


class Names:
    """Strings by number, and numbers by string, in two columns.

    The index column holds the 64-bit BLAKE2b and the end of each name's bytes in the text column; a hash only
    finds the place, equality is decided on the bytes.
    """

    INDEX = np.dtype([("hash", "<u8"), ("end", "<u8")])

    def __init__(self, index: Column, text: Column) -> None:
        self._index = index
        self._text = text
        self._order: NDArray[np.int64] | None = None
        self._hashes: NDArray[np.uint64] | None = None
        self._recent: dict[bytes, int] = {}

    def __len__(self) -> int:
        return self._index.count

    def append(self, names: Sequence[str]) -> None:
        """Add names; the same name may be added again, and then its newest number is the one that `find` gives."""
        if self._order is None:
            self._sort()
        keys = [_encode(name) for name in names]
        start = self._text.count
        ends = start + np.cumsum([len(key) for key in keys], dtype=np.uint64)
        records = np.empty(len(keys), self.INDEX)
        records["hash"] = [_hash(key) for key in keys]
        records["end"] = ends
        first = len(self)
        self._text.append(np.frombuffer(b"".join(keys), np.uint8))
        self._index.append(records)
        self._recent.update((key, first + offset) for offset, key in enumerate(keys))

    def find(self, names: Sequence[str]) -> list[int]:
        """The newest number of each name, -1 for unknown ones."""
        keys = [_encode(name) for name in names]
        if self._order is None or self._hashes is None:
            self._sort()
        assert self._order is not None and self._hashes is not None  # noqa: S101 - for the type checker
        hashes = np.array([_hash(key) for key in keys], np.uint64)
        left = np.searchsorted(self._hashes, hashes, "left")
        right = np.searchsorted(self._hashes, hashes, "right")
        found = []
        for key, begin, end in zip(keys, left.tolist(), right.tolist(), strict=True):
            number = self._recent.get(key, -1)
            for position in range(end - 1, begin - 1, -1):
                if number >= 0:
                    break
                candidate = int(self._order[position])
                number = candidate if self._bytes(candidate) == key else -1
            found.append(number)
        return found

    def listed(self) -> NameList:
        """The names as they are now; what is added or removed later does not disturb it."""
        return NameList(self._index.view["end"], self._text.view)

    def _sort(self) -> None:
        hashes = np.ascontiguousarray(self._index.view["hash"])
        self._order = np.argsort(hashes, kind="stable")
        self._hashes = hashes[self._order]

    def _bytes(self, number: int) -> bytes:
        return self.listed().bytes(number)


@dataclass(frozen=True, slots=True)
class NameList:
    """Names by number: where each ends in `text`."""

    ends: NDArray[np.uint64]
    text: NDArray[np.uint8]

    def bytes(self, number: int) -> bytes:
        """The UTF-8 of one name."""
        start = int(self.ends[number - 1]) if number else 0
        return self.text[start : int(self.ends[number])].tobytes()

    def get(self, numbers: Sequence[int]) -> list[str]:
        """The names with these numbers."""
        return [self.bytes(number).decode("utf-8", "surrogatepass") for number in numbers]


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest's content; None where the folder is new (not there, or empty).

    Raises:
        IndexUnavailableError: it is missing among other files, or its checksum is wrong.
    """
    path = folder / MANIFEST
    try:
        outer = json.loads(path.read_bytes())
        body = outer["body"]
        if outer["crc32"] != _checksum(body):
            raise damaged(path, "does not have the checksum that was recorded")
    except FileNotFoundError as error:
        if folder.is_dir() and any(folder.iterdir()):
            raise damaged(path, "is missing") from error
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(path, f"cannot be read ({type(error).__name__})") from error
    return dict(body)


def write_manifest(folder: Path, body: Mapping[str, Any]) -> None:
    """Replace the manifest atomically and durably."""
    write_durably(folder / MANIFEST, json.dumps({"crc32": _checksum(body), "body": body}).encode())


def write_durably(path: Path, data: bytes) -> None:
    """Write a file beside, sync it, put it in place and sync the folder."""
    beside = path.with_name(path.name + ".tmp")
    with beside.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _checksum(body: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(body, sort_keys=True).encode())


def _encode(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def _hash(key: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little")
