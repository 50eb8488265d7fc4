"""Where the children that are killed come from: one process that has imported everything, and is forked for each of them.

A child is a process of its own, with its own environment, arguments and output; it dies as any other does. What it does not
do is to import numpy, chromadb, spaCy … once more, which is most of what a child of its own costs: the fault tests start
two hundred.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO

IMPORTED = (
    *("cortex_engine.suite", "cortex_engine.vector_stores.chroma", "cortex_engine.vector_stores.exact"),
    *("cortex_engine.lexical.tantivy_index", "cortex_engine.parsing.registry", "cortex_engine.parsing.sandbox"),
    *("cortex_engine.embedding.packaged", "chromadb", "chromadb.api.rust"),
)
_STDOUT, _STDERR = 1, 2
_LARGEST = 1_000_000


# -- in the nursery --------------------------------------------------------------------------------------------------


def main() -> None:
    """Fork a child for each request that comes through the socket, until nobody can ask any more."""
    for name in IMPORTED:
        importlib.import_module(name)
    gc.freeze()  # or the collector of each child would write to every page of memory that they share
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads > 1:
        raise SystemExit(
            f"The nursery has {threads} threads, and a fork takes along only one: something imported starts them."
        )
    asked = socket.socket(fileno=int(sys.argv[1]))
    while True:
        message, handles, *_ = socket.recv_fds(asked, _LARGEST, 3)
        if not message:
            return
        request = json.loads(message)
        minder = os.fork()
        if minder == 0:
            asked.close()
            _mind(request, *handles)
            return
        os.waitpid(minder, os.WNOHANG)
        for handle in handles:
            os.close(handle)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _mind(request: dict[str, object], out: int, errors: int, told: int) -> None:
    """Bear the child, tell its number, wait for it, tell how it ended."""
    child = os.fork()
    if child == 0:
        os.close(told)
        _live(request, out, errors)
        return
    os.close(out)
    os.close(errors)
    os.write(told, f"{child}\n".encode())
    status = os.waitpid(child, 0)[1]
    os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _live(request: dict[str, object], out: int, errors: int) -> None:
    """Become the script that was asked for."""
    for handle, place in ((out, _STDOUT), (errors, _STDERR)):
        os.dup2(handle, place)
        os.close(handle)
    os.environ.clear()
    os.environ.update(request["environment"])  # type: ignore[arg-type]
    sys.argv = [str(request["script"]), *request["arguments"]]  # type: ignore[misc]
    runpy.run_path(str(request["script"]), run_name="__main__")


# -- in the tests ----------------------------------------------------------------------------------------------------


class Child:
    """A process as `subprocess.Popen` shows one: as much of it as the tests use."""

    def __init__(self, out: int, errors: IO[str], told: int) -> None:
        self.stdout = os.fdopen(out, encoding="utf-8")
        self._errors, self._told = errors, os.fdopen(told, encoding="ascii")
        self.pid = int(self._told.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """How it ended; None while it lives."""
        if self.returncode is None and select.select([self._told], [], [], 0)[0]:
            self.returncode = int(self._told.readline())
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Until it has ended.

        Raises:
            subprocess.TimeoutExpired: it has not.
        """
        if self.returncode is None and not select.select([self._told], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(["child"], timeout or 0)
        return self.poll() or 0

    def send_signal(self, number: int) -> None:
        """Send a signal, where it still lives."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it still has to say, when it has ended: output and errors."""
        rest: list[str] = []
        reader = threading.Thread(target=lambda: rest.append(self.stdout.read()), daemon=True)
        reader.start()
        reader.join(timeout)
        if reader.is_alive():
            raise subprocess.TimeoutExpired(["child"], timeout or 0)
        self.wait(timeout)
        self.stdout.close()
        self._told.close()
        self._errors.seek(0)
        with self._errors:
            return rest[0], self._errors.read()


class Nursery:
    """Starts with its first child."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._asking: socket.socket | None = None

    def start(self, script: Path, arguments: list[str], environment: dict[str, str]) -> Child:
        """A process that runs the script."""
        asking = self._open()
        out, out_there = os.pipe()
        told, told_there = os.pipe()
        errors = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115  (closed with the child)
        request = json.dumps({"script": str(script), "arguments": arguments, "environment": environment})
        socket.send_fds(asking, [request.encode()], [out_there, errors.fileno(), told_there])
        os.close(out_there)
        os.close(told_there)
        return Child(out, errors, told)

    def _open(self) -> socket.socket:
        if self._asking is None:
            self._asking, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            command = [sys.executable, __file__, str(there.fileno())]
            environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
            self._process = subprocess.Popen(command, pass_fds=[there.fileno()], env=environment)
            there.close()
        return self._asking

    def close(self) -> None:
        """Nobody is born any more."""
        if self._asking is not None and self._process is not None:
            self._asking.close()
            self._process.wait(30)


if __name__ == "__main__":
    main()
