"""PowerPoint 97-2003 presentations (.ppt): the texts of slides and notes, by the record structure of [MS-PPT]."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cortex_engine.core.documents import ParsedDocument
from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.builder import DocumentBuilder
from cortex_engine.parsing.ole import open_ole, read_ole_properties, read_stream

_ENCRYPTED_TOKEN = 0xF3D1C4DF
_USER_EDIT, _PERSIST_DIRECTORY, _DOCUMENT, _SLIDE_LIST = 0x0FF5, 0x1772, 0x03E8, 0x0FF0
_SLIDE_PERSIST, _NOTES_ATOM = 0x03F3, 0x03F1
_TEXT_HEADER, _CHARACTERS, _BYTES, _OUTLINE_REFERENCE = 0x0F9F, 0x0FA0, 0x0FA8, 0x0F9E
_SLIDES, _NOTES = 0, 2
_TITLES = frozenset({0, 6})
_BODIES = frozenset({1, 7, 8})
_NOTES_TEXT = 2
_DEEPEST = 64


@dataclass(frozen=True, slots=True)
class _Record:
    kind: int
    instance: int
    start: int
    end: int
    container: bool


@dataclass(frozen=True, slots=True)
class _Listed:
    """A slide in the document's list: its persist id, its slide id, its outline texts as kind and text."""

    persist: int
    identifier: int
    outline: list[tuple[int, str]]


def parse_ppt(source: Path, name: str, options: ParseOptions) -> ParsedDocument:
    """Read a PowerPoint 97-2003 presentation: a page a slide with its texts in drawing order, then its notes.

    Raises `ParseError` (damaged, encrypted, too_large, empty).
    """
    builder = DocumentBuilder("ppt", options, name)
    with open_ole(source, name, options) as ole:
        if ole.exists("EncryptedSummary"):
            raise ParseError(
                f"{name} is protected by a password. Save a copy without password and add that.", "encrypted"
            )
        user = read_stream(ole, "Current User", name)
        data = read_stream(ole, "PowerPoint Document", name)
        read_ole_properties(ole, builder)
    add_slides(user, data, name, builder)
    return builder.build()


def add_slides(user: bytes, data: bytes, name: str, builder: DocumentBuilder) -> None:
    """Add the slides of the streams "Current User" and "PowerPoint Document". Raises `ParseError`."""
    try:
        token, edit = struct.unpack_from("<II", user, 12)
        if token == _ENCRYPTED_TOKEN:
            raise ParseError(
                f"{name} is protected by a password. Save a copy without password and add that.", "encrypted"
            )
        offsets, document = _persisted(data, edit)
        slides = _listed(data, offsets[document], _SLIDES)
        notes = dict(_notes(data, offsets, offsets[document]))
        for number, slide in enumerate(slides, start=1):
            builder.page(f"Slide {number}")
            _add_slide(data, offsets.get(slide.persist, -1), slide.outline, builder)
            text = notes.get(slide.identifier, "").replace("\r", "\n")
            builder.paragraph(f"Notes: {text}" if text.strip() else "")
    except (struct.error, KeyError, IndexError) as error:
        raise ParseError(f"{name} is damaged: its records point outside the file ({error!r}).") from error


def _record(data: bytes, start: int) -> _Record:
    version, kind, size = struct.unpack_from("<HHI", data, start)
    return _Record(kind, version >> 4, start + 8, min(start + 8 + size, len(data)), version & 0xF == 0xF)


def _children(data: bytes, parent: _Record) -> Iterator[_Record]:
    position = parent.start
    while position + 8 <= parent.end:
        child = _record(data, position)
        yield child
        position = max(child.end, position + 8)


def _leaves(data: bytes, parent: _Record, depth: int = 0) -> Iterator[_Record]:
    for child in _children(data, parent):
        if child.container and depth < _DEEPEST:
            yield from _leaves(data, child, depth + 1)
        elif not child.container:
            yield child


def _persisted(data: bytes, edit: int) -> tuple[dict[int, int], int]:
    """Offset of each persistent object, newest edit first, and the id of the document."""
    offsets: dict[int, int] = {}
    document = 0
    seen = set()
    while edit and edit not in seen:
        seen.add(edit)
        record = _record(data, edit)
        if record.kind != _USER_EDIT:
            break
        previous, directory, identifier = struct.unpack_from("<III", data, record.start + 8)
        document = document or identifier
        for key, offset in _directory(data, _record(data, directory)):
            offsets.setdefault(key, offset)
        edit = previous
    return offsets, document


def _directory(data: bytes, record: _Record) -> Iterator[tuple[int, int]]:
    position = record.start
    while position + 4 <= record.end:
        head = struct.unpack_from("<I", data, position)[0]
        position += 4
        for index in range(min(head >> 20, (record.end - position) // 4)):
            yield (head & 0xFFFFF) + index, struct.unpack_from("<I", data, position + 4 * index)[0]
        position += 4 * (head >> 20)


def _listed(data: bytes, document: int, instance: int) -> list[_Listed]:
    """Slides (or notes pages) in order."""
    slides: list[_Listed] = []
    for part in _children(data, _record(data, document)):
        if part.kind != _SLIDE_LIST or part.instance != instance:
            continue
        for child in _children(data, part):
            if child.kind == _SLIDE_PERSIST:
                persist, _, _, identifier = struct.unpack_from("<IIII", data, child.start)
                slides.append(_Listed(persist, identifier, []))
            elif slides:
                _note_text(data, child, slides[-1].outline)
    return slides


def _note_text(data: bytes, record: _Record, texts: list[tuple[int, str]]) -> None:
    """Collect a text record: a header opens a text of its kind, characters fill it."""
    if record.kind == _TEXT_HEADER:
        texts.append((struct.unpack_from("<I", data, record.start)[0], ""))
    elif record.kind in {_CHARACTERS, _BYTES}:
        raw = data[record.start : record.end]
        text = raw.decode("utf-16-le" if record.kind == _CHARACTERS else "latin-1", "replace")
        kind, before = texts.pop() if texts else (4, "")
        texts.append((kind, before + text))


def _notes(data: bytes, offsets: dict[int, int], document: int) -> Iterator[tuple[int, str]]:
    """Text of each notes page by the id of the slide it belongs to."""
    for entry in _listed(data, document, _NOTES):
        if entry.persist not in offsets:
            continue
        texts: list[tuple[int, str]] = []
        slide = -1
        for leaf in _leaves(data, _record(data, offsets[entry.persist])):
            if leaf.kind == _NOTES_ATOM:
                slide = struct.unpack_from("<I", data, leaf.start)[0]
            _note_text(data, leaf, texts)
        yield slide, "\n".join(text for kind, text in texts if kind == _NOTES_TEXT)


def _add_slide(data: bytes, offset: int, outline: list[tuple[int, str]], builder: DocumentBuilder) -> None:
    texts: list[tuple[int, str]] = []
    if offset >= 0:
        for leaf in _leaves(data, _record(data, offset)):
            if leaf.kind == _OUTLINE_REFERENCE:
                index = struct.unpack_from("<I", data, leaf.start)[0]
                texts += outline[index : index + 1]
            _note_text(data, leaf, texts)
    missing = [text for text in outline if text not in texts]
    for kind, text in sorted([*texts, *missing], key=lambda entry: entry[0] not in _TITLES):
        lines = [line for line in text.replace("\x0b", "\n").split("\r") if line.strip()]
        if kind in _TITLES:
            builder.heading(" ".join(lines))
        else:
            for line in lines:
                (builder.item if kind in _BODIES else builder.paragraph)(line)
