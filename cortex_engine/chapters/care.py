"""Accounts, health, rebuild, backup, vectors, storage, log, evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from cortex_engine import caring, measuring
from cortex_engine.chapters.base import Chapter, quiet
from cortex_engine.config import LoadedConfig, load_config
from cortex_engine.core.app import Compatibility, EmbeddingMap, LogLine, StorageReport, VectorStatistics
from cortex_engine.core.logbook import read_log
from cortex_engine.core.reports import EvaluationReport, Finding, LedgerEntry
from cortex_engine.core.search import SearchMode
from cortex_engine.maintenance import inspector
from cortex_engine.maintenance.storage import storage_report


def unheard(done: int, total: int) -> None:
    """Nobody listens."""


class CareChapter(Chapter):
    """Accounts, health, rebuild, backup, vectors, storage, log, evaluation."""

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

    def backup(self, target: Path, on_progress: Callable[[int, int], None] = unheard) -> Path:
        """Write catalog and originals, with a manifest of hashes, into an empty folder.

        Args:
            on_progress: told how many originals are written, of how many.
        """
        return caring.backup(self._library, target, on_progress)

    def inspect_vectors(self) -> list[VectorStatistics]:
        """Figures of every vector, model by model; those of collections first."""
        return caring.inspect_vectors(self._library)

    def compatibility(self) -> list[Compatibility]:
        """What each dimension means for Qwen3-VL; rows of dimensions that the library holds are marked."""
        return inspector.compatibility(caring.dimensions(self._library))

    def embedding_map(self, model_id: str, limit: int = 3000) -> EmbeddingMap:
        """Passages of a model in the plane in which they differ most, at most `limit` of them.

        Raises:
            NotFoundError: the library knows no such model.
        """
        catalog = self._library.catalog
        return inspector.embedding_map(catalog, model_id, catalog.spec(model_id).dimension, limit)

    def storage(self) -> StorageReport:
        """What lies where in the data folder, how large it is, and what is free."""
        return storage_report(self._library.folder)

    def log_lines(self, limit: int = 500, level: str = "INFO", contains: str = "") -> list[LogLine]:
        """Lines of the log from this level on, newest first, that hold `contains` in message or logger."""
        return read_log(self._library.folder, limit, level, contains)

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
