"""Pictures scaled as the official code scales them, for embedding models and rerankers alike."""

from __future__ import annotations

import math
from typing import Any

SIDE = 32
"""One token stands for 32 x 32 pixels."""
SCALED = {"image": {"do_resize": False}}
"""For the processor: pictures are scaled already."""


def scaled_size(width: int, height: int, min_pixels: int, max_pixels: int) -> tuple[int, int]:
    """Width and height to which a picture is scaled: multiples of 32 with an area within the limits, same proportions.

    The rule of the official code (`smart_resize` in qwen-vl-utils). That of the same name in transformers gives other sizes
    where a side has at most 16 pixels.
    """
    new_width, new_height = (max(SIDE, round(side / SIDE) * SIDE) for side in (width, height))
    if new_width * new_height > max_pixels:
        factor = math.sqrt(width * height / max_pixels)
        return (
            max(SIDE, math.floor(width / factor / SIDE) * SIDE),
            max(SIDE, math.floor(height / factor / SIDE) * SIDE),
        )
    if new_width * new_height < min_pixels:
        factor = math.sqrt(min_pixels / (width * height))
        return math.ceil(width * factor / SIDE) * SIDE, math.ceil(height * factor / SIDE) * SIDE
    return new_width, new_height


def scaled_picture(picture: Any, min_pixels: int, max_pixels: int) -> Any:
    """A `PIL.Image.Image` scaled as the official code does it: by PIL, bicubic."""
    from PIL import Image

    width, height = picture.size
    return picture.resize(scaled_size(width, height, min_pixels, max_pixels), Image.Resampling.BICUBIC)


def scaled_message(message: dict[str, Any], min_pixels: int, max_pixels: int) -> dict[str, Any]:
    """What `decoding.message_of` gives, with scaled pictures."""
    held = message.get("image")
    if held is None:
        return message
    pictures = [scaled_picture(each, min_pixels, max_pixels) for each in (held if isinstance(held, list) else [held])]
    return {**message, "image": pictures if len(pictures) > 1 else pictures[0]}


def token_count(width: int, height: int) -> int:
    """Tokens of a picture of this (scaled) size, with the two around it."""
    return width * height // SIDE**2 + 2
