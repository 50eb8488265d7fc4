"""Word documents (.docx), read from their XML: ISO/IEC 29500-1, 17 (WordprocessingML)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cortex_engine.core.documents import ParsedDocument
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.builder import DocumentBuilder, one_line
from cortex_engine.parsing.office_math import linear_math
from cortex_engine.parsing.ooxml import MC, A, Package, R, add_chart, add_diagram, attach_pictures, read_properties
from cortex_engine.parsing.packages import local, whole_number

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_WRAPPERS = frozenset(
    {"ins", "moveTo", "customXml", "smartTag", "sdt", "sdtContent", "hyperlink", "fldSimple", "r", "dir", "bdo"}
)
_CHARACTERS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_BODY_LEVEL = 9


@dataclass(frozen=True, slots=True)
class _Style:
    level: int = 0
    """1..9 for heading styles, 0 for body text."""
    listed: bool = False


@dataclass(slots=True)
class _Inline:
    """Text of one paragraph and what is anchored in it."""

    text: list[str] = field(default_factory=list)
    boxes: list[Any] = field(default_factory=list)
    drawings: list[tuple[str, str]] = field(default_factory=list)


def parse_docx(source: Path, name: str, options: ParseOptions) -> ParsedDocument:
    """Read a Word document: one page; headings by style or outline level.

    Insertions count as text, deletions do not. Notes and comments follow the body, headers and footers stand once
    at the begin and the end. Raises `ParseError` (damaged, encrypted, too_large, empty).
    """
    package = Package(source, name, options)
    with package.archive:
        builder = DocumentBuilder("docx", options, name)
        main = package.main_part("word/document.xml")
        reader = _WordReader(package, main, builder)
        read_properties(package, builder)
        reader.margins("header")
        body = package.root(main).find(f"{W}body")
        if body is not None:
            reader.blocks(body)
        reader.notes("footnotes", "footnote")
        reader.notes("endnotes", "endnote")
        reader.comments()
        reader.margins("footer")
        attach_pictures(package, builder, "word/media/")
        return builder.build()


class _WordReader:
    """Walks the parts of one document; `part` is the part whose relationships are in force."""

    def __init__(self, package: Package, main: str, builder: DocumentBuilder) -> None:
        self._package = package
        self._main = main
        self._part = main
        self._builder = builder
        self._styles = _read_styles(package, main)

    def blocks(self, parent: Any) -> None:
        """Add paragraphs and tables below `parent` in order."""
        for element in _block_elements(parent):
            if element.tag == f"{W}p":
                self._paragraph(element)
            elif element.tag == f"{W}tbl":
                self._table(element)
            else:
                self._builder.warn("An embedded foreign document (altChunk) was not read.")

    def margins(self, kind: str) -> None:
        """Headers or footers: each different text once, page numbers alone left out."""
        seen = set()
        for part in self._package.related(self._main, kind):
            self._part = part
            lines = [one_line(self._flat(element)) for element in _block_elements(self._package.root(part))]
            for line in lines:
                if line not in seen and sum(character.isalpha() for character in line) > 1:
                    seen.add(line)
                    self._builder.paragraph(line)
        self._part = self._main

    def notes(self, kind: str, tag: str) -> None:
        """Footnotes or endnotes as "[id] text"; separators are left out."""
        for part in self._package.related(self._main, kind):
            self._part = part
            for note in self._package.root(part).iter(f"{W}{tag}"):
                if note.get(f"{W}type", "normal") != "normal":
                    continue
                text = " ".join(filter(None, (self._flat(element).strip() for element in _block_elements(note))))
                self._builder.paragraph(f"[{note.get(f'{W}id', '')}] {text}" if text else "")
        self._part = self._main

    def comments(self) -> None:
        """Comments with their authors."""
        for part in self._package.related(self._main, "comments"):
            self._part = part
            for comment in self._package.root(part).iter(f"{W}comment"):
                text = "\n".join(filter(None, (self._flat(element) for element in _block_elements(comment))))
                author = comment.get(f"{W}author", "")
                self._builder.paragraph(f"Comment by {author}: {text}" if author else f"Comment: {text}")
        self._part = self._main

    def _paragraph(self, element: Any) -> None:
        inline = self._inline(element)
        text = "".join(inline.text)
        style = self._style_of(element)
        if style.level:
            self._builder.heading(text, style.level)
        elif style.listed:
            self._builder.item(text)
        else:
            self._builder.paragraph(text)
        self._anchored(inline)

    def _anchored(self, inline: _Inline) -> None:
        for box in inline.boxes:
            self.blocks(box)
        for kind, value in inline.drawings:
            if kind == "alternative text":
                self._builder.paragraph(value)
                continue
            part = self._package.target(self._part, value)
            if part and kind == "chart":
                add_chart(self._package, part, self._builder)
            elif part:
                add_diagram(self._package, part, self._builder)

    def _style_of(self, element: Any) -> _Style:
        properties = element.find(f"{W}pPr")
        if properties is None:
            return self._styles.get("", _Style())
        named = properties.find(f"{W}pStyle")
        style = self._styles.get(named.get(f"{W}val", "") if named is not None else "", _Style())
        level, listed = _level_and_list(properties)
        return _Style(style.level if level is None else level, style.listed if listed is None else listed)

    def _table(self, table: Any) -> None:
        rows = [cells for row in _rows(table) for cells in [_cells(row)]]
        if len(rows) == 1 and len(rows[0]) == 1:
            self.blocks(rows[0][0])
            return
        texts = []
        for cells in rows:
            line: list[str] = []
            for cell in cells:
                span, continued = _span(cell)
                line += ["" if continued else self._cell(cell), *[""] * (span - 1)]
            texts.append(line)
        self._builder.table(texts)

    def _cell(self, cell: Any) -> str:
        return " ".join(filter(None, (self._flat(element) for element in _block_elements(cell))))

    def _flat(self, element: Any) -> str:
        """All text of a paragraph or nested table in one string."""
        if element.tag == f"{W}p":
            inline = self._inline(element)
            boxed = [self._flat(inner) for box in inline.boxes for inner in _block_elements(box)]
            return " ".join(filter(None, ["".join(inline.text), *boxed]))
        if element.tag == f"{W}tbl":
            rows = ([self._cell(cell) for cell in _cells(row)] for row in _rows(element))
            return "; ".join(", ".join(filter(None, row)) for row in rows)
        return ""

    def _inline(self, paragraph: Any) -> _Inline:
        inline = _Inline()
        _collect(paragraph, inline)
        return inline


def _collect(parent: Any, inline: _Inline) -> None:
    for node in parent:
        kind = local(node)
        if kind == "t":
            inline.text.append(node.text or "")
        elif kind in _WRAPPERS:
            _collect(node, inline)
        elif kind in _CHARACTERS:
            inline.text.append(_CHARACTERS[kind])
        elif kind in {"footnoteReference", "endnoteReference"}:
            inline.text.append(f"[{node.get(f'{W}id', '')}]")
        elif kind in {"oMath", "oMathPara"}:
            inline.text.append(linear_math(node))
        elif kind == "ruby":
            base = node.find(f"{W}rubyBase")
            _collect(base if base is not None else (), inline)
        elif kind == "AlternateContent":
            _collect(_preferred(node), inline)
        elif kind in {"drawing", "pict", "object"}:
            _collect_drawing(node, inline)


def _collect_drawing(drawing: Any, inline: _Inline) -> None:
    """Text boxes, charts, diagrams and alternative texts of one drawing (boxes inside boxes come with the outer)."""
    for node in drawing:
        kind = local(node)
        if kind == "txbxContent":
            inline.boxes.append(node)
        elif kind == "AlternateContent":
            _collect_drawing(_preferred(node), inline)
        elif kind == "chart" and node.get(f"{R}id"):
            inline.drawings.append(("chart", node.get(f"{R}id")))
        elif kind == "relIds" and node.get(f"{R}dm"):
            inline.drawings.append(("diagram", node.get(f"{R}dm")))
        else:
            if kind == "docPr" and node.get("descr"):
                inline.drawings.append(("alternative text", node.get("descr")))
            elif node.tag == f"{A}t" and node.text:
                inline.drawings.append(("alternative text", node.text))
            _collect_drawing(node, inline)


def _preferred(alternate: Any) -> Any:
    """The content of the first choice, else of the fallback: the two say the same."""
    choice = alternate.find(f"{MC}Choice")
    fallback = alternate.find(f"{MC}Fallback")
    return choice if choice is not None else fallback if fallback is not None else ()


def _block_elements(parent: Any) -> Iterator[Any]:
    """Paragraphs, tables and foreign chunks below `parent`, looking through content controls and insertions."""
    for element in parent:
        kind = local(element)
        if kind in {"p", "tbl", "altChunk"}:
            yield element
        elif kind in {"sdt", "sdtContent", "ins", "moveTo", "customXml"}:
            yield from _block_elements(element)
        elif kind == "AlternateContent":
            yield from _block_elements(_preferred(element))


def _rows(table: Any) -> Iterator[Any]:
    for element in table:
        kind = local(element)
        if kind == "tr":
            if element.find(f"{W}trPr/{W}del") is None:
                yield element
        elif kind in {"sdt", "sdtContent", "ins", "customXml"}:
            yield from _rows(element)


def _cells(row: Any) -> list[Any]:
    cells = []
    for element in row:
        kind = local(element)
        if kind == "tc":
            cells.append(element)
        elif kind in {"sdt", "sdtContent", "customXml"}:
            cells += _cells(element)
    return cells


def _span(cell: Any) -> tuple[int, bool]:
    """Columns a cell covers, and whether it continues the cell above."""
    properties = cell.find(f"{W}tcPr")
    if properties is None:
        return 1, False
    grid = properties.find(f"{W}gridSpan")
    merge = properties.find(f"{W}vMerge")
    columns = whole_number(grid.get(f"{W}val", "1"), 1) if grid is not None else 1
    return min(max(columns, 1), 1000), merge is not None and merge.get(f"{W}val", "continue") == "continue"


def _level_and_list(properties: Any) -> tuple[int | None, bool | None]:
    """Heading level and list membership that paragraph properties set; None where they say nothing."""
    outline = properties.find(f"{W}outlineLvl")
    numbering = properties.find(f"{W}numPr/{W}numId")
    level = None
    if outline is not None:
        value = whole_number(outline.get(f"{W}val", "9"), _BODY_LEVEL)
        level = value + 1 if 0 <= value < _BODY_LEVEL else 0
    return level, None if numbering is None else numbering.get(f"{W}val") != "0"


def _read_styles(package: Package, main: str) -> dict[str, _Style]:
    """Paragraph styles by id, with what they inherit; "" is the default style."""
    parts = package.related(main, "styles")
    if not parts:
        return {}
    raw = {style.get(f"{W}styleId", ""): style for style in package.root(parts[0]).iter(f"{W}style")}
    styles = {key: _resolve_style(key, raw) for key, style in raw.items() if style.get(f"{W}type") == "paragraph"}
    for key, style in raw.items():
        if style.get(f"{W}default") in {"1", "true"} and style.get(f"{W}type") == "paragraph":
            styles[""] = styles[key]
    return styles


def _resolve_style(key: str, raw: dict[str, Any]) -> _Style:
    level: int | None = None
    listed: bool | None = None
    seen: set[str] = set()
    while key in raw and key not in seen:
        seen.add(key)
        style = raw[key]
        properties = style.find(f"{W}pPr")
        own_level, own_list = _level_and_list(properties) if properties is not None else (None, None)
        named = _named_level(style)
        level = level if level is not None else own_level if own_level is not None else named
        listed = listed if listed is not None else own_list
        based = style.find(f"{W}basedOn")
        key = based.get(f"{W}val", "") if based is not None else ""
    return _Style(level or 0, bool(listed))


def _named_level(style: Any) -> int | None:
    element = style.find(f"{W}name")
    name = element.get(f"{W}val", "").lower() if element is not None else ""
    if name == "title":
        return 1
    if name.startswith("heading ") and name[8:].isdecimal():
        return whole_number(name[8:], 1)
    return None
