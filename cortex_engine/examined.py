"""Embedders that nobody gets a vector from before they were examined."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.errors import CortexError, ModelUnavailableError
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.protocols import Embedder, MultimodalEmbedder, Vectors
from cortex_engine.core.wrapping import WrappedEmbedder

_log = logging.getLogger(__name__)


class ExaminedEmbedder(WrappedEmbedder):
    """An embedder that is loaded and examined before its first vector. Everything else is that of the embedder within.

    Where a library underneath fails over a query, in whatever way, the model is unavailable for this query: words go on.

    Args:
        within: for what is known without loading.
        ready: gives the embedder after it was loaded and examined, at once where that is done; raises
            ModelUnavailableError or ModelUnhealthyError.
    """

    def __init__(self, within: Embedder, ready: Callable[[], Embedder]) -> None:
        super().__init__(within)
        self._ready = ready

    def load(self) -> None:
        """See `Embedder.load`; it is examined too."""
        self._ready()

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed_documents`."""
        return self._ready().embed_documents(texts)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """See `Embedder.embed_query`."""
        return self._asked(self._ready().embed_query, text)

    def _asked(self, embed: Callable[[Any], NDArray[np.float32]], query: object) -> NDArray[np.float32]:
        try:
            return embed(query)
        except CortexError:
            raise
        except Exception as error:  # graphics cards, drivers and their libraries raise whatever they like
            _log.exception("the embedding model %s failed over a query", self.spec.model)
            raise ModelUnavailableError(
                f"The embedding model {self.spec.model} failed over this query ({type(error).__name__}: {error}); the log "
                "has the details. Unload and load the models, or start again, if that lasts."
            ) from error


class ExaminedMultimodalEmbedder(ExaminedEmbedder):
    """The same for embedders that see."""

    def embed_inputs(self, inputs: Sequence[ModelInput], instruction: str | None = None) -> Vectors:
        """See `MultimodalEmbedder.embed_inputs`."""
        return self._seeing().embed_inputs(inputs, instruction)

    def embed_query_input(self, query: ModelInput) -> NDArray[np.float32]:
        """See `MultimodalEmbedder.embed_query_input`."""
        return self._asked(self._seeing().embed_query_input, query)

    def _seeing(self) -> MultimodalEmbedder:
        return cast("MultimodalEmbedder", self._ready())


def examined(within: Embedder, ready: Callable[[], Embedder]) -> Embedder:
    """The embedder, examined before its first vector."""
    # isinstance with a protocol reads every property of the object, and some of them read files.
    if hasattr(type(within), "embed_query_input"):
        return ExaminedMultimodalEmbedder(within, ready)
    return ExaminedEmbedder(within, ready)
