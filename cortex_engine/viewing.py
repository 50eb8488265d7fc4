"""What people see of a document: its pages with the passage and the words of their question marked, small pictures."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary

from cortex_engine import backends
from cortex_engine.core.app import PageView, Snippet, Span
from cortex_engine.core.documents import Document, Page, PagePicture, PageState, line_boxes
from cortex_engine.core.errors import CortexError, NotFoundError, ParseError, UsageError
from cortex_engine.core.pictures import DRAWN
from cortex_engine.core.places import line_edges, word_boxes
from cortex_engine.core.protocols import LexicalQuery
from cortex_engine.core.snippets import cut_snippet
from cortex_engine.lexical.highlights import Highlighter
from cortex_engine.library import Library
from cortex_engine.retrieval.function_words import function_words, likely_language
from cortex_engine.retrieval.query_text import parse_query

_log = logging.getLogger(__name__)

THUMBNAIL_WIDTH = 320
_NARROWEST, _WIDEST = 64, 3_200
_SAMPLE = 4_000
"""Characters by which the language of a passage is told."""
_MOST_LANGUAGES = 4
_TILE_SECONDS = 60.0
"""So long a thumbnail that could not be drawn is not tried again: lists of documents ask with every click."""


_known_languages: WeakKeyDictionary[Library, tuple[int, tuple[str, ...]]] = WeakKeyDictionary()


def highlighter(query: str, language: str, others: Callable[[], Sequence[str]] = tuple) -> Highlighter | None:
    """What marks the words of a query in texts of a language; None where the query asks for nothing.

    Args:
        query: as typed.
        language: of the text; "" where it is not known: then the query's own and `others` apply.
        others: languages that the text is likely to be in.
    """
    try:
        parsed = parse_query(query)
    except UsageError:  # empty, or exclusions only: nothing is asked for, so nothing is marked
        return None
    spoken = likely_language(parsed.text)
    skipped = function_words(spoken, language)
    words = parsed.loose.lower().split()
    if all(word.strip("?!.,;:") in skipped for word in words):
        skipped = frozenset()  # "to be or not to be" asks for just these
    languages = (language,) if language else tuple(dict.fromkeys((spoken, *others(), "")))
    return Highlighter(LexicalQuery(parsed.loose, parsed.phrases, (), languages), skipped)


def snippet(library: Library, text: str, query: str, length: int) -> Snippet:
    """See `CortexSuite.snippet`."""
    marker = highlighter(query, likely_language(text[:_SAMPLE]), lambda: _languages(library))
    return cut_snippet(text, marker.marks(text) if marker else (), length)


def page_view(library: Library, document: Document, number: int, characters: Span, query: str, width: int) -> PageView:
    """See `CortexSuite.page_view`. `characters`: of the document text."""
    page, begin = library.catalog.page(document.id, number)
    language = document.info.language or likely_language(page.text[:_SAMPLE])
    marker = highlighter(query, language, lambda: _languages(library))
    terms = marker.marks(page.text) if marker else ()
    passage = _on_page(page, characters[0] - begin, characters[1] - begin)
    notes = [_state(page)]
    picture = None
    if document.info.media_type in DRAWN:
        try:
            picture = _marked(library, document, page, passage, terms, width)
            if document.info.media_type == "pptx":
                notes.append("The slide is drawn simply; fonts, charts and effects are not those of the original.")
        except (ParseError, NotFoundError) as error:
            notes.append(f"The page cannot be shown as a picture: {error}")
    return PageView(
        document,
        number,
        document.page_count,
        page.label,
        page.text,
        passage,
        terms,
        picture,
        " ".join(note for note in notes if note),
    )


def thumbnail(library: Library, document: Document, number: int, width: int) -> PagePicture | None:
    """See `CortexSuite.thumbnail`."""
    if document.info.media_type not in DRAWN:
        return None
    try:
        return _picture(library, document, number, width, _TILE_SECONDS)
    except (ParseError, NotFoundError) as error:
        _log.info("no thumbnail of %s, page %d: %s", document.id, number, error)
        return None


def prepare_thumbnails(
    library: Library, document_ids: Sequence[str], stop: threading.Event | None = None, width: int = THUMBNAIL_WIDTH
) -> int:
    """Draw page 1 of these documents ahead of the first look; returns how many pictures there are now.

    One that cannot be drawn, and one that is deleted meanwhile, hinders no other.
    """
    made = 0
    for document_id in document_ids:
        if stop is not None and stop.is_set():
            break
        try:
            made += thumbnail(library, library.catalog.document(document_id), 1, width) is not None
        except CortexError as error:
            _log.info("no thumbnail of %s: %s", document_id, error)
    return made


def tidy(library: Library) -> None:
    """Remove kept pictures of originals that are not in the library any more."""
    library.pictures.keep_only(library.catalog.blob_hashes())


def _languages(library: Library) -> tuple[str, ...]:
    """The languages that most passages of the library are in."""
    moment = library.catalog.last_seq()
    known = _known_languages.get(library)
    if known is None or known[0] != moment:
        counts = library.catalog.languages(None)
        frequent = sorted((code for code in counts if code), key=lambda code: -counts[code])
        known = _known_languages[library] = (moment, tuple(frequent[:_MOST_LANGUAGES]))
    return known[1]


def _on_page(page: Page, start: int, end: int) -> tuple[Span, ...]:
    """The part of a range that lies on the page, without white space around it."""
    start, end = max(0, start), min(len(page.text), end)
    if start >= end:
        return ()
    piece = page.text[start:end]
    start += len(piece) - len(piece.lstrip())
    end -= len(piece) - len(piece.rstrip())
    return ((start, end),) if start < end else ()


def _state(page: Page) -> str:
    """What is to be said of a page whose text is missing."""
    if page.state is PageState.FAILED:
        return page.reason or "This page could not be read."
    if page.state is PageState.BLANK:
        return page.reason or "This page holds no text."
    return ""


def _marked(
    library: Library, document: Document, page: Page, passage: Sequence[Span], terms: Sequence[Span], width: int
) -> PagePicture:
    lines = [box for start, end in passage for box in line_boxes(page, start, end)]
    edges = line_edges(page, passage[0], lines) if lines else []
    words = word_boxes(page, terms)
    if not lines and not words:
        return _picture(library, document, page.number, width)

    def draw() -> PagePicture:
        return backends.mark_picture(_picture(library, document, page.number, width), lines, words, edges)

    spans = hashlib.sha256(repr((passage, terms)).encode()).hexdigest()
    return library.pictures.marked(document.sha256, f"{document.pipeline}-{page.number}-{width}-{spans}", draw)


def _picture(library: Library, document: Document, number: int, width: int, patience: float = 0.0) -> PagePicture:
    """The page as it is, from the cache or the box; `patience`: seconds before what failed is tried again."""
    width = max(_NARROWEST, min(_WIDEST, width))

    def draw() -> PagePicture:
        path = library.blobs.path(document.sha256)
        return library.parser.render(path, document.name, number, (), width)

    return library.pictures.picture(document.sha256, number, width, draw, patience)
