"""What Word, PowerPoint and Excel files have in common: parts, relationships, properties, charts, pictures."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.builder import DocumentBuilder
from cortex_engine.parsing.packages import LimitedArchive, local, whole_number, xml_root

R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
SMALLEST_PICTURE = 64
"""Pixels: a picture with a shorter side is a bullet or an icon, not an attachment."""

_PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp"})


@dataclass(frozen=True, slots=True)
class Relation:
    """A link from one part to another; `target` is a member name of the archive."""

    kind: str
    target: str


class Package:
    """An open Office package: parts by name, relationships by part."""

    def __init__(self, source: Path, name: str, options: ParseOptions) -> None:
        self.name = name
        self.archive = LimitedArchive(source, name, options)
        self._relations: dict[str, dict[str, Relation]] = {}

    def root(self, part: str) -> Any:
        """Root element of an XML part. Raises `ParseError` (damaged)."""
        return xml_root(self.archive.read(part), self.name, part)

    def relations(self, part: str) -> dict[str, Relation]:
        """Internal relationships of a part by id; `part` "" is the package itself."""
        if part not in self._relations:
            self._relations[part] = self._load_relations(part)
        return self._relations[part]

    def related(self, part: str, kind: str) -> list[str]:
        """Existing target parts of one kind ("footnotes", "slide"), in file order."""
        found = [relation.target for relation in self.relations(part).values() if relation.kind == kind]
        return [target for target in found if target in self.archive]

    def target(self, part: str, relation_id: str) -> str:
        """The existing part that a relationship id means, or ""."""
        relation = self.relations(part).get(relation_id)
        return relation.target if relation is not None and relation.target in self.archive else ""

    def main_part(self, usual: str) -> str:
        """The main document part. Raises `ParseError` (damaged) where there is none."""
        for part in [*self.related("", "officeDocument"), usual]:
            if part in self.archive:
                return part
        raise ParseError(f"{self.name} is damaged: its main part {usual} is missing.")

    def _load_relations(self, part: str) -> dict[str, Relation]:
        folder, base = posixpath.split(part)
        rels = posixpath.join(folder, "_rels", f"{base}.rels")
        if rels not in self.archive:
            return {}
        relations = {}
        for element in self.root(rels):
            if element.get("TargetMode") == "External":
                continue
            target = unquote(element.get("Target", ""))
            path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            relations[element.get("Id", "")] = Relation(element.get("Type", "").rpartition("/")[2], path)
        return relations


def read_properties(package: Package, builder: DocumentBuilder) -> None:
    """Core properties (ISO/IEC 29500-2, 8): title, author, dates, language, subject, keywords."""
    for part in package.related("", "core-properties")[:1]:
        values = {local(element): element.text or "" for element in package.root(part)}
        builder.describe(
            title=values.get("title", ""),
            author=values.get("creator", ""),
            created=values.get("created", ""),
            modified=values.get("modified", ""),
            language=values.get("language", ""),
        )
        for key in ("subject", "keywords", "description", "category"):
            builder.note(key, values.get(key, ""))


def picture_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels from the picture's header; (0, 0) where it is no readable picture."""
    from io import BytesIO

    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(BytesIO(data)) as picture:
            return picture.size
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return 0, 0


def worth_keeping(name: str, data: bytes) -> bool:
    """Whether a picture is a raster picture of at least 64 x 64 pixels."""
    suffix = posixpath.splitext(name)[1].lower()
    return suffix in _PICTURE_SUFFIXES and min(picture_size(data)) >= SMALLEST_PICTURE


def attach_pictures(package: Package, builder: DocumentBuilder, folder: str) -> None:
    """Attach the raster pictures of `folder` (each part once) that are 64 x 64 pixels or more."""
    for part in package.archive.names():
        suffix = posixpath.splitext(part)[1].lower()
        if not part.startswith(folder) or suffix not in _PICTURE_SUFFIXES:
            continue
        data = package.archive.read(part)
        if worth_keeping(part, data):
            builder.attach(posixpath.basename(part), data)


def drawing_text(element: Any) -> str:
    """Text of one DrawingML paragraph (`a:p`): runs, fields, line breaks."""
    parts = []
    for node in element.iter():
        kind = local(node)
        if kind == "t" and node.text:
            parts.append(node.text)
        elif kind == "br":
            parts.append("\n")
        elif kind == "tab" and node.getparent().tag == f"{A}r":
            parts.append("\t")
    return "".join(parts)


def add_chart(package: Package, part: str, builder: DocumentBuilder) -> None:
    """A chart as its title and one table: a column a series, a row a category."""
    root = package.root(part)
    title = root.find(f".//{C}chart/{C}title")
    if title is not None:
        builder.paragraph(" ".join(drawing_text(p) for p in title.iter(f"{A}p")))
    columns: dict[str, dict[int, str]] = {}
    categories: dict[int, str] = {}
    for number, series in enumerate(root.iter(f"{C}ser"), start=1):
        caption = " ".join(_points(series.find(f"{C}tx")).values()) or f"Series {number}"
        while caption in columns:
            caption += f" ({number})"
        for axis in (f"{C}cat", f"{C}xVal"):
            categories.update(_points(series.find(axis)))
        values = series.find(f"{C}val") if series.find(f"{C}val") is not None else series.find(f"{C}yVal")
        columns[caption] = _points(values)
    keys = sorted({key for points in columns.values() for key in points} | categories.keys())
    rows = [["", *columns]]
    rows += [[categories.get(key, ""), *(points.get(key, "") for points in columns.values())] for key in keys]
    builder.table(rows if columns else [])


def add_diagram(package: Package, part: str, builder: DocumentBuilder) -> None:
    """The texts of a SmartArt diagram's data part, in point order."""
    root = package.root(part)
    for point in root.iter("{http://schemas.openxmlformats.org/drawingml/2006/diagram}pt"):
        text = "\n".join(filter(None, (drawing_text(p) for p in point.iter(f"{A}p"))))
        if text:
            builder.item(text)


def _points(element: Any) -> dict[int, str]:
    """Cached points of a chart reference by index; several levels of one category are joined by a space."""
    if element is None:
        return {}
    found: dict[int, str] = {}
    for point in element.iter(f"{C}pt"):
        index = whole_number(point.get("idx", ""), len(found))
        text = point.findtext(f"{C}v") or ""
        found[index] = f"{text} {found[index]}" if index in found else tidy_number(text)
    if not found and (plain := element.findtext(f"{C}v")):
        found[0] = plain
    return found


def tidy_number(text: str) -> str:
    """A number without binary noise ("0.30000000000000004" -> "0.3"); other texts unchanged."""
    try:
        value = float(text)
    except ValueError:
        return text
    return f"{value:.12g}" if len(text) > 15 and abs(value) < 1e15 else text
