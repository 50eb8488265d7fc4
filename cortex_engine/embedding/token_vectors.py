"""The packaged model's vector of each token, before they are pooled into one: what late interaction compares."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cortex_engine.embedding.batching import batches, pad
from cortex_engine.embedding.bert_graph import build_graph, with_token_vectors
from cortex_engine.embedding.fast_tokenizer import FastTokenizer
from cortex_engine.embedding.minilm import MINILM, model_folder, read_weights
from cortex_engine.embedding.onnx_bert import OnnxBert, cached_graph

_FIRST = 999
"""Where the vocabulary begins that is sorted by frequency; before it stand special and unused entries."""
_LEAST = 0.05
"""Weight of the single characters at the vocabulary's beginning."""

TokenMatrix = NDArray[np.float32]
"""`(tokens, width)`, each row of length 1."""


class PackagedTokenVectors:
    """all-MiniLM-L6-v2 up to its last layer, in float32 through onnxruntime. Safe to use from several threads."""

    def __init__(self, cache_dir: Path, threads: int = 0, folder: Path | None = None) -> None:
        """Store the settings.

        Args:
            cache_dir: where the graph lies that `PackagedEmbedder` keeps too.
            threads: of one batch; 0 for one a processor.
            folder: the model's folder; None for the installed package's.
        """
        self._cache_dir = cache_dir
        self._threads = threads
        self._given_folder = folder
        self._lock = threading.Lock()
        self._model: OnnxBert | None = None

    @property
    def name(self) -> str:
        """The model's."""
        return "all-MiniLM-L6-v2"

    @cached_property
    def _folder(self) -> Path:
        return self._given_folder or model_folder()

    @cached_property
    def _tokenizer(self) -> FastTokenizer:
        return FastTokenizer(self._folder / "tokenizer.json")

    @cached_property
    def _speaks(self) -> NDArray[np.bool_]:
        """Which entries of the vocabulary hold a letter or a digit; special ones do not count."""
        entries = self._tokenizer.vocabulary()
        speaks = np.zeros(max(entries.values()) + 1, np.bool_)
        for entry, number in entries.items():
            speaks[number] = number >= _FIRST and any(character.isalnum() for character in entry)
        return speaks

    def load(self) -> None:
        """Make the calls below possible.

        Raises:
            ModelUnavailableError: the package is missing or damaged, or `cache_dir` cannot be written.
        """
        self._loaded()
        self._tokenizer.load()

    def unload(self) -> None:
        """Give the memory back."""
        with self._lock:
            self._model = None

    def vectors(self, texts: Sequence[str]) -> list[TokenMatrix]:
        """Vectors of each text's tokens with a letter or digit in them; of its first 256, as the model reads no more."""
        rows = [self._cut(row) for row in self._tokenizer.encode(texts)]
        model = self._loaded()
        found: dict[int, TokenMatrix] = {}
        for chosen in batches([len(row) for row in rows]):
            hidden = model.run_tokens(*pad([rows[place] for place in chosen]))
            for place, matrix in zip(chosen, hidden, strict=True):
                found[place] = _unit(matrix[: len(rows[place])][self._speaks[rows[place]]])
        return [found[place] for place in range(len(rows))]

    def weighted(self, text: str) -> tuple[TokenMatrix, NDArray[np.float64]]:
        """Vectors as above, and the weight of each by its rarity: the logarithm of its rank among the vocabulary's entries.

        The vocabulary is sorted by frequency, which falls with the rank (Zipf), so that this is an inverse document
        frequency that needs no collection.
        """
        row = np.asarray(self._cut(self._tokenizer.encode([text])[0]))
        ranks = row[self._speaks[row]]
        return self.vectors([text])[0], np.maximum(np.log(np.maximum(ranks, _FIRST) / _FIRST), _LEAST)

    def pieces(self, words: Sequence[str]) -> list[int]:
        """Into how many tokens each word falls."""
        return [length - 2 for length in self._tokenizer.lengths(words)]

    def _cut(self, row: list[int]) -> list[int]:
        return row if len(row) <= MINILM.positions else [*row[: MINILM.positions - 1], row[-1]]

    def _loaded(self) -> OnnxBert:
        with self._lock:
            if self._model is None:
                graph = cached_graph(self._cache_dir, lambda: build_graph(read_weights(self._folder), MINILM))
                self._model = OnnxBert(with_token_vectors(graph, MINILM), self._threads)
            return self._model


def _unit(matrix: NDArray[np.float32]) -> TokenMatrix:
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.asarray(matrix / np.maximum(lengths, 1e-9), np.float32)
