"""The inputs of the reference numbers in reference.json (same names, same order): texts, pictures (PNG files in pictures/) and (query, document) pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
QUERY_INSTRUCTION = "Retrieve images or text relevant to the user's query."

# name -> (colour, shape, (width, height)); sizes chosen so that resizing happens up, down and not at all
PICTURES = {
    "red_circle": ("red", "circle", (130, 97)),
    "blue_square": ("blue", "square", (200, 150)),
    "green_triangle": ("green", "triangle", (40, 30)),
    "yellow_cross": ("yellow", "cross", (320, 224)),
}

LONG = (
    "The annual report shows revenue by region. " * 12
    + "A small red circle marks the largest figure, and a blue square the smallest one."
)

EMBED_TEXT = [
    {"text": "red circle"},
    {"text": "red circle", "instruction": QUERY_INSTRUCTION},
    {"text": "quarterly revenue chart", "instruction": QUERY_INSTRUCTION.rstrip(".")},  # a full stop is added
    {"text": "A small blue square with a white cross.\nSecond line: 42 %"},
    {"text": "Zürich 東京 — naïve ✓"},
    {"text": LONG},
    {"text": ""},
]
EMBED_IMAGE = [{"image": name} for name in PICTURES]
EMBED_MIXED = [
    {"text": "red circle", "image": "red_circle"},
]
RERANK: list[
    dict[str, Any]
] = [  # one entry per query, in the official input format; "instruction" left out = the default one
    {
        "query": {"text": "red circle"},
        "documents": [
            {"text": "A picture of a red circle."},
            {"text": "blue square"},
            {"text": LONG},
            {"image": "red_circle"},
            {"image": "blue_square"},
            {"text": "red circle", "image": "red_circle"},
        ],
    },
]


def load_picture(name: str, folder: Path = HERE / "pictures") -> Any:
    """The picture `name` as a `PIL.Image.Image`, RGB."""
    from PIL import Image

    with Image.open(folder / f"{name}.png") as image:
        return image.convert("RGB")


def with_pictures(item: dict[str, str]) -> dict[str, Any]:
    """The case with its picture's name replaced by the picture."""
    return {k: load_picture(v) if k == "image" else v for k, v in item.items()}
