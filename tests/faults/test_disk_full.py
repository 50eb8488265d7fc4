"""A disk that is really full: a small file system of its own, and a file that leaves less and less room on it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cortex_engine.core.errors import StorageFullError
from cortex_engine.core.reports import Severity
from cortex_engine.suite import query_of

Write = Callable[[str, int], Path]

SIZE = 40_000_000
ROOMS = (0, 150_000, 400_000, 1_300_000, 2_500_000, 6_000_000)
"""Bytes left free: too little for the copies, for the commit, for the word index, for the vectors, for Chroma …"""

NOT_EVEN_READ = 100_000
"""With less a new process cannot search: SQLite's shared memory needs 32 kB on the disk."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 40 MB in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no `mount` here")
    if mounted.returncode:
        pytest.skip(f"this user may not mount a file system ({mounted.stderr.strip()})")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def _leave(disk: Path, room: int) -> None:
    """Fill the disk up to `room` bytes."""
    fill = disk / "fill"
    fill.unlink(missing_ok=True)
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with fill.open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, max(1, free - room))


def _cortex(patient: Any, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cortex_engine", "--data-dir", str(patient.folder), *map(str, arguments)]
    environ = {**os.environ, "CORTEX_EMBEDDING_BACKEND": "hashing", "CORTEX_MIN_FREE_BYTES": "0", **patient.settings}
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, env=environ)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_step_meets_a_full_disk_and_nothing_is_lost(
    small_disk: Path, patient_in: Any, write_documents: Write
) -> None:
    patient = patient_in(small_disk / "library")
    with patient.open() as suite:
        report = suite.ingest([write_documents("before", 5)], "Papers")
        patient.inside = {file.document_id: file.name for file in report.files}
    failures = []
    for number, room in enumerate(ROOMS):
        _leave(small_disk, room)
        result = _cortex(patient, "ingest", write_documents(f"full{number}", 12), "--collection", "Papers")
        assert "Traceback" not in result.stderr, f"{room} bytes free: {result.stderr}"
        assert result.returncode in {0, 1}, f"{room} bytes free: {result.stdout} {result.stderr}"
        if result.returncode:
            failures.append(room)
            assert "Error: " in result.stderr
            assert "full" in result.stderr, result.stderr
            assert "room" in result.stderr, result.stderr
        found = _cortex(patient, "search", "beforex3 station log", "--mode", "hybrid")
        if room < NOT_EVEN_READ and found.returncode:
            assert "full" in found.stderr
        else:
            assert found.returncode == 0, f"{room} bytes free: {found.stderr}"
            assert "beforex3.txt" in found.stdout
        (small_disk / "fill").unlink()
        patient.check(thorough=False)
    assert failures, "the disk was never full"
    assert failures != list(ROOMS), "even the largest room was too small"
    last = _cortex(patient, "ingest", write_documents("after", 2), "--collection", "Papers")
    assert last.returncode == 0, last.stderr
    with patient.open() as suite:
        assert suite.jobs(active_only=True) == []
        assert not [file for job in suite.jobs() for file in suite.job(job.id)[1] if file.state.value == "quarantined"]
    patient.check()


@pytest.mark.slow
def test_one_process_goes_on_after_room_was_made(small_disk: Path, patient_in: Any, write_documents: Write) -> None:
    """The same open suite: ingest fails with a sentence, search goes on, and with room the queue goes on by itself."""
    patient = patient_in(small_disk / "library", CORTEX_VECTOR_STORE="exact")
    with patient.open() as suite:
        suite.ingest([write_documents("before", 5)], "Papers")
        failed = False
        for number, room in enumerate((700_000, 300_000, 150_000)):
            _leave(small_disk, room)
            try:
                suite.ingest([write_documents(f"full{number}", 12)], "Papers")
            except StorageFullError as error:
                failed = True
                assert "full" in str(error)
            for mode in ("vector", "lexical", "hybrid"):
                assert suite.search(query_of("beforex3 wind", mode)).hits
            (small_disk / "fill").unlink()
        assert failed
        suite.ingest([write_documents("after", 2)], "Papers")
        assert suite.jobs(active_only=True) == []
        assert all(entry.balanced for entry in suite.ledger())
        assert [each for each in suite.doctor(full=True) if each.severity is Severity.ERROR] == []


def test_ingest_is_refused_before_the_disk_is_full(small_disk: Path, patient_in: Any, write_documents: Write) -> None:
    """With the default setting 5 % of this disk must stay free."""
    patient = patient_in(small_disk / "library", CORTEX_MIN_FREE_BYTES="2000000000")
    with patient.open() as suite:
        suite.ingest([write_documents("before", 2)], "Papers")
        _leave(small_disk, SIZE // 25)
        before = {path: path.stat().st_size for path in patient.folder.rglob("*") if path.is_file()}
        with pytest.raises(StorageFullError, match="must stay free"):
            suite.ingest([write_documents("more", 2)], "Other")
        assert {path: path.stat().st_size for path in patient.folder.rglob("*") if path.is_file()} == before
        assert [collection.name for collection in suite.collections()] == ["Papers"]
        assert suite.search("beforex1").hits
        assert any(each.check == "disk" and each.severity is Severity.ERROR for each in suite.doctor())
        (small_disk / "fill").unlink()
        assert suite.ingest([write_documents("more", 2)], "Other").failed == []
