"""Put a parsed document together: text, pages and blocks whose offsets are right by construction."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from email.utils import parsedate_to_datetime

from cortex_engine.core.documents import (
    PAGE_BREAK,
    Attachment,
    Block,
    BlockKind,
    DocumentInfo,
    Page,
    PageState,
    ParsedDocument,
)
from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions

BLOCK_BREAK = "\n\n"
CELL_BREAK = " | "

_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# Soft hyphens and byte order marks are invisible, and a word that holds one is not found by its name.
_DROPPED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\ufeff]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_BLANK_LINES = re.compile(r"\n[ \t\u00a0]*\n(?:[ \t\u00a0]*\n)*")
_SPACES = re.compile(r"\s+")
_ISO_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?([T ]\d\d:\d\d(:\d\d(\.\d+)?)?\s*(Z|[+-]\d\d:?\d\d)?)?$")
_LANGUAGE = re.compile(r"([A-Za-z]{2})(?:[-_].*)?$")


def clean_text(text: str) -> str:
    """The text as pages hold it: NFC, "\\n" line ends, no control characters but tab, no lone surrogates."""
    text = _LINE_ENDS.sub("\n", text)
    text = _DROPPED.sub("", text)
    text = _SURROGATES.sub("\ufffd", text)
    return unicodedata.normalize("NFC", text)


def one_line(text: str) -> str:
    """The cleaned text with every run of white space turned into one space."""
    return _SPACES.sub(" ", clean_text(text)).strip()


def iso_date(text: str) -> str:
    """An ISO 8601 date or time from ISO, PDF-like or mail dates; "" where the text is no date."""
    text = text.strip()
    if _ISO_DATE.match(text):
        return text.replace(" ", "T", 1) if "T" not in text else text
    try:
        return parsedate_to_datetime(text).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        pass
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        return ""


def language_code(tag: str) -> str:
    """ISO 639-1 code of a language tag such as "en-US", or "" where it has none."""
    match = _LANGUAGE.match(tag.strip())
    return match.group(1).lower() if match else ""


class DocumentBuilder:
    """Accumulates pages and blocks in reading order and gives one `ParsedDocument`.

    Content added before the first `page()` begins page 1. Blocks stand a blank line apart; list items that follow
    each other are one block with a line each. Empty texts are left out.

    Raises `ParseError(reason="too_large")` from any adding method when a limit of the options is passed.
    """

    def __init__(self, media_type: str, options: ParseOptions, name: str = "") -> None:
        self._info = DocumentInfo(media_type)
        self._options = options
        self._name = name or "The file"
        self._pages: list[Page] = []
        self._open: Page | None = None
        self._parts: list[str] = []
        self._position = 0
        self._characters = 0
        self._cells = 0
        self._blocks: list[Block] = []
        self._attachments: list[Attachment] = []
        self._warnings: list[str] = []

    def page(self, label: str = "", width: float = 0.0, height: float = 0.0) -> None:
        """Begin the next page; `width` and `height` as in `Page`."""
        self._close_page()
        if len(self._pages) >= self._options.pages:
            raise self._too_large(f"more than {self._options.pages} pages")
        self._open = Page(len(self._pages) + 1, "", PageState.BLANK, label=one_line(label), width=width, height=height)

    def heading(self, text: str, level: int = 1) -> None:
        """Add a heading; `level` is held within 1..6."""
        self._add(BlockKind.HEADING, one_line(text), level=min(6, max(1, level)))

    def paragraph(self, text: str) -> None:
        """Add a paragraph; line ends inside it stay, blank lines become one line end."""
        self._add(BlockKind.PARAGRAPH, _BLANK_LINES.sub("\n", clean_text(text)).strip())

    def item(self, text: str) -> None:
        """Add a list item; it joins the list that it follows directly."""
        cleaned = _BLANK_LINES.sub("\n", clean_text(text)).strip()
        last = self._blocks[-1] if self._blocks else None
        joins = last is not None and last.kind is BlockKind.LIST and last.char_end == self._position and self._parts
        if not cleaned or last is None or not joins:
            self._add(BlockKind.LIST, cleaned)
            return
        self._append(f"\n{cleaned}")
        self._blocks[-1] = replace(last, char_end=self._position)

    def code(self, text: str) -> None:
        """Add code: indentation and blank lines stay."""
        self._add(BlockKind.CODE, clean_text(text).strip("\n").rstrip())

    def table(self, rows: Iterable[Sequence[str]], header: bool = True, inherited: str = "") -> None:
        """Add a table: a line a row, cells joined by " | ", empty rows and trailing empty cells left out.

        Args:
            rows: cell texts.
            header: whether the first row names the columns.
            inherited: the header's text where it stands elsewhere (a table continued after a gap).
        """
        lines = [line for row in rows if (line := self._row(row))]
        if not lines:
            return
        own = lines[0] if header and len(lines) > 1 else inherited
        self._add(BlockKind.TABLE, "\n".join(lines), header=own)

    def attach(self, name: str, data: bytes) -> None:
        """Keep a file that was found inside the file."""
        self._attachments.append(Attachment(one_line(name) or "attachment", data))

    def warn(self, sentence: str) -> None:
        """Say once what could not be read although the rest could."""
        if sentence not in self._warnings:
            self._warnings.append(sentence)

    def describe(
        self, *, title: str = "", author: str = "", created: str = "", modified: str = "", language: str = ""
    ) -> None:
        """Set what the document says about itself; what is "" (or no date, no language) stays as it was."""
        info = self._info
        self._info = replace(
            info,
            title=one_line(title) or info.title,
            author=one_line(author) or info.author,
            created=iso_date(created) or info.created,
            modified=iso_date(modified) or info.modified,
            language=language_code(language) or info.language,
        )

    def note(self, key: str, value: str) -> None:
        """Add a further fact about the document; empty values are left out."""
        value = one_line(value)
        if value and (key, value) not in self._info.extra:
            self._info = replace(self._info, extra=(*self._info.extra, (key, value)))

    def build(self) -> ParsedDocument:
        """The document. A document without content has one blank page."""
        if self._open is None and not self._pages:
            self.page()
        self._close_page()
        return ParsedDocument(
            info=self._info,
            pages=tuple(self._pages),
            blocks=tuple(self._blocks),
            attachments=tuple(self._attachments),
            warnings=tuple(self._warnings),
        )

    def _row(self, row: Sequence[str]) -> str:
        cells = [one_line(cell) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if len(cells) > self._options.table_columns:
            raise self._too_large(f"a table with more than {self._options.table_columns} columns")
        self._cells += len(cells)
        if self._cells > self._options.table_cells:
            raise self._too_large(f"more than {self._options.table_cells} table cells")
        return CELL_BREAK.join(cells) if any(cells) else ""

    def _add(self, kind: BlockKind, text: str, level: int = 0, header: str = "") -> None:
        if not text:
            return
        if self._open is None:
            self.page()
        if self._parts:
            self._append(BLOCK_BREAK)
        start = self._position
        self._append(text)
        self._blocks.append(Block(kind, start, self._position, level=level, header=header))

    def _append(self, text: str) -> None:
        self._characters += len(text)
        if self._characters > self._options.characters:
            raise self._too_large(f"more than {self._options.characters} characters of text")
        self._parts.append(text)
        self._position += len(text)

    def _close_page(self) -> None:
        if self._open is None:
            return
        text = "".join(self._parts)
        self._pages.append(replace(self._open, text=text, state=PageState.TEXT if text else PageState.BLANK))
        self._parts = []
        self._position += len(PAGE_BREAK)
        self._open = None

    def _too_large(self, what: str) -> ParseError:
        return ParseError(
            f"{self._name} has {what}, which is over the limit. Split the file and try again.", "too_large"
        )
