"""Accounts, health, rebuild, backup, evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from cortex_engine import caring, measuring
from cortex_engine.chapters.base import Chapter, quiet
from cortex_engine.config import LoadedConfig, load_config
from cortex_engine.core.reports import (
    EvaluationReport,
    Finding,
    LedgerEntry,
)
from cortex_engine.core.search import SearchMode


class CareChapter(Chapter):
    """Accounts, health, rebuild, backup, evaluation."""

    def ledger(self, documents: Sequence[str] | None = None) -> list[LedgerEntry]:
        """The account of each document: pages by state, characters, passages, vectors, entries of the word index."""
        ids = None if documents is None else [self.document(each).id for each in documents]
        return caring.ledger(self._library, ids)

    def doctor(self, fix: bool = False, full: bool = False) -> list[Finding]:
        """Examine everything; with `fix`, mend what can be mended without loss."""
        return caring.doctor(self._library, self.loaded, fix, full)

    def rebuild(self) -> list[str]:
        """Build all derived indexes anew from the catalog; returns their names."""
        return caring.rebuild(self._library)

    def backup(self, target: Path) -> Path:
        """Write catalog and originals, with a manifest of hashes, into an empty folder."""
        return caring.backup(self._library, target)

    @staticmethod
    def restore(source: Path, data_dir: Path | None = None) -> Path:
        """Make a library from a backup, in a data folder that holds none; returns the folder."""
        return caring.restore(source, load_config(data_dir).config.data_dir)

    @staticmethod
    def evaluate(
        loaded: LoadedConfig,
        dataset: Path,
        modes: Sequence[SearchMode] = tuple(SearchMode),
        on_progress: Callable[[str], None] = quiet,
    ) -> EvaluationReport:
        """Measure retrieval on a folder in BEIR layout, in a library of its own, through the same search line."""
        return measuring.evaluate(loaded, dataset, modes, on_progress)
