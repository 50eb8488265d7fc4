"""XML of any vocabulary: text by element in order; titles, lists and tables where their usual names say so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from cortex_engine.core.documents import ParsedDocument
from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.builder import DocumentBuilder, one_line
from cortex_engine.parsing.decoding import read_limited
from cortex_engine.parsing.packages import local

_TITLES = frozenset({"title", "invention-title", "article-title", "chapter-title", "book-title"})
_HEADINGS = frozenset({"heading", "head", "h1", "h2", "h3", "h4", "h5", "h6", "subtitle"})
_NAMED_PARTS = frozenset({"abstract", "claims", "description"})
_ITEMS = frozenset({"item", "li", "list-item", "listitem", "claim"})
_PARAGRAPHS = frozenset({"p", "para", "paragraph", "simpara", "note", "caption"})
_TABLES = frozenset({"table", "tgroup", "informaltable"})
_ROWS, _CELLS = frozenset({"row", "tr"}), frozenset({"entry", "td", "th", "cell"})
_SECTIONS = frozenset({"sec", "section", "chapter", "sect1", "sect2", "sect3", "sect4", "div"})
_AUTHORS = frozenset({"author", "creator", "byline"})
_LONGEST_VALUE = 200
_LONGEST_ENTITY = 1_000
_ENTITY_USE = re.compile(r"[&%][^;\s]+;|<")


def parse_xml(source: Path, name: str, options: ParseOptions) -> ParsedDocument:
    """Read an XML file without loading anything from elsewhere; attributes are left out.

    Short entities that the file declares itself are put in; files that use external or nested entities are refused.
    Raises `ParseError` (damaged, forbidden, empty, too_large).
    """
    from lxml import etree

    data = read_limited(source, name, options)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ParseError(f"{name} is damaged: it is not well-formed XML ({error}).") from error
    _settle_entities(root, name)
    builder = DocumentBuilder("xml", options, name)
    _describe(root, builder)
    _add(root, 1, builder)
    return builder.build()


def _settle_entities(root: Any, name: str) -> None:
    """Put plain internal entities in; refuse the rest."""
    from lxml import etree

    used = list(root.iter(etree.Entity))
    if not used:
        return
    declared = root.getroottree().docinfo.internalDTD
    values = {entity.name: entity.content for entity in declared.iterentities()} if declared is not None else {}
    for entity in used:
        value = values.get(entity.name)
        if value is None or len(value) > _LONGEST_ENTITY or _ENTITY_USE.search(value):
            message = f"{name} was not read: its entity {entity.text} is external or nested, which can be an attack."
            raise ParseError(message, "forbidden")
        parent, before = entity.getparent(), entity.getprevious()
        text = value + (entity.tail or "")
        if before is not None:
            before.tail = (before.tail or "") + text
        else:
            parent.text = (parent.text or "") + text
        entity.tail = None
        parent.remove(entity)


def _describe(root: Any, builder: DocumentBuilder) -> None:
    titles = (_text(element) for element in root.iter() if local(element) in _TITLES)
    authors = (_text(element) for element in root.iter() if local(element) in _AUTHORS)
    builder.describe(
        title=next(titles, ""),
        author=next(authors, ""),
        language=root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang") or "",
    )
    builder.note("root_element", local(root))


def _add(element: Any, level: int, builder: DocumentBuilder) -> None:
    """Add an element; `level` is that of a heading directly in it."""
    kind = local(element).lower()
    if kind in _TITLES or kind in _HEADINGS:
        builder.heading(_text(element), level)
    elif kind in _TABLES and any(local(node) in _ROWS for node in element.iter()):
        _add_table(element, builder)
    elif kind in _ITEMS:
        builder.item(_text(element))
    elif kind in _PARAGRAPHS or _has_own_text(element):
        _add_paragraph(element, builder)
    else:
        if kind in _NAMED_PARTS:
            builder.heading(kind.capitalize(), level)
        _add_children(element, level + (kind in _SECTIONS or kind in _NAMED_PARTS), builder)


def _add_children(parent: Any, level: int, builder: DocumentBuilder) -> None:
    """Add the children; values that stand next to each other become lines "name: value" of one paragraph."""
    values: list[str] = []
    for child in parent:
        value = _value(child)
        if value:
            values.append(f"{local(child)}: {value}")
            continue
        builder.paragraph("\n".join(values))
        values = []
        _add(child, level, builder)
    builder.paragraph("\n".join(values))


def _value(element: Any) -> str:
    """The text of a short element that holds nothing else, or "" where it is more (or prose)."""
    kind = local(element).lower()
    prose = kind in _TITLES or kind in _HEADINGS or kind in _PARAGRAPHS or kind in _ITEMS
    inner = element
    while len(inner) == 1:
        inner = inner[0]
    if prose or len(inner):
        return ""
    text = _text(element)
    return text if len(text) <= _LONGEST_VALUE else ""


def _has_own_text(element: Any) -> bool:
    pieces = [element.text, *(child.tail for child in element)]
    return any(piece and piece.strip() for piece in pieces)


def _text(element: Any) -> str:
    return one_line("".join(element.itertext()))


def _add_paragraph(element: Any, builder: DocumentBuilder) -> None:
    """A paragraph; tables and lists inside it follow it."""
    inner = [node for node in element if local(node).lower() in _TABLES or local(node).lower() in {"list", "ul", "ol"}]
    if not inner:
        builder.paragraph(_text(element))
        return
    pieces = [element.text or ""]
    for node in element:
        pieces += ["" if node in inner else "".join(node.itertext()), node.tail or ""]
    builder.paragraph(one_line("".join(pieces)))
    for node in inner:
        _add(node, 1, builder)


def _add_table(element: Any, builder: DocumentBuilder) -> None:
    for title in element:
        if local(title) in _TITLES or local(title) == "caption":
            builder.paragraph(_text(title))
    rows = [row for row in element.iter() if local(row) in _ROWS]
    has_header = bool(rows) and (local(rows[0].getparent()) == "thead" or all(local(cell) == "th" for cell in rows[0]))
    builder.table([[_text(cell) for cell in row if local(cell) in _CELLS] for row in rows], header=has_header)
