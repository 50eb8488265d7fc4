"""Pictures and texts as Qwen3-VL reads them: RGB, upright, picture before text, nothing guessed from a string."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from cortex_engine.core.errors import UsageError
from cortex_engine.core.optional import require
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.special_tokens import harmless

_LONGEST_RATIO = 200
"""The processor refuses pictures that are longer than this many times their other side."""
NOTHING = "NULL"
"""What the official code puts for an empty input."""


def message_of(content: ModelInput) -> dict[str, Any]:
    """The dict that sentence-transformers takes: "image" (one, or a list) before "text".

    Never a bare string: one that looks like a path or an address would be opened.

    Raises:
        UsageError: a picture cannot be read.
    """
    message: dict[str, Any] = {}
    pictures = [picture_of(image) for image in content.images]
    if pictures:
        message["image"] = pictures[0] if len(pictures) == 1 else pictures
    if content.text or not pictures:
        message["text"] = harmless(content.text) or NOTHING
    return message


def picture_of(image: object) -> Any:
    """An RGB `PIL.Image.Image` of a path, of the bytes of a file, or of such an image; transparent parts become white.

    Raises:
        UsageError: it cannot be read, or is longer than 200 times its width.
        ModelUnavailableError: pillow is not installed.
    """
    library: Any = require("PIL.Image", "to read pictures", "pip install pillow")
    if isinstance(image, str) and image.startswith(("http://", "https://")):
        raise UsageError(
            f"The picture '{image}' is an address. Pictures are never fetched; give the file or its bytes."
        )
    try:
        if isinstance(image, library.Image):
            picture = _upright(image)
        elif isinstance(image, bytes | bytearray | memoryview):
            with library.open(BytesIO(bytes(image))) as opened:
                picture = _upright(opened)
        elif isinstance(image, str | Path):
            with library.open(Path(image)) as opened:
                picture = _upright(opened)
        else:
            raise UsageError(
                f"A picture must be a path, the bytes of a file or a PIL image, not {type(image).__name__}."
            )
    except UsageError:
        raise
    except Exception as error:  # decoders raise whatever a damaged file makes them raise
        raise UsageError(f"The picture {_name_of(image)} cannot be read ({type(error).__name__}: {error}).") from error
    width, height = picture.size
    if max(width, height) > _LONGEST_RATIO * min(width, height):
        raise UsageError(
            f"The picture {_name_of(image)} has {width} x {height} pixels; the model takes none that is more than "
            f"{_LONGEST_RATIO} times as long as wide. Cut it into parts."
        )
    return picture


def _upright(opened: Any) -> Any:
    from PIL import Image, ImageOps

    picture = ImageOps.exif_transpose(opened)
    if picture.mode.startswith("I;16") or picture.mode == "I":  # plain conversion would clip everything over 255
        picture = picture.convert("I").point(lambda value: value / 256).convert("L")
    if picture.has_transparency_data:
        seen = picture.convert("RGBA")
        ground = Image.new("RGB", seen.size, (255, 255, 255))
        ground.paste(seen, mask=seen.getchannel("A"))
        return ground
    return picture.convert("RGB")


def _name_of(image: object) -> str:
    if isinstance(image, str | Path):
        return f"'{image}'"
    if isinstance(image, bytes | bytearray | memoryview):
        return f"of {len(image)} bytes"
    return f"({type(image).__name__})"
