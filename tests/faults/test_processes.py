"""Several processes on one library: every document exactly once, no lock in anybody's way, and nobody waits for the dead."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cortex_engine.core.errors import LibraryLockedError
from cortex_engine.core.reports import JobState

Write = Callable[[str, int], Path]

OWN, SHARED = 14, 6
"""Documents of each process alone, and documents that every process brings: 30 % of its files."""

WAIT = 240


def _folders(write_documents: Write) -> list[Path]:
    """Three folders; the same files lie in each of them under other names."""
    shared = write_documents("everybody", SHARED)
    folders = [write_documents(f"process{number}", OWN) for number in range(3)]
    for number, folder in enumerate(folders):
        for path in shared.iterdir():
            shutil.copyfile(path, folder / f"copy{number}-{path.name}")
    return folders


def _acknowledged(output: str) -> dict[str, str]:
    """Name -> document id; the owner reports the files of all."""
    lines = [line.split(" ", 2) for line in output.splitlines() if line.startswith("IN ")]
    return {name: document_id for _, document_id, name in lines}


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _check_exactly_once(patient: Any) -> None:
    with patient.open() as suite:
        documents = suite.documents(limit=1000)
        assert len(documents) == 3 * OWN + SHARED
        assert len({document.sha256 for document in documents}) == len(documents)
        assert all(job.state is JobState.DONE for job in suite.jobs())
    patient.check()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_three_processes_ingest_while_a_fourth_searches(patient: Any, write_documents: Write, tmp_path: Path) -> None:
    folders, done = _folders(write_documents), tmp_path / "done"
    children = [patient.start("ingest", folder) for folder in folders]
    searching = patient.start("search", done)
    ids = set()
    for child, folder in zip(children, folders, strict=True):
        output, errors = child.communicate(timeout=WAIT)
        assert child.returncode == 0, errors
        assert "locked" not in errors
        assert "FAILED" not in output
        assert _names(folder) <= set(_acknowledged(output)), "not every file was acknowledged to its own process"
        ids |= set(_acknowledged(output).values())
        patient.note("".join(line for line in output.splitlines(True) if "copy" not in line))
    done.touch()
    output, errors = searching.communicate(timeout=WAIT)
    assert searching.returncode == 0, errors
    assert "SEARCHED" in output
    assert len(ids) == 3 * OWN + SHARED
    _check_exactly_once(patient)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_others_take_over_when_the_owner_is_killed(patient: Any, write_documents: Write) -> None:
    folders = _folders(write_documents)
    children = [patient.start("ingest", folder) for folder in folders]
    owner, deadline = None, time.monotonic() + 60
    while owner is None and time.monotonic() < deadline:
        time.sleep(0.05)
        if (patient.folder / "catalog.db").exists():
            with patient.open() as suite:
                holder = suite._library.lock.holder()
                begun = suite.count_documents() >= 3
            owner = next((child for child in children if begun and holder and child.pid == holder.pid), None)
    assert owner is not None, "nobody became the owner"
    owner.send_signal(signal.SIGKILL)
    for child, folder in zip(children, folders, strict=True):
        output, errors = child.communicate(timeout=WAIT)
        assert child.returncode == (-signal.SIGKILL if child is owner else 0), errors
        patient.note("".join(line for line in output.splitlines(True) if "copy" not in line))
        if child is not owner:
            assert _names(folder) <= set(_acknowledged(output))
    patient.check(thorough=False)  # works on what the dead one had queued
    _check_exactly_once(patient)


def test_who_wants_the_owners_rights_hears_who_has_them(patient: Any, write_documents: Write) -> None:
    with patient.open() as owner:
        owner.ingest([write_documents("papers", 2)], "Papers")
        child = patient.start("rebuild")
        _, errors = child.communicate(timeout=WAIT)
        assert child.returncode == 1
        holder = owner._library.lock.holder()
        assert f"LibraryLockedError: The library in '{patient.folder}'" in errors.replace(
            "cortex_engine.core.errors.", ""
        )
        assert f"process {holder.pid} ({holder.command}" in errors
        assert "is in use by" in errors


def test_files_wait_no_longer_than_told_for_an_owner_that_does_not_work(
    patient: Any, write_documents: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cortex_engine.working._IDLE_SECONDS", 1.0)
    with patient.open() as owner:
        owner._library.own()
        with patient.open() as other:
            with pytest.raises(LibraryLockedError, match="takes no files in.*jobs resume"):
                other.ingest([write_documents("papers", 2)], "Papers")
            assert [job.total - job.finished for job in other.jobs(active_only=True)] == [2]
        owner.work()
        assert owner.count_documents() == 2
