"""What a slide takes from its layout, its master and its theme: places, colours, sizes of text.

Source: ISO/IEC 29500-1, 19.3 (inheritance of placeholders) and 20.1 (DrawingML).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cortex_engine.parsing.office_slides import P, placeholder
from cortex_engine.parsing.ooxml import A, Package
from cortex_engine.parsing.packages import local, whole_number

Colour = tuple[int, int, int]
Frame = tuple[float, float, float, float]
"""Left, top, width, height in EMU of the slide."""

_FALLBACK = {"dk1": "000000", "lt1": "FFFFFF", "dk2": "44546A", "lt2": "E7E6E6", "accent1": "4472C4"}
_TITLES = {"title", "ctrTitle"}
_TITLE_SIZE, _BODY_SIZE, _OTHER_SIZE = 4400, 2800, 1800
_MODIFIERS = ("lumMod", "lumOff", "tint", "shade")


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the coordinates of a group lie on the slide: `x * scale + shift`."""

    scale_x: float = 1.0
    scale_y: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0

    def place(self, frame: Frame) -> Frame:
        """A frame of the group on the slide."""
        left, top, width, height = frame
        return (
            left * self.scale_x + self.shift_x,
            top * self.scale_y + self.shift_y,
            width * self.scale_x,
            height * self.scale_y,
        )

    def inside(self, group: Any) -> Grid:
        """The grid of a group that lies in this one."""
        xfrm = group.find(f"{P}grpSpPr/{A}xfrm")
        outer, child = _frame_of(xfrm, "off", "ext"), _frame_of(xfrm, "chOff", "chExt")
        if outer is None or child is None or child[2] <= 0 or child[3] <= 0:
            return self
        left, top, width, height = self.place(outer)
        scale_x, scale_y = width / child[2], height / child[3]
        return Grid(scale_x, scale_y, left - child[0] * scale_x, top - child[1] * scale_y)


class SlideLook:
    """The parts that stand behind one slide.

    Args:
        package: the open presentation.
        part: the slide.
    """

    def __init__(self, package: Package, part: str) -> None:
        self.layers: list[tuple[str, Any]] = [(part, package.root(part))]
        """Part and root of the slide, its layout, its master."""
        for kind in ("slideLayout", "slideMaster"):
            for below in package.related(self.layers[-1][0], kind)[:1]:
                self.layers.append((below, package.root(below)))
        master_part, master = self.layers[-1]
        self._map = dict(mapped.attrib) if (mapped := master.find(f"{P}clrMap")) is not None else {}
        self._styles = master.find(f"{P}txStyles")
        self._scheme = dict(_FALLBACK)
        for theme in package.related(master_part, "theme")[:1]:
            for entry in package.root(theme).iterfind(f"{A}themeElements/{A}clrScheme/*"):
                for value in entry:
                    self._scheme[local(entry)] = value.get("lastClr") or value.get("val", "")

    @property
    def background(self) -> Colour:
        """The colour behind everything (gradients count with their first colour)."""
        for _, root in self.layers:
            found = root.find(f"{P}cSld/{P}bg")
            if found is not None and (colour := self.colour(found)) is not None:
                return colour
        return (255, 255, 255)

    @property
    def background_picture(self) -> tuple[str, Any] | None:
        """Part and fill of the picture behind everything, or None."""
        for part, root in self.layers:
            found = root.find(f"{P}cSld/{P}bg")
            if found is not None:
                fill = found.find(f"{P}bgPr/{A}blipFill")
                return None if fill is None else (part, fill)
        return None

    def frame(self, shape: Any) -> Frame | None:
        """Where a shape lies in its group: its own place, or that of its placeholder further down."""
        for candidate in (shape, *self._below(shape)):
            for path in (f"{P}spPr/{A}xfrm", f"{P}xfrm"):
                frame = _frame_of(candidate.find(path), "off", "ext")
                if frame is not None:
                    return frame
        return None

    def colour(self, element: Any) -> Colour | None:
        """The first colour that an element names, or None."""
        for node in element.iter(f"{A}srgbClr", f"{A}schemeClr", f"{A}sysClr", f"{A}noFill"):
            if local(node) == "noFill":
                return None
            if (colour := self._colour(node)) is not None:
                return colour
        return None

    def text_properties(self, shape: Any, level: int) -> list[Any]:
        """Paragraph properties of a level, the shape's own list first, then what it inherits."""
        found = [each.find(f"{P}txBody/{A}lstStyle/{A}lvl{level + 1}pPr") for each in (shape, *self._below(shape))]
        kind = placeholder(shape)[0]
        if self._styles is not None:
            style = (
                "titleStyle"
                if kind in _TITLES
                else "bodyStyle"
                if kind in {"body", "obj", "subTitle"}
                else "otherStyle"
            )
            found.append(self._styles.find(f"{P}{style}/{A}lvl{level + 1}pPr"))
        return [each for each in found if each is not None]

    def body_properties(self, shape: Any, key: str, otherwise: str) -> str:
        """An attribute of the text's frame, the shape's own first, then what it inherits."""
        for candidate in (shape, *self._below(shape)):
            body = candidate.find(f"{P}txBody/{A}bodyPr")
            if body is not None and body.get(key) is not None:
                return str(body.get(key))
        return otherwise

    def usual_size(self, shape: Any) -> int:
        """Hundredths of a point of text that says nothing of its size."""
        kind = placeholder(shape)[0]
        return _TITLE_SIZE if kind in _TITLES else _BODY_SIZE if kind in {"body", "obj"} else _OTHER_SIZE

    def _below(self, shape: Any) -> list[Any]:
        """Shapes of layout and master that the shape's placeholder takes after."""
        kind, index = placeholder(shape)
        if not kind:
            return []
        found = []
        for depth, (_, root) in enumerate(self.layers[1:], start=1):
            others = [(placeholder(other), other) for other in root.iterfind(f"{P}cSld/{P}spTree/{P}sp")]
            same_index = [other for (_, own), other in others if own == index and index != "0"] if depth == 1 else []
            alike = [other for (own, _), other in others if _family(own) == _family(kind)]
            found += (same_index or alike)[:1]
        return found

    def _colour(self, node: Any) -> Colour | None:
        name = node.get("lastClr") or node.get("val", "")
        if local(node) == "schemeClr":
            name = self._scheme.get(self._map.get(name, name), "")
        try:
            red, green, blue = (int(name[start : start + 2], 16) for start in (0, 2, 4))
        except ValueError:
            return None
        channels = [red / 255, green / 255, blue / 255]
        for child in node:
            kind, share = local(child), whole_number(child.get("val", ""), 100_000) / 100_000
            if kind in _MODIFIERS:
                channels = [_modified(kind, channel, share) for channel in channels]
        return tuple(round(255 * min(1.0, max(0.0, channel))) for channel in channels)  # type: ignore[return-value]


def _modified(kind: str, channel: float, share: float) -> float:
    """Lighter or darker, channel by channel: near what the standard asks for in other colour spaces."""
    if kind == "tint":
        return 1 - (1 - channel) * share
    return channel + share if kind == "lumOff" else channel * share


def _family(kind: str) -> str:
    return (
        "title" if kind in _TITLES else "body" if kind in {"body", "obj", "subTitle", "pic", "tbl", "chart"} else kind
    )


def _frame_of(xfrm: Any, offset: str, extent: str) -> Frame | None:
    if xfrm is None:
        return None
    place, size = xfrm.find(f"{A}{offset}"), xfrm.find(f"{A}{extent}")
    if place is None or size is None:
        return None
    numbers = (place.get("x", ""), place.get("y", ""), size.get("cx", ""), size.get("cy", ""))
    left, top, width, height = (float(whole_number(number, 0)) for number in numbers)
    return left, top, width, height
