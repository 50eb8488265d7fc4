"""OpenDocument text (.odt), read from its XML: ISO/IEC 26300 (content.xml, meta.xml, styles.xml)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cortex_engine.core.documents import ParsedDocument
from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.builder import DocumentBuilder
from cortex_engine.parsing.ooxml import worth_keeping
from cortex_engine.parsing.packages import LimitedArchive, local, whole_number, xml_root

TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_SKIPPED = frozenset({"tracked-changes", "annotation-end", "sequence-decls", "forms", "bookmark", "ruby-text", "desc"})


def parse_odt(source: Path, name: str, options: ParseOptions) -> ParsedDocument:
    """Read an OpenDocument text: headings, lists, tables, notes, comments, headers and footers, metadata.

    Raises `ParseError` (damaged, encrypted, too_large, empty).
    """
    with LimitedArchive(source, name, options) as archive:
        if "META-INF/manifest.xml" in archive and b"encryption-data" in archive.read("META-INF/manifest.xml"):
            raise ParseError(
                f"{name} is protected by a password. Save a copy without password and add that.", "encrypted"
            )
        builder = DocumentBuilder("odt", options, name)
        if "meta.xml" in archive:
            _read_meta(xml_root(archive.read("meta.xml"), name, "meta.xml"), builder)
        content = xml_root(archive.read("content.xml"), name, "content.xml")
        margins = []
        if "styles.xml" in archive:
            margins = _margins(xml_root(archive.read("styles.xml"), name, "styles.xml"))
        for text in (text for kind, text in margins if kind == "header"):
            builder.paragraph(text)
        body = content.find(f"{OFFICE}body")
        if body is not None:
            _blocks(body, builder)
        for text in (text for kind, text in margins if kind == "footer"):
            builder.paragraph(text)
        for member in archive.names():
            if member.startswith("Pictures/"):
                data = archive.read(member)
                if worth_keeping(member, data):
                    builder.attach(member.removeprefix("Pictures/"), data)
        return builder.build()


def _read_meta(root: Any, builder: DocumentBuilder) -> None:
    values = {local(element): element.text or "" for element in root.iter() if local(element)}
    builder.describe(
        title=values.get("title", ""),
        author=values.get("creator", "") or values.get("initial-creator", ""),
        created=values.get("creation-date", ""),
        modified=values.get("date", ""),
        language=values.get("language", ""),
    )
    for key in ("subject", "keyword", "description"):
        builder.note(key, values.get(key, ""))


def _margins(root: Any) -> list[tuple[str, str]]:
    """Each different header and footer text, as kind and text."""
    found = []
    for page in root.iter("{urn:oasis:names:tc:opendocument:xmlns:style:1.0}master-page"):
        for element in page:
            kind = local(element).partition("-")[0]
            text = " ".join(filter(None, (_inline(p).strip() for p in element.iter(f"{TEXT}p"))))
            if kind in {"header", "footer"} and sum(map(str.isalpha, text)) > 1 and (kind, text) not in found:
                found.append((kind, text))
    return found


def _blocks(parent: Any, builder: DocumentBuilder) -> None:
    for element in parent:
        kind = local(element)
        if kind == "h":
            level = element.get(f"{TEXT}outline-level", "1")
            builder.heading(_inline(element), whole_number(level, 1))
            _anchored(element, builder)
        elif kind == "p":
            builder.paragraph(_inline(element))
            _anchored(element, builder)
        elif kind == "list":
            _items(element, builder)
        elif kind == "table":
            builder.table([[_flat(cell) for cell in _cells(row)] for row in element.iter(f"{TABLE}table-row")])
        elif kind and kind not in _SKIPPED:
            _blocks(element, builder)


def _items(element: Any, builder: DocumentBuilder) -> None:
    for item in element:
        for child in item:
            kind = local(child)
            if kind == "list":
                _items(child, builder)
            elif kind == "p":
                builder.item(_inline(child))
            elif kind == "h":
                level = child.get(f"{TEXT}outline-level", "1")
                builder.heading(_inline(child), whole_number(level, 1))


def _cells(row: Any) -> list[Any]:
    """Cells of a row; covered ones (under a merged cell) stay as empty places."""
    return [cell for cell in row if local(cell) in {"table-cell", "covered-table-cell"}]


def _flat(cell: Any) -> str:
    return " ".join(filter(None, (_inline(p).strip() for p in cell.iter(f"{TEXT}p", f"{TEXT}h"))))


def _anchored(paragraph: Any, builder: DocumentBuilder) -> None:
    """Text boxes, notes and comments that stand in a paragraph, as paragraphs after it."""
    for node in paragraph.iter():
        kind = local(node)
        if kind == "text-box":
            _blocks(node, builder)
        elif kind == "note":
            citation, body = node.find(f"{TEXT}note-citation"), node.find(f"{TEXT}note-body")
            mark = _inline(citation) if citation is not None else ""
            builder.paragraph(f"[{mark}] {_flat(body)}" if body is not None else "")
        elif kind == "annotation":
            builder.paragraph(f"Comment: {_flat(node)}")


def _inline(element: Any) -> str:
    """Text of a paragraph: spaces, tabs and breaks as characters, notes as their mark, boxes left out."""
    parts = [element.text or ""]
    for node in element:
        kind = local(node)
        if kind == "s":
            count = node.get(f"{TEXT}c", "1")
            parts.append(" " * min(whole_number(count, 1), 100))
        elif kind == "tab":
            parts.append("\t")
        elif kind == "line-break":
            parts.append("\n")
        elif kind == "note":
            citation = node.find(f"{TEXT}note-citation")
            parts.append(f"[{_inline(citation)}]" if citation is not None else "")
        elif kind not in _SKIPPED and kind not in {"text-box", "annotation", "object"}:
            parts.append(_inline(node))
        parts.append(node.tail or "")
    return "".join(parts)
