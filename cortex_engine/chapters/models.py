"""The models: which there are, where each stands, and whether a search has to wait for one."""

from __future__ import annotations

from collections.abc import Sequence

from cortex_engine import readiness
from cortex_engine.background import load_models
from cortex_engine.chapters.base import Chapter
from cortex_engine.core.app import ModelState, ModelStatus


class ModelsChapter(Chapter):
    """The models and their states."""

    def model_statuses(self) -> list[ModelStatus]:
        """Where each model stands: embedding models in use, OCR, Qwen3-VL. Never waits for one."""
        return readiness.model_statuses(self._library)

    def warm_models(self) -> None:
        """Load and examine what is not healthy yet: in the background where that runs, else before this returns."""
        if self._background is not None:
            self._background.warm()
        else:
            load_models(self._library)

    def embedding_ready(self, collections: Sequence[str] = ()) -> bool:
        """Whether a search by meaning in these collections (all, when none is named) can be asked without waiting.

        False only while a model is being loaded, or is about to be. True also when one cannot be used: the search
        then says so at once. Never waits itself.
        """
        pending = self._background is not None and self._background.models_pending
        waiting = {ModelState.LOADING, ModelState.IDLE} if pending else {ModelState.LOADING}
        models = self._library.catalog.models(collections)
        return not any(self._library.shelf.state(model_id)[0] in waiting for model_id in models)
