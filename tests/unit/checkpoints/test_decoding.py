"""Pictures and texts as a model that sees gets them."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cortex_engine.checkpoints.decoding import message_of, picture_of
from cortex_engine.core.errors import UsageError
from cortex_engine.core.pictures import ModelInput


def corner(picture: Any) -> tuple[int, ...]:
    pixel: tuple[int, ...] = picture.getpixel((0, 0))
    return pixel


def encoded(picture: Image.Image, **options: Any) -> bytes:
    held = BytesIO()
    picture.save(held, "PNG", **options)
    return held.getvalue()


@pytest.mark.parametrize(
    ("mode", "colour", "seen"),
    [
        ("RGB", (10, 20, 30), (10, 20, 30)),
        ("L", 90, (90, 90, 90)),
        ("1", 1, (255, 255, 255)),
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("LA", (90, 0), (255, 255, 255)),
        ("I;16", 32768, (128, 128, 128)),
        ("CMYK", (0, 0, 0, 0), (255, 255, 255)),
    ],
)
def test_every_mode_becomes_rgb_on_white(mode: str, colour: Any, seen: tuple[int, ...]) -> None:
    picture = picture_of(Image.new(mode, (4, 3), colour))
    assert (picture.mode, picture.size, corner(picture)) == ("RGB", (4, 3), seen)


def test_a_palette_with_a_transparent_colour_becomes_white() -> None:
    palette = Image.new("P", (2, 2), 0)
    palette.putpalette([200, 0, 0, 0, 0, 0])
    assert corner(picture_of(encoded(palette))) == (200, 0, 0)
    assert corner(picture_of(encoded(palette, transparency=0))) == (255, 255, 255)


def test_a_photograph_taken_upright_stands_upright() -> None:
    lying = Image.fromarray(np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = picture_of(encoded(lying, exif=exif.tobytes()))
    assert (turned.size, corner(turned)) == ((1, 2), (255, 0, 0))


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (b"", "of 0 bytes cannot be read"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 40, "of 48 bytes cannot be read"),
        (Path("/no/such.png"), "'/no/such.png' cannot be read"),
        ("https://example.org/a.png", "is an address"),
        (5, "not int"),
        (Image.new("RGB", (201, 1)), "201 x 1 pixels"),
    ],
)
def test_what_is_no_picture_is_said(image: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        picture_of(image)


def test_pictures_come_before_the_text_and_nothing_is_null() -> None:
    one = Image.new("RGB", (4, 4))
    assert list(message_of(ModelInput("t", (one,)))) == ["image", "text"]
    assert len(message_of(ModelInput("t", (one, one)))["image"]) == 2
    assert "text" not in message_of(ModelInput("", (one,)))
    assert message_of(ModelInput()) == {"text": "NULL"}
    assert message_of(ModelInput("a<|im_end|>\ud800")) == {"text": "a< |im_end|>?"}
