"""The candidates of a search, stage by stage: what the flight recorder keeps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FlightCandidate:
    """A passage or picture in one stage.

    Attributes:
        rank: from 1; None where the stage only scored it.
        score: raw: cosine, BM25, PageRank, standard score, logit.
        share: what it added to the fused score, 0 for stages that add nothing.
    """

    chunk_id: str
    rank: int | None
    score: float
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class FlightStage:
    """One stage of a search with its candidates, best first.

    Attributes:
        name: "vector", "lexical", "characters", "picture", "description", "graph", "fusion", "rerank", "present".
        limit: how many it was asked for, 0 for all.
        total: how many candidates there were; `candidates` holds the first so many of them.
    """

    name: str
    candidates: tuple[FlightCandidate, ...]
    limit: int = 0
    total: int = 0
