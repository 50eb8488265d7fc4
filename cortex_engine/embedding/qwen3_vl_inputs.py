"""Inputs of the Qwen3-VL embedding models: instruction, template, and how many tokens they make."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from cortex_engine.checkpoints.decoding import message_of, picture_of
from cortex_engine.core.optional import require
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.special_tokens import harmless
from cortex_engine.embedding.fast_tokenizer import FastTokenizer

QUERY_INSTRUCTION = "Retrieve images or text relevant to the user's query."
DOCUMENT_INSTRUCTION = "Represent the user's input."
"""The official example for queries, and the official default (QwenLM/Qwen3-VL-Embedding, README and src/models)."""
READY = {
    "image": {"do_resize": False},
    "video": {"do_resize": False, "do_sample_frames": False, "cap_pixels_per_frame": True},
}
"""For the processor: pictures are scaled and frames are chosen already."""
_SIDE = 32
"""One token stands for 32 x 32 pixels."""


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


def scaled_picture(picture: Any, min_pixels: int, max_pixels: int) -> Any:
    """A `PIL.Image.Image` scaled as the official code does it: by PIL, bicubic."""
    from PIL import Image

    width, height = picture.size
    return picture.resize(scaled_size(width, height, min_pixels, max_pixels), Image.Resampling.BICUBIC)


def message_for(content: ModelInput, min_pixels: int, max_pixels: int) -> dict[str, Any]:
    """The dict that sentence-transformers takes, with scaled pictures.

    Raises:
        UsageError: a picture cannot be read.
    """
    if not content.text and not content.images:
        return {"text": ""}  # the official code embeds empty text as it is; its "NULL" is for inputs without any text
    message = message_of(content)
    if content.images:
        read = message["image"] if isinstance(message["image"], list) else [message["image"]]
        scaled = [scaled_picture(picture, min_pixels, max_pixels) for picture in read]
        message["image"] = scaled if len(scaled) > 1 else scaled[0]
    return message


def picture_tokens(content: ModelInput, min_pixels: int, max_pixels: int) -> int:
    """Tokens of the pictures of an input; only the heads of files are read.

    Raises:
        UsageError: a picture cannot be read.
    """
    scaled = [scaled_size(*_size_of(image), min_pixels, max_pixels) for image in content.images]
    return sum(width * height // _SIDE**2 + 2 for width, height in scaled)


def scaled_size(width: int, height: int, min_pixels: int, max_pixels: int) -> tuple[int, int]:
    """Width and height to which a picture is scaled: multiples of 32 with an area within the limits, same proportions.

    The rule of the official code (`smart_resize` in qwen-vl-utils). That of the same name in transformers gives other sizes
    where a side has at most 16 pixels.
    """
    new_width, new_height = (max(_SIDE, round(side / _SIDE) * _SIDE) for side in (width, height))
    if new_width * new_height > max_pixels:
        factor = math.sqrt(width * height / max_pixels)
        return (
            max(_SIDE, math.floor(width / factor / _SIDE) * _SIDE),
            max(_SIDE, math.floor(height / factor / _SIDE) * _SIDE),
        )
    if new_width * new_height < min_pixels:
        factor = math.sqrt(min_pixels / (width * height))
        return math.ceil(width * factor / _SIDE) * _SIDE, math.ceil(height * factor / _SIDE) * _SIDE
    return new_width, new_height


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
