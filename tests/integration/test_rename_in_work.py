"""A collection gets another name, or is merged into another, while files for it are in work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cortex_engine.core.reports import FileState, IngestEvent
from cortex_engine.suite import CortexSuite


@pytest.mark.parametrize("change", ["rename", "merge"])
def test_files_in_work_arrive_in_the_collection_as_it_is_called_then(
    open_suite: Callable[..., CortexSuite], tmp_path: Path, change: str
) -> None:
    (tmp_path / "bees.txt").write_text("Bees make honey in the old lighthouse.", encoding="utf-8")
    suite = open_suite()
    suite.create_collection("Before")
    suite.create_collection("Other")
    done = threading.Event()

    def on_event(event: IngestEvent) -> None:
        if event.state is FileState.EMBEDDING and not done.is_set():
            done.set()
            if change == "rename":
                suite.rename_collection("Before", "After")
            else:
                suite.merge_collections(["Before"], "Other")

    report = suite.ingest([tmp_path / "bees.txt"], "Before", on_event=on_event)
    assert done.is_set()
    assert [file.state for file in report.files] == [FileState.DONE]
    assert suite.document("bees.txt").collections == ("After" if change == "rename" else "Other",)
