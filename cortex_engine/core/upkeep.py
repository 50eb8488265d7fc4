"""The port of what keeps a catalog sound: accounts, integrity, originals, copies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from cortex_engine.core.records import CatalogCounts
from cortex_engine.core.reports import Finding, LedgerEntry


class Upkeep(Protocol):
    """What the doctor, backup and the ledger need."""

    def ledger(self, document_ids: Sequence[str] | None = None) -> list[LedgerEntry]:
        """The account of each document; `lexical` repeats `chunks` and is set by who knows the index."""
        ...

    def counts(self) -> CatalogCounts:
        """Sizes."""
        ...

    def chunk_ids(self, model_id: str = "") -> set[str]:
        """All chunk ids, or those that have a vector of the model."""
        ...

    def blob_hashes(self) -> set[str]:
        """Originals that documents or waiting files refer to."""
        ...

    def check(self, full: bool = False) -> list[Finding]:
        """Integrity of the database file, foreign keys, counts that must agree, checksums of vectors (all if full)."""
        ...

    def drop_damaged_vectors(self) -> list[str]:
        """Remove every damaged vector, of passages and of pictures, so that it is made anew; returns the documents' ids."""
        ...

    def drop_blobs(self, hashes: Sequence[str] | None = None) -> list[str]:
        """Remove originals (of these, or of all) that nothing refers to; returns those that went.

        Safe against content that is queued again at the same moment: either it is kept, or `enqueue` says that it
        must be put again.
        """
        ...

    def backup_to(self, target: Path) -> None:
        """Write a consistent copy of the database (`VACUUM INTO`)."""
        ...

    def become_owner(self, owner: bool = True) -> None:
        """This process has taken the lock of the library: from now on it moves the write-ahead log into the file."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...
