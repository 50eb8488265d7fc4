"""The parts of the catalog's port that keep probes of models and migrations between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.documents import Chunk
from cortex_engine.core.migration import Migration, MigrationState, ParityReport
from cortex_engine.core.probes import ProbeSet
from cortex_engine.core.protocols import Vectors


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

    def lacking(self, migration_id: str, limit: int = 64) -> list[Chunk]:
        """The first passages of the collection, by document and place, without a vector of the model that searches do not use.

        That is the target, or, once the collection was switched, the source.
        """
        ...

    def fill(self, migration_id: str, chunk_ids: Sequence[str], vectors: Vectors) -> bool:
        """Keep vectors of that model, all in one transaction; False (nothing written) when the migration does not go on.

        Raises:
            ModelMismatchError: the vectors have another dimension.
            NotFoundError: the migration is gone.
        """
        ...

    def kept_models(self) -> dict[str, EmbeddingSpec]:
        """Models by id whose indexes are kept: of all collections, and the other ones of migrations that can be switched."""
        ...

    def members(self, model_id: str) -> frozenset[str] | None:
        """Documents whose vectors of a model count in searches; None when all do (no migration keeps some on the side)."""
        ...

    def side_model(self, model_id: str) -> EmbeddingSpec | None:
        """The model whose vectors of the same passages an open migration keeps on the side, where searches use this one."""
        ...

    def documents_of(self, ids: Sequence[str]) -> dict[str, str]:
        """Documents of passages and pictures, by id; those that are gone are left out."""
        ...

    def vector_pairs(self, source_id: str, target_id: str, limit: int) -> tuple[Vectors, Vectors]:
        """Vectors of the same passages under two models, row by row, at most `limit`, taken evenly."""
        ...

    def purge_model(self, model_id: str) -> int:
        """Remove vectors of a model from documents of which no collection uses it and no open migration keeps it.

        Returns how many; every hundred documents are a transaction.
        """
        ...
