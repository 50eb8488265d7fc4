"""Inputs of the Qwen3-VL embedding models: instruction, template, and how many tokens they make."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from cortex_engine.checkpoints.decoding import message_of, picture_of
from cortex_engine.checkpoints.scaling import SCALED, scaled_message, scaled_size, token_count
from cortex_engine.core.optional import require
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.special_tokens import harmless
from cortex_engine.embedding.fast_tokenizer import FastTokenizer

QUERY_INSTRUCTION = "Retrieve images or text relevant to the user's query."
DOCUMENT_INSTRUCTION = "Represent the user's input."
"""The official example for queries, and the official default (QwenLM/Qwen3-VL-Embedding, README and src/models)."""
READY = {
    **SCALED,
    "video": {"do_resize": False, "do_sample_frames": False, "cap_pixels_per_frame": True},
}
"""For the processor: pictures are scaled and frames are chosen already."""


def instruction_sentence(instruction: str) -> str:
    """The instruction as the official code puts it: trimmed, with a full stop where none ends it; the default for none.

    >>> instruction_sentence(" Find pictures of birds")
    'Find pictures of birds.'
    """
    instruction = harmless(instruction).strip()
    if not instruction:
        return DOCUMENT_INSTRUCTION
    return instruction if unicodedata.category(instruction[-1]).startswith("P") else f"{instruction}."


def rendered(instruction: str, text: str) -> str:
    """What the chat template makes of an instruction and a text without pictures."""
    return (
        f"<|im_start|>system\n{instruction}<|im_end|>\n<|im_start|>user\n{harmless(text)}<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


class TemplateTokenizer:
    """The model's tokenizer, counting the template and the instruction too."""

    def __init__(self, backing: FastTokenizer, instruction: str) -> None:
        self._backing = backing
        self._instruction = instruction

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text with template and instruction, without truncation."""
        return self._backing.lengths([rendered(self._instruction, text) for text in texts])


def message_for(content: ModelInput, min_pixels: int, max_pixels: int) -> dict[str, Any]:
    """The dict that sentence-transformers takes, with scaled pictures.

    Raises:
        UsageError: a picture cannot be read.
    """
    if not content.text and not content.images:
        return {"text": ""}  # the official code embeds empty text as it is; its "NULL" is for inputs without any text
    return scaled_message(message_of(content), min_pixels, max_pixels)


def picture_tokens(content: ModelInput, min_pixels: int, max_pixels: int) -> int:
    """Tokens of the pictures of an input; only the heads of files are read.

    Raises:
        UsageError: a picture cannot be read.
    """
    return sum(token_count(*scaled_size(*_size_of(image), min_pixels, max_pixels)) for image in content.images)


def _size_of(image: object) -> tuple[int, int]:
    library: Any = require("PIL.Image", "to read pictures", "pip install pillow")
    if isinstance(image, library.Image):
        size: tuple[int, int] = image.size
        return size
    try:
        with library.open(BytesIO(image) if isinstance(image, bytes) else Path(str(image))) as opened:
            size = opened.size
    except Exception:  # noqa: BLE001  (decoding says in words what is wrong with it)
        size = picture_of(image).size
    return size
