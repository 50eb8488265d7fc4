"""Marks drawn into pictures: where they belong and nowhere else, letters dark, on dark grounds light."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from cortex_engine.core.documents import Box, PagePicture
from cortex_engine.core.errors import ParseError
from cortex_engine.parsing.marking import mark_picture


def page(ground: str = "white", ink: str = "black", kind: str = "WEBP") -> PagePicture:
    picture = Image.new("RGB", (400, 600), ground)
    pen = ImageDraw.Draw(picture)
    for row in range(5):
        pen.rectangle((60, 100 + 40 * row, 340, 108 + 40 * row), ink)
    stream = io.BytesIO()
    picture.save(stream, kind, **({"lossless": True} if kind == "WEBP" else {}))
    return PagePicture(stream.getvalue(), f"image/{kind.lower()}", 400, 600)


def pixels(picture: PagePicture) -> NDArray[np.int16]:
    return np.asarray(Image.open(io.BytesIO(picture.data)).convert("RGB")).astype(np.int16)


def line(row: int, x0: float = 60, x1: float = 340) -> Box:
    return Box(x0 / 400, (95 + 40 * row) / 600, x1 / 400, (113 + 40 * row) / 600)


def test_marks_lie_on_their_lines_and_ink_stays_dark() -> None:
    marked = mark_picture(page(), [line(1), line(2)], [line(1, 100, 160), line(4, 200, 260)])
    assert (marked.mime, marked.width, marked.height) == ("image/jpeg", 400, 600)
    assert marked.boxes == (line(1), line(2))
    seen = pixels(marked)
    yellow, blue = seen[137, 130], seen[137, 300]
    assert yellow[2] < 140 < 200 < yellow[0]
    assert blue[2] > 245 > blue[0] > 215
    assert (abs(seen[257, 230] - yellow) < 12).all()
    assert seen[144, 130].max() < 90 and seen[144, 300].max() < 60  # ink
    assert (seen[157, 300] > 215).all() and seen[157, 300][2] > 245  # the gap between two lines is filled
    for y, x in ((50, 200), (97, 200), (217, 200), (257, 120), (590, 390), (140, 370)):
        assert seen[y, x].min() > 250, (y, x)
    bar = (seen[:, :, 2] > 180) & (seen[:, :, 0] < 120)
    rows, columns = np.nonzero(bar)
    assert columns.min() > 30 and columns.max() < 60
    assert 130 < rows.min() < 140 and 188 < rows.max() < 198


def test_columns_have_bars_of_their_own_and_page_numbers_do_not_pull_them() -> None:
    left = [Box(0.1, y, 0.45, y + 0.02) for y in (0.5, 0.53, 0.56)]
    right = [Box(0.55, y, 0.9, y + 0.02) for y in (0.1, 0.13, 0.16)]
    seen = pixels(mark_picture(page(), [*left, *right, Box(0.49, 0.19, 0.51, 0.21)], []))
    bar = (seen[:, :, 2] > 180) & (seen[:, :, 0] < 120)
    columns = np.nonzero(bar.any(axis=0))[0]
    assert ((columns < 40) | (columns > 180)).all()
    assert bar[310:340, 30:40].any()
    assert bar[65:100, 208:220].any()
    assert not bar[130:300].any()


def test_a_bar_stands_left_of_the_whole_line() -> None:
    seen = pixels(mark_picture(page(), [line(1, 200, 340)], [], [60 / 400]))
    bar = (seen[:, :, 2] > 180) & (seen[:, :, 0] < 120)
    assert np.nonzero(bar)[1].max() < 60


def test_on_a_dark_ground_marks_are_light_and_letters_stay_light() -> None:
    marked = mark_picture(page("#101030", "white"), [line(1)], [line(1, 100, 160)])
    seen = pixels(marked)
    assert seen[137, 130][0] > 100 > seen[137, 130][2]
    assert seen[144, 130].min() > 200
    assert seen[137, 300].sum() > seen[50, 200].sum() + 60


def test_places_outside_of_the_page_and_empty_ones_do_no_harm() -> None:
    odd = [Box(-1, -1, 2, 2), Box(0.5, 0.5, 0.5, 0.5), Box(0.999, 0.999, 1.0, 1.0), Box(1.5, 1.5, 1.6, 1.6)]
    assert pixels(mark_picture(page(), odd, odd)).shape == (600, 400, 3)


@pytest.mark.parametrize(
    "picture",
    [
        PagePicture(b"", "image/webp", 4, 4),
        PagePicture(b"RIFF1234WEBPVP8 junk", "image/webp", 4, 4),
        PagePicture(page().data[:60], "image/webp", 400, 600),
        PagePicture(page().data, "image/webp", 401, 600),
        PagePicture(page(kind="GIF").data, "image/gif", 400, 600),
    ],
)
def test_a_picture_that_is_none_is_refused(picture: PagePicture) -> None:
    with pytest.raises(ParseError, match="picture of the page"):
        mark_picture(picture, [line(1)], [])
