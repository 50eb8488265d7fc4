"""Pictures and texts among which a picture has to be found."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageDraw

COLOURS = ("#8a8f98", "#101418", "#c06cd8", "#7a4a21", "#f2f2f2", "#0f766e")
_SIZE = 72

_WORDS = (
    "The ferry leaves the quay at seven and again at noon, except on Mondays.",
    "Revenue by region rose in the north and fell a little in the west.",
    "A cross wind makes the landing at the old pier difficult in November.",
    "Yellow flags on the mast mean that a ship waits for the doctor.",
    "Tea is picked in May, rolled by hand and dried over a slow fire.",
    "The circle of readers meets every second Thursday behind the library.",
    "The square in front of the town hall is closed while the market lasts.",
    "Blue whales were seen from the lighthouse on three days of the summer.",
)


def distractors(folder: Path) -> list[Path]:
    """24 pictures that show none of the shapes (stripes, slopes, boards and rings of six colours), and 8 short texts."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, colour in enumerate(COLOURS):
        for name, draw in (("stripes", _stripes), ("slope", _slope), ("board", _board), ("rings", _rings)):
            files.append(folder / f"{name}-{number}.png")
            draw(colour).save(files[-1])
    for number, words in enumerate(_WORDS):
        files.append(folder / f"note-{number}.txt")
        files[-1].write_text(words, encoding="utf-8")
    return files


def _empty() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (_SIZE, _SIZE), "#d9dde3")
    return image, ImageDraw.Draw(image)


def _stripes(colour: str) -> Image.Image:
    image, pen = _empty()
    for left in range(0, _SIZE, 12):
        pen.rectangle((left, 0, left + 5, _SIZE), fill=colour)
    return image


def _slope(colour: str) -> Image.Image:
    return Image.blend(Image.linear_gradient("L").resize((_SIZE, _SIZE)).convert("RGB"), _flat(colour), 0.5)


def _flat(colour: str) -> Image.Image:
    return Image.new("RGB", (_SIZE, _SIZE), colour)


def _board(colour: str) -> Image.Image:
    image, pen = _empty()
    for place in range(36):
        if (place + place // 6) % 2:
            left, top = 12 * (place % 6), 12 * (place // 6)
            pen.rectangle((left, top, left + 11, top + 11), fill=colour)
    return image


def _rings(colour: str) -> Image.Image:
    image, pen = _empty()
    for inset in range(4, 34, 8):
        pen.ellipse((inset, inset, _SIZE - inset, _SIZE - inset), outline=colour, width=3)
    return image


def circle(colour: str) -> bytes:
    """A picture file that is like one of the 16, and none of them: 64 by 64 pixels, the circle smaller and off the middle."""
    image = Image.new("RGB", (64, 64), "#e6e7e4")
    ImageDraw.Draw(image).ellipse((16, 14, 52, 50), fill=colour)
    return _png(image)


def speckled(seed: int) -> bytes:
    """A picture file of grey noise."""
    return _png(Image.effect_noise((_SIZE, _SIZE), 20 + 7 * seed).convert("RGB"))


def _png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()
