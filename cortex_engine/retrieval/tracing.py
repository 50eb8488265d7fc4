"""The trace recorder: what each stage of a search did, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from cortex_engine.core.search import SearchTrace, TraceStep


class StageNotes:
    """What a stage writes down while it runs."""

    def __init__(self) -> None:
        self.candidates = 0
        self.warning = ""
        self.facts: dict[str, str | int | float] = {}

    def fact(self, name: str, value: str | int | float) -> None:
        """Note whatever explains the stage."""
        self.facts[name] = value


class TraceRecorder:
    """Collects the steps of one search, in order; also its warnings and what could not do its part."""

    def __init__(self) -> None:
        self._steps: list[TraceStep] = []
        self._warnings: list[str] = []
        self._degraded: list[str] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[StageNotes]:
        """Time a stage; it is recorded also when it fails."""
        notes = StageNotes()
        start = time.perf_counter()
        try:
            yield notes
        finally:
            elapsed = (time.perf_counter() - start) * 1000
            self._steps.append(TraceStep(name, elapsed, notes.candidates, notes.warning, notes.facts))

    def warn(self, sentence: str, degraded: str = "") -> None:
        """Keep a sentence for the person, and the name of the stage that could not do its part."""
        if sentence not in self._warnings:
            self._warnings.append(sentence)
        if degraded and degraded not in self._degraded:
            self._degraded.append(degraded)

    @property
    def trace(self) -> SearchTrace:
        """All steps so far."""
        return SearchTrace(tuple(self._steps))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences, each once."""
        return tuple(self._warnings)

    @property
    def degraded(self) -> tuple[str, ...]:
        """Stages that could not do their part, each once."""
        return tuple(self._degraded)
