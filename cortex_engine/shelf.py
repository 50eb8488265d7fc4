"""The embedding models of this process: each made once, loaded when asked, and trusted only after a small examination.

Models do not wait for one another: while one loads, others answer.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from cortex_engine import backends
from cortex_engine.config import CortexConfig
from cortex_engine.core.app import ModelState
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import CortexError, ModelUnavailableError, ModelUnhealthyError
from cortex_engine.core.model_records import ProbeRecords
from cortex_engine.core.probes import ProbeReport
from cortex_engine.core.protocols import Embedder, MultimodalEmbedder
from cortex_engine.examined import examined
from cortex_engine.maintenance.canaries import Canaries
from cortex_engine.placement import placement
from cortex_engine.turns import Turns, TurnTakingEmbedder, unload

_log = logging.getLogger(__name__)

_TEXTS = ("The ferry leaves at noon.", "Invoices are paid within thirty days.")
_NORM_GAP = 1e-3
_RETRY_SECONDS = 30.0
"""A model that could not be loaded is tried again by searches after so long: reading gigabytes of a damaged checkpoint takes
seconds. `ModelShelf.load` tries at once."""
_ALIKE = 0.9999
"""Two texts that have nothing to do with each other, and whose cosine is above this, get one vector whatever they say."""


@dataclass(slots=True)
class _Place:
    """What is known of one model; `lock` is held while it is made or loaded.

    Attributes:
        described: made for its tokenizer while the model's vectors are not fit.
        cover: what is handed out in place of the embedder, and asks it itself.
        frozen: whether its probes are known to lie in the catalog.
        logged: the reason that the log has already; a model that is not there is tried again and again.
        tried: when it was loaded last, in seconds of `time.monotonic`.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    embedder: Embedder | None = None
    described: Embedder | None = None
    cover: Embedder | None = None
    frozen: bool = False
    state: ModelState = ModelState.IDLE
    reason: str = ""
    logged: str = ""
    tried: float = 0.0

    def recall_absence(self) -> None:
        """Say what is known already of a model that was tried a moment ago.

        Raises:
            ModelUnavailableError: it could not be loaded.
        """
        if self.state is ModelState.ABSENT and time.monotonic() - self.tried < _RETRY_SECONDS:
            raise ModelUnavailableError(self.reason)


class ModelShelf:
    """Embedders by the id of their spec.

    Args:
        config: the settings.
        records: where the probes of models are kept.
    """

    def __init__(self, config: CortexConfig, records: ProbeRecords) -> None:
        self._config = config
        self._canaries = Canaries(records)
        self.turns = Turns()
        """In memory that holds only one large model at a time; the reranker takes part."""
        self._places: dict[str, _Place] = {}
        self._default: EmbeddingSpec | None = None
        self._default_fault = ""
        self._guard = threading.Lock()

    def embedder(self, spec: EmbeddingSpec) -> Embedder:
        """The model that made the vectors of `spec`, made once; it is loaded and examined by `load` or before its first vector.

        Raises:
            ModelMismatchError, ModelUnavailableError: with cause and remedy.
        """
        place = self._place(spec.id)
        within = place.embedder
        if within is None:
            place.recall_absence()
        if within is None or place.state is ModelState.UNHEALTHY:
            with place.lock:
                within = self._made(place, spec)
        return place.cover or examined(within, lambda: self._ready(spec))

    def description(self, spec: EmbeddingSpec) -> Embedder:
        """The embedder of `spec` for its tokenizer, also while its vectors are not fit: passages are cut for it all the same.

        Raises:
            ModelMismatchError, ModelUnavailableError: with cause and remedy.
        """
        place = self._place(spec.id)
        found = place.embedder or place.described
        if found is None:
            with place.lock:
                found = place.described = backends.embedder_of(self._config, spec)
        return found

    def put(self, embedder: Embedder) -> None:
        """Let this embedder stand for its spec."""
        place = self._place(embedder.spec.id)
        with place.lock:
            place.embedder = embedder

    def cover(self, embedder: Embedder) -> None:
        """Hand out this embedder for its spec, which asks the one that `embedder` gave before where it does not know itself."""
        self._place(embedder.spec.id).cover = embedder

    def verify(self, spec: EmbeddingSpec) -> ProbeReport | None:
        """Look at a model again, loaded or not, and let its state follow; None where it cannot be loaded (`state` says why)."""
        place = self._place(spec.id)
        with place.lock:
            self._load(place, spec)
        return self._canaries.report(spec.id)

    def probe_report(self, model_id: str) -> ProbeReport | None:
        """What the probes said of a model when this process loaded it last. Never waits."""
        return self._canaries.report(model_id)

    def default_spec(self) -> EmbeddingSpec:
        """The spec of the model that the settings name.

        Raises:
            ModelUnavailableError: its description cannot be had.
        """
        if self._default is not None:
            return self._default
        embedder = backends.build_embedder(self._config)
        spec = embedder.spec
        place = self._place(spec.id)
        with place.lock:
            place.embedder = place.embedder or self._in_turns(embedder)
        self._default, self._default_fault = spec, ""
        return spec

    @property
    def default(self) -> tuple[EmbeddingSpec | None, str]:
        """The spec of the model that the settings name, when somebody has asked for it before, and else why there is none.

        Never waits.
        """
        return self._default, self._default_fault

    def load_default(self) -> None:
        """Load the model that the settings name; when even its description cannot be had, `default` says why."""
        try:
            spec = self.default_spec()
        except CortexError as error:
            _log.warning("the embedding model of the settings: %s", error)
            self._default_fault = str(error)
            return
        self.load(spec)

    def load(self, spec: EmbeddingSpec) -> ModelState:
        """Load a model and examine it; the state says how that ended. Never raises: the reason is kept.

        A model that was found unusable before is made and examined anew.
        """
        place = self._place(spec.id)
        with place.lock:
            if place.state is ModelState.HEALTHY:
                return place.state
            place.state, place.reason = ModelState.LOADING, ""
            return self._load(place, spec)

    def _load(self, place: _Place, spec: EmbeddingSpec) -> ModelState:
        """Load and examine the model of a place, whose lock is held."""
        self._canaries.forget(spec.id)
        if place.state is ModelState.UNHEALTHY:
            place.state = ModelState.LOADING
        try:
            embedder = self._made(place, spec)
            embedder.load()
            look = self._canaries.look(embedder)
            fault = look.fault or examine(embedder)
            state, reason = (ModelState.UNHEALTHY, fault) if fault else (ModelState.HEALTHY, look.note)
            place.frozen = not fault and self._canaries.freeze(spec)
        except ModelUnhealthyError as error:
            state, reason = ModelState.UNHEALTHY, str(error)
        except ModelUnavailableError as error:
            state, reason = ModelState.ABSENT, str(error)
        except CortexError as error:
            state, reason = ModelState.UNHEALTHY, str(error)
        # A library underneath may fail in any way; the page says so, the log has the traceback, others go on.
        except Exception as error:  # noqa: BLE001
            _log.exception("the embedding model %s failed while it was loaded", spec.model)
            state = ModelState.UNHEALTHY
            reason = (
                f"The model '{spec.model}' failed while it was loaded ({type(error).__name__}: {error}). See the log."
            )
        if reason and reason != place.logged:
            _log.warning("embedding model %s: %s", spec.model, reason)
        place.logged, place.tried = reason, time.monotonic()
        if state is not ModelState.HEALTHY and place.embedder is not None:
            unload(place.embedder)  # others may still hold it, and with it gigabytes
            place.embedder = None
        place.reason, place.state = reason, state
        return state

    def unload(self, model_ids: Collection[str] | None = None) -> None:
        """Give back the memory of every model that can (or of these); the next use loads it again.

        Waits for calls that are under way.
        """
        for model_id, place in list(self._places.items()):
            with place.lock:
                wanted = model_ids is None or model_id in model_ids
                if wanted and place.embedder is not None and unload(place.embedder):
                    place.state, place.reason = ModelState.IDLE, ""

    def made(self, model_id: str) -> Embedder | None:
        """The embedder of a model when there is one already, loaded or not; for its facts. Never waits."""
        place = self._places.get(model_id)
        return place.embedder if place else None

    def state(self, model_id: str) -> tuple[ModelState, str]:
        """Where a model stands, and why; never waits."""
        place = self._places.get(model_id)
        return (place.state, place.reason) if place else (ModelState.IDLE, "")

    def _place(self, model_id: str) -> _Place:
        with self._guard:
            return self._places.setdefault(model_id, _Place())

    def _ready(self, spec: EmbeddingSpec) -> Embedder:
        """The embedder of a spec, loaded and examined, with its probes frozen as soon as a collection uses it.

        Raises:
            ModelMismatchError, ModelUnavailableError: with cause and remedy.
        """
        place = self._place(spec.id)
        embedder = place.embedder
        while embedder is None or place.state is not ModelState.HEALTHY:
            if place.state is ModelState.UNHEALTHY:
                raise ModelUnhealthyError(place.reason)
            place.recall_absence()
            if self.load(spec) is ModelState.ABSENT:
                raise ModelUnavailableError(place.reason)
            embedder = place.embedder
        if not place.frozen:
            place.frozen = self._canaries.freeze(spec)
        return embedder

    def _made(self, place: _Place, spec: EmbeddingSpec) -> Embedder:
        """The embedder of a place, whose lock is held."""
        if place.state is ModelState.UNHEALTHY:
            raise ModelUnhealthyError(place.reason)
        if place.embedder is None:
            place.embedder = self._in_turns(backends.embedder_of(self._config, spec))
        return place.embedder

    def _in_turns(self, embedder: Embedder) -> Embedder:
        """The embedder, made to take turns where memory holds only one large model at a time."""
        # `sees` first: asking for the protocol evaluates every property, and those of other embedders read files.
        if embedder.spec.sees and isinstance(embedder, MultimodalEmbedder) and placement(self._config).on_demand:
            return TurnTakingEmbedder(embedder, self.turns)
        return embedder


def examine(embedder: Embedder) -> str:
    """What is wrong with the vectors that a model gives for two fixed texts, or ""."""
    spec = embedder.spec
    vectors = [embedder.embed_query(text) for text in _TEXTS]
    for vector in vectors:
        if vector.shape != (spec.dimension,):
            return (
                f"'{spec.model}' gives vectors of shape {vector.shape} instead of {spec.dimension} numbers. {_REMEDY}"
            )
        if not bool(np.isfinite(vector).all()):
            return f"'{spec.model}' gives vectors with numbers that are not finite. {_REMEDY}"
        length = float(np.linalg.norm(vector))
        if length == 0 or (spec.normalised and abs(length - 1) > _NORM_GAP):
            return f"'{spec.model}' gives vectors of length {length:.3f} instead of 1. {_REMEDY}"
    cosine = float(vectors[0] @ vectors[1] / (np.linalg.norm(vectors[0]) * np.linalg.norm(vectors[1])))
    if cosine > _ALIKE:
        return f"'{spec.model}' gives the same vector for different texts. {_REMEDY}"
    return ""


_REMEDY = (
    "Its vectors would be meaningless, so it is not used; install or copy the model again. Search by words goes on."
)
