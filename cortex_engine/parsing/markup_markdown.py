"""Markdown (CommonMark with tables), read by markdown-it-py: structure kept, marks left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cortex_engine.core.documents import ParsedDocument
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.builder import DocumentBuilder
from cortex_engine.parsing.decoding import decode, read_limited
from cortex_engine.parsing.markup_html import add_html

if TYPE_CHECKING:
    from markdown_it.token import Token

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"([A-Za-z_-]+)\s*:\s*(.*)$")
_NESTING = 100
"""Quotes and lists nested deeper than this are left out (the library's own default for CommonMark is 20)."""
_KNOWN = frozenset({"title", "author", "date", "created", "modified", "updated", "lang", "language"})


def parse_markdown(source: Path, name: str, options: ParseOptions) -> ParsedDocument:
    """Read a Markdown file; front matter becomes metadata. Raises `ParseError` (empty, too_large)."""
    from markdown_it import MarkdownIt

    builder = DocumentBuilder("markdown", options, name)
    text, encoding = decode(read_limited(source, name, options))
    if not encoding.startswith("utf-8"):
        builder.note("encoding", encoding)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    front = _FRONT_MATTER.match(text)
    if front:
        _describe(front.group(1), builder)
        text = text[front.end() :]
    tokens = MarkdownIt("commonmark", {"maxNesting": _NESTING}).enable("table").parse(text)
    _add(tokens, name, options, builder)
    return builder.build()


def _describe(front: str, builder: DocumentBuilder) -> None:
    fields = {}
    for line in front.splitlines():
        if match := _FIELD.match(line):
            fields[match.group(1).lower()] = match.group(2).strip().strip("\"'[]")
    builder.describe(
        title=fields.get("title", ""),
        author=fields.get("author", ""),
        created=fields.get("date", "") or fields.get("created", ""),
        modified=fields.get("modified", "") or fields.get("updated", ""),
        language=fields.get("lang", "") or fields.get("language", ""),
    )
    for key, value in fields.items():
        if key not in _KNOWN:
            builder.note(key, value)


def _add(tokens: Sequence[Token], name: str, options: ParseOptions, builder: DocumentBuilder) -> None:
    kind, level = "paragraph", 0
    lists = 0
    stream = iter(tokens)
    for token in stream:
        if token.type == "table_open":
            builder.table(_table(stream))
        elif token.type in {"list_item_open", "list_item_close"}:
            lists += token.nesting
        elif token.type == "heading_open":
            kind, level = "heading", int(token.tag[1:])
        elif token.type == "heading_close":
            kind = "paragraph"
        elif token.type in {"fence", "code_block"}:
            builder.code(token.content)
        elif token.type == "html_block":
            add_html(token.content, name, options, builder, describe=False)
        elif token.type == "inline":
            text = _inline(token)
            if kind == "heading":
                builder.heading(text, level)
            else:
                (builder.item if lists else builder.paragraph)(text)


def _table(stream: Iterator[Token]) -> list[list[str]]:
    rows: list[list[str]] = []
    for token in stream:
        if token.type == "table_close":
            break
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(_inline(token))
    return rows


def _inline(token: Token) -> str:
    parts = []
    for child in token.children or []:
        if child.type in {"text", "code_inline", "text_special"}:
            parts.append(child.content)
        elif child.type == "softbreak":
            parts.append(" ")
        elif child.type == "hardbreak" or (child.type == "html_inline" and child.content.lower().startswith("<br")):
            parts.append("\n")
        elif child.type == "image":
            parts.append(child.content)
    return "".join(parts)
