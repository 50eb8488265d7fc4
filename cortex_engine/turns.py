"""Large models take turns in a memory that holds only one of them: whoever comes in sends the other out.

A turn lasts for one call (a batch of passages, a query, a list of candidates). Nobody holds a turn while waiting for another,
so nobody waits for ever; those who wait come in the order in which they asked.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.protocols import MultimodalEmbedder, Reranker, Vectors
from cortex_engine.core.reranking import Candidate, Judgement
from cortex_engine.core.wrapping import WrappedEmbedder


class Turns:
    """One place in memory."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._waiting: deque[object] = deque()
        self._busy = False
        self._resident: Any = None

    @property
    def resident(self) -> object:
        """The model that is in memory now, as far as it came in by a turn."""
        return self._resident

    @contextmanager
    def turn_of(self, model: Any) -> Iterator[None]:
        """Hold the place for a model (something with `unload`); the one that was there before is unloaded first."""
        ticket = object()
        with self._change:
            self._waiting.append(ticket)
            self._change.wait_for(lambda: not self._busy and self._waiting[0] is ticket)
            self._waiting.popleft()
            self._busy = True
        try:
            if self._resident is not None and self._resident is not model:
                self._resident.unload()
            self._resident = model
            yield
        finally:
            with self._change:
                self._busy = False
                self._change.notify_all()


class TurnTakingEmbedder(WrappedEmbedder):
    """An embedder that is in memory only while it has its turn. Everything else is that of the embedder within."""

    _within: MultimodalEmbedder

    def __init__(self, within: MultimodalEmbedder, turns: Turns) -> None:
        super().__init__(within)
        self._turns = turns

    def load(self) -> None:
        """See `Embedder.load`."""
        self._in_turn(self._within.load)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed_documents`."""
        result: Vectors = self._in_turn(self._within.embed_documents, texts)
        return result

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """See `Embedder.embed_query`."""
        result: NDArray[np.float32] = self._in_turn(self._within.embed_query, text)
        return result

    def embed_inputs(self, inputs: Sequence[ModelInput], instruction: str | None = None) -> Vectors:
        """See `MultimodalEmbedder.embed_inputs`."""
        result: Vectors = self._in_turn(self._within.embed_inputs, inputs, instruction)
        return result

    def embed_query_input(self, query: ModelInput) -> NDArray[np.float32]:
        """See `MultimodalEmbedder.embed_query_input`."""
        result: NDArray[np.float32] = self._in_turn(self._within.embed_query_input, query)
        return result

    def unload(self) -> None:
        """Give the memory back."""
        unload(self._within)

    def _in_turn(self, work: Callable[..., Any], *arguments: Any) -> Any:
        with self._turns.turn_of(self):
            return work(*arguments)


class TurnTakingReranker:
    """A reranker that is in memory only while it has its turn."""

    def __init__(self, within: Reranker, turns: Turns) -> None:
        self._within = within
        self._turns = turns

    def __getattr__(self, name: str) -> Any:
        return getattr(self._within, name)

    @property
    def name(self) -> str:
        """See `Reranker.name`."""
        return self._within.name

    @property
    def sees(self) -> bool:
        """See `Reranker.sees`."""
        return self._within.sees

    def load(self) -> None:
        """See `Reranker.load`."""
        with self._turns.turn_of(self):
            self._within.load()

    def rerank(
        self, query: ModelInput, candidates: Sequence[Candidate], instruction: str | None = None
    ) -> list[Judgement]:
        """See `Reranker.rerank`."""
        with self._turns.turn_of(self):
            return self._within.rerank(query, candidates, instruction)

    def unload(self) -> None:
        """See `Reranker.unload`."""
        self._within.unload()


def unload(model: object) -> bool:
    """Give a model's memory back where it can do that; tells whether it can."""
    give_back: Callable[[], None] | None = getattr(model, "unload", None)
    if give_back is None:
        return False
    give_back()
    return True
