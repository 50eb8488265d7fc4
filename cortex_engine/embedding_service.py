"""A door for programs that only want vectors: the embedder that the settings name, made once for each process."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cortex_engine.backends import build_embedder
from cortex_engine.config import load_config
from cortex_engine.core.protocols import Embedder, Vectors

_lock = threading.Lock()
_embedders: dict[str, Embedder] = {}


def get_embedder() -> Embedder:
    """The embedder that the settings name now; the same object as long as they stay the same.

    Raises:
        ConfigError: a setting cannot be used.
    """
    config = load_config().config
    key = config.model_dump_json()
    with _lock:
        if key not in _embedders:
            _embedders.clear()  # one model in memory: the one of settings that have changed is let go
            _embedders[key] = build_embedder(config)
        return _embedders[key]


def embed_query(text: str) -> NDArray[np.float32]:
    """float32 `(dimension,)`, with the query instruction of the model.

    Raises:
        ConfigError: a setting cannot be used.
        ModelUnavailableError: cause and remedy.
    """
    return get_embedder().embed_query(text)


def embed_documents(texts: Sequence[str]) -> Vectors:
    """float32 `(len(texts), dimension)` in the order given, with the document instruction of the model.

    Raises:
        ConfigError: a setting cannot be used.
        UsageError: a text is longer than the model can read.
        ModelUnavailableError: cause and remedy.
    """
    return get_embedder().embed_documents(texts)
