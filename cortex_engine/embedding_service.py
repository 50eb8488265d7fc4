"""A door for programs that only want vectors: the embedder that the settings name, or another by name, made once.

>>> from cortex_engine.embedding_service import embed_query
>>> embed_query("bees", "hashing").shape
(256,)
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cortex_engine.backends import build_embedder, embedder_for
from cortex_engine.config import CortexConfig, load_config
from cortex_engine.core.errors import ModelUnavailableError
from cortex_engine.core.protocols import Embedder, Vectors
from cortex_engine.turns import unload
from cortex_engine.utils.embedding_validator import row_of

_lock = threading.Lock()
_embedders: dict[tuple[str, str], Embedder] = {}

FAMILIES = {
    "bge": "sentence_transformer:BAAI/bge-base-en-v1.5",
    "nv-embed": "sentence_transformer:nvidia/NV-Embed-v2",
    "qwen3-vl": "qwen3_vl",
}
"""Short names of backends -> the target that stands for each (`core.model_targets`)."""


def get_embedder(backend: str = "") -> Embedder:
    """An embedder; the same object as long as settings and name stay the same. One is in memory at a time.

    Args:
        backend: "" for what the settings name; "BGE", "NV-Embed" or "Qwen3-VL"; a target such as
            "qwen3_vl:Qwen/Qwen3-VL-Embedding-2B@1024"; or a known model's published name.

    Raises:
        ConfigError: a setting cannot be used.
        UsageError: nothing is called so.
        ModelUnavailableError: no size fits this machine, or the model cannot be used here at all; the sentence says why.
    """
    config = load_config().config
    key = (config.model_dump_json(), backend)
    with _lock:
        if key not in _embedders:
            made = _made(config, backend)
            for former in _embedders.values():
                unload(former)
            _embedders.clear()  # the one of settings that have changed is let go
            _embedders[key] = made
        return _embedders[key]


def embed_query(text: str, backend: str = "") -> NDArray[np.float32]:
    """float32 `(dimension,)`, with the query instruction of the model.

    Raises:
        ConfigError, UsageError: as `get_embedder`.
        ModelUnavailableError: cause and remedy.
    """
    return get_embedder(backend).embed_query(text)


def embed_documents(texts: Sequence[str], backend: str = "") -> Vectors:
    """float32 `(len(texts), dimension)` in the order given, with the document instruction of the model.

    Raises:
        ConfigError: as `get_embedder`.
        UsageError: as `get_embedder`; also when a text is longer than the model can read.
        ModelUnavailableError: cause and remedy.
    """
    return get_embedder(backend).embed_documents(texts)


def _made(config: CortexConfig, backend: str) -> Embedder:
    if not backend:
        return build_embedder(config)
    target = FAMILIES.get(backend.strip().lower(), backend)
    row = row_of(target.partition(":")[2] or target)
    if row is not None and row.hindrance:
        raise ModelUnavailableError(f"{row.short_name} cannot be used here. {row.hindrance}")
    if row is not None and ":" not in target:
        target = "packaged" if row.backend == "packaged" else f"{row.backend}:{row.name}"
    return embedder_for(config, target)
