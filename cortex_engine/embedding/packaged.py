"""The default embedder: all-MiniLM-L6-v2 from a package, no download, no torch for queries."""

from __future__ import annotations

import importlib.util
import logging
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import UsageError
from cortex_engine.core.protocols import Vectors
from cortex_engine.embedding.batching import embed_in_batches, pad
from cortex_engine.embedding.bert_graph import build_graph
from cortex_engine.embedding.bfloat16_bert import Bfloat16Bert, processor_multiplies_bfloat16
from cortex_engine.embedding.fast_tokenizer import FastTokenizer
from cortex_engine.embedding.minilm import MINILM, WEIGHTS_SHA256, model_folder, read_weights
from cortex_engine.embedding.onnx_bert import OnnxBert, cached_graph

Precision = Literal["auto", "float32", "bfloat16"]

logger = logging.getLogger(__name__)

_SPEC = EmbeddingSpec(
    backend="packaged",
    model="all-MiniLM-L6-v2",
    revision=WEIGHTS_SHA256,
    dimension=MINILM.width,
    pooling="mean",
    normalised=True,
    max_tokens=MINILM.positions,
)


class PackagedEmbedder:
    """all-MiniLM-L6-v2 as published (weights checked by SHA-256).

    Queries run in float32 through onnxruntime. Documents run in bfloat16 through torch where the processor has
    instructions for it (`precision="auto"`), else like queries; both give vectors of one space (cosine >= .9999).
    Safe to use from several threads.
    """

    def __init__(self, cache_dir: Path, threads: int = 0, precision: Precision = "auto", folder: Path | None = None):
        """Store the settings.

        Args:
            cache_dir: where the graph made from the weights is kept (90 MB, made again when missing or damaged).
            threads: that compute at the same time; 0 for one a processor.
            precision: of document vectors.
            folder: the model's folder; None for the installed package's.
        """
        self._cache_dir = cache_dir
        self._threads = threads
        self._precision = precision
        self._given_folder = folder
        self._lock = threading.Lock()
        self._onnx: OnnxBert | None = None
        self._bfloat16: Bfloat16Bert | None = None

    @property
    def spec(self) -> EmbeddingSpec:
        """The published model; known without reading a file."""
        return _SPEC

    @cached_property
    def _folder(self) -> Path:
        return self._given_folder or model_folder()

    @cached_property
    def tokenizer(self) -> FastTokenizer:
        """The model's WordPiece tokenizer."""
        return FastTokenizer(self._folder / "tokenizer.json")

    @cached_property
    def document_precision(self) -> Literal["float32", "bfloat16"]:
        """What documents are computed in on this machine."""
        if self._precision != "auto":
            return self._precision
        able = processor_multiplies_bfloat16() and importlib.util.find_spec("torch") is not None
        return "bfloat16" if able else "float32"

    def load(self) -> None:
        """Make queries possible: tokenizer and float32 graph (built from the weights when it is not cached).

        Raises:
            ModelUnavailableError: the package is missing or damaged, or `cache_dir` cannot be written.
        """
        self._float32_model()
        self.tokenizer.load()

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """float32 `(len(texts), 384)`, unit length, in the order given.

        Raises:
            UsageError: a text is longer than `spec.max_tokens`; cutting it would lose what it says.
            ModelUnavailableError: as `load`.
        """
        if not texts:
            return np.empty((0, _SPEC.dimension), np.float32)
        rows = self.tokenizer.encode(texts)
        for position, row in enumerate(rows):
            if len(row) > _SPEC.max_tokens:
                raise UsageError(
                    f"Text {position + 1} of {len(rows)} has {len(row)} tokens, but {_SPEC.model} reads at most "
                    f"{_SPEC.max_tokens}. Cut it into shorter passages before embedding."
                )
        if self.document_precision == "bfloat16":
            model = self._bfloat16_model()
            return embed_in_batches(rows, _SPEC.dimension, model.run, model.apply)
        return embed_in_batches(rows, _SPEC.dimension, self._float32_model().run)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """float32 `(384,)`, unit length. A query over `spec.max_tokens` is cut there, and the log says so.

        Raises:
            ModelUnavailableError: as `load`.
        """
        row = self.tokenizer.encode([text])[0]
        if len(row) > _SPEC.max_tokens:
            logger.warning(
                "The query has %d tokens; only the first %d count for its meaning.", len(row), _SPEC.max_tokens
            )
            row = [*row[: _SPEC.max_tokens - 1], row[-1]]
        return np.ascontiguousarray(self._float32_model().run(*pad([row]))[0])

    def _float32_model(self) -> OnnxBert:
        with self._lock:
            if self._onnx is None:
                graph = cached_graph(self._cache_dir, lambda: build_graph(read_weights(self._folder), MINILM))
                self._onnx = OnnxBert(graph, self._threads)
            return self._onnx

    def _bfloat16_model(self) -> Bfloat16Bert:
        with self._lock:
            if self._bfloat16 is None:
                self._bfloat16 = Bfloat16Bert(read_weights(self._folder), MINILM, self._threads)
            return self._bfloat16
