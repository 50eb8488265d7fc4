"""The application's process is killed in the middle of its background work: the queue goes on where it stood."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cortex_engine.core.reports import FileState

_CHILD = """
import sys, time
from pathlib import Path
from cortex_engine.suite import CortexSuite
from cortex_engine.core.app import IngestOptions
suite = CortexSuite.open(data_dir=Path(sys.argv[1]), command="the application")
suite.start_background()
if len(sys.argv) > 2:
    suite.submit([Path(sys.argv[2])], "Papers", options=IngestOptions(chunk_max_tokens=48))
print("SUBMITTED", flush=True)
time.sleep(120)
"""
_FILES = 40


def _start(folder: Path, *arguments: Path) -> subprocess.Popen[str]:
    import os

    environ = {**os.environ, "CORTEX_EMBEDDING_BACKEND": "hashing", "CORTEX_MIN_FREE_BYTES": "0"}
    command = [sys.executable, "-c", _CHILD, str(folder), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ)


def _done(patient: Any) -> int:
    with patient.open() as suite:
        return sum(job.finished for job in suite.jobs())


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 12, 30])
def test_the_queue_outlives_kills_and_ends_complete(
    patient: Any, write_documents: Callable[[str, int], Path], after: int
) -> None:
    documents = write_documents("station", _FILES)
    child = _start(patient.folder, documents)
    assert child.stdout is not None and child.stdout.readline() == "SUBMITTED\n"
    end = time.monotonic() + 90
    while _done(patient) < after and time.monotonic() < end:
        time.sleep(0.05)
    child.kill()
    child.wait()
    with patient.open() as suite:
        job = suite.jobs()[0]
        assert job.total == _FILES, "what was submitted is in the catalog"
        begun = {file.name: file.document_id for file in suite.job_files(job.id, (FileState.DONE,))}
    again = _start(patient.folder)  # nobody submits anything: it goes on by itself
    try:
        assert again.stdout is not None and again.stdout.readline() == "SUBMITTED\n"
        end = time.monotonic() + 120
        while _done(patient) < _FILES:
            assert time.monotonic() < end, "the queue did not go on"
            time.sleep(0.1)
    finally:
        again.kill()
        again.wait()
    with patient.open() as suite:
        files = suite.job_files(suite.jobs()[0].id)
        assert {file.state for file in files} == {FileState.DONE}
        assert {file.options.chunk_max_tokens for file in files} == {48}
        assert all(file.document_id == begun[file.name] for file in files if file.name in begun)
        patient.inside = {file.document_id: file.name for file in files}
        assert len(suite.documents(limit=1000)) == _FILES
    patient.check()
