"""A door for programs that only want vectors: texts, pictures, both together and videos, by a Qwen3-VL embedding model.

service = Qwen3VLEmbeddingService()
text = service.embed_text("a yellow cross")                     # (2048,) with the 2B model
pictures = service.embed_image(["a.png", "b.png"])              # (2, 2048)
cosines = text @ pictures.T                                     # (2,)
service.embed_multimodal({"text": "invoice", "image": "a.png"}, dimensions=1024)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cortex_engine.backends import qwen3_vl_embedder
from cortex_engine.config import CortexConfig, load_config
from cortex_engine.core.errors import UsageError
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.protocols import Vectors
from cortex_engine.embedding.matryoshka import check_dimension, shortened
from cortex_engine.embedding.qwen3_vl_inputs import DOCUMENT_INSTRUCTION, QUERY_INSTRUCTION

__all__ = [
    "DOCUMENT_INSTRUCTION",
    "QUERY_INSTRUCTION",
    "Qwen3VLEmbeddingService",
    "embed_image",
    "embed_multimodal",
    "embed_text",
    "get_service",
]

Floats = NDArray[np.float32]
Picture = Any
"""A path, the bytes of a picture file, or a `PIL.Image.Image`."""
_KEYS = {"text", "image", "video", "instruction"}


class Qwen3VLEmbeddingService:
    """A Qwen3-VL embedding model, loaded on first use. Safe to use from several threads.

    All vectors are float32 of length 1, `(dimensions,)` for one input and `(n, dimensions)` for a sequence of them, so that
    `text @ pictures.T` gives cosines. Texts and pictures that are searched in are embedded with `DOCUMENT_INSTRUCTION` (the
    default); pass `instruction=QUERY_INSTRUCTION`, or one that names your task, for queries.
    """

    def __init__(
        self,
        model: str | None = None,
        model_size: str = "auto",
        dimensions: int | None = None,
        *,
        device: str | None = None,
        dtype: str | None = None,
        batch_size: int | None = None,
        max_pixels: int | None = None,
        use_flash_attention: bool | None = None,
        offline: bool | None = None,
    ) -> None:
        """Store the choice; nothing is loaded.

        Args:
            model: Hub name or folder; None for the settings' one, or one by size.
            model_size: "auto", "2B" or "8B", where no model is named; "auto" for the settings' word.
            dimensions: of the vectors (Matryoshka), from 16 to the model's own; None for the settings' number where the
                settings name the model too, else for the full one.
            device, dtype, batch_size, max_pixels, use_flash_attention, offline: None for the settings' value.

        Raises:
            ConfigError: a setting cannot be used.
            UsageError: an unknown size, or a value that cannot be used.
            ModelUnavailableError: no size fits this machine.
        """
        if model_size not in {"auto", "2B", "8B"}:
            raise UsageError(f"There is no Qwen3-VL embedding model of the size '{model_size}'. Known: auto, 2B, 8B.")
        changes = {
            "qwen3_vl_device": device,
            "qwen3_vl_dtype": dtype,
            "qwen3_vl_embed_batch_size": batch_size,
            "qwen3_vl_max_pixels": max_pixels,
            "qwen3_vl_use_flash_attention": use_flash_attention,
            "offline": offline,
        }
        given = {key: value for key, value in changes.items() if value is not None}
        try:
            config = CortexConfig.model_validate({**load_config().config.model_dump(), **given})
        except ValueError as error:  # of pydantic
            raise UsageError(f"The embedding model cannot be used so: {error}") from error
        by_settings = model is None and model_size == "auto"
        self._dimensions = dimensions or (config.qwen3_vl_mrl_dim if by_settings else None)
        self._embedder = qwen3_vl_embedder(config, model or "", model_size)

    @property
    def full_dimensions(self) -> int:
        """Length of the model's own vectors; raises ModelUnavailableError as `load`."""
        return self._embedder.full_dimension

    @property
    def facts(self) -> dict[str, str]:
        """How the model runs here: device, precision, attention, and why not flash attention; raises as `load`."""
        return {
            "model": self._embedder.spec.model,
            "device": self._embedder.device,
            "precision": self._embedder.precision,
            "attention": self._embedder.attention,
            "attention note": self._embedder.attention_note,
        }

    def load(self) -> None:
        """Load the weights now.

        Raises:
            ModelUnavailableError: the model is not here or cannot be loaded; cause and remedy.
        """
        self._embedder.load()

    def unload(self) -> None:
        """Give the memory back; the next use loads again."""
        self._embedder.unload()

    def embed_text(
        self, texts: str | Sequence[str], instruction: str | None = None, dimensions: int | None = None
    ) -> Floats:
        """Vectors of texts.

        Args:
            texts: one, or a sequence of them.
            instruction: the task in a sentence; None for `DOCUMENT_INSTRUCTION`.
            dimensions: None for those of the constructor.

        Raises:
            UsageError: something is no text, a text is longer than the model reads, or there is no such dimension.
            ModelUnavailableError: as `load`.
        """
        return self._each(texts, isinstance(texts, str), _text, instruction, dimensions)

    def embed_image(
        self, images: Picture | Sequence[Picture], instruction: str | None = None, dimensions: int | None = None
    ) -> Floats:
        """Vectors of pictures: paths, bytes of files, or PIL images; one, or a list or tuple of them.

        Raises:
            UsageError: a picture cannot be read or has a shape that the model cannot take; or as `embed_text`.
            ModelUnavailableError: as `load`.
        """
        one = not isinstance(images, list | tuple)
        return self._each(images, one, lambda image: ModelInput(images=(image,)), instruction, dimensions)

    def embed_multimodal(
        self,
        inputs: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        instruction: str | None = None,
        dimensions: int | None = None,
    ) -> Floats:
        """Vectors of inputs that hold text, pictures, or both; pictures are read before the text.

        Args:
            inputs: a mapping or a sequence of them, with "text" and/or "image" (one or a list), or "video" (a path);
                "instruction" in it goes before the argument.
            instruction, dimensions: as for `embed_text`.

        Raises:
            UsageError: an unknown key; or as `embed_text` and `embed_image`.
            ModelUnavailableError: as `load`.
        """
        one = isinstance(inputs, Mapping)
        rows: list[Any] = [inputs] if one else list(inputs)
        asked = [_checked(row, instruction) for row in rows]
        vectors = np.empty((len(rows), self._embedder.full_dimension), np.float32)
        for wanted, is_video in dict.fromkeys((said, "video" in row) for said, row in asked):
            places = [place for place, (said, row) in enumerate(asked) if (said, "video" in row) == (wanted, is_video)]
            run = self._videos if is_video else self._contents
            vectors[places] = run([asked[place][1] for place in places], wanted)
        return self._cut(vectors, one, dimensions)

    def embed_video(
        self,
        videos: str | Path | Sequence[str | Path],
        instruction: str | None = None,
        dimensions: int | None = None,
    ) -> Floats:
        """Vectors of video files: one frame a second, at most 64 of them.

        Raises:
            UsageError: a file cannot be read as a video; or as `embed_text`.
            ModelUnavailableError: as `load`; also when no decoder is installed.
        """
        paths = [videos] if isinstance(videos, str | Path) else list(videos)
        full = self._videos([{"video": path} for path in paths], instruction or DOCUMENT_INSTRUCTION)
        return self._cut(full, isinstance(videos, str | Path), dimensions)

    def _each(
        self, given: Any, one: bool, read: Callable[[Any], ModelInput], instruction: str | None, dimensions: int | None
    ) -> Floats:
        rows = [given] if one else list(given)
        contents = [read(row) for row in rows]
        return self._cut(self._embedder.full_vectors(contents, instruction or DOCUMENT_INSTRUCTION), one, dimensions)

    def _contents(self, rows: list[Mapping[str, Any]], instruction: str) -> Vectors:
        return self._embedder.full_vectors([_content(row) for row in rows], instruction)

    def _videos(self, rows: list[Mapping[str, Any]], instruction: str) -> Vectors:
        return self._embedder.full_video_vectors([row["video"] for row in rows], instruction)

    def _cut(self, full: Vectors, one: bool, dimensions: int | None) -> Floats:
        wanted = dimensions or self._dimensions or full.shape[1]
        check_dimension(wanted, full.shape[1], self._embedder.spec.model)
        vectors = shortened(full, wanted)
        return vectors[0] if one else vectors


_lock = threading.Lock()
_services: dict[str, Qwen3VLEmbeddingService] = {}


def get_service() -> Qwen3VLEmbeddingService:
    """The model that the settings name now; the same object as long as they stay the same. One is in memory at a time.

    Raises:
        ConfigError: a setting cannot be used.
        ModelUnavailableError: no size fits this machine.
    """
    key = load_config().config.model_dump_json()
    with _lock:
        if key not in _services:
            for former in _services.values():
                former.unload()
            _services.clear()
            _services[key] = Qwen3VLEmbeddingService()
        return _services[key]


def embed_text(texts: str | Sequence[str], instruction: str | None = None, dimensions: int | None = None) -> Floats:
    """Vectors of texts by the model of the settings; as `Qwen3VLEmbeddingService.embed_text`."""
    return get_service().embed_text(texts, instruction, dimensions)


def embed_image(
    images: Picture | Sequence[Picture], instruction: str | None = None, dimensions: int | None = None
) -> Floats:
    """Vectors of pictures by the model of the settings; as `Qwen3VLEmbeddingService.embed_image`."""
    return get_service().embed_image(images, instruction, dimensions)


def embed_multimodal(
    inputs: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    instruction: str | None = None,
    dimensions: int | None = None,
) -> Floats:
    """Vectors of texts with pictures by the model of the settings; as `Qwen3VLEmbeddingService.embed_multimodal`."""
    return get_service().embed_multimodal(inputs, instruction, dimensions)


def _checked(row: Any, instruction: str | None) -> tuple[str, Mapping[str, Any]]:
    if not isinstance(row, Mapping) or set(row) - _KEYS:
        raise UsageError(
            'An input is a mapping with "text" and/or "image", or with "video"; "instruction" may be there.'
        )
    held = {key: value for key, value in row.items() if value is not None}
    if "video" in held and held.keys() & {"text", "image"}:
        raise UsageError('A video is embedded alone: give an input either "video", or "text" and/or "image".')
    said = held.pop("instruction", instruction)
    return str(said or DOCUMENT_INSTRUCTION), held


def _content(row: Mapping[str, Any]) -> ModelInput:
    if not row:
        return ModelInput("NULL")  # as the official code has it
    image = row.get("image")
    images = () if image is None else tuple(image) if isinstance(image, list | tuple) else (image,)
    return ModelInput(_text(row.get("text", "")).text, images)


def _text(given: Any) -> ModelInput:
    if not isinstance(given, str):
        raise UsageError(f"A text is a string, not {type(given).__name__}.")
    return ModelInput(given)
