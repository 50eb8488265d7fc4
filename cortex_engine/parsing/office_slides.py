"""PowerPoint presentations (.pptx), read from their XML: ISO/IEC 29500-1, 19 (PresentationML)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cortex_engine.core.documents import ParsedDocument
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.builder import DocumentBuilder
from cortex_engine.parsing.ooxml import (
    MC,
    A,
    C,
    Package,
    R,
    add_chart,
    add_diagram,
    attach_pictures,
    drawing_text,
    read_properties,
)
from cortex_engine.parsing.packages import local, whole_number

P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
DGM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_TITLES = frozenset({"title", "ctrTitle"})
_MARGINS = frozenset({"dt", "ftr", "sldNum", "hdr"})
_EMU_PER_POINT = 12_700
_ROW_EMU = 300_000
"""Shapes whose tops differ by less (8 mm) stand in one row and are read from left to right."""


def parse_pptx(source: Path, name: str, options: ParseOptions) -> ParsedDocument:
    """Read a presentation: a page a slide, its title first, then shapes from top left, then notes and comments.

    Raises `ParseError` (damaged, encrypted, too_large, empty).
    """
    package = Package(source, name, options)
    with package.archive:
        builder = DocumentBuilder("pptx", options, name)
        main = package.main_part("ppt/presentation.xml")
        presentation = package.root(main)
        read_properties(package, builder)
        width, height = _slide_size(presentation)
        hidden = []
        for number, entry in enumerate(presentation.iter(f"{P}sldId"), start=1):
            builder.page(f"Slide {number}", width, height)
            part = package.target(main, entry.get(f"{R}id", ""))
            if not part:
                builder.warn(f"Slide {number} is missing in the file.")
                continue
            if _add_slide(package, part, builder):
                hidden.append(str(number))
        builder.note("hidden_slides", ", ".join(hidden))
        attach_pictures(package, builder, "ppt/media/")
        return builder.build()


def _slide_size(presentation: Any) -> tuple[float, float]:
    size = presentation.find(f"{P}sldSz")
    if size is None:
        return 0.0, 0.0
    return whole_number(size.get("cx", ""), 0) / _EMU_PER_POINT, whole_number(size.get("cy", ""), 0) / _EMU_PER_POINT


def _add_slide(package: Package, part: str, builder: DocumentBuilder) -> bool:
    """Add one slide; whether it is hidden."""
    slide = package.root(part)
    places = _layout_places(package, part)
    tree = slide.find(f"{P}cSld/{P}spTree")
    shapes = _ordered(tree, places) if tree is not None else []
    titles = [shape for shape in shapes if placeholder(shape)[0] in _TITLES]
    for shape in titles:
        builder.heading(" ".join(_paragraph_texts(shape)))
    for shape in shapes:
        if shape not in titles:
            _add_shape(package, part, shape, builder)
    for notes in package.related(part, "notesSlide"):
        for shape in package.root(notes).iter(f"{P}sp"):
            text = "\n".join(_paragraph_texts(shape)) if placeholder(shape)[0] == "body" else ""
            builder.paragraph(f"Notes: {text}" if text.strip() else "")
    for comments in package.related(part, "comments"):
        for element in package.root(comments).iter():
            text = (
                element.text
                if local(element) == "text"
                else drawing_text(element)
                if local(element) == "txBody"
                else ""
            )
            builder.paragraph(f"Comment: {text}" if text else "")
    return slide.get("show") in {"0", "false"}


def _layout_places(package: Package, part: str) -> dict[tuple[str, str], tuple[int, int]]:
    """Top and left of the placeholders of the slide's layout, by type and index."""
    places = {}
    for layout in package.related(part, "slideLayout")[:1]:
        for shape in package.root(layout).iter(f"{P}sp"):
            place = _own_place(shape)
            if place is not None:
                kind, index = placeholder(shape)
                places[kind, index] = place
                places.setdefault((kind, ""), place)
                places.setdefault(("", index), place)
    return places


def _ordered(tree: Any, places: dict[tuple[str, str], tuple[int, int]]) -> list[Any]:
    """Shapes in reading order: by rows from the top, within a row from the left; groups stay together."""
    keyed = []
    for shape in shapes_of(tree):
        kind, index = placeholder(shape)
        inherited = places.get((kind, index)) or places.get(("", index)) or places.get((kind, "")) or (0, 0)
        top, left = _own_place(shape) or inherited
        keyed.append((top // _ROW_EMU, left, shape))
    keyed.sort(key=lambda entry: entry[:2])
    ordered = []
    for _, _, shape in keyed:
        ordered += _ordered(shape, places) if shape.tag == f"{P}grpSp" else [shape]
    return ordered


def shapes_of(tree: Any) -> Iterator[Any]:
    """Shapes, pictures, frames and groups right below a tree or group, in the order in which they lie on one another."""
    for element in tree:
        kind = local(element)
        if kind in {"sp", "grpSp", "graphicFrame", "pic", "cxnSp"}:
            yield element
        elif kind == "AlternateContent":
            choice = element.find(f"{MC}Choice")
            fallback = element.find(f"{MC}Fallback")
            chosen = choice if choice is not None else fallback
            if chosen is not None:
                yield from shapes_of(chosen)


def _own_place(shape: Any) -> tuple[int, int] | None:
    for path in (f"{P}spPr/{A}xfrm/{A}off", f"{P}grpSpPr/{A}xfrm/{A}off", f"{P}xfrm/{A}off"):
        offset = shape.find(path)
        if offset is not None:
            return whole_number(offset.get("y", ""), 0), whole_number(offset.get("x", ""), 0)
    return None


def placeholder(shape: Any) -> tuple[str, str]:
    """Type and index of the placeholder a shape fills; ("", "") for none. A placeholder without type is a body."""
    element = shape.find(f"*/{P}nvPr/{P}ph")
    return ("", "") if element is None else (element.get("type", "body"), element.get("idx", "0"))


def _add_shape(package: Package, part: str, shape: Any, builder: DocumentBuilder) -> None:
    described = shape.find(f"*/{P}cNvPr")
    if shape.tag == f"{P}graphicFrame":
        _add_frame(package, part, shape, builder)
    elif shape.tag == f"{P}pic":
        builder.paragraph(described.get("descr", "") if described is not None else "")
    elif placeholder(shape)[0] not in _MARGINS:
        _add_text(shape, builder)


def _add_frame(package: Package, part: str, frame: Any, builder: DocumentBuilder) -> None:
    for table in frame.iter(f"{A}tbl"):
        rows = []
        for row in table.iter(f"{A}tr"):
            cells = row.findall(f"{A}tc")
            rows.append(["" if _merged(cell) else "\n".join(_paragraph_texts(cell)) for cell in cells])
        builder.table(rows)
    for chart in frame.iter(f"{C}chart"):
        if target := package.target(part, chart.get(f"{R}id", "")):
            add_chart(package, target, builder)
    for diagram in frame.iter(f"{DGM}relIds"):
        if target := package.target(part, diagram.get(f"{R}dm", "")):
            add_diagram(package, target, builder)


def _merged(cell: Any) -> bool:
    return any(cell.get(key) in {"1", "true"} for key in ("hMerge", "vMerge"))


def _paragraph_texts(shape: Any) -> list[str]:
    return [text for paragraph in shape.iter(f"{A}p") if (text := drawing_text(paragraph)).strip()]


def _add_text(shape: Any, builder: DocumentBuilder) -> None:
    is_body = placeholder(shape)[0] in {"body", "obj"}
    for paragraph in shape.iter(f"{A}p"):
        text = drawing_text(paragraph)
        properties = paragraph.find(f"{A}pPr")
        marks = {local(child) for child in properties} if properties is not None else set()
        if marks & {"buChar", "buAutoNum", "buBlip"} or (is_body and "buNone" not in marks):
            builder.item(text)
        else:
            builder.paragraph(text)
