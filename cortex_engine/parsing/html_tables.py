"""HTML tables as rows of texts, and which tables only lay a page out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cortex_engine.parsing.builder import DocumentBuilder, one_line

BLOCKS = frozenset(
    [
        "html",
        "body",
        "article",
        "section",
        "div",
        "p",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
        "pre",
        "blockquote",
        "header",
        "footer",
        "main",
        "aside",
        "figure",
        "figcaption",
        "table",
        "caption",
        "thead",
        "tbody",
        "tfoot",
        "tr",
        "td",
        "th",
        "form",
        "fieldset",
        "legend",
        "details",
        "summary",
        "address",
        "hr",
        "center",
        "title",
        "option",
    ]
)
_LEFT_OUT = frozenset(
    [
        "head",
        "script",
        "style",
        "template",
        "nav",
        "svg",
        "noscript",
        "iframe",
        "object",
        "embed",
        "audio",
        "video",
        "canvas",
        "annotation",
        "annotation-xml",
    ]
)
_INVISIBLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_WIDEST_SPAN = 1000


def tag_of(element: Any) -> str:
    """Lower-case tag; "" for comments and processing instructions."""
    return element.tag.lower() if isinstance(element.tag, str) else ""


def is_hidden(element: Any) -> bool:
    """Whether a person does not see the element, or it is marked as navigation."""
    tag = tag_of(element)
    if not tag or tag in _LEFT_OUT or element.get("hidden") is not None or element.get("role") == "navigation":
        return True
    style = element.get("style")
    return bool(style and _INVISIBLE.search(style))


def is_layout(table: Any) -> bool:
    """Whether a table only places things: declared so, of one cell, or tables and headings stand in its cells."""
    if table.get("role") in {"presentation", "none"}:
        return True
    if any(tag_of(cell) == "th" for row in _rows(table) for cell in row):
        return False
    inner = [element for element in table.iter("table", "h1", "h2", "h3") if element is not table]
    cells = [cell for row in _rows(table) for cell in row.iterchildren("td")]
    return bool(inner) or len(cells) <= 1


def add_table(table: Any, builder: DocumentBuilder) -> None:
    """Add a table: caption as a paragraph, merged cells once with empty places beside and below them."""
    for caption in table.iterchildren("caption"):
        builder.paragraph(flat_text(caption))
    rows: list[list[str]] = []
    hanging: dict[int, int] = {}
    has_header = False
    for number, row in enumerate(_rows(table)):
        cells = [cell for cell in row if tag_of(cell) in {"td", "th"} and not is_hidden(cell)]
        rows.append(_place(cells, hanging))
        if number == 0:
            has_header = tag_of(row.getparent()) == "thead" or _are_heads(cells)
    builder.table(rows, header=has_header)


def _are_heads(cells: list[Any]) -> bool:
    heads = sum(tag_of(cell) == "th" for cell in cells)
    return heads > 1 or (heads == 1 and len(cells) == 1)


def _rows(table: Any) -> Iterator[Any]:
    """Rows of this table, not of tables inside it."""
    for child in table:
        tag = tag_of(child)
        if tag == "tr":
            yield child
        elif tag in {"thead", "tbody", "tfoot"}:
            yield from child.iterchildren("tr")


def _place(cells: list[Any], hanging: dict[int, int]) -> list[str]:
    """Texts of one row; `hanging` counts per column how many more rows a cell from above covers."""
    line: list[str] = []
    for cell in cells:
        _skip_covered(line, hanging)
        rows, columns = _span(cell, "rowspan"), _span(cell, "colspan")
        if rows > 1:
            hanging.update(dict.fromkeys(range(len(line), len(line) + columns), rows - 1))
        line += [flat_text(cell), *[""] * (columns - 1)]
    _skip_covered(line, hanging)
    return line


def _skip_covered(line: list[str], hanging: dict[int, int]) -> None:
    while (left := hanging.get(len(line), 0)) > 0:
        hanging[len(line)] = left - 1
        line.append("")


def _span(cell: Any, key: str) -> int:
    value = (cell.get(key) or "1").strip()
    return min(max(int(value), 1), _WIDEST_SPAN) if value.isascii() and value.isdigit() else 1


def flat_text(element: Any) -> str:
    """Visible text of an element in one line; blocks inside it are a space apart, cells of inner tables a comma."""
    from lxml import etree

    parts: list[str] = [element.text or ""]
    walk = etree.iterwalk(element, events=("start", "end"))
    for event, node in walk:
        if node is element:
            continue
        tag = tag_of(node)
        if event == "end":
            closing = ", " if tag in {"td", "th"} else "; " if tag == "tr" else " " if tag in BLOCKS else ""
            parts += [closing, node.tail or ""]
        elif is_hidden(node):
            walk.skip_subtree()
        elif tag == "br":
            parts.append(" ")
        else:
            alternative = (node.get("alt") or "") if tag == "img" else ""
            parts += [" " if tag in BLOCKS else "", alternative, node.text or ""]
    text = one_line("".join(parts))
    return (
        re.sub(r"(?:[,;] ?)+(?=;|$)|(?<=[,;])(?: [,;])+", "", text).strip(" ") if "," in text or ";" in text else text
    )
