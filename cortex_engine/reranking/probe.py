"""What a reranker is examined with: pairs that anybody can judge, in words and in small drawn pictures."""

from __future__ import annotations

from typing import Any

from cortex_engine.core.pictures import ModelInput

WORDS: tuple[tuple[str, str], ...] = (
    (
        "How tall is the Eiffel Tower?",
        "The Eiffel Tower in Paris is 330 metres tall, about as high as a building of 81 storeys.",
    ),
    (
        "How do bees make honey?",
        "Bees collect nectar from flowers and make honey of it in the hive, where they dry it with their wings.",
    ),
    (
        "When was the invoice for March paid?",
        "The invoice for March was paid on the third of April by bank transfer.",
    ),
    (
        "What is the capital of Japan?",
        "Tokyo is the capital of Japan and its largest city.",
    ),
)
"""Query and the document that answers it; each other document does not."""

SHAPES: tuple[tuple[str, str, str], ...] = (
    ("a red circle", "#dc2828", "circle"),
    ("a blue square", "#2850dc", "square"),
    ("a green triangle", "#28b43c", "triangle"),
    ("a yellow cross", "#e6d228", "cross"),
)
"""Query, colour and shape of the picture that it describes."""
_SIDE = 64
_GROUND = "#ebebeb"


def word_pairs() -> tuple[list[ModelInput], list[ModelInput]]:
    """Queries and documents; each query's own document stands at its place."""
    return [ModelInput(query) for query, _ in WORDS], [ModelInput(document) for _, document in WORDS]


def picture_pairs() -> tuple[list[ModelInput], list[ModelInput]]:
    """Queries and pictures, likewise; pillow is needed."""
    queries = [ModelInput(query) for query, _, _ in SHAPES]
    return queries, [ModelInput(images=(drawn(colour, shape),)) for _, colour, shape in SHAPES]


def drawn(colour: str, shape: str, reach: int = 20, middle: tuple[int, int] = (32, 32)) -> Any:
    """A shape on a light ground, 64 x 64 pixels, as a PIL image.

    Args:
        colour: as PIL understands it.
        shape: "circle", "square", "triangle" or "cross".
        reach: pixels from its middle to its edge.
        middle: where it stands.
    """
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (_SIDE, _SIDE), _GROUND)
    pen = ImageDraw.Draw(picture)
    x, y = middle
    left, top, right, bottom, thin = x - reach, y - reach, x + reach, y + reach, reach // 3
    if shape == "circle":
        pen.ellipse((left, top, right, bottom), fill=colour)
    elif shape == "square":
        pen.rectangle((left, top, right, bottom), fill=colour)
    elif shape == "triangle":
        pen.polygon(((x, top), (left, bottom), (right, bottom)), fill=colour)
    else:
        pen.rectangle((left, y - thin, right, y + thin), fill=colour)
        pen.rectangle((x - thin, top, x + thin, bottom), fill=colour)
    return picture
