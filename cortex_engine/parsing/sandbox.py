"""The parent's side of the box: start a zygote, hand it files, take answers in, and end what takes too long."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cortex_engine.core.errors import CortexError, ParseError
from cortex_engine.parsing.limits import Limits
from cortex_engine.parsing.zygote import HEADER

_log = logging.getLogger(__name__)
_START_SECONDS = 120.0
_READ_SIZE = 1 << 18
_BOOT = (
    "import json, sys; boot = json.loads(sys.argv[1]); sys.path[:] = boot['path']; "
    "from cortex_engine.parsing.zygote import main; main(boot['channel'], boot['preload'], boot['warm'])"
)
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/nonexistent",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # Freed memory stays in the process: without this a third of OCR's time goes into getting it back page by page.
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "1073741824",
    "MALLOC_TOP_PAD_": "16777216",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a child gave back.

    Attributes:
        value: the JSON part, not yet believed.
        blob: the binary part.
        cpu_seconds: processor time of the child.
    """

    value: Any
    blob: bytes
    cpu_seconds: float


@dataclass(slots=True)
class _Ending:
    """How a child ended, as its zygote reports; None for `status` when the zygote itself went away."""

    status: int | None = None
    cpu: float = 0.0
    peak: int = 0


class _ZygoteGoneError(Exception):
    """The zygote ended while a request was under way."""


class Sandbox:
    """Runs functions on untrusted files, each in a process of its own with limits and without network.

    Args:
        preload: modules that the zygote imports before it forks.
        warm: "module:function" that it calls once before it forks, or "".
        path: folders put before the import path (tests).

    Thread-safe: any number of threads may call at the same time.
    """

    def __init__(self, preload: Sequence[str] = (), warm: str = "", path: Sequence[str] = ()) -> None:
        self._preload = tuple(preload)
        self._warm = warm
        self._path = tuple(path)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._refusal = ""
        self._halted = False

    @property
    def network_refusal(self) -> str:
        """ "" when the children have no network, else why the kernel would not take it away. Starts the zygote."""
        self._running()
        return self._refusal

    @property
    def running(self) -> bool:
        """Whether the zygote is there; does not start it."""
        process = self._process
        return process is not None and process.poll() is None

    @property
    def pid(self) -> int:
        """Process id of the zygote. Starts it."""
        self._running()
        return self._process.pid if self._process else 0

    def call(self, function: str, source: int, arguments: Mapping[str, Any], limits: Limits, name: str) -> Reply:
        """Run `module:function` on the open file `source` with JSON `arguments`.

        Raises:
            ParseError: the function raised one, or the child broke a limit or crashed.
            CortexError: the box cannot be started.
        """
        request = json.dumps({"function": function, "arguments": arguments, "limits": asdict(limits)}).encode()
        for _ in range(2):
            channel = self._running()
            try:
                return self._exchange(channel, request, source, limits, name)
            except _ZygoteGoneError:
                with self._lock:
                    if self._channel is channel:  # another thread may have started a new one already
                        self._stop()
                _log.warning("The process that starts the parsers ended by itself; it is started again.")
        raise ParseError(f"'{name}' could not be read: the process that reads files ended twice.", "crashed")

    def close(self) -> None:
        """End the zygote and everything it started."""
        with self._lock:
            self._stop()

    def halt(self) -> None:
        """End it for good: calls that are under way, and later ones, raise `CortexError`."""
        self._halted = True
        self.close()

    def _running(self) -> socket.socket:
        with self._lock:
            if self._halted:
                raise CortexError("No file is read any more: the program is about to end.")
            if self._process is not None and self._process.poll() is not None:
                self._stop()
            if self._channel is None:
                self._start()
            assert self._channel is not None  # noqa: S101 - for the type checker: `_start` sets it or raises
            return self._channel

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        boot = {
            "path": [*self._path, *sys.path],
            "channel": theirs.fileno(),
            "preload": self._preload,
            "warm": self._warm,
        }
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _BOOT, json.dumps(boot)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=_ENVIRONMENT,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._channel = ours
        ours.settimeout(_START_SECONDS)
        try:
            hello = json.loads(ours.recv(4096) or b'{"error": "it ended at once"}')
        except OSError as error:
            hello = {"error": str(error) or type(error).__name__}
        if "error" in hello:
            self._stop()
            raise CortexError(
                f"The process that reads files could not be started ({hello['error']}). Install the suite again with "
                "its requirements, then try again."
            )
        ours.settimeout(None)
        self._refusal = str(hello["network_refusal"])
        if self._refusal:
            _log.warning("Parsers keep the network: this system refuses to take it away (%s).", self._refusal)

    def _stop(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _exchange(self, channel: socket.socket, request: bytes, source: int, limits: Limits, name: str) -> Reply:
        read_end, write_end = os.pipe()
        control, control_theirs = socket.socketpair()
        with control, os.fdopen(read_end, "rb", buffering=0) as answer:
            try:
                socket.send_fds(channel, [request], [source, write_end, control_theirs.fileno()])
            except OSError as error:
                raise _ZygoteGoneError from error
            finally:
                os.close(write_end)
                control_theirs.close()
            os.set_blocking(answer.fileno(), False)
            return _Conversation(answer.fileno(), control, limits, name).finish()


class _Conversation:
    """One child: its answer as it comes in, within the limits, and its end."""

    def __init__(self, answer: int, control: socket.socket, limits: Limits, name: str) -> None:
        self._answer = answer
        self._control = control
        self._limits = limits
        self._name = name
        self._data = bytearray()
        self._ending: _Ending | None = None
        self._complete = False

    def finish(self) -> Reply:
        deadline = time.monotonic() + self._limits.wall_seconds
        poll = select.poll()
        poll.register(self._answer, select.POLLIN)
        poll.register(self._control, select.POLLIN)
        while self._ending is None:
            left = deadline - time.monotonic()
            if left <= 0:
                self._kill()
                raise self._failure("limit_time", f"took longer than {self._limits.wall_seconds:g} seconds")
            for descriptor, _ in poll.poll(left * 1000):
                if descriptor == self._answer:
                    self._read()
                    if self._complete:
                        poll.unregister(self._answer)
                else:
                    self._read_ending()
        while not self._complete and self._read():
            pass
        return self._judge(self._ending)

    def _read(self) -> bool:
        """Take in what is there; False when nothing is."""
        try:
            block = os.read(self._answer, _READ_SIZE)
        except BlockingIOError:
            return False
        if not block:
            self._complete = True
            return False
        self._data += block
        if len(self._data) > self._allowed():
            self._data.clear()
            self._kill()
            raise self._failure("limit_output", "gives more text or contents than one file may give")
        return True

    def _allowed(self) -> int:
        """Bytes that may come in all, by the lengths that the child announced."""
        if len(self._data) < HEADER.size:
            return HEADER.size
        text, blob = HEADER.unpack_from(self._data)
        if text > self._limits.output_bytes or blob > self._limits.blob_bytes:
            return 0
        return int(HEADER.size + text + blob)

    def _read_ending(self) -> None:
        data = self._control.recv(4096)
        if not data:
            raise _ZygoteGoneError
        self._ending = _Ending(**json.loads(data))

    def _kill(self) -> None:
        """End the child and wait until it is gone, so that nothing is left running."""
        with contextlib.suppress(OSError):
            self._control.send(b"k")
            self._control.settimeout(10.0)
            self._control.recv(4096)

    def _judge(self, ending: _Ending) -> Reply:
        status = ending.status
        if status == -signal.SIGXCPU:
            raise self._failure("limit_time", f"needed more than {self._limits.cpu_seconds:g} seconds of computing")
        if status == -signal.SIGKILL or (status != 0 and ending.peak > 0.6 * self._limits.memory_bytes):
            raise self._failure("limit_memory", "needed more memory than a file may use")
        if status != 0 or len(self._data) < HEADER.size or len(self._data) != self._allowed():
            what = f"signal {-status}" if status and status < 0 else f"status {status}"
            raise self._failure("crashed", f"brought its reader down ({what}); it is probably damaged")
        text, _ = HEADER.unpack_from(self._data)
        view = memoryview(self._data)
        try:
            answer = json.loads(str(view[HEADER.size : HEADER.size + text], "utf-8"))
            if "reason" in answer:
                raise ParseError(str(answer["message"])[:1000], str(answer["reason"]))
            return Reply(answer["value"], bytes(view[HEADER.size + text :]), ending.cpu)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise self._failure("crashed", "made its reader give an answer that makes no sense") from error

    def _failure(self, reason: str, what: str) -> ParseError:
        return ParseError(f"'{self._name}' {what}, so reading it was stopped.", reason)
