"""An embedder around another one."""

from __future__ import annotations

from typing import Any

from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.protocols import Embedder, Tokenizer


class WrappedEmbedder:
    """What every wrapper hands on: identity, tokenizer, and whatever else the embedder within has."""

    def __init__(self, within: Embedder) -> None:
        """Store."""
        self._within = within

    def __getattr__(self, name: str) -> Any:
        return getattr(self._within, name)

    @property
    def spec(self) -> EmbeddingSpec:
        """See `Embedder.spec`."""
        return self._within.spec

    @property
    def tokenizer(self) -> Tokenizer:
        """See `Embedder.tokenizer`."""
        return self._within.tokenizer
