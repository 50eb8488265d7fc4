"""What a parsing process may use, and how it gives up everything else. Runs inside the box."""

from __future__ import annotations

import ctypes
import math
import os
import resource
import signal
import sys
from dataclasses import dataclass

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one parsing process.

    Attributes:
        memory_bytes: address space (RLIMIT_AS).
        cpu_seconds: processor time; the process may ask for more, up to `cpu_seconds_hard`, when it knows its pages.
        wall_seconds: the parent kills it after this time.
        output_bytes: largest JSON part of its answer.
        blob_bytes: largest binary part of its answer (attachments, a picture).
        written_bytes: largest file it may write (RLIMIT_FSIZE).
    """

    memory_bytes: int
    cpu_seconds: float
    cpu_seconds_hard: float
    wall_seconds: float
    output_bytes: int
    blob_bytes: int
    written_bytes: int = 64_000_000
    open_files: int = 64
    processes: int = 64


def _lower(which: int, value: int, hard: int | None = None) -> None:
    """Set a limit, never above the hard limit that is already in force."""
    ceiling = resource.getrlimit(which)[1]
    wanted = value if hard is None else hard
    if ceiling != resource.RLIM_INFINITY:
        value, wanted = min(value, ceiling), min(wanted, ceiling)
    resource.setrlimit(which, (value, wanted))


def apply(limits: Limits) -> None:
    """Put the limits on this very process."""
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, limits.written_bytes)
    _lower(resource.RLIMIT_NOFILE, limits.open_files)
    _lower(resource.RLIMIT_NPROC, limits.processes)
    _lower(resource.RLIMIT_CPU, math.ceil(limits.cpu_seconds), math.ceil(limits.cpu_seconds_hard) + 1)
    _lower(resource.RLIMIT_AS, limits.memory_bytes)


def extend_cpu(seconds: float) -> None:
    """Allow this process so many more seconds, as far as its hard limit goes (a document tells its page count)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if soft == resource.RLIM_INFINITY:
        return
    wanted = soft + math.ceil(seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def give_up_network() -> str:
    """Move this process into a network of its own that leads nowhere; returns "" or why it was refused."""
    if not sys.platform.startswith("linux"):
        return f"network namespaces do not exist on {sys.platform}"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0:
        return ""
    return os.strerror(ctypes.get_errno())


def die_with_parent() -> None:
    """Let the kernel kill this process when the one that forked it ends (Linux only)."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of processes that a child leaves behind, so that they can be found and ended (Linux only)."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
