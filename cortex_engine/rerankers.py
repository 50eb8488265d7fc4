"""The reranker of this process: made once, loaded when asked, examined by its probe, and used only while it is healthy."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from cortex_engine import backends
from cortex_engine.config import CortexConfig
from cortex_engine.core.app import ModelState
from cortex_engine.core.errors import CortexError, ModelUnavailableError, ModelUnhealthyError
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.protocols import Reranker
from cortex_engine.core.reranking import Candidate, Judgement
from cortex_engine.placement import placement
from cortex_engine.turns import Turns, TurnTakingReranker

_log = logging.getLogger(__name__)

_RETRY_SECONDS = 60.0
"""A service that did not answer is asked again after so long."""


class Rerankers:
    """The reranker that the settings name.

    Args:
        config: the settings.
        turns: shared with the embedders, for memory that holds only one model at a time.
    """

    def __init__(self, config: CortexConfig, turns: Turns) -> None:
        self._config = config
        self._turns = turns
        self._lock = threading.Lock()
        self._made: Reranker | None = None
        self._state = ModelState.OFF if config.reranker_in_use == "none" else ModelState.IDLE
        self._reason = ""
        self._tried = 0.0

    @property
    def state(self) -> tuple[ModelState, str]:
        """Where it stands, and why; never waits."""
        return self._state, self._reason

    @property
    def made(self) -> Reranker | None:
        """The reranker when there is one already, loaded or not; for its facts. Never waits."""
        return self._made

    @property
    def at_hand(self) -> Reranker | None:
        """The reranker where it stands loaded and healthy in this process's own memory, for what nobody waits for; never loads.

        None for a service, to which nothing is sent that nobody asked for, and for a model that takes turns with another. What it
        complains of here does not end the trust in it.
        """
        made, taking_turns = self._made, isinstance(self._made, TurnTakingReranker)
        away = self._config.reranker_in_use == "http" or taking_turns or self._state is not ModelState.HEALTHY
        return None if made is None or away else _Watched(made, lambda _: None, self.unload)

    def reranker(self) -> Reranker | None:
        """The reranker, loaded and examined, or None when none is switched on. Waits while it loads.

        Raises:
            ModelUnhealthyError: its scores mean nothing.
            ModelUnavailableError: it cannot be used; cause and remedy. Not tried again until `load`; a service is, after a
                minute.
        """
        if self._state is ModelState.OFF:
            return None
        if self._state in {ModelState.IDLE, ModelState.LOADING} or self._may_be_back():
            self.load()
        made = self._made
        if made is None or self._state is not ModelState.HEALTHY:
            kind = ModelUnhealthyError if self._state is ModelState.UNHEALTHY else ModelUnavailableError
            raise kind(self._reason or "The reranker was unloaded this moment. Search again to load it.")
        return _Watched(made, self.distrust, self.unload)

    def load(self) -> ModelState:
        """Load it and let its probe examine it; the state says how that ended. Never raises: the reason is kept."""
        with self._lock:
            if self._state in {ModelState.OFF, ModelState.HEALTHY}:
                return self._state
            self._state, self._reason = ModelState.LOADING, ""
            made: Reranker | None = None
            try:
                made = self._build()
                made.load()
                state, reason = ModelState.HEALTHY, ""
            except ModelUnhealthyError as error:
                state, reason = ModelState.UNHEALTHY, str(error)
            except CortexError as error:
                state, reason = ModelState.ABSENT, str(error)
            # A library underneath may fail in any way; the page says so, the log has the traceback, search goes on.
            except Exception as error:  # noqa: BLE001
                _log.exception("the reranker failed while it was loaded")
                state = ModelState.UNHEALTHY
                reason = f"The reranker failed while it was loaded ({type(error).__name__}: {error}). See the log."
            self._made, self._tried = made, time.monotonic()
            if state is not ModelState.HEALTHY:
                _log.warning("reranker: %s", reason)
                self._drop()
            self._reason, self._state = reason, state
            return state

    def unload(self) -> None:
        """Give its memory back; the next use loads it again."""
        with self._lock:
            if self._state is not ModelState.OFF:
                self._drop()
                self._state, self._reason = ModelState.IDLE, ""

    def distrust(self, reason: str) -> None:
        """What it gave in use means nothing: not used any more until `load`."""
        with self._lock:
            _log.warning("reranker: %s", reason)
            self._drop()
            self._state, self._reason = ModelState.UNHEALTHY, reason

    def _build(self) -> Reranker:
        made = backends.build_reranker(self._config)
        if made is None:
            raise ModelUnavailableError("The settings name no reranker. Choose one with the setting 'reranker'.")
        if self._config.reranker_in_use == "qwen3_vl" and placement(self._config).on_demand:
            return TurnTakingReranker(made, self._turns)
        return made

    def _drop(self) -> None:
        if self._made is not None:
            self._made.unload()
        self._made = None

    def _may_be_back(self) -> bool:
        service = self._config.reranker_in_use == "http"
        return service and self._state is ModelState.ABSENT and time.monotonic() - self._tried > _RETRY_SECONDS


class _Watched:
    """A reranker whose complaints are remembered by who takes them, and whose failures are sentences."""

    def __init__(self, within: Reranker, complain: Callable[[str], None], unload: Callable[[], None]) -> None:
        self._within = within
        self._complain = complain
        self._unload = unload

    @property
    def name(self) -> str:
        return self._within.name

    @property
    def sees(self) -> bool:
        return self._within.sees

    def load(self) -> None:
        self._within.load()

    def rerank(
        self, query: ModelInput, candidates: Sequence[Candidate], instruction: str | None = None
    ) -> list[Judgement]:
        try:
            return self._within.rerank(query, candidates, instruction)
        except ModelUnhealthyError as error:
            self._complain(str(error))
            raise
        except CortexError:
            raise
        except Exception as error:  # graphics cards, drivers and their libraries raise whatever they like
            _log.exception("the reranker %s failed over a query", self.name)
            raise ModelUnavailableError(
                f"The reranker {self.name} failed over this query ({type(error).__name__}: {error}); the log has the details."
            ) from error

    def unload(self) -> None:
        self._unload()
