"""Libraries that are killed: how a child is started, and what must hold after any death."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cortex_engine.config import load_config
from cortex_engine.core.reports import FileState, IngestEvent, Severity
from cortex_engine.suite import CortexSuite, query_of

sys.path.insert(0, str(Path(__file__).parent))  # test folders are no packages
from nursery import Child, Nursery

SETTINGS = {"CORTEX_EMBEDDING_BACKEND": "hashing", "CORTEX_MIN_FREE_BYTES": "0"}
"""The hashing embedder stands in for a model: what is tested here does not depend on the meaning of vectors."""

CHILD = Path(__file__).with_name("child.py")


@dataclass
class Patient:
    """A library, and what was acknowledged to have gone in and out of it."""

    folder: Path
    inside: dict[str, str] = field(default_factory=dict)
    """Document id -> name."""
    outside: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    """Environment names and values besides `SETTINGS`."""
    nursery: Nursery = field(default_factory=Nursery, repr=False)

    def doubt(self, names: list[str]) -> None:
        """Somebody has begun to delete these: until it is acknowledged they may be there or not."""
        self.inside = {document_id: name for document_id, name in self.inside.items() if name not in names}

    def start(self, *arguments: str | Path, failpoint: str = "", script: Path = CHILD) -> Child:
        # What finds names takes its time to load: children do without, and `check` reads what they took in.
        graph = {"CORTEX_GRAPH": "true" if failpoint.startswith("graph") else "false"}
        environ = {**os.environ, **SETTINGS, **graph, **self.settings, "CORTEX_FAILPOINT": failpoint}
        return self.nursery.start(script, [str(self.folder), *map(str, arguments)], environ)

    def note(self, output: str) -> None:
        """Take over what a child acknowledged."""
        for line in output.splitlines():
            word, *rest = line.split(" ", 2)
            assert word != "FAILED", line
            if word == "IN":
                self.inside[rest[0]] = rest[1]
                self.outside.pop(rest[0], None)
            elif word == "OUT":
                self.outside[rest[0]] = rest[1]
                self.inside.pop(rest[0], None)

    def ingest(self, folder: Path) -> None:
        """Take a folder in, in this process: what lives on needs no child."""
        with self.open() as suite:
            report = suite.ingest([folder], "Papers", recursive=True, on_event=self._acknowledged)
            assert report.failed == []

    def _acknowledged(self, event: IngestEvent) -> None:
        if event.state in {FileState.DONE, FileState.ALREADY_HERE}:
            self.inside[event.document_id] = Path(event.file).name
            self.outside.pop(event.document_id, None)

    def open(self) -> CortexSuite:
        return CortexSuite.open(loaded=load_config(self.folder, {**SETTINGS, **self.settings}))

    def check(self, thorough: bool = True) -> None:
        """Start again without anybody's help: nothing acknowledged is lost, nothing is partial, doubled or back."""
        with self.open() as suite:
            suite.work()
            assert (suite.graph_stats().waiting, suite.graph_stats().failed) == (0, 0), "the graph lacks a document"
            documents = suite.documents(limit=10_000)
            ids = {document.id for document in documents}
            assert set(self.inside) <= ids, "an acknowledged document is lost"
            assert not ids & set(self.outside), "a deleted document came back"
            assert max(Counter(document.sha256 for document in documents).values(), default=1) == 1
            assert all(entry.balanced for entry in suite.ledger())
            for name in list(self.outside.values())[-5:]:
                word = Path(name).stem
                for mode in ("vector", "lexical", "hybrid"):
                    hits = suite.search(query_of(f"{word} station log", mode, 50)).hits
                    assert all(hit.document_id not in self.outside for hit in hits), "a deleted document is found"
            for document_id, name in list(self.inside.items())[-5:]:
                found = suite.search(query_of(Path(name).stem, "lexical", 5)).hits
                assert document_id in {hit.document_id for hit in found}, "an acknowledged document is not found"
            if thorough:
                wrong = [each for each in suite.doctor(full=True) if each.severity is Severity.ERROR]
                assert wrong == []


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Where children come from."""
    opened = Nursery()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def patient_in(nursery: Nursery) -> Callable[..., Patient]:
    """A library in a folder of one's own, with further settings by environment names."""

    def make(folder: Path, **settings: str) -> Patient:
        return Patient(folder, settings=settings, nursery=nursery)

    return make


@pytest.fixture
def patient(tmp_path: Path, nursery: Nursery) -> Patient:
    return Patient(tmp_path / "library", nursery=nursery)


@pytest.fixture
def write_documents(tmp_path: Path) -> Callable[[str, int], Path]:
    """Make a folder with so many documents; each holds its own name as a word that occurs nowhere else."""

    def write(name: str, count: int) -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        for number in range(count):
            word = f"{name}x{number}"
            lines = [
                f"Line {line} of the {word} station log: wind from the west, force {line % 9}." for line in range(40)
            ]
            (folder / f"{word}.txt").write_text("\n\n".join(lines))
        return folder

    return write
