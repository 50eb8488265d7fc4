"""Models that take turns in memory: one at a time, in order, without anybody waiting for ever."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from cortex_engine.core.errors import ModelUnavailableError
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.reranking import Candidate, Judgement
from cortex_engine.turns import Turns, TurnTakingReranker


class _Memory:
    """Counts the models that are in it."""

    def __init__(self) -> None:
        self.loaded: set[str] = set()
        self.most = 0
        self.lock = threading.Lock()

    def enter(self, name: str) -> None:
        with self.lock:
            self.loaded.add(name)
            self.most = max(self.most, len(self.loaded))


class _Model:
    """A reranker that takes room in a memory while it is loaded."""

    def __init__(self, name: str, memory: _Memory) -> None:
        self.name = name
        self.sees = False
        self._memory = memory

    def load(self) -> None:
        self._memory.enter(self.name)

    def rerank(
        self, query: ModelInput, candidates: Sequence[Candidate], instruction: str | None = None
    ) -> list[Judgement]:
        self._memory.enter(self.name)
        if query.text == "fail":
            raise ModelUnavailableError("It fails.")
        assert self._memory.loaded == {self.name}
        return [Judgement(instruction or each.id, 0.5, 0.0) for each in candidates]

    def unload(self) -> None:
        self._memory.loaded.discard(self.name)


def test_only_one_is_in_memory_whoever_asks() -> None:
    memory, turns = _Memory(), Turns()
    models = [TurnTakingReranker(_Model(name, memory), turns) for name in "abc"]

    def ask(number: int) -> int:
        return len(models[number % 3].rerank(ModelInput("q"), [Candidate("x", ModelInput("y"))]))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(300), timeout=60)) == 300
    assert memory.most == 1


def test_a_failure_gives_the_place_back() -> None:
    memory, turns = _Memory(), Turns()
    first, second = (TurnTakingReranker(_Model(name, memory), turns) for name in "ab")
    with pytest.raises(ModelUnavailableError):
        first.rerank(ModelInput("fail"), [])
    assert second.rerank(ModelInput("q"), [Candidate("x", ModelInput())])[0].id == "x"
    assert memory.loaded == {"b"}
    assert turns.resident is second


def test_one_that_stays_is_not_loaded_anew() -> None:
    memory, turns = _Memory(), Turns()
    model = TurnTakingReranker(_Model("a", memory), turns)
    model.load()
    model.rerank(ModelInput("q"), [])
    model.unload()
    assert memory.loaded == set()
    assert (model.name, model.sees) == ("a", False)
