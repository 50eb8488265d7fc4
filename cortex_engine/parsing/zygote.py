"""The zygote: a process that has loaded the libraries and forks one limited child for each file.

It never opens a file itself. A request comes over a Unix socket with three descriptors: the file, the pipe for the
answer, and a control socket. The child writes its answer to the pipe; the zygote writes how the child ended to the
control socket. Anything that is sent on the control socket, or its end, kills the child.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cortex_engine.core.errors import ModelUnavailableError, ParseError
from cortex_engine.parsing import limits as box_limits

HEADER = struct.Struct("<QQ")
"""Lengths of the JSON part and of the binary part of an answer."""
REQUEST_BYTES = 1 << 17
_WATCH_PARENT_MS = 5_000


class Zygote:
    """The loop that forks and reaps."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._controls: dict[int, socket.socket] = {}
        self._parent = os.getppid()
        self._poll = select.poll()

    def serve(self) -> None:
        """Answer requests until the other side of the channel is closed or its process is gone."""
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_read, False)
        os.set_blocking(wake_write, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        self._poll.register(wake_read, select.POLLIN)
        self._poll.register(self._channel, select.POLLIN)
        while os.getppid() == self._parent:
            for descriptor, _ in self._poll.poll(_WATCH_PARENT_MS):
                if descriptor == wake_read:
                    with contextlib.suppress(BlockingIOError):
                        os.read(wake_read, 4096)
                    self._reap()
                elif descriptor == self._channel.fileno():
                    if not self._accept():
                        self._kill_all()
                        return
                else:
                    self._kill(descriptor)
        self._kill_all()

    def _accept(self) -> bool:
        message, descriptors, _, _ = socket.recv_fds(self._channel, REQUEST_BYTES, 3)
        if not message:
            return False
        source, result, control_descriptor = descriptors
        control = socket.socket(fileno=control_descriptor)
        pid = os.fork()
        if pid == 0:
            _run_child(json.loads(message), source, result)
        os.close(source)
        os.close(result)
        self._controls[pid] = control
        self._poll.register(control, select.POLLIN)
        return True

    def _kill(self, descriptor: int) -> None:
        for pid, control in self._controls.items():
            if control.fileno() == descriptor:
                self._poll.unregister(control)
                _kill_group(pid)
                return

    def _reap(self) -> None:
        """Take leave of every process that has ended, and end what it left behind."""
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                break
            _kill_group(ended.si_pid)  # before its number is free again
            self._report(*os.wait4(ended.si_pid, 0))
        self._kill_strays()

    def _report(self, pid: int, status: int, usage: Any) -> None:
        control = self._controls.pop(pid, None)
        if control is None:
            return
        with contextlib.suppress(KeyError):
            self._poll.unregister(control)
        report = {"status": os.waitstatus_to_exitcode(status), "cpu": usage.ru_utime + usage.ru_stime}
        report["peak"] = usage.ru_maxrss * 1024
        with contextlib.suppress(OSError):  # the caller may have gone away
            control.sendall(json.dumps(report).encode())
        control.close()

    def _kill_strays(self) -> None:
        """End processes that a child started in a session of their own: orphans come to the zygote."""
        try:
            children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        except OSError:
            return
        for pid in (int(child) for child in children):
            if pid not in self._controls:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)

    def _kill_all(self) -> None:
        for pid in self._controls:
            _kill_group(pid)


def _kill_group(pid: int) -> None:
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def _run_child(request: dict[str, Any], source: int, result: int) -> None:
    """Do the work of one request and end the process; never returns."""
    status = 1
    try:
        os.setsid()
        box_limits.die_with_parent()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        keep = {0, 1, 2, source, result}
        for descriptor in _open_descriptors():
            if descriptor not in keep:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        answer, blob = _answer(request, source)
        text = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        with os.fdopen(result, "wb") as stream:
            stream.write(HEADER.pack(len(text), len(blob)))
            stream.write(text)
            stream.write(blob)
        status = 0
    finally:
        os._exit(status)


def _open_descriptors() -> list[int]:
    folder = Path("/proc/self/fd") if Path("/proc/self/fd").exists() else Path("/dev/fd")
    return [int(entry.name) for entry in folder.iterdir()]


def _answer(request: dict[str, Any], source: int) -> tuple[dict[str, Any], bytes]:
    """The answer of the function that the request names, or its failure as a reason and a sentence."""
    name = request["arguments"].get("name", "the file")
    try:
        box_limits.apply(box_limits.Limits(**request["limits"]))
        module, _, function = request["function"].partition(":")
        work = getattr(importlib.import_module(module), function)
        value, blob = work(source, request["arguments"])
        return {"value": value}, blob
    except ParseError as error:
        return {"reason": error.reason, "message": str(error)}, b""
    except MemoryError:
        message = f"Reading '{name}' needed more memory than a file may use, so it was stopped."
        return {"reason": "limit_memory", "message": message}, b""
    except RecursionError:
        return {"reason": "damaged", "message": f"'{name}' is nested too deeply to be read."}, b""
    except ModelUnavailableError as error:
        return {"reason": "unsupported", "message": f"'{name}' cannot be read: {error}"}, b""
    except ImportError as error:
        message = f"'{name}' cannot be read here: {_describe(error)}. Install the suite again with its requirements."
        return {"reason": "unsupported", "message": message}, b""
    except Exception as error:  # noqa: BLE001 - the box's edge: whatever a library raises on a strange file is a failure of that file
        message = f"'{name}' could not be read: it is damaged or not quite what it says ({_describe(error)})."
        return {"reason": "damaged", "message": message}, b""


def _describe(error: Exception) -> str:
    text = " ".join(str(error).split())[:200].rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def main(channel_descriptor: int, preload: Sequence[str], warm: str) -> None:
    """Start: give up the network, load the libraries, say hello, serve."""
    channel = socket.socket(fileno=channel_descriptor)
    refusal = box_limits.give_up_network()  # before any library starts a thread: the kernel wants a single one
    box_limits.adopt_orphans()
    try:
        for module in preload:
            # What is not installed is missed, with a sentence, by the file that needs it; other files are read.
            with contextlib.suppress(ModuleNotFoundError):
                importlib.import_module(module)
        if warm:
            module, _, function = warm.partition(":")
            getattr(importlib.import_module(module), function)()
    except Exception as error:  # noqa: BLE001 - the parent turns it into a sentence; this process has no other voice
        channel.send(json.dumps({"error": _describe(error)}).encode())
        sys.exit(1)
    gc.collect()
    gc.freeze()
    channel.send(json.dumps({"network_refusal": refusal, "pid": os.getpid()}).encode())
    Zygote(channel).serve()
