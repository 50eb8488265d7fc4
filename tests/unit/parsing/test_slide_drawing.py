"""Slides as pictures: everything in its place and colour; nothing that a damaged file says makes the drawer fail."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.shapes import MSO_SHAPE
from pptx.util import Inches, Pt

from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.box import ParseBox
from cortex_engine.parsing.slide_drawing import draw_slide

_RED, _GREEN, _BLUE, _WHITE = (255, 0, 0), (0, 128, 0), (0, 0, 255), (255, 255, 255)


@pytest.fixture(scope="module")
def deck(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A slide of 10 x 7.5 inches: a green picture, a red box in a group, a blue ellipse, a table, words."""
    presentation = Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[5])
    slide.shapes.title.text = "Tides of the harbour"
    data = io.BytesIO()
    Image.new("RGB", (100, 100), _GREEN).save(data, "PNG")
    slide.shapes.add_picture(data, Inches(1), Inches(2), Inches(2), Inches(2))
    group = slide.shapes.add_group_shape()
    box = group.shapes.add_shape(MSO_SHAPE.RECTANGLE, Inches(4), Inches(2), Inches(1), Inches(1))
    box.fill.solid()
    box.fill.fore_color.rgb = RGBColor(*_RED)
    ellipse = slide.shapes.add_shape(MSO_SHAPE.OVAL, Inches(7), Inches(2), Inches(2), Inches(1))
    ellipse.fill.solid()
    ellipse.fill.fore_color.rgb = RGBColor(*_BLUE)
    table = slide.shapes.add_table(2, 2, Inches(1), Inches(5), Inches(4), Inches(1)).table
    table.cell(0, 0).text = "High"
    words = slide.shapes.add_textbox(Inches(6), Inches(5), Inches(3), Inches(1)).text_frame
    words.text = "Ebbe und Flut 潮汐 " * 40
    words.paragraphs[0].runs[0].font.size = Pt(40)
    second = presentation.slides.add_slide(presentation.slide_layouts[1])
    second.shapes.title.text = "Second"
    second.background.fill.solid()
    second.background.fill.fore_color.rgb = RGBColor(*_BLUE)
    path = tmp_path_factory.mktemp("deck") / "deck.pptx"
    presentation.save(str(path))
    return path


def _dark(picture: Image.Image, box: tuple[int, int, int, int]) -> int:
    return sum(picture.crop(box).convert("L").point(lambda value: value < 100).histogram()[1:])


def test_everything_stands_in_its_place(deck: Path) -> None:
    picture = draw_slide(deck, "deck.pptx", 1, 1000, ParseOptions())
    assert picture.size == (1000, 750)
    assert picture.getpixel((200, 300)) == _GREEN
    assert picture.getpixel((450, 250)) == _RED
    assert picture.getpixel((800, 250)) == _BLUE
    assert picture.getpixel((705, 202)) == _WHITE, "outside of the ellipse"
    assert _dark(picture, (150, 30, 850, 150)) > 200, "the title"
    assert _dark(picture, (105, 505, 300, 545)) > 20, "a cell of the table"
    assert _dark(picture, (600, 500, 900, 600)) > 200, "the text, made smaller"
    assert draw_slide(deck, "deck.pptx", 2, 400, ParseOptions()).getpixel((5, 5)) == _BLUE
    with pytest.raises(ParseError, match="no slide 3: it has 2"):
        draw_slide(deck, "deck.pptx", 3, 400, ParseOptions())


def test_it_is_drawn_in_the_box_and_within_the_budget(deck: Path) -> None:
    with ParseBox(ParseOptions(render_pixels=30_000)) as box:
        drawn = box.render(deck, "deck.pptx", 1, (), 1000, lossless=True)
    assert drawn.mime == "image/png" and drawn.width * drawn.height <= 30_200
    assert Image.open(io.BytesIO(drawn.data)).size == (drawn.width, drawn.height)


def test_real_presentations(data_root: Path) -> None:
    science = draw_slide(data_root / "documents" / "science-exploration-1p.pptx", "s.pptx", 1, 640, ParseOptions())
    assert science.getpixel((300, 20)) != _WHITE, "the banner of the master"
    for path in (data_root / "documents").glob("*.pptx"):
        assert draw_slide(path, path.name, 1, 320, ParseOptions()).width == 320
    assert draw_slide(data_root / "hostile" / "fake-power-point-malformed.pptx", "b", 1, 320, ParseOptions())


_NUMBERS = st.sampled_from(["-1", "0", "", "x", "9" * 30, "-" + "9" * 30, "1e9", "２", "NaN"])


def _spoiled(deck: Path, numbers: Iterator[str], every: int) -> bytes:
    """The presentation with every so manieth number of its slides and masters replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(deck) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if re.match(r"ppt/(slides|slideMasters|slideLayouts)/[^/]*\.xml|ppt/presentation\.xml", name):
                count = 0

                def replaced(found: re.Match[str]) -> str:
                    nonlocal count
                    count += 1
                    return f'="{next(numbers)}"' if count % every == 0 else found.group()

                data = re.sub(r'="-?\d+"', replaced, data.decode()).encode()
            target.writestr(name, data)
    return out.getvalue()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers=st.lists(_NUMBERS, min_size=1, max_size=20), every=st.integers(1, 9))
def test_numbers_of_a_damaged_file_are_drawn_or_refused(
    deck: Path, tmp_path: Path, numbers: list[str], every: int
) -> None:
    import itertools

    path = tmp_path / "spoiled.pptx"
    path.write_bytes(_spoiled(deck, itertools.cycle(numbers), every))
    for number in (1, 2):
        try:
            picture = draw_slide(path, "spoiled.pptx", number, 200, ParseOptions(render_pixels=100_000))
        except ParseError:
            continue
        assert picture.width * picture.height <= 110_000
