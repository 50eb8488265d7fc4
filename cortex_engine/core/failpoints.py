"""Named places where a crash test lets the process die at once, as by `kill -9` or a power cut of the program."""

from __future__ import annotations

import os
import signal

from cortex_engine.core.errors import ConfigError

FAILPOINTS: tuple[str, ...] = (
    "blob.written",
    "blob.fsynced",
    "blob.renamed",
    "commit.begin",
    "commit.documents",
    "commit.chunks",
    "commit.vectors",
    "commit.pictures",
    "commit.before",
    "commit.after",
    "graph.before",
    "delete.begin",
    "delete.before",
    "delete.after",
    "job.queued",
    "job.claimed",
    "job.updated",
    "index.begin",
    "index.end",
    "swap.before",
    "swap.after",
    "migration.before",
    "migration.after",
    "index.begun",
    "index.applied",
    "rebuild.built",
    "rebuild.swapped",
    "worker.claimed",
    "worker.settling",
    "reembed.beginning",
    "reembed.begun",
    "reembed.embedded",
    "reembed.writing",
    "reembed.written",
    "reembed.indexed",
    "reembed.compared",
    "reembed.changing",
    "reembed.changed",
    "reembed.purged",
)
"""Every name that `failpoint` is called with."""

ACTIVE = ""
"""The name that kills, "" for none."""

_remaining = 0


def activate(spec: str) -> None:
    """Arm one failpoint: "commit.before", or "commit.before:3" for its third passing; "" disarms.

    Raises:
        ConfigError: no failpoint has this name, or the number is no positive integer.
    """
    global ACTIVE, _remaining
    name, _, count = spec.partition(":")
    if name and name not in FAILPOINTS:
        raise ConfigError(f"There is no failpoint '{name}'. Known are: {', '.join(FAILPOINTS)}.")
    if count and not (count.isdecimal() and int(count) > 0):
        raise ConfigError(f"The failpoint '{spec}' must end in a positive number, as in '{name}:3'.")
    ACTIVE, _remaining = name, int(count or 1)


def failpoint(name: str) -> None:
    """Kill this process with SIGKILL when `name` is armed and this is the passing that was asked for."""
    global _remaining
    if name != ACTIVE:
        return
    _remaining -= 1
    if _remaining <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
