"""The candidates of a search, stage by stage: what the flight recorder keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload


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
        name: "vector", "lexical", "characters", "picture", "description", "graph", "fusion", "present" (before the reranker),
            "rerank".
        limit: how many it was asked for, 0 for all.
        total: how many candidates there were; `candidates` holds the first so many of them.
    """

    name: str
    candidates: tuple[FlightCandidate, ...]
    limit: int = 0
    total: int = 0

    @property
    def own(self) -> tuple[FlightCandidate, ...]:
        """Those that the stage found or ordered itself; it only scored the others."""
        return tuple(each for each in self.candidates if each.rank is not None)


class LaterStages(Sequence[FlightStage]):
    """Stages that are put together when somebody looks: a search does not pay for thousands of tuples that nobody reads."""

    def __init__(self, build: Callable[[], tuple[FlightStage, ...]]) -> None:
        self._build = build

    @cached_property
    def _made(self) -> tuple[FlightStage, ...]:
        return self._build()

    @overload
    def __getitem__(self, index: int) -> FlightStage: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[FlightStage]: ...

    def __getitem__(self, index: int | slice) -> FlightStage | Sequence[FlightStage]:
        return self._made[index]

    def __len__(self) -> int:
        return len(self._made)

    def __iter__(self) -> Iterator[FlightStage]:
        return iter(self._made)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._made == tuple(other)

    def __hash__(self) -> int:
        return hash(self._made)
