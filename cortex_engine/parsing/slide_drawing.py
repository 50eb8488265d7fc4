"""A slide drawn as a picture, simply: fills, pictures, tables and text in their places.

Enough to recognise a slide by its look. Left out: charts and diagrams (an empty frame), effects, transparency of colours,
gradients (their first colour), rotation; fonts are those of this machine.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.images import FORMATS
from cortex_engine.parsing.office_slides import P, placeholder, shapes_of
from cortex_engine.parsing.ooxml import A, Package, R, drawing_text
from cortex_engine.parsing.packages import whole_number
from cortex_engine.parsing.slide_look import Colour, Frame, Grid, SlideLook
from cortex_engine.parsing.slide_text import Paragraph, Run, write

_EMU_PER_POINT = 12_700
_USUAL_SIZE = (9_144_000, 6_858_000)
_GREY, _BLACK = (128, 128, 128), (0, 0, 0)
_DEEPEST = 16
_LONGEST_SIDE = 16_000
"""Pixels: a little less than WebP takes."""
_MARGINS = {"dt", "ftr", "sldNum", "hdr"}


def draw_slide(source: Path, name: str, number: int, width: int, options: ParseOptions) -> Any:
    """Slide `number` (from 1) as an RGB `PIL.Image.Image` about `width` pixels wide (at most `options.render_pixels`).

    Raises:
        ParseError: there is no such slide, or the file is damaged.
    """
    from PIL import Image

    package = Package(source, name, options)
    with package.archive:
        main = package.main_part("ppt/presentation.xml")
        root = package.root(main)
        entries = list(root.iter(f"{P}sldId"))
        part = package.target(main, entries[number - 1].get(f"{R}id", "")) if 1 <= number <= len(entries) else ""
        if not part:
            raise ParseError(f"'{name}' has no slide {number}: it has {len(entries)}.", "unsupported")
        size = root.find(f"{P}sldSz")
        wide, high = _USUAL_SIZE if size is None else (whole_number(size.get(key, ""), 0) for key in ("cx", "cy"))
        wide, high = (wide, high) if wide > 0 and high > 0 else _USUAL_SIZE
        scale = min(width / wide, (options.render_pixels / (wide * high)) ** 0.5, _LONGEST_SIDE / max(wide, high))
        look = SlideLook(package, part)
        picture = Image.new("RGB", (max(1, round(wide * scale)), max(1, round(high * scale))), look.background)
        Slide(package, look, picture, scale, options).draw()
        return picture


class Slide:
    """One slide on its way into a picture.

    Args:
        look: what it takes from layout, master and theme.
        picture: the canvas, already in the colour of the background.
        scale: pixels of an EMU.
    """

    def __init__(self, package: Package, look: SlideLook, picture: Any, scale: float, options: ParseOptions) -> None:
        from PIL import ImageDraw

        self._package = package
        self._look = look
        self._picture = picture
        self._pen = ImageDraw.Draw(picture)
        self._scale = scale
        self._options = options

    def draw(self) -> None:
        """The background, master and layout without their placeholders, then the slide itself."""
        if (behind := self._look.background_picture) is not None:
            wide, high = self._picture.size
            self._draw_picture(*behind, (0.0, 0.0, float(wide), float(high)))
        for depth, (part, root) in reversed(list(enumerate(self._look.layers))):
            tree = root.find(f"{P}cSld/{P}spTree")
            if tree is not None:
                self._draw_all(part, tree, Grid(), own=depth == 0)

    def _draw_all(self, part: str, tree: Any, grid: Grid, own: bool, depth: int = 0) -> None:
        for shape in shapes_of(tree):
            if not own and placeholder(shape)[0]:
                continue
            if shape.tag == f"{P}grpSp":
                if depth < _DEEPEST:
                    self._draw_all(part, shape, grid.inside(shape), own, depth + 1)
                continue
            frame = self._look.frame(shape)
            if frame is None:
                continue
            box = self._pixels(grid.place(frame))
            if shape.tag == f"{P}pic":
                self._draw_picture(part, shape.find(f"{P}blipFill"), box)
            elif shape.tag == f"{P}graphicFrame":
                self._draw_frame(shape, box)
            elif shape.tag == f"{P}cxnSp":
                self._pen.line(box, fill=self._line(shape) or _GREY, width=self._stroke)
            else:
                self._draw_shape(shape, box)

    @property
    def _largest(self) -> float:
        """Points of the largest letters: a quarter of the slide. Those that a damaged file asks for take seconds to draw."""
        return float(self._picture.height) / (4 * _EMU_PER_POINT * self._scale)

    @property
    def _stroke(self) -> int:
        return max(1, min(int(self._picture.height) // 100, round(9_525 * self._scale)))

    def _pixels(self, frame: Frame) -> Frame:
        """Left, top, right, bottom in pixels, near the canvas: numbers of a damaged file would take for ever to draw."""
        left, top, width, height = (value * self._scale for value in frame)
        wide, high = self._picture.size
        corners = (left, top, left + abs(width), top + abs(height))
        limits = (wide, high, wide, high)
        return tuple(max(-limit, min(2.0 * limit, value)) for value, limit in zip(corners, limits, strict=True))

    def _draw_shape(self, shape: Any, box: Frame) -> None:
        properties = shape.find(f"{P}spPr")
        fill, line = self._fill(shape), self._line(shape)
        if fill is not None or line is not None:
            preset = properties.find(f"{A}prstGeom") if properties is not None else None
            kind = preset.get("prst", "rect") if preset is not None else "rect"
            if kind == "ellipse":
                self._pen.ellipse(box, fill, line, self._stroke)
            elif kind == "roundRect":
                self._pen.rounded_rectangle(box, min(box[2] - box[0], box[3] - box[1]) / 6, fill, line, self._stroke)
            else:
                self._pen.rectangle(box, fill, line, self._stroke)
        if placeholder(shape)[0] not in _MARGINS:
            paragraphs = [self._paragraph(shape, each) for each in shape.iterfind(f"{P}txBody/{A}p")]
            anchor = self._look.body_properties(shape, "anchor", "t")
            write(self._pen, paragraphs, self._inset(box), anchor, _EMU_PER_POINT * self._scale)

    def _fill(self, shape: Any) -> Colour | None:
        properties = shape.find(f"{P}spPr")
        for kind in ("solidFill", "gradFill", "pattFill", "noFill"):
            found = properties.find(f"{A}{kind}") if properties is not None else None
            if found is not None:
                return self._look.colour(found) if kind != "noFill" else None
        reference = shape.find(f"{P}style/{A}fillRef")
        return self._look.colour(reference) if reference is not None and reference.get("idx") != "0" else None

    def _line(self, shape: Any) -> Colour | None:
        line = shape.find(f"{P}spPr/{A}ln")
        if line is not None and len(line):
            return self._look.colour(line)
        reference = shape.find(f"{P}style/{A}lnRef")
        return self._look.colour(reference) if reference is not None and reference.get("idx") != "0" else None

    def _inset(self, box: Frame) -> Frame:
        side, above = 91_440 * self._scale, 45_720 * self._scale
        return box[0] + side, box[1] + above, box[2] - side, box[3] - above

    def _paragraph(self, shape: Any, element: Any) -> Paragraph:
        own = element.find(f"{A}pPr")
        level = min(8, max(0, whole_number(own.get("lvl", "0"), 0))) if own is not None else 0
        inherited = ([own] if own is not None else []) + self._look.text_properties(shape, level)
        align = next((each.get("algn") for each in inherited if each.get("algn")), "l")
        bullet = next((mark for each in inherited if (mark := _bullet(each)) is not None), "")
        defaults = [found for each in inherited if (found := each.find(f"{A}defRPr")) is not None]
        runs = [run for run in self._runs(shape, element, defaults) if run.text]
        return Paragraph(runs, align, bullet if any(run.text.strip() for run in runs) else "", level)

    def _runs(self, shape: Any, element: Any, defaults: list[Any]) -> Iterator[Run]:
        reference = shape.find(f"{P}style/{A}fontRef")
        for node in element:
            properties = [found for found in [node.find(f"{A}rPr")] if found is not None] + defaults
            size = next((whole_number(each.get("sz"), 0) for each in properties if each.get("sz")), 0)
            bold = next((each.get("b") in {"1", "true"} for each in properties if each.get("b")), False)
            fills = [fill for each in properties if (fill := each.find(f"{A}solidFill")) is not None]
            colour = self._look.colour(fills[0]) if fills else None
            if colour is None and reference is not None:
                colour = self._look.colour(reference)
            text = "\n" if node.tag == f"{A}br" else "" if node.tag == f"{A}pPr" else drawing_text(node)
            points = min((size or self._look.usual_size(shape)) / 100, self._largest)
            yield Run(text, points, bold, colour or _BLACK)

    def _draw_picture(self, part: str, fill: Any, box: Frame) -> None:
        """A picture in its place; one that cannot be read leaves a frame."""
        from PIL import Image

        blip = fill.find(f"{A}blip") if fill is not None else None
        target = self._package.target(part, blip.get(f"{R}embed", "")) if blip is not None else ""
        left, top, right, bottom = (round(value) for value in box)
        size = (max(1, right - left), max(1, bottom - top))
        try:
            if not target:
                raise ValueError("it lies outside of the file")
            Image.MAX_IMAGE_PIXELS = self._options.image_pixels
            with Image.open(io.BytesIO(self._package.archive.read(target)), formats=FORMATS) as opened:
                if opened.width * opened.height > self._options.image_pixels:
                    raise ValueError("it is too large")
                layer = opened.convert("RGBA").resize(size)
            self._picture.paste(layer, (left, top), layer)
        except (OSError, SyntaxError, ValueError, EOFError, ParseError, Image.DecompressionBombError):
            self._pen.rectangle((left, top, right, bottom), None, _GREY, self._stroke)

    def _draw_frame(self, shape: Any, box: Frame) -> None:
        """A table with its cells; of anything else (a chart, a diagram) the frame."""
        table = next(shape.iter(f"{A}tbl"), None)
        if table is None:
            self._pen.rectangle(box, None, _GREY, self._stroke)
            return
        widths = [max(1, whole_number(each.get("w", ""), 1)) for each in table.iterfind(f"{A}tblGrid/{A}gridCol")]
        # Pillow takes seconds for a rectangle far larger than its canvas.
        top, right_most, lowest = box[1], 2.0 * self._picture.width, 2.0 * self._picture.height
        for row in table.iterfind(f"{A}tr"):
            bottom = min(lowest, top + max(1.0, whole_number(row.get("h", ""), 370_840) * self._scale))
            left = box[0]
            for cell, width in zip(row.iterfind(f"{A}tc"), widths, strict=False):
                right = max(left, min(right_most, left + width * self._scale))
                self._pen.rectangle((left, top, right, bottom), self._cell_fill(cell), _GREY, self._stroke)
                runs = [Run(drawing_text(each), 18.0, False, _BLACK) for each in cell.iter(f"{A}p")]
                place = self._inset((left, top, right, bottom))
                write(
                    self._pen, [Paragraph([run], "l", "", 0) for run in runs], place, "t", _EMU_PER_POINT * self._scale
                )
                left = right
            top = bottom
            if top >= lowest:
                return

    def _cell_fill(self, cell: Any) -> Colour | None:
        fill = cell.find(f"{A}tcPr/{A}solidFill")
        return self._look.colour(fill) if fill is not None else None


def _bullet(properties: Any) -> str | None:
    """The mark before a paragraph, "" for none, None where these properties do not say."""
    if properties.find(f"{A}buNone") is not None:
        return ""
    mark = properties.find(f"{A}buChar")
    if mark is not None:
        return "•"
    return "–" if properties.find(f"{A}buAutoNum") is not None else None
