"""Qwen3-VL embedding models: text, pictures and both together in one space.

The modules of sentence-transformers are put together here, not as a checkpoint's own files say (docs/adr/0010). Inputs are
prepared as the official code prepares them: QwenLM/Qwen3-VL-Embedding (Apache-2.0), `src/models/qwen3_vl_embedding.py`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cortex_engine.checkpoints.batches import in_batches, release_memory
from cortex_engine.checkpoints.folder import find_folder, refuse_pickles, shown_name
from cortex_engine.checkpoints.loading import load_failure, loading_reports, refuse_incomplete
from cortex_engine.checkpoints.qwen3_vl import (
    MAX_PIXELS,
    MIN_PIXELS,
    Running,
    RunningWishes,
    build_body,
    require_libraries,
    run_where,
)
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import ModelUnavailableError, UsageError
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.protocols import Vectors
from cortex_engine.embedding.fast_tokenizer import FastTokenizer
from cortex_engine.embedding.matryoshka import check_dimension, shortened
from cortex_engine.embedding.qwen3_vl_checkpoint import PURPOSE, Checkpoint, read_checkpoint
from cortex_engine.embedding.qwen3_vl_inputs import (
    READY,
    TemplateTokenizer,
    instruction_sentence,
    message_for,
    picture_tokens,
)
from cortex_engine.embedding.qwen3_vl_video import video_message

logger = logging.getLogger(__name__)

_UNUSED = frozenset({"lm_head"})
"""Checkpoints are published with or without it; it takes no part in a vector."""
_REMEDY = "Lower 'qwen3_vl_max_pixels', choose a smaller model or another device, or close other programs that use the memory."


@dataclass(frozen=True, slots=True)
class Qwen3VLOptions:
    """How the model is used.

    Attributes:
        dimension: length of the vectors (Matryoshka), None for the full one.
        max_pixels: larger pictures are scaled down to so many; 1024 of them are one token.
        query_instruction, document_instruction: the system message; part of the identity. None for what the model wants.
        device: "cpu", "cuda", "cuda:1", "mps"; "" to choose.
        precision: "auto", "bfloat16", "float16", "float32".
        flash_attention: use it where it is installed and possible.
        batch_size: inputs of one step.
        offline: never ask the Hub.
    """

    dimension: int | None = None
    max_pixels: int = MAX_PIXELS
    query_instruction: str | None = None
    document_instruction: str | None = None
    device: str = ""
    precision: str = "auto"
    flash_attention: bool = True
    batch_size: int = 8
    offline: bool = False


class Qwen3VLEmbedder:
    """A Qwen3-VL embedding model by Hub name or folder. Safe to use from several threads."""

    def __init__(self, model: str, options: Qwen3VLOptions | None = None) -> None:
        """Store the settings; the model is looked for at first use."""
        self._model = model
        self._options = options or Qwen3VLOptions()
        self._wishes = RunningWishes(
            device=self._options.device,
            precision=self._options.precision,
            flash_attention=self._options.flash_attention,
            min_pixels=MIN_PIXELS,
            max_pixels=self._options.max_pixels,
        )
        self._lock = threading.RLock()
        self._loaded: Any = None

    @cached_property
    def _folder(self) -> Path:
        return find_folder(self._model, offline=self._options.offline, weights=False, purpose=PURPOSE)

    @cached_property
    def _checkpoint(self) -> Checkpoint:
        return read_checkpoint(self._folder, self._model)

    @cached_property
    def spec(self) -> EmbeddingSpec:
        """From the model's files; the weights are not loaded (those of a local folder are hashed).

        Raises:
            ModelUnavailableError: the model is not here and cannot be fetched, or is none of its kind.
            ConfigError: the model has no such dimension.
        """
        full = self._checkpoint.dimension
        query, document = self._options.query_instruction, self._options.document_instruction
        dimension = self._options.dimension or full
        check_dimension(dimension, full, self._model)
        return EmbeddingSpec(
            backend="qwen3_vl",
            model=shown_name(self._model),
            revision=self._checkpoint.revision,
            dimension=dimension,
            pooling="lasttoken",
            normalised=True,
            max_tokens=self._checkpoint.max_tokens,
            query_instruction=instruction_sentence(query) if query else self._checkpoint.query_instruction,
            document_instruction=instruction_sentence(document) if document else self._checkpoint.document_instruction,
            truncated_from=full if dimension < full else 0,
            min_pixels=MIN_PIXELS,
            max_pixels=self._options.max_pixels,
        )

    @property
    def full_dimension(self) -> int:
        """Length of a vector before it is shortened.

        Raises:
            ModelUnavailableError: as `spec`.
        """
        return self._checkpoint.dimension

    @cached_property
    def tokenizer(self) -> TemplateTokenizer:
        """The model's tokenizer; counts the template and the document instruction too."""
        return TemplateTokenizer(self._tokens, self.spec.document_instruction)

    @cached_property
    def _tokens(self) -> FastTokenizer:
        return FastTokenizer(self._folder / "tokenizer.json")

    @cached_property
    def _running(self) -> Running:
        require_libraries(self._model, PURPOSE)
        return run_where(self._folder, self._model, PURPOSE, self._wishes)

    @property
    def device(self) -> str:
        """Where it runs, as torch calls it; raises as `load`."""
        return self._running.device

    @property
    def precision(self) -> str:
        """In which it runs: "bfloat16", "float16" or "float32"; raises as `load`."""
        return self._running.precision

    @property
    def attention(self) -> str:
        """The attention in use: "flash_attention_2" or "sdpa"; raises as `load`."""
        return self._running.attention.name

    @property
    def attention_note(self) -> str:
        """Why flash attention is not used although it is wanted, as a sentence; "" otherwise. Raises as `load`."""
        return self._running.attention.remark

    @property
    def is_loaded(self) -> bool:
        """Whether the weights are in memory."""
        return self._loaded is not None

    def load(self) -> None:
        """Load the weights (safetensors only; no code of the model's own).

        Raises:
            ModelUnavailableError: they are missing, a pickle, or incomplete; or a library is missing. Cause and remedy.
        """
        self._ready()

    def unload(self) -> None:
        """Give the memory back, also on the graphics card; the next use loads again."""
        with self._lock:
            if self._loaded is not None:
                self._loaded = None
                release_memory()

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """float32 `(len(texts), dimension)`, unit length, in the order given.

        Raises:
            UsageError: a text with template and instruction is longer than `spec.max_tokens`.
            ModelUnavailableError: as `load`.
        """
        return self.embed_inputs([ModelInput(text) for text in texts])

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """float32 `(dimension,)`, unit length. A text over the limit is cut there, and the log says so.

        Raises:
            ModelUnavailableError: as `load`.
        """
        return self.embed_query_input(ModelInput(text))

    def embed_inputs(self, inputs: Sequence[ModelInput], instruction: str | None = None) -> Vectors:
        """float32 `(len(inputs), dimension)`, unit length, in the order given.

        Raises:
            UsageError: a picture cannot be read, or an input is longer than `spec.max_tokens`; the sentence says which.
            ModelUnavailableError: as `load`.
        """
        wanted = self.spec.document_instruction if instruction is None else instruction
        return shortened(self.full_vectors(inputs, wanted), self.spec.dimension)

    def embed_query_input(self, query: ModelInput) -> NDArray[np.float32]:
        """float32 `(dimension,)`, unit length, with the query instruction; a text over the limit is cut.

        Raises:
            UsageError: a picture cannot be read.
            ModelUnavailableError: as `load`.
        """
        full = self.full_vectors([query], self.spec.query_instruction, cut=True)
        vector: NDArray[np.float32] = shortened(full, self.spec.dimension)[0]
        return vector

    def full_vectors(self, inputs: Sequence[ModelInput], instruction: str, *, cut: bool = False) -> Vectors:
        """float32 `(len(inputs), full_dimension)`, not scaled: what `shortened` makes vectors of any size from.

        Args:
            inputs: texts, pictures, or both.
            instruction: the system message.
            cut: cut a text that is too long instead of refusing it.

        Raises:
            UsageError, ModelUnavailableError: as `embed_inputs`.
        """
        if not inputs:
            return np.empty((0, self.full_dimension), np.float32)
        instruction = instruction_sentence(instruction)
        lengths = self._lengths(inputs, instruction, cut)
        order = sorted(range(len(inputs)), key=lambda position: (-lengths[position], position))

        def run(positions: list[int]) -> Vectors:
            return self._encode([self._message(inputs, position) for position in positions], instruction)

        vectors = np.empty((len(inputs), self.full_dimension), np.float32)
        vectors[order] = in_batches(run, order, self._options.batch_size, _REMEDY)
        return vectors

    def full_video_vectors(self, paths: Sequence[str | Path], instruction: str) -> Vectors:
        """float32 `(len(paths), full_dimension)`, not scaled: one vector of each video, one frame a second, 64 at most.

        Raises:
            UsageError: a file cannot be read as a video.
            ModelUnavailableError: as `load`; also when no decoder is installed.
        """
        instruction = instruction_sentence(instruction)
        vectors = np.empty((len(paths), self.full_dimension), np.float32)
        room = self.spec.max_tokens - self._tokens.lengths([instruction])[0]
        for position, path in enumerate(paths):
            vectors[position] = in_batches(
                lambda messages: self._encode(messages, instruction),
                [video_message(Path(path), self._options.max_pixels, room, self._tokens)],
                1,
                _REMEDY,
            )[0]
        return vectors

    def _lengths(self, inputs: Sequence[ModelInput], instruction: str, cut: bool) -> list[int]:
        """Tokens of each input; one that has too many is refused, or cut where `cut` allows it and text is the cause."""
        texts = TemplateTokenizer(self._tokens, instruction).lengths([content.text for content in inputs])
        limit, least = self.spec.max_tokens, TemplateTokenizer(self._tokens, instruction).lengths([""])[0]
        lengths = []
        for position, (content, words) in enumerate(zip(inputs, texts, strict=True)):
            with _naming(inputs, position):
                pictures = picture_tokens(content, MIN_PIXELS, self._options.max_pixels)
            if pictures + least > limit or (pictures + words > limit and not cut):
                raise UsageError(
                    f"Input {position + 1} of {len(inputs)} has {pictures + words} tokens, {pictures} of them for "
                    f"{len(content.images)} pictures, but {self._model} reads at most {limit}. Use a shorter text, fewer "
                    "pictures, or lower 'qwen3_vl_max_pixels'."
                )
            if pictures + words > limit:
                logger.warning("The query has %d tokens; only the first %d count.", pictures + words, limit)
            lengths.append(min(limit, pictures + words))
        return lengths

    def _message(self, inputs: Sequence[ModelInput], position: int) -> Mapping[str, Any]:
        with _naming(inputs, position):
            return message_for(inputs[position], MIN_PIXELS, self._options.max_pixels)

    def _encode(self, messages: list[Mapping[str, Any]], instruction: str) -> Vectors:
        # One batch at a time: the library's tokenizer is not safe to share, and a query may slip in between batches.
        with self._lock:
            found = self._ready().encode(
                messages,
                prompt=instruction,
                batch_size=len(messages),
                show_progress_bar=False,
                convert_to_tensor=True,
                normalize_embeddings=False,
                processing_kwargs=READY,
            )
            vectors = np.ascontiguousarray(found.float().cpu().numpy(), np.float32)
        if not np.isfinite(vectors).all():
            raise ModelUnavailableError(
                f"The embedding model {self._model} gives numbers that are not finite in {self.precision} on {self.device}. "
                "Set 'qwen3_vl_dtype' to 'bfloat16' or 'float32'."
            )
        return vectors

    def _ready(self) -> Any:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> Any:
        library = require_libraries(self._model, PURPOSE)
        folder = find_folder(self._model, offline=self._options.offline, weights=True, purpose=PURPOSE)
        present = read_checkpoint(folder, self._model)
        if present != self._checkpoint:
            raise ModelUnavailableError(f"The embedding model {self._model} changed while it was in use. Start again.")
        refuse_pickles(folder, self._model, PURPOSE)
        running = self._running
        try:
            with loading_reports() as report:
                model = _assemble(library, folder, running, self._wishes, present)
        except Exception as error:  # the libraries raise whatever their parts raise; each means "cannot be loaded"
            release_memory()
            raise load_failure(self._model, folder, error, PURPOSE) from error
        refuse_incomplete(self._model, folder, report, _UNUSED, PURPOSE)
        return model


def _assemble(library: Any, folder: Path, running: Running, wishes: RunningWishes, checkpoint: Checkpoint) -> Any:
    """Body and pooling. Scaling to unit length is done by `shortened`, in float32 and after the cut."""
    from sentence_transformers.sentence_transformer.modules import Pooling

    body = build_body(
        folder,
        running,
        wishes,
        task="feature-extraction",
        chat_template={"add_generation_prompt": True},
        max_tokens=checkpoint.max_tokens,
    )
    pooling = Pooling(body.get_embedding_dimension(), "lasttoken")
    return library.SentenceTransformer(modules=[body, pooling], device=running.device)


@contextmanager
def _naming(inputs: Sequence[ModelInput], position: int) -> Iterator[None]:
    """Say which of several inputs it is that cannot be used."""
    try:
        yield
    except UsageError as error:
        if len(inputs) == 1:
            raise
        raise UsageError(f"Input {position + 1} of {len(inputs)}: {error}") from error
