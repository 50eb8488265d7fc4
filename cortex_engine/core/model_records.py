"""The parts of the catalog's port that keep probes of models and migrations between them."""

from __future__ import annotations

from typing import Protocol

from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.migration import Migration, MigrationState, ParityReport
from cortex_engine.core.probes import ProbeSet


class ProbeRecords(Protocol):
    """The frozen probes of each model."""

    def probes(self, model_id: str) -> ProbeSet | None:
        """The probes of a model, None where they were never made."""
        ...

    def keep_probes(self, model_id: str, probes: ProbeSet) -> None:
        """Freeze the probes of a model; probes of the same version that are there already stay as they are."""
        ...


class MigrationRecords(Protocol):
    """Migrations of collections from one model to another."""

    def begin_migration(self, collection: str, target: EmbeddingSpec) -> Migration:
        """Record a migration, state RUNNING.

        Raises:
            NotFoundError: no such collection.
            AlreadyExistsError: the collection has one that has not ended, or uses the target already.
        """
        ...

    def migrations(self, open_only: bool = False) -> list[Migration]:
        """All migrations, newest first; `open_only`: neither DONE nor CANCELLED. Counts are read as they stand now."""
        ...

    def migration(self, migration_id: str) -> Migration:
        """One by id or unique beginning.

        Raises:
            NotFoundError: none.
        """
        ...

    def set_migration(
        self, migration_id: str, state: MigrationState, message: str = "", report: ParityReport | None = None
    ) -> None:
        """Change the state; SWITCHED and ROLLED_BACK change the collection's model in the same transaction.

        Raises:
            UsageError: that state cannot follow the present one.
        """
        ...

    def purge_model(self, model_id: str) -> int:
        """Remove the vectors of a model that no collection and no open migration uses; returns how many."""
        ...
