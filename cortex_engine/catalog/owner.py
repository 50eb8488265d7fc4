"""One process owns the library: it alone writes the derived indexes and works on the queue."""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from cortex_engine.core.errors import LibraryLockedError

_GRACE_SECONDS = 0.5
"""Even a try without waiting lasts this long: `holder` of another process holds the lock for an instant."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OwnerInfo:
    """Who holds the lock.

    Attributes:
        command: what was typed, with paths shortened to names.
        started, heartbeat: ISO 8601 UTC; heartbeat is the last sign of life.
    """

    pid: int
    command: str
    started: str
    heartbeat: str
    host: str = ""


class OwnerLock:
    """The lock `locks/owner.lock` in the folder of a library; the kernel frees it when its process ends, however.

    `locks/owner.json` beside it says who holds it, for people; what counts is the lock.

    Args:
        folder: of the library.
        command: what this process does, for others who meet its lock; "" for what was typed.
    """

    def __init__(self, folder: Path, command: str = "") -> None:
        self._folder = folder
        self._command = command
        self._side = folder / "locks" / "owner.json"
        self._lock = FileLock(folder / "locks" / "owner.lock", mode=0o600, thread_local=False, fallback_to_soft=False)
        self._info: OwnerInfo | None = None
        self._writing = threading.Lock()

    @property
    def held(self) -> bool:
        """True when this object holds the lock."""
        return self._info is not None

    def acquire(self, timeout: float = 0.0) -> None:
        """Take the lock, waiting up to `timeout` seconds.

        Raises:
            LibraryLockedError: another process has it; the message says which.
        """
        if self._info is not None:
            return
        self._side.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=max(timeout, _GRACE_SECONDS), poll_interval=0.02)
        except Timeout as error:
            raise LibraryLockedError(self._sentence()) from error
        now = _now()
        self._info = OwnerInfo(os.getpid(), self._command or _command(), now, now, socket.gethostname())
        self._write()

    def heartbeat(self) -> None:
        """Give a sign of life in the side file. Call it now and then while the lock is held."""
        info = self._info
        if info is not None:
            self._info = OwnerInfo(info.pid, info.command, info.started, _now(), info.host)
            try:
                self._write()
            except OSError:
                # The note is for people; what counts is the lock, and work must not stop for it on a full disk.
                _log.warning("the note on the owner of the library could not be written", exc_info=True)

    def release(self) -> None:
        """Give the lock back; the files stay."""
        if self._info is not None:
            self._info = None
            self._lock.release()

    def holder(self) -> OwnerInfo | None:
        """Who holds the lock now, None when nobody does."""
        if self._info is not None:
            return self._info
        if not self._side.parent.is_dir():
            return None
        probe = FileLock(self._lock.lock_file, mode=0o600, thread_local=False, fallback_to_soft=False)
        try:
            probe.acquire(timeout=0)
        except Timeout:
            return self._read()
        probe.release()
        return None

    def _sentence(self) -> str:
        info = self._read()
        return (
            f"The library in '{self._folder}' is in use by process {info.pid} ({info.command}, since {info.started}). "
            "Wait for it to end, or close it."
        )

    def _read(self) -> OwnerInfo:
        try:
            return OwnerInfo(**json.loads(self._side.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            # The lock is held, so somebody is there; that the note about it is missing must not hide this.
            return OwnerInfo(0, "unknown", "unknown", "unknown")

    def _write(self) -> None:
        with self._writing:
            part = self._side.with_name(f"owner.json.{os.getpid()}")
            part.write_text(json.dumps(asdict(self._info)) if self._info else "{}", encoding="utf-8")
            part.chmod(0o600)
            part.replace(self._side)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _command() -> str:
    words = [Path(word).name if os.sep in word else word for word in sys.argv]
    return " ".join(words)[:200] or "python"
