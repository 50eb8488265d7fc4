"""States of the reranker in a real library: off, a service that comes back, random weights, distrust in use, turns under load."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cortex_engine import placement as placing
from cortex_engine import rerankers
from cortex_engine.config import load_config
from cortex_engine.core.app import ModelState
from cortex_engine.core.errors import ModelUnavailableError, ModelUnhealthyError
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.reranking import Candidate, Judgement
from cortex_engine.suite import CortexSuite
from cortex_engine.utils import smart_model_selector as selector
from cortex_engine.utils.smart_model_selector import Device
from tests.reranking_kit.service import serving

pytestmark = pytest.mark.xdist_group("qwen3_vl")

CANDIDATES = [Candidate("cross", ModelInput("a yellow cross")), Candidate("circle", ModelInput("a red circle"))]


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    placing.forget()
    yield
    placing.forget()


def opened(folder: Path, **settings: str) -> CortexSuite:
    environ = {"CORTEX_OFFLINE": "1", **{name.upper(): value for name, value in settings.items()}}
    return CortexSuite.open(loaded=load_config(folder, environ))


def test_none_is_off_and_nothing_is_handed_out(tmp_path: Path) -> None:
    with opened(tmp_path) as suite:
        suite.load_models("reranker")
        assert suite.reranker_status().state is ModelState.OFF
        assert suite._library.reranker() is None


def test_a_service_that_comes_back_is_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{free.getsockname()[1]}/v1/rerank"
    with opened(tmp_path, cortex_reranker="http", cortex_reranker_url=closed) as suite:
        with pytest.raises(ModelUnavailableError):
            suite._library.reranker()
        status = suite.reranker_status()
        assert (status.role, status.state) == ("reranker", ModelState.ABSENT)
        assert status.facts["Kind"] == "a rerank service"
        assert [each.state for each in suite.model_statuses() if each.role == "qwen3-vl reranker"] == [ModelState.OFF]
    with serving() as service, opened(tmp_path, cortex_reranker="http", cortex_reranker_url=service.address) as suite:
        keeper = suite._library.rerankers
        url = f"{service.address}/v1/rerank"
        monkeypatch.setattr(keeper, "_config", suite.config.model_copy(update={"reranker_url": closed}))
        assert keeper.load() is ModelState.ABSENT
        monkeypatch.setattr(keeper, "_config", suite.config.model_copy(update={"reranker_url": url}))
        with pytest.raises(ModelUnavailableError):  # not asked again at once
            keeper.reranker()
        monkeypatch.setattr(rerankers, "_RETRY_SECONDS", 0.0)
        assert keeper.reranker() is not None
        assert suite.reranker_status().state is ModelState.HEALTHY


def test_random_weights_are_unhealthy_and_stay_so_until_loaded_anew(tmp_path: Path, qwen3_vl_models: Path) -> None:
    with opened(
        tmp_path, cortex_reranker="qwen3_vl", qwen3_vl_reranker_model=str(qwen3_vl_models / "reranker")
    ) as suite:
        suite.load_models("reranker")
        status = suite.reranker_status()
        assert status.state is ModelState.UNHEALTHY
        assert status.reason
        with pytest.raises(ModelUnhealthyError) as told:
            suite._library.reranker()
        assert str(told.value) == status.reason


class _Turning:
    """A reranker that gives nonsense in use."""

    name = "turning"
    sees = False

    def load(self) -> None:
        pass

    def rerank(
        self, query: ModelInput, candidates: Sequence[Candidate], instruction: str | None = None
    ) -> list[Judgement]:
        raise ModelUnhealthyError(f"All {len(candidates)} scores are equal ({query.text}, {instruction}).")

    def unload(self) -> None:
        pass


def test_nonsense_in_use_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cortex_engine.backends.build_reranker", lambda config: _Turning())
    with opened(tmp_path, cortex_reranker="local") as suite:
        reranker = suite._library.reranker()
        assert reranker is not None
        with pytest.raises(ModelUnhealthyError):
            reranker.rerank(ModelInput("q"), CANDIDATES)
        status = suite.reranker_status()
        assert (status.state, status.reason) == (ModelState.UNHEALTHY, "All 2 scores are equal (q, None).")
        with pytest.raises(ModelUnhealthyError):
            suite._library.reranker()
        suite.load_models("reranker")
        assert suite.reranker_status().state is ModelState.HEALTHY


def test_one_that_fails_over_a_query_is_a_sentence_and_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dying(_Turning):
        def rerank(
            self, query: ModelInput, candidates: Sequence[Candidate], instruction: str | None = None
        ) -> list[Judgement]:
            raise RuntimeError("CUDA error: unspecified launch failure")

    monkeypatch.setattr("cortex_engine.backends.build_reranker", lambda config: Dying())
    with opened(tmp_path, cortex_reranker="local") as suite:
        for _ in range(2):
            reranker = suite._library.reranker()
            assert reranker is not None
            with pytest.raises(ModelUnavailableError, match=r"turning failed over this query \(RuntimeError: CUDA"):
                reranker.rerank(ModelInput("q"), CANDIDATES)


class _Slow(_Turning):
    """A reranker that loads until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def load(self) -> None:
        self.begun.set()
        assert self.go.wait(60)


def test_states_do_not_wait_for_a_model_that_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = _Slow()
    monkeypatch.setattr("cortex_engine.backends.build_reranker", lambda config: slow)
    with opened(tmp_path, cortex_reranker="local") as suite, ThreadPoolExecutor(1) as pool:
        loading = pool.submit(suite.load_models, "reranker")
        assert slow.begun.wait(60)
        assert suite.reranker_status().state is ModelState.LOADING
        assert any(each.state is ModelState.LOADING for each in suite.model_statuses())
        assert suite.embedding_ready()
        slow.go.set()
        loading.result(60)
        assert suite.reranker_status().state is ModelState.HEALTHY


def test_searches_and_reranking_at_the_same_time_take_turns(
    tmp_path: Path, qwen3_vl_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selector, "devices", lambda: (Device("cpu", 0, "processor", 500_000_000, 500_000_000),))
    with opened(
        tmp_path,
        qwen3_vl_enabled="1",
        qwen3_vl_embedding_model=str(qwen3_vl_models / "trained_embedding"),
        qwen3_vl_reranker_enabled="1",
        qwen3_vl_reranker_model=str(qwen3_vl_models / "trained_reranker"),
    ) as suite:
        library = suite._library
        spec = library.default_spec()

        def work(number: int) -> str:
            if number % 2:
                return str(library.embedder(spec).embed_query("a red circle").shape)
            reranker = library.reranker()
            assert reranker is not None
            return reranker.rerank(ModelInput("a yellow cross"), CANDIDATES)[0].id

        with ThreadPoolExecutor(3) as pool:
            assert set(pool.map(work, range(6), timeout=120)) == {"(64,)", "cross"}
        assert library.rerankers.state[0] is ModelState.HEALTHY
        assert library.rerankers.at_hand is None, "what nobody waits for sends no model out of memory"
        embedder, reranker = library.shelf.made(spec.id), library.rerankers.made
        resident = library.shelf.turns.resident
        assert resident in (embedder, reranker)
        assert getattr(embedder, "is_loaded", None) is (resident is embedder)
