"""Pictures of pages, kept on disk so that a page is drawn once: a cache that may be deleted at any time.

`ab/ab12…-3-1024` in the folder holds page 3 of the original with this SHA-256 at a width of 1024: a header with length and
CRC-32, then the encoded picture. What does not fit its header is drawn anew. The folder is bounded; what was not
looked at for longest goes first.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import shutil
import struct
import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from cortex_engine.core.documents import PagePicture
from cortex_engine.core.errors import CortexError

_log = logging.getLogger(__name__)

_HEADER = struct.Struct(">4s12sIIII")
_MAGIC = b"CXP1"
_NAME = re.compile(r"([0-9a-f]{64})-\d+-\d+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FILL = 0.9
"""After the oldest pictures went, the folder holds this share of its limit."""
_UNFINISHED_SECONDS = 600
_MOST_FAILURES = 1000
MOST_BYTES = 500_000_000


class PictureCache:
    """Pictures by original, page and width.

    Args:
        folder: made with the first picture.
        most_bytes: the folder never holds more for long.
        keep_free: bytes of the disk that stay free; with less, pictures are drawn and not kept.
        remembered: marked pictures that are held in memory.

    Threads may share it: the same picture is drawn once. Several processes may use the same folder.
    """

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES, keep_free: int = 0, remembered: int = 48) -> None:
        self.folder = folder
        self._most_bytes = most_bytes
        self._keep_free = keep_free
        self._remembered = remembered
        self._memory: OrderedDict[tuple[str, str], PagePicture] = OrderedDict()
        self._in_work: dict[tuple[str, str], tuple[threading.Lock, int]] = {}
        self._guard = threading.Lock()
        self._bytes: int | None = None
        self._failures: dict[str, tuple[float, CortexError]] = {}

    def picture(
        self, sha256: str, page: int, width: int, draw: Callable[[], PagePicture], patience: float = 0.0
    ) -> PagePicture:
        """The picture of a page, from disk or drawn now.

        Args:
            patience: a failure that is younger than so many seconds is raised again instead of a new try.

        Raises:
            CortexError: what `draw` raises; no picture is kept then.
        """
        place = self._place(sha256, page, width)
        with self._alone((sha256, place.name)):
            kept = self._read(place)
            if kept is not None:
                return kept
            when, failure = self._failures.get(place.name, (0.0, None))
            if failure is not None and time.monotonic() - when < patience:
                raise failure
            try:
                kept = draw()
            except CortexError as error:
                self._failures[place.name] = (time.monotonic(), error.with_traceback(None))
                if len(self._failures) > _MOST_FAILURES:
                    self._failures.clear()
                raise
            self._failures.pop(place.name, None)
            self._write(place, kept)
            return kept

    def marked(self, sha256: str, key: str, draw: Callable[[], PagePicture]) -> PagePicture:
        """A picture that is worth keeping for a while only, from memory or drawn now. Raises what `draw` raises."""
        with self._alone((sha256, key)):
            with self._guard:
                kept = self._memory.get((sha256, key))
                if kept is not None:
                    self._memory.move_to_end((sha256, key))
                    return kept
            kept = draw()
            with self._guard:
                self._memory[sha256, key] = kept
                while len(self._memory) > self._remembered:
                    self._memory.popitem(last=False)
            return kept

    def holds(self, sha256: str, page: int, width: int) -> bool:
        """Whether the picture lies on disk (it may turn out to be damaged)."""
        return self._place(sha256, page, width).is_file()

    def forget(self, hashes: Collection[str]) -> None:
        """Remove all pictures of these originals."""
        gone = {sha256 for sha256 in hashes if _SHA256.fullmatch(sha256)}
        with self._guard:
            for key in [key for key in self._memory if key[0] in gone]:
                del self._memory[key]
        for sha256 in gone:
            self._remove(list(self._of(sha256)))

    def keep_only(self, hashes: Collection[str]) -> None:
        """Remove the pictures of all other originals, and what a process that died left behind."""
        known = set(hashes)
        with self._guard:
            for key in [key for key in self._memory if key[0] not in known]:
                del self._memory[key]
        old = time.time() - _UNFINISHED_SECONDS
        for place, _, changed in self._files():
            name = _NAME.fullmatch(place.name)
            if (name is None and changed < old) or (name is not None and name.group(1) not in known):
                self._remove([place])

    def size(self) -> tuple[int, int]:
        """Number and bytes of the files in the folder."""
        sizes = [size for _, size, _ in self._files()]
        return len(sizes), sum(sizes)

    def clear(self) -> None:
        """Remove everything."""
        self.keep_only(())

    def _place(self, sha256: str, page: int, width: int) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise ValueError("no SHA-256")
        return self.folder / sha256[:2] / f"{sha256}-{int(page)}-{int(width)}"

    def _of(self, sha256: str) -> Iterator[Path]:
        with contextlib.suppress(FileNotFoundError):
            yield from [place for place in (self.folder / sha256[:2]).iterdir() if place.name.startswith(sha256)]

    @contextlib.contextmanager
    def _alone(self, key: tuple[str, str]) -> Iterator[None]:
        """One thread at a time for one picture; others wait and find it done."""
        with self._guard:
            lock, users = self._in_work.get(key, (threading.Lock(), 0))
            self._in_work[key] = (lock, users + 1)
        try:
            with lock:
                yield
        finally:
            with self._guard:
                lock, users = self._in_work.pop(key)
                if users > 1:
                    self._in_work[key] = (lock, users - 1)

    def _read(self, place: Path) -> PagePicture | None:
        """What lies there, or None where nothing whole does."""
        try:
            data = place.read_bytes()
        except OSError:
            return None
        if len(data) > _HEADER.size:
            magic, mime, width, height, length, check = _HEADER.unpack_from(data)
            body = data[_HEADER.size :]
            if magic == _MAGIC and length == len(body) and check == zlib.crc32(body):
                with contextlib.suppress(OSError):  # a folder that cannot be written is read all the same
                    os.utime(place)
                return PagePicture(body, mime.rstrip(b"\0").decode(), width, height)
        _log.warning("a kept picture is damaged and is drawn anew: %s", place.name)
        return None

    def _write(self, place: Path, picture: PagePicture) -> None:
        """Keep a picture; where the disk does not let us, it is not kept."""
        header = _HEADER.pack(
            _MAGIC, picture.mime.encode(), picture.width, picture.height, len(picture.data), zlib.crc32(picture.data)
        )
        temporary = place.with_name(f"tmp-{os.getpid()}-{secrets.token_hex(6)}")
        try:
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if shutil.disk_usage(place.parent).free < self._keep_free + len(picture.data):
                return
            before = place.stat().st_size if place.exists() else 0
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.write(header + picture.data)
            temporary.replace(place)
        except OSError as error:
            _log.warning("a picture could not be kept: %s", error)
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            return
        self._grown(len(header) + len(picture.data) - before)

    def _grown(self, count: int) -> None:
        """Account for new bytes; when the folder is over its limit, the oldest pictures go."""
        with self._guard:
            if self._bytes is None:
                self._bytes = sum(size for _, size, _ in self._files())
            else:
                self._bytes += count
            if self._bytes <= self._most_bytes:
                return
            files = sorted(self._files(), key=lambda file: file[2])
            total = sum(size for _, size, _ in files)
            for place, size, _ in files:
                if total <= _FILL * self._most_bytes:
                    break
                if _NAME.fullmatch(place.name):
                    self._remove([place])
                    total -= size
            self._bytes = total

    def _files(self) -> list[tuple[Path, int, float]]:
        """Place, bytes and last use of every file in the folder."""
        found: list[tuple[Path, int, float]] = []
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            with contextlib.suppress(OSError), os.scandir(folder) as entries:
                for entry in entries:
                    with contextlib.suppress(FileNotFoundError):
                        status = entry.stat()
                        found.append((Path(entry.path), status.st_size, status.st_mtime))
        return found

    @staticmethod
    def _remove(places: Collection[Path]) -> None:
        for place in places:
            try:
                place.unlink(missing_ok=True)
            except OSError as error:
                _log.warning("a kept picture could not be removed: %s", error)
