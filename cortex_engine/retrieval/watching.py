"""Approximate answers that are to be compared with the exact scan, and how wide searches ask because of what was found."""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 10
"""Recall is measured at ten."""
_WAITING = 32
"""Answers that wait for their comparison; further ones push out the oldest."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What an approximate index said.

    Attributes:
        vector: `(dimension,)`, normalised; the words of the query are not kept.
        documents: in scope, None for all.
        answer: passages; None where all vectors were scanned instead, and the index has yet to be asked.
        asked: how many candidates it was asked for.
        widening: by which factor these were more than needed; 0 where all vectors were scanned.
        moment: of the library, when it was asked: later changes would look like losses.
    """

    model_id: str
    vector: NDArray[np.float32]
    documents: AbstractSet[str] | None
    answer: frozenset[str] | None
    asked: int
    widening: float
    moment: object


class RecallWatch:
    """Takes a share of live approximate searches aside, and knows how wide the next ones are to ask. May be shared by threads.

    Args:
        sampling: share, 0..1.
        moment: a value that another one follows when the library changes.
        draw: gives numbers evenly between 0 and 1.
    """

    def __init__(
        self, sampling: float, moment: Callable[[], object], draw: Callable[[], float] = random.random
    ) -> None:
        self._sampling = sampling
        self._moment = moment
        self._draw = draw
        self._waiting: deque[Answered] = deque(maxlen=_WAITING)
        self._widening: dict[str, float] = {}
        self._lock = threading.Lock()

    def widening(self, model_id: str) -> float:
        """Factor for candidates, 1 unless told otherwise; 0: scan all vectors."""
        return self._widening.get(model_id, 1.0)

    def widen(self, model_id: str, factor: float) -> None:
        """From now on ask so wide."""
        self._widening[model_id] = factor

    def saw(
        self,
        model_id: str,
        vector: NDArray[np.float32],
        documents: AbstractSet[str] | None,
        answer: frozenset[str] | None,
        asked: int,
    ) -> None:
        """A live search was answered so; a share of them is taken aside."""
        if not model_id or self._draw() >= self._sampling:
            return
        each = Answered(model_id, vector, documents, answer, asked, self.widening(model_id), self._moment())
        with self._lock:
            self._waiting.append(each)

    def take(self) -> Answered | None:
        """The oldest that waits, None where none does."""
        with self._lock:
            return self._waiting.popleft() if self._waiting else None
