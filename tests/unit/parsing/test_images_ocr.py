"""Pictures: frames, orientation, OCR, and pages drawn again."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from cortex_engine.core.documents import PageState, line_boxes
from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.box import ParseBox


def written(*lines: str, size: tuple[int, int] = (900, 300)) -> Image.Image:
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    for number, text in enumerate(lines):
        draw.text((40, 40 + 70 * number), text, fill="black", font=ImageFont.load_default(44))
    return picture


def save(picture: Image.Image, path: Path, **arguments: object) -> Path:
    picture.save(path, **arguments)
    return path


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "bmp", "gif", "tif"])
def test_every_format_is_read(parse_box: ParseBox, tmp_path: Path, ending: str) -> None:
    path = save(written("Quarterly report", "Total 4711 euros"), tmp_path / f"p.{ending}")
    parsed = parse_box.parse(path, path.name)
    (page,) = parsed.pages
    assert parsed.info.media_type == "image"
    assert page.state is PageState.OCR
    assert "Quarterly report" in page.text
    assert "4711" in page.text
    assert (page.width, page.height) == (900, 300)
    assert page.confidence is not None
    assert page.confidence > 0.9
    assert {stage for stage, _ in parsed.seconds} == {"parse", "ocr"}
    start = page.text.index("4711")
    (mark,) = line_boxes(page, start, start + 4)
    assert 0.1 < mark.x0 < mark.x1 < 0.4
    assert 0.33 < mark.y0 < mark.y1 < 0.6


def test_transparency_stands_on_white(parse_box: ParseBox, tmp_path: Path) -> None:
    picture = Image.new("RGBA", (900, 300), (0, 0, 0, 0))
    picture.paste((0, 0, 0, 255), mask=written("Transparent words").convert("L").point(lambda value: 255 - value))
    path = save(picture, tmp_path / "t.png")
    assert "Transparent words" in parse_box.parse(path, path.name).text


def test_orientation_of_the_camera_is_undone(parse_box: ParseBox, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    path = save(written("Camera turned", "on its side").rotate(90, expand=True), tmp_path / "c.jpg", exif=exif)
    parsed = parse_box.parse(path, path.name)
    assert flat(parsed.text) == "Camera turned on its side"
    assert (parsed.pages[0].width, parsed.pages[0].height) == (900, 300)
    drawn = parse_box.render(path, path.name, 1, [], 450)
    assert (drawn.width, drawn.height) == (450, 150)


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_turned_pages_are_read_upright_and_marked_where_they_are(
    parse_box: ParseBox, tmp_path: Path, angle: int
) -> None:
    upright = written("Agreement between", "the first party and", "the second party")
    path = save(upright.rotate(angle, expand=True), tmp_path / "r.png")
    page = parse_box.parse(path, path.name).pages[0]
    assert flat(page.text) == "Agreement between the first party and the second party"
    (mark,) = line_boxes(page, 0, len("Agreement"))
    expected = {90: (0.13, 0.75), 180: (0.85, 0.78), 270: (0.78, 0.17)}[angle]
    assert (mark.x0 + mark.x1) / 2 == pytest.approx(expected[0], abs=0.12)
    assert (mark.y0 + mark.y1) / 2 == pytest.approx(expected[1], abs=0.12)


def test_frames_of_a_tiff_are_pages(parse_box: ParseBox, tmp_path: Path) -> None:
    frames = [written(f"Frame number {word}") for word in ("one", "two", "three")]
    path = save(frames[0], tmp_path / "f.tif", save_all=True, append_images=frames[1:])
    parsed = parse_box.parse(path, path.name)
    assert [flat(page.text) for page in parsed.pages] == [f"Frame number {word}" for word in ("one", "two", "three")]
    assert parsed.text[parsed.blocks[2].char_start : parsed.blocks[2].char_end] == "Frame number three"
    assert parse_box.render(path, path.name, 3, [], 300).width == 300
    with pytest.raises(ParseError, match="no page 4"):
        parse_box.render(path, path.name, 4, [], 300)


def test_of_an_animation_the_first_frame_is_read(parse_box: ParseBox, tmp_path: Path) -> None:
    frames = [written("Beginning"), written("Something else")]
    path = save(frames[0], tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    parsed = parse_box.parse(path, path.name)
    assert flat(parsed.text) == "Beginning"
    assert "animated" in parsed.warnings[0]


def test_a_language_that_ocr_does_not_know_is_said_plainly(tmp_path: Path) -> None:
    path = save(written("Hello"), tmp_path / "h.png")
    with ParseBox(ParseOptions(ocr_language="ar")) as box:
        assert "do not read the language 'ar'" in box.parse(path, path.name).warnings[0]
    with ParseBox(ParseOptions(ocr_language="de")) as box:
        assert box.parse(path, path.name).warnings == ()


def test_an_empty_picture_is_blank(parse_box: ParseBox, tmp_path: Path) -> None:
    path = save(Image.new("RGB", (400, 400), "white"), tmp_path / "w.png")
    (page,) = parse_box.parse(path, path.name).pages
    assert (page.state, page.reason, page.text) == (PageState.BLANK, "", "")


def test_one_bad_page_fails_alone(tmp_path: Path) -> None:
    """A frame that needs more time than it may have does not take the others with it."""
    frames = [
        written("Small and quick"),
        written(*["many words in a line of text that does not end " * 2] * 40, size=(2000, 2900)),
    ]
    path = save(frames[0], tmp_path / "f.tif", save_all=True, append_images=frames[1:])
    with ParseBox(ParseOptions(ocr_seconds_per_page=2.0)) as box:
        box.parse(save(frames[0], tmp_path / "warm.png"), "warm.png")
        pages = box.parse(path, path.name).pages
    assert flat(pages[0].text) == "Small and quick"
    assert pages[1].state is PageState.FAILED
    assert "second" in pages[1].reason


def test_limits_of_frames_and_pixels(tmp_path: Path) -> None:
    frame = Image.new("L", (40, 40))
    path = save(frame, tmp_path / "f.tif", save_all=True, append_images=[frame] * 4)
    for options in (ParseOptions(frames=3), ParseOptions(image_pixels=1000)):
        with ParseBox(options) as box, pytest.raises(ParseError) as caught:
            box.parse(path, path.name)
        assert caught.value.reason == "too_large"


@pytest.mark.slow
def test_chinese_japanese_and_two_columns(parse_box: ParseBox, data_root: Path) -> None:
    documents = data_root / "documents"
    chinese = parse_box.parse(documents / "chi_sim_image.jpeg", "c.jpeg")
    assert "激发细胞活" in chinese.text
    assert chinese.info.language == "zh"
    assert chinese.pages[0].text_boxes is not None
    assert len(chinese.pages[0].text_boxes.spans) > 100
    assert "元来日本語は漢文に倣い" in parse_box.parse(documents / "jpn-vert.jpeg", "j.jpeg").text
    columns = flat(parse_box.parse(documents / "double-column-A.jpg", "d.jpg").text)
    left, right = "Positions and employees affected", "(c) Competitive status shall mean basic eligibility"
    assert columns.index(left) < columns.index("Competitive position") < columns.index(right)


@pytest.mark.slow
def test_scan_and_turned_scan(parse_box: ParseBox, data_root: Path) -> None:
    documents = data_root / "documents"
    scan = parse_box.parse(documents / "loremipsum-flat.pdf", "l.pdf")
    assert scan.pages[0].state is PageState.OCR
    assert "Lorem ipsum dolor sit amet, consectetur adipiscing elit" in flat(scan.text)
    turned = parse_box.parse(documents / "ocr_test_rotated_90.pdf", "r.pdf")
    assert (
        flat(turned.text)
        == "Docling bundles PDF document conversion to JSON and Markdown in an easy self contained package"
    )


def test_pages_are_drawn_within_the_budget(data_root: Path) -> None:
    path = data_root / "documents" / "chat-tab.png"
    with ParseBox(ParseOptions(render_pixels=100_000)) as box:
        picture = box.render(path, path.name, 1, [], 4000)
        drawn = Image.open(io.BytesIO(picture.data))
        assert drawn.format == "WEBP"
        assert drawn.size == (picture.width, picture.height)
        assert picture.width * picture.height <= 101_000
        with pytest.raises(ParseError) as caught:
            box.render(data_root / "documents" / "wiki.md", "wiki.md", 1, [], 300)
        assert caught.value.reason == "unsupported"
