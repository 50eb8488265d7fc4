"""Moving a collection to another embedding model while it is in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cortex_engine.core.collections import EmbeddingSpec


class MigrationState(StrEnum):
    """Where a migration stands."""

    RUNNING = "running"
    """Vectors of the new model are being made; searches use the old one."""
    PAUSED = "paused"
    READY = "ready"
    """All vectors are there and the report is written; searches still use the old model."""
    SWITCHED = "switched"
    """Searches use the new model; the old vectors are kept and kept up to date, so that one can go back."""
    ROLLED_BACK = "rolled back"
    """Searches use the old model again; the new vectors are kept until purged."""
    DONE = "done"
    """The vectors that are not used any more were removed."""
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class ParityReport:
    """How the new model answers compared with the old one.

    Attributes:
        questions: how many were asked (judged queries first, then past searches, then passages' own sentences).
        overlap: k -> mean share of the first k documents that both have (0..1).
        rank_correlation: mean Kendall tau over the documents that both have, None where there were too few.
        ndcg_before, ndcg_after: nDCG@10 over judged queries, None where nothing is judged.
        lost, won: documents among the first ten of the old that are not among the first fifty of the new, and the reverse:
            (question, document name), the clearest first, at most 50.
    """

    questions: int
    overlap: Mapping[int, float] = field(default_factory=dict)
    rank_correlation: float | None = None
    ndcg_before: float | None = None
    ndcg_after: float | None = None
    judged: int = 0
    lost: tuple[tuple[str, str], ...] = ()
    won: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Migration:
    """A migration as people see it.

    Attributes:
        collection: its name.
        done, total: inputs (passages, pictures, descriptions) with vectors of the new model, and all.
        rate: inputs a second of the last minute, 0.0 while unknown.
        seconds_left: None while unknown.
        message: what is wrong or what comes next, a sentence or "".
        created, updated: ISO 8601 UTC.
    """

    id: str
    collection: str
    source: EmbeddingSpec
    target: EmbeddingSpec
    state: MigrationState
    done: int
    total: int
    rate: float = 0.0
    seconds_left: float | None = None
    message: str = ""
    created: str = ""
    updated: str = ""
    report: ParityReport | None = None
