"""The processes that read files, kept from one library of the tests to the next.

A library starts its own, which load their parsers anew (half a second of processor time, two with OCR), and there are
some hundred libraries in one run. They are the real processes; only their end is put off. Where a call is still under
way at the end of a library, they end as they do in the application.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from cortex_engine.parsing.sandbox import Sandbox

_Kept = tuple[subprocess.Popen[bytes], Any, str]


class KeptZygotes:
    """Takes the place of the start and the end of sandboxes.

    Attributes:
        keeping: whether those that are ended now are kept.
    """

    def __init__(self) -> None:
        self.keeping = True
        self._kept: dict[str, list[_Kept]] = {}
        self._start: Callable[[Sandbox], None] = Sandbox._start
        self._stop: Callable[[Sandbox], None] = Sandbox._stop

    def start(self, sandbox: Sandbox) -> None:
        """Take one that is kept, else start one."""
        kept = self._kept.get(_key(sandbox), [])
        while self.keeping and kept:
            process, channel, refusal = kept.pop()
            if process.poll() is None:
                sandbox._process, sandbox._channel, sandbox._refusal = process, channel, refusal
                return
        self._start(sandbox)

    def stop(self, sandbox: Sandbox) -> None:
        """Keep it where it is idle, else end it."""
        process, channel = sandbox._process, sandbox._channel
        if not self.keeping or process is None or channel is None or process.poll() is not None or _busy(process.pid):
            self._stop(sandbox)
            return
        self._kept.setdefault(_key(sandbox), []).append((process, channel, sandbox._refusal))
        sandbox._process = sandbox._channel = None

    def end(self) -> None:
        """End all that are kept."""
        for process, channel, _ in (each for kept in self._kept.values() for each in kept):
            channel.close()
            process.kill()
            process.wait()


def keep(patch: pytest.MonkeyPatch) -> KeptZygotes:
    """Put them in place."""
    kept = KeptZygotes()

    def start(sandbox: Sandbox) -> None:
        kept.start(sandbox)

    def stop(sandbox: Sandbox) -> None:
        kept.stop(sandbox)

    patch.setattr(Sandbox, "_start", start)
    patch.setattr(Sandbox, "_stop", stop)
    return kept


def _key(sandbox: Sandbox) -> str:
    return repr((sandbox._path, sandbox._preload, sandbox._warm))


def _busy(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).children())
    except psutil.Error:
        return True
