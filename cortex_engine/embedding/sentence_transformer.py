"""Any sentence-transformers model (BGE, E5, …) by Hub name or folder."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cortex_engine.checkpoints.folder import find_folder, revision_of, shown_name
from cortex_engine.checkpoints.loading import load_failure, loading_reports, refuse_incomplete
from cortex_engine.checkpoints.torchvision_guard import ensure_torchvision
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import ModelUnavailableError, UsageError
from cortex_engine.core.optional import require
from cortex_engine.core.protocols import Vectors
from cortex_engine.embedding.fast_tokenizer import FastTokenizer, encodable
from cortex_engine.embedding.model_facts import ModelFacts, facts_of
from cortex_engine.embedding.model_folder import Description, check_weights, describe

logger = logging.getLogger(__name__)

_UNUSED = frozenset({"pooler", "cls", "lm_head", "position_ids"})
"""Parts that encoders are published with or without, and that take no part in a sentence's vector."""


class InstructedTokenizer:
    """The model's tokenizer, counting what is put before each passage too."""

    def __init__(self, backing: FastTokenizer, instruction: str) -> None:
        self._backing = backing
        self._instruction = instruction

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text with the instruction and special tokens, without truncation."""
        return self._backing.lengths([self._instruction + text for text in texts])


class SentenceTransformerEmbedder:
    """A sentence-transformers model; vectors are always scaled to length 1. Safe to use from several threads."""

    def __init__(
        self,
        model: str,
        *,
        device: str = "",
        batch_size: int = 32,
        query_instruction: str | None = None,
        document_instruction: str | None = None,
        offline: bool = False,
    ) -> None:
        """Store the settings.

        Args:
            model: Hub name ("BAAI/bge-base-en-v1.5") or folder.
            device: "cpu", "cuda", …; "" to choose.
            batch_size: texts of one step.
            query_instruction, document_instruction: put before the text; None for what the model's card asks for.
            offline: never ask the Hub.
        """
        self._model = model
        self._device = device
        self._batch_size = batch_size
        self._instructions = (query_instruction, document_instruction)
        self._offline = offline
        self._lock = threading.RLock()
        self._loaded: Any = None

    @cached_property
    def _folder(self) -> Path:
        return find_folder(self._model, offline=self._offline, weights=False)

    @cached_property
    def _description(self) -> Description:
        return describe(self._folder, self._model)

    @cached_property
    def spec(self) -> EmbeddingSpec:
        """From the model's configuration files; the weights are not loaded (those of a local folder are hashed).

        Raises:
            ModelUnavailableError: the model is not here and cannot be fetched, or its files are damaged.
        """
        facts = facts_of(self._model) or ModelFacts(self._model)
        said, given = self._description.prompts, self._instructions
        query = facts.query_instruction or said.get("query", "")
        document = facts.document_instruction or said.get("document", said.get("passage", ""))
        return EmbeddingSpec(
            backend="sentence_transformer",
            model=shown_name(self._model),
            revision=revision_of(self._folder),
            dimension=self._description.dimension,
            pooling=self._description.pooling,
            normalised=True,
            max_tokens=self._description.max_tokens,
            query_instruction=query if given[0] is None else given[0],
            document_instruction=document if given[1] is None else given[1],
        )

    @cached_property
    def _tokens(self) -> FastTokenizer:
        return FastTokenizer(self._folder / "tokenizer.json")

    @cached_property
    def tokenizer(self) -> InstructedTokenizer:
        """The model's tokenizer; counts the document instruction too."""
        return InstructedTokenizer(self._tokens, self.spec.document_instruction)

    def load(self) -> None:
        """Load the weights (safetensors only; no code of the model's own).

        Raises:
            ModelUnavailableError: they are missing, a pickle, incomplete, or sentence-transformers is not installed.
        """
        self._ready()

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """float32 `(len(texts), dimension)`, unit length, in the order given.

        Raises:
            UsageError: a text with its instruction is longer than `spec.max_tokens`.
            ModelUnavailableError: as `load`.
        """
        vectors = np.empty((len(texts), self.spec.dimension), np.float32)
        if not texts:
            return vectors
        lengths = self.tokenizer.lengths(texts)
        for position, length in enumerate(lengths):
            if length > self.spec.max_tokens:
                raise UsageError(
                    f"Text {position + 1} of {len(texts)} has {length} tokens, but {self.spec.model} reads at most "
                    f"{self.spec.max_tokens}. Cut it into shorter passages before embedding."
                )
        order = sorted(range(len(texts)), key=lambda position: (-lengths[position], position))
        for start in range(0, len(order), self._batch_size):
            positions = order[start : start + self._batch_size]
            vectors[positions] = self._encode(
                [texts[position] for position in positions], self.spec.document_instruction
            )
        return vectors

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """float32 `(dimension,)`, unit length. A query over `spec.max_tokens` is cut there, and the log says so.

        Raises:
            ModelUnavailableError: as `load`.
        """
        length = self._tokens.lengths([self.spec.query_instruction + text])[0]
        if length > self.spec.max_tokens:
            logger.warning("The query has %d tokens; only the first %d count.", length, self.spec.max_tokens)
        vector: NDArray[np.float32] = self._encode([text], self.spec.query_instruction)[0]
        return vector

    def _encode(self, texts: list[str], instruction: str) -> Vectors:
        # One batch at a time: the library's tokenizer is not safe to share, and a query may slip in between batches.
        with self._lock:
            vectors = self._ready().encode(
                [encodable(text) for text in texts],
                prompt=instruction,
                batch_size=len(texts),
                show_progress_bar=False,
                convert_to_numpy=True,
                normalize_embeddings=True,
            )
        contiguous: Vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        return contiguous

    def _ready(self) -> Any:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> Any:
        folder = find_folder(self._model, offline=self._offline, weights=True)
        if revision_of(folder) != self.spec.revision:
            raise ModelUnavailableError(
                f"The embedding model {self._model} changed while it was being loaded. Start again."
            )
        check_weights(folder, self._model)
        ensure_torchvision()
        library: Any = require(
            "sentence_transformers", f"for the embedding model {self._model}", "pip install sentence-transformers"
        )
        try:
            with loading_reports() as report:
                model = library.SentenceTransformer(
                    str(folder),
                    device=self._device or None,
                    trust_remote_code=False,
                    local_files_only=True,
                    model_kwargs={"use_safetensors": True, "dtype": "float32"},
                )
        except Exception as error:  # the library raises whatever its parts raise; each means "cannot be loaded"
            raise load_failure(self._model, folder, error) from error
        refuse_incomplete(self._model, folder, report, _UNUSED)
        model.max_seq_length = self.spec.max_tokens
        if model.get_embedding_dimension() != self.spec.dimension:
            raise ModelUnavailableError(
                f"The embedding model {self._model} gives vectors of {model.get_embedding_dimension()} numbers, but its "
                f"files say {self.spec.dimension}. Copy or fetch the model again."
            )
        return model
