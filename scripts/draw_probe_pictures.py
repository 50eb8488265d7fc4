#!/usr/bin/env python3
"""Draw the eight pictures among the probes of the canary contract (`cortex_engine/samples/probes`), the same pixels every time.

The files are frozen: vectors of every library's models depend on them. Whoever changes them raises
`cortex_engine.maintenance.probe_contents.VERSION`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIZE = 64
GROUND = (238, 238, 238)
COLOURS = {"red": (220, 40, 40), "green": (40, 180, 60), "blue": (40, 80, 220), "yellow": (230, 210, 40)}
PICTURES = (
    ("red", "circle"),
    ("blue", "square"),
    ("green", "triangle"),
    ("yellow", "cross"),
    ("yellow", "circle"),
    ("red", "square"),
    ("blue", "triangle"),
    ("green", "cross"),
)


def draw(colour: str, shape: str) -> Image.Image:
    """One shape in the middle of a light, slightly uneven ground."""
    rng = np.random.default_rng(20260118)
    uneven = np.clip(np.array(GROUND) + rng.integers(-4, 5, (SIZE, SIZE, 1)), 0, 255).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(uneven))
    pen, fill, middle, reach = ImageDraw.Draw(image), COLOURS[colour], SIZE // 2, SIZE // 3
    low, high, thin = middle - reach, middle + reach, reach // 3
    if shape == "circle":
        pen.ellipse([low, low, high, high], fill=fill)
    elif shape == "square":
        pen.rectangle([low, low, high, high], fill=fill)
    elif shape == "triangle":
        pen.polygon([(middle, low), (low, high), (high, high)], fill=fill)
    else:
        pen.rectangle([low, middle - thin, high, middle + thin], fill=fill)
        pen.rectangle([middle - thin, low, middle + thin, high], fill=fill)
    return image


def main(folder: Path) -> None:
    """Write the pictures into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for colour, shape in PICTURES:
        draw(colour, shape).save(folder / f"{colour}_{shape}.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "cortex_engine" / "samples" / "probes")
