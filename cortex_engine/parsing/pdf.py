"""PDF by PDFium: text in reading order with the place of every word, and which pages are pictures."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cortex_engine.core.documents import (
    PAGE_BREAK,
    Block,
    BlockKind,
    DocumentInfo,
    Page,
    PageState,
    ParsedDocument,
)
from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.builder import one_line
from cortex_engine.parsing.composing import Composer
from cortex_engine.parsing.layout import Paragraph, arrange
from cortex_engine.parsing.limits import extend_cpu
from cortex_engine.parsing.pdf_attachments import embedded_files
from cortex_engine.parsing.pdf_forms import field_segments
from cortex_engine.parsing.pdf_text import TextLayer, TextLayerReader
from cortex_engine.parsing.registry import AWAITS_OCR, OCR_OFF

_PASSWORD_ERROR = 4
_SECURITY_ERROR = 5
_UNUSABLE_SHARE = 0.3
_FEW_CHARACTERS = 40
_PICTURE_SHARE = 0.5
_HEADING_RATIO = 1.15
_HEADING_CHARACTERS = 200
_PDF_DATE = re.compile(r"D?:?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?\s*(?:(Z)|([+-])(\d\d)'?(\d\d)?)?")


@dataclass(slots=True)
class _Draft:
    """A page before the whole document is known."""

    number: int
    width: float = 0.0
    height: float = 0.0
    label: str = ""
    state: PageState = PageState.TEXT
    reason: str = ""
    paragraphs: list[Paragraph] = field(default_factory=list)


def parse_pdf(source: Path, name: str, options: ParseOptions) -> ParsedDocument:
    """Read a PDF; pages without a usable text layer come back as waiting for OCR.

    Raises:
        ParseError: encrypted, damaged, or too_large (pages, characters).
    """
    with open_pdf(source, name) as pdf:
        count = len(pdf)
        if count > options.pages:
            raise ParseError(f"'{name}' has {count:,} pages; up to {options.pages:,} are read.", "too_large")
        extend_cpu(count * options.cpu_seconds_per_page)
        drafts, characters = [], 0
        for index in range(count):
            draft = _draft(pdf, index, options)
            drafts.append(draft)
            characters += sum(s.length for p in draft.paragraphs for row in p.rows for s in row)
            if characters > options.characters:
                raise ParseError(f"'{name}' has more than {options.characters:,} characters.", "too_large")
        pages, blocks = _compose(drafts)
        attachments, warnings = embedded_files(pdf, source, options)
        if all(page.state is PageState.FAILED and page.reason != AWAITS_OCR for page in pages):
            raise ParseError(f"'{name}' is damaged: none of its pages can be loaded.", "damaged")
        return ParsedDocument(_info(pdf), pages, blocks, attachments, warnings)


@contextlib.contextmanager
def open_pdf(source: Path, name: str) -> Iterator[Any]:
    """The document as `pypdfium2.PdfDocument`, with its form fields drawn when it has some.

    Raises:
        ParseError: encrypted or damaged.
    """
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(source)
    except pypdfium2.PdfiumError as error:
        if error.err_code in {_PASSWORD_ERROR, _SECURITY_ERROR}:
            message = f"'{name}' is protected by a password. Save a copy without password and add that."
            raise ParseError(message, "encrypted") from error
        raise ParseError(f"'{name}' is damaged: no page of this PDF can be found.", "damaged") from error
    try:
        # A broken form is no reason to lose the text of the pages.
        with contextlib.suppress(pypdfium2.PdfiumError):
            pdf.init_forms()
        yield pdf
    finally:
        pdf.close()


def _draft(pdf: Any, index: int, options: ParseOptions) -> _Draft:
    import pypdfium2

    draft = _Draft(index + 1)
    try:
        draft.label = one_line(pdf.get_page_label(index))
        page = pdf[index]
    except (pypdfium2.PdfiumError, UnicodeDecodeError) as error:
        draft.state, draft.reason = PageState.FAILED, f"Page {index + 1} cannot be loaded: {error}"
        return draft
    try:
        draft.width, draft.height = (float(value) for value in page.get_size())
        textpage = page.get_textpage()
        layer = TextLayerReader(page, textpage).read()
        textpage.close()
        fields = field_segments(pdf, page)
        if not fields and _is_picture(page, layer):
            _mark_picture(draft, page, options)
            return draft
        draft.paragraphs = arrange(layer.segments, layer.right_to_left)
        draft.paragraphs += [Paragraph(BlockKind.PARAGRAPH, [[segment]]) for segment in [*layer.turned, *fields]]
    except pypdfium2.PdfiumError as error:
        draft.state, draft.reason = PageState.FAILED, f"The text of page {index + 1} cannot be read: {error}"
    finally:
        page.close()
    return draft


def _mark_picture(draft: _Draft, page: Any, options: ParseOptions) -> None:
    """A page without usable text: blank when nothing is drawn on it, else OCR's business."""
    import pypdfium2.raw as pdfium

    drawn = pdfium.FPDFPage_CountObjects(page) > 0 or pdfium.FPDFPage_GetAnnotCount(page) > 0
    if not drawn:
        draft.state = PageState.BLANK
    elif options.ocr:
        draft.state, draft.reason = PageState.FAILED, AWAITS_OCR
    else:
        draft.state, draft.reason = PageState.BLANK, OCR_OFF


def _is_picture(page: Any, layer: TextLayer) -> bool:
    """No text, text of unknown characters, or a few words (a stamp, a page number) on a large picture."""
    if not layer.characters or layer.unusable > _UNUSABLE_SHARE:
        return True
    return layer.characters < _FEW_CHARACTERS and _picture_share(page) > _PICTURE_SHARE


def _picture_share(page: Any) -> float:
    """Largest part of the page that one picture covers."""
    import pypdfium2
    import pypdfium2.raw as pdfium

    left, bottom, right, top = page.get_bbox()
    area = max((right - left) * (top - bottom), 1e-3)
    share = 0.0
    for found in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3):
        with contextlib.suppress(pypdfium2.PdfiumError):
            x0, y0, x1, y1 = found.get_bounds()
            share = max(share, max(0.0, x1 - x0) * max(0.0, y1 - y0) / area)
    return share


def _compose(drafts: Sequence[_Draft]) -> tuple[tuple[Page, ...], tuple[Block, ...]]:
    """Pages and blocks, with what only the whole document tells: words that exist, and the sizes of headings."""
    vocabulary = _vocabulary(drafts)
    levels, body = _heading_levels(drafts)
    pages: list[Page] = []
    blocks: list[Block] = []
    position = 0
    for draft in drafts:
        composer = Composer(vocabulary)
        for paragraph in draft.paragraphs:
            composer.add(paragraph, _level(paragraph, levels, body))
        composed = composer.finish()
        state = draft.state
        if state is PageState.TEXT and not composed.text:
            state = PageState.BLANK
        boxes = composed.text_boxes() if state is PageState.TEXT else None
        pages.append(
            Page(draft.number, composed.text, state, draft.reason, draft.label, draft.width, draft.height, boxes)
        )
        blocks += (
            replace(block, char_start=block.char_start + position, char_end=block.char_end + position)
            for block in composed.blocks
        )
        position += len(composed.text) + len(PAGE_BREAK)
    return tuple(pages), tuple(blocks)


def _vocabulary(drafts: Sequence[_Draft]) -> Collection[str]:
    words: set[str] = set()
    for draft in drafts:
        for paragraph in draft.paragraphs:
            for row in paragraph.rows:
                for segment in row:
                    words.update(word.text.strip("()[]{}.,;:!?\"'“”‘’").lower() for word in segment.words)
    return words


def _heading_levels(drafts: Sequence[_Draft]) -> tuple[dict[float, int], float]:
    """Level 1..5 of each heading size, largest first, and the size of running text (by characters)."""
    sizes: Counter[float] = Counter()
    for draft in drafts:
        for paragraph in draft.paragraphs:
            for row in paragraph.rows:
                for segment in row:
                    sizes[_rounded(segment.size)] += segment.length
    if not sizes:
        return {}, 0.0
    body = sizes.most_common(1)[0][0]
    larger = sorted((size for size in sizes if size >= _HEADING_RATIO * body), reverse=True)
    levels: dict[float, int] = {}
    previous, level = 0.0, 0
    for size in larger:
        if not level or size < previous / 1.08:  # sizes that differ by less are one level
            level, previous = min(5, level + 1), size
        levels[size] = level
    return levels, body


def _level(paragraph: Paragraph, levels: dict[float, int], body: float) -> int:
    """Heading level of a paragraph, 0 for none: short and larger than running text, or one bold line."""
    if paragraph.kind is not BlockKind.PARAGRAPH or len(paragraph.rows) > 3:
        return 0
    words = [word.text for row in paragraph.rows for segment in row for word in segment.words]
    length = sum(len(word) + 1 for word in words)
    letters = sum(letter.isalpha() for word in words for letter in word)
    if length > _HEADING_CHARACTERS or letters < 2 or letters < 0.4 * length:
        return 0
    size = _rounded(paragraph.size)
    if size in levels:
        return levels[size]
    sentence = words[-1].endswith((".", ",", ";", ":", "-")) or words[0][:1].islower()
    alone = len(paragraph.rows) == 1 and len(paragraph.rows[0]) == 1 and len(words) <= 14
    if paragraph.bold and alone and not sentence and size >= 0.9 * body:
        return min(6, max(levels.values(), default=0) + 1)
    return 0


def _rounded(size: float) -> float:
    return round(size * 2) / 2


def _info(pdf: Any) -> DocumentInfo:
    values = pdf.get_metadata_dict(skip_empty=True)
    extra = tuple(
        (key.lower(), one_line(values[key])) for key in ("Subject", "Keywords", "Creator", "Producer") if key in values
    )
    return DocumentInfo(
        media_type="pdf",
        title=one_line(values.get("Title", "")),
        author=one_line(values.get("Author", "")),
        created=pdf_date(values.get("CreationDate", "")),
        modified=pdf_date(values.get("ModDate", "")),
        extra=extra,
    )


def pdf_date(text: str) -> str:
    """ISO 8601 of a PDF date (`D:YYYYMMDDHHmmSSOHH'mm'`, ISO 32000-1, 7.9.4); "" where it is none.

    >>> pdf_date("D:20240301123000+01'00'")
    '2024-03-01T12:30:00+01:00'
    >>> pdf_date("D:2024")
    '2024'
    """
    match = _PDF_DATE.match(text.strip())
    if match is None:
        return ""
    year, month, day, hour, minute, second, utc, sign, zone_hours, zone_minutes = match.groups()
    if not 1 <= int(month or 1) <= 12 or not 1 <= int(day or 1) <= 31:
        return ""
    date = "-".join(part for part in (year, month, day) if part)
    if hour is None or day is None:
        return date
    if int(hour) > 23 or int(minute or 0) > 59 or int(second or 0) > 59:
        return date
    zone = "Z" if utc else f"{sign}{zone_hours}:{zone_minutes or '00'}" if sign else ""
    return f"{date}T{hour}:{minute or '00'}:{second or '00'}{zone}"
