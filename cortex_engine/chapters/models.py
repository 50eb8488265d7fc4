"""The models: which there are, where each stands, what another would cost, and whether a search has to wait for one."""

from __future__ import annotations

from collections.abc import Sequence

from cortex_engine import backends, caring, planning, readiness
from cortex_engine.background import load_models
from cortex_engine.chapters.base import Chapter
from cortex_engine.core.app import ModelState, ModelStatus
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import ModelUnavailableError
from cortex_engine.core.planning import ModelChoice, ModelPlan
from cortex_engine.core.probes import ProbeReport
from cortex_engine.core.protocols import Embedder


class ModelsChapter(Chapter):
    """The models and their states."""

    def model_statuses(self) -> list[ModelStatus]:
        """Where each model stands: embedding models in use, OCR, Qwen3-VL, the reranker. Never waits for one."""
        return readiness.model_statuses(self._library)

    def reranker_status(self) -> ModelStatus:
        """Where the reranker of the settings stands; OFF when there is none. Never waits."""
        return readiness.reranker_status(self._library)

    def warm_models(self) -> None:
        """Load and examine what is not healthy yet: in the background where that runs, else before this returns."""
        self.load_models()

    def load_models(self, role: str = "") -> None:
        """As `warm_models`, for all models or only those of a role.

        Args:
            role: "embedding" or "reranker" (the roles of `model_statuses` serve too), "" for all.

        Raises:
            UsageError: there is no such role.
        """
        if self._background is not None:
            self._background.warm(role)
        else:
            load_models(self._library, role=role)

    def unload_models(self) -> None:
        """Give back the memory of every model that can; each loads again with its next use."""
        self._library.shelf.unload()
        self._library.rerankers.unload()

    def embedder(self, collection: str = "") -> Embedder:
        """The model of a collection, or that of new collections; examined before its first vector.

        Raises:
            NotFoundError: no such collection.
            ModelMismatchError, ModelUnavailableError: with cause and remedy.
        """
        library = self._library
        spec = library.catalog.collection(collection).spec if collection else library.default_spec()
        return library.embedder(spec)

    def verify_models(self) -> list[ProbeReport]:
        """Load the models of all collections, embed their probes and compare them with the frozen ones; one report for each.

        A model that gives other vectors than before is not used from then on (`model_statuses` says so). Models that cannot
        be loaded are left out; `model_statuses` says why.
        """
        return caring.verify_models(self._library)

    def known_reports(self) -> list[ProbeReport]:
        """What the probes said of the models of collections when this process loaded them. Never waits."""
        return caring.known_reports(self._library)

    def spec_of(self, target: str) -> EmbeddingSpec:
        """The identity of the model that a target names, for `create_collection`; its weights are read, not loaded.

        Args:
            target: as in `ModelChoice.target`.

        Raises:
            UsageError, ConfigError: the target names no model.
            ModelUnavailableError: it is not on this machine; the message says what to do.
        """
        return backends.spec_for(self._library.config, target)

    def load_model(self, target: str) -> None:
        """Load and examine the model that a target names, so that `plan_model` can measure its time. Waits.

        Raises:
            UsageError, ConfigError: the target names no model.
            ModelUnavailableError: it cannot be loaded; the message says what to do.
        """
        spec = self.spec_of(target)
        if self._library.shelf.load(spec) is not ModelState.HEALTHY:
            raise ModelUnavailableError(self._library.shelf.state(spec.id)[1])

    def model_choices(self) -> list[ModelChoice]:
        """Embedding models that can be chosen, those of the settings first; `here` tells which need no download."""
        return planning.model_choices(self._library)

    def plan_model(self, target: str, collection: str = "") -> ModelPlan:
        """What embedding with a model would cost here: bytes, memory, time. Fetches nothing.

        Args:
            target: as in `ModelChoice.target`.
            collection: only its passages and pictures count; "" for the whole library.

        Raises:
            UsageError: the target names no model.
            NotFoundError: no such collection.
        """
        return planning.plan_model(self._library, target, collection)

    def embedding_ready(self, collections: Sequence[str] = ()) -> bool:
        """Whether a search by meaning in these collections (all, when none is named) can be asked without waiting.

        False only while a model is being loaded, or is about to be. True also when one cannot be used: the search
        then says so at once. Never waits itself.
        """
        pending = self._background is not None and self._background.models_pending
        waiting = {ModelState.LOADING, ModelState.IDLE} if pending else {ModelState.LOADING}
        models = self._library.catalog.models(collections)
        return not any(self._library.shelf.state(model_id)[0] in waiting for model_id in models)
