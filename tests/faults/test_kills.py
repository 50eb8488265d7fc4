"""kill -9 at random times and at every named place (docs/explanation/truth-and-derivation.md)."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cortex_engine.core.failpoints import FAILPOINTS

Write = Callable[[str, int], Path]

RANDOM_KILLS = int(os.environ.get("CORTEX_TEST_KILLS", "10"))
"""More in a run that may take longer: `make soak`."""

ELSEWHERE = {"migration.before", "migration.after", *(name for name in FAILPOINTS if name.startswith("reembed."))}
"""Killed in tests/unit/catalog, where there is a schema to migrate, and in test_migration_kills.py."""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("kills")
def test_random_kills_lose_nothing(patient: Any, write_documents: Write) -> None:
    """One library, killed again and again during ingest, delete and rebuild, each time opened again by itself."""
    dice = random.Random(20261121)
    killed = 0
    for round_ in range(RANDOM_KILLS * 3):
        if killed == RANDOM_KILLS:
            break
        operation = dice.choice(["ingest", "ingest", "ingest", "delete", "rebuild"])
        if operation == "delete" and len(patient.inside) < 4:
            operation = "ingest"
        if operation == "ingest":
            arguments: list[Any] = ["ingest", write_documents(f"round{round_}", 5)]
        elif operation == "delete":
            arguments = ["delete", *dice.sample(sorted(patient.inside.values()), 3)]
            patient.doubt(arguments)
        else:
            arguments = ["rebuild"]
        child = patient.start(*arguments)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(dice.uniform(0.05, 1.2))
        child.send_signal(signal.SIGKILL)
        output, errors = child.communicate(timeout=60)
        assert child.returncode in {0, -signal.SIGKILL}, errors
        killed += child.returncode == -signal.SIGKILL
        patient.note(output)
        patient.check(thorough=round_ % 5 == 0)
    assert killed == RANDOM_KILLS
    patient.check()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FAILPOINTS if name not in ELSEWHERE])
def test_a_kill_at_each_named_place_loses_nothing(name: str, patient: Any, write_documents: Write) -> None:
    patient.ingest(write_documents("base", 3))
    if name.startswith("delete"):
        arguments: list[Any] = ["delete", "basex1.txt"]
        patient.doubt(arguments)
    elif name.startswith(("swap", "rebuild")):
        arguments = ["rebuild"]
    else:
        arguments = ["ingest", write_documents("more", 3)]
    child = patient.start(*arguments, failpoint=name)
    output, errors = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL, f"{name} was not reached: {errors}"
    patient.note(output)
    patient.check()
    patient.ingest(write_documents("more", 3))
    assert len(patient.inside) >= 5
    patient.check()
