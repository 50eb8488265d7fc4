"""HTML pages (and XHTML chapters, HTML mails) as headings, paragraphs, lists, code and tables."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Any

from cortex_engine.core.documents import ParsedDocument
from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.builder import DocumentBuilder, iso_date, one_line
from cortex_engine.parsing.decoding import decode, read_limited
from cortex_engine.parsing.html_tables import BLOCKS, add_table, is_hidden, is_layout, tag_of

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:_-]*)(?:=\s*\"[^\"]*\"|=\s*'[^']*'|[^<>])*+>")
_VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
        "p",
        "li",
        "dt",
        "dd",
        "tr",
        "td",
        "th",
        "thead",
        "tbody",
        "tfoot",
        "option",
        "colgroup",
    ]
)
"""Elements without end tag, or whose end tag may be left out: they do not nest by themselves."""
_CHARSET = re.compile(
    rb"""<(?:meta[^>]*?charset\s*=\s*["']?|\?xml[^>]*?encoding\s*=\s*["'])\s*([a-zA-Z0-9._:-]+)""", re.I
)
_IMPLIED = 8
"""Levels that a parser adds by itself (html, body, the parts of a table)."""
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_SPACES = re.compile(r"[ \t\r\n\f]+")
_TITLES = ("dc.title", "citation_title", "og:title")
_AUTHORS = ("author", "dc.creator", "citation_author", "article:author")
_CREATED = (
    "date",
    "dc.date",
    "dcterms.created",
    "article:published_time",
    "citation_publication_date",
    "datepublished",
)
_MODIFIED = ("last-modified", "dcterms.modified", "article:modified_time", "og:updated_time")


def parse_html(source: Path, name: str, options: ParseOptions) -> ParsedDocument:
    """Read a page. Scripts, styles, hidden parts and navigation marked as such are left out.

    Raises `ParseError` (empty, too_large above `html_bytes` or `html_depth`, damaged).
    """
    builder = DocumentBuilder("html", options, name)
    text = decode_html(read_limited(source, name, options, options.html_bytes))
    add_html(text, name, options, builder)
    return builder.build()


def decode_html(data: bytes) -> str:
    """Text of an HTML file: byte order mark, then the declared character set, then as any text."""
    declared = _CHARSET.search(data[:4096])
    marked = data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if declared and not marked:
        encoding = declared.group(1).decode("ascii").lower()
        # Web browsers read these labels so (WHATWG Encoding, 4.2): real pages hold Windows characters.
        encoding = "cp1252" if encoding in {"iso-8859-1", "latin-1", "latin1", "us-ascii", "ascii"} else encoding
        # A page whose declaration can be read byte by byte is not UTF-16, whatever it declares (WHATWG HTML, 13.2.3.2).
        encoding = "utf-8" if encoding.startswith("utf-16") else encoding
        try:
            return data.decode(encoding, "strict" if encoding.startswith("utf") else "replace")
        except (LookupError, UnicodeDecodeError):
            pass
    return decode(data)[0]


def add_html(text: str, name: str, options: ParseOptions, builder: DocumentBuilder, describe: bool = True) -> None:
    """Add the visible content of an HTML text to the builder; `describe` takes its metadata over.

    Raises `ParseError` (too_large, damaged).
    """
    from lxml import etree

    if len(text) > options.html_bytes:
        raise ParseError(
            f"{name} holds more than {options.html_bytes} characters of HTML; it was not read.", "too_large"
        )
    _check_depth(text, name, options)
    if not text.strip():
        return
    # libxml2 would stop without a word at a depth of its own; ours was checked before.
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(text.replace("\0", "").encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ParseError(f"{name} is damaged: its HTML cannot be read ({error}).") from error
    if root is None:
        return
    if describe:
        _describe(root, builder)
    deepest = _PageReader(builder).read(root)
    if deepest > options.html_depth + _IMPLIED:
        raise _too_deep(name, options)


def _check_depth(text: str, name: str, options: ParseOptions) -> None:
    depth = 0
    for match in _TAG.finditer(text):
        if match.group(2).lower() in _VOID or match.group().endswith("/>"):
            continue
        depth = max(0, depth - 1) if match.group(1) else depth + 1
        if depth > options.html_depth:
            raise _too_deep(name, options)


def _too_deep(name: str, options: ParseOptions) -> ParseError:
    return ParseError(f"{name} nests deeper than {options.html_depth} elements; it was not read.", "too_large")


def _describe(root: Any, builder: DocumentBuilder) -> None:
    metas: dict[str, str] = {}
    for meta in root.iter("meta"):
        key = (meta.get("name") or meta.get("property") or meta.get("http-equiv") or meta.get("itemprop") or "").lower()
        metas.setdefault(key, meta.get("content") or "")
    title = root.find(".//head/title")
    builder.describe(
        title=("".join(title.itertext()) if title is not None else "") or _first(metas, _TITLES),
        author=_first(metas, _AUTHORS),
        created=next(filter(None, (iso_date(metas.get(key, "").replace("/", "-")) for key in _CREATED)), ""),
        modified=next(filter(None, (iso_date(metas.get(key, "")) for key in _MODIFIED)), ""),
        language=root.get("lang") or root.get("xml:lang") or metas.get("content-language", ""),
    )
    builder.note("description", metas.get("description", "") or metas.get("og:description", ""))
    builder.note("keywords", metas.get("keywords", ""))


def _first(metas: dict[str, str], keys: tuple[str, ...]) -> str:
    return next((metas[key] for key in keys if metas.get(key)), "")


class _PageReader:
    """Walks a page once, event by event, so that depth costs no stack."""

    def __init__(self, builder: DocumentBuilder) -> None:
        self._builder = builder
        self._text: list[str] = []
        self._kinds = ["p"]

    def read(self, root: Any) -> int:
        """Add the content below `root`; the greatest depth met."""
        from lxml import etree

        walk = etree.iterwalk(root, events=("start", "end"))
        skipped: Any = None
        depth = deepest = 0
        for event, element in walk:
            depth += 1 if event == "start" else -1
            deepest = max(deepest, depth)
            if event == "end":
                if element is not skipped:
                    self._end(element)
                skipped = None
                self._add(element.tail)
            elif self._is_left_out(element):
                walk.skip_subtree()
                skipped = element
            else:
                self._start(element)
        self._flush()
        return deepest

    def _is_left_out(self, element: Any) -> bool:
        """Handle what is not walked into: hidden parts and tables of data."""
        if is_hidden(element):
            return True
        if tag_of(element) == "table" and not is_layout(element):
            self._flush()
            add_table(element, self._builder)
            return True
        return False

    def _start(self, element: Any) -> None:
        tag = tag_of(element)
        if tag in BLOCKS:
            self._flush()
            inherits = tag not in _HEADINGS and tag not in {"li", "pre", "table", "blockquote"}
            self._kinds.append(self._kinds[-1] if inherits else tag)
        elif tag == "br":
            self._text.append("\n")
        elif tag == "img":
            self._text.append(one_line(element.get("alt") or ""))
        self._add(element.text)

    def _end(self, element: Any) -> None:
        if tag_of(element) in BLOCKS:
            self._flush()
            self._kinds.pop()

    def _add(self, text: str | None) -> None:
        if text:
            self._text.append(text if self._kinds[-1] == "pre" else _SPACES.sub(" ", text))

    def _flush(self) -> None:
        text = "".join(self._text)
        self._text = []
        kind = self._kinds[-1]
        if kind == "pre":
            self._builder.code(text)
            return
        text = re.sub(" *\n *", "\n", re.sub(" {2,}", " ", text)).strip()
        if kind in _HEADINGS:
            self._builder.heading(text, _HEADINGS[kind])
        elif kind == "li":
            self._builder.item(text)
        else:
            self._builder.paragraph(text)
