"""The parse box: the port `DocumentParser`, for every kind of file."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import os
import stat
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from cortex_engine.core.documents import (
    PAGE_BREAK,
    Block,
    BlockKind,
    Box,
    Page,
    PagePicture,
    PageState,
    ParsedDocument,
)
from cortex_engine.core.errors import ParseError
from cortex_engine.core.installed import version_of
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.limits import Limits
from cortex_engine.parsing.registry import AWAITS_OCR, OCR_LANGUAGES, PRELOAD
from cortex_engine.parsing.sandbox import Reply, Sandbox
from cortex_engine.parsing.wire import MalformedAnswerError, decode_document, decode_page

_WORKER = "cortex_engine.parsing.worker"
_REVISION = "1"
"""Raised by hand when parsers change what they give for the same file."""
_LIBRARIES = (
    "pypdfium2", "pillow", "rapidocr", "onnxruntime", "lxml", "xlrd", "olefile", "python-oxmsg", "striprtf",
    "charset-normalizer", "markdown-it-py", "py3langid",
)  # fmt: skip
_OCR_MEMORY = 2_500_000_000
"""Address space that OCR itself needs: libraries, models, and the activations of a page of 2,000 pixels."""
_OCR_PRELOAD = ("numpy", "pypdfium2", "PIL.Image", "PIL.ImageOps", _WORKER, "cortex_engine.parsing.rendering")

_PageResult = tuple[Page, list[tuple[BlockKind, int, int]], float]


class ParseBox:
    """Reads files in limited processes without network.

    Args:
        options: how files are read, and the limits.
        workers: how many children may run at the same time.

    Any number of threads may call at the same time. Processes start on the first call; `close` ends them.
    """

    def __init__(self, options: ParseOptions, workers: int = 2) -> None:
        self._options = options
        self._workers = max(1, workers)
        self._slots = threading.BoundedSemaphore(self._workers)
        self._readers = Sandbox(PRELOAD, warm="cortex_engine.parsing.language:load_model")
        self._ocr = Sandbox(_OCR_PRELOAD, warm="cortex_engine.parsing.ocr:load")

    def reading(self, options: ParseOptions) -> ParseBox:
        """The same box (its processes and places) for files that are to be read otherwise."""
        other = copy.copy(self)
        other._options = options
        return other

    def __enter__(self) -> ParseBox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits over the settings and the versions of the libraries that read."""
        versions = (f"{package}={version_of(package) or 'none'}" for package in _LIBRARIES)
        parts = [_REVISION, json.dumps(asdict(self._options), sort_keys=True), *versions]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    @property
    def network_refusal(self) -> str:
        """ "" when parsers run without network; else why this system would not take it away. Starts the box."""
        return self._readers.network_refusal

    @property
    def processes(self) -> tuple[int, ...]:
        """Process ids of the two zygotes. Starts the box."""
        return (self._readers.pid, self._ocr.pid)

    @property
    def ocr_running(self) -> bool:
        """Whether the models of OCR are loaded."""
        return self._ocr.running

    def close(self) -> None:
        """End the processes of the box; a later call starts them again."""
        self._readers.close()
        self._ocr.close()

    def halt(self) -> None:
        """End the processes of the box for good; calls that are under way, and later ones, raise `CortexError`."""
        self._readers.halt()
        self._ocr.halt()

    def parse(self, path: Path, name: str) -> ParsedDocument:
        """Read the file at `path`, which people know as `name`.

        Raises:
            ParseError: with a `reason` and a sentence; nothing is left running.
            CortexError: the box itself cannot be started.
        """
        with self._open(path, name) as source:
            reply = self._call("parse_file", source, {}, name, self._reading_limits())
            try:
                kind = str(reply.value["kind"])
                parsed = decode_document(reply.value["document"], reply.blob, self._options)
            except (MalformedAnswerError, KeyError, TypeError) as error:
                raise _nonsense(name) from error
            seconds = [("parse", reply.cpu_seconds)]
            waiting = [page.number for page in parsed.pages if page.reason == AWAITS_OCR]
            if waiting:
                parsed, cpu = self._read_pictures(source, kind, name, parsed, waiting)
                seconds.append(("ocr", cpu))
            # A picture that OCR fails over may still be searched by its look: whoever takes it in decides.
            seen = kind == "image" and any(page.width > 0 for page in parsed.pages)
            if not seen and all(page.state is PageState.FAILED for page in parsed.pages):
                raise ParseError(f"'{name}' holds nothing that could be read: {parsed.pages[0].reason}", "damaged")
        return replace(parsed, seconds=tuple(seconds))

    def render(
        self, path: Path, name: str, page: int, boxes: Sequence[Box], width: int, lossless: bool = False
    ) -> PagePicture:
        """Draw page `page` (from 1) about `width` pixels wide, as WebP or lossless as PNG, and pass `boxes` through.

        A picture file is never enlarged.

        Raises:
            ParseError: the page cannot be drawn ("unsupported" for formats without fixed pages).
        """
        with self._open(path, name) as source:
            arguments = {"page": page, "width": max(16, min(width, 8_000)), "lossless": lossless}
            reply = self._call("render_page", source, arguments, name, self._reading_limits())
        try:
            value = reply.value
            return PagePicture(reply.blob, str(value["mime"]), int(value["width"]), int(value["height"]), tuple(boxes))
        except (KeyError, TypeError, ValueError) as error:
            raise _nonsense(name) from error

    @contextlib.contextmanager
    def _open(self, path: Path, name: str) -> Iterator[int]:
        try:
            # Without O_NONBLOCK a named pipe would keep the caller waiting for ever.
            source = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
        except OSError as error:
            raise ParseError(f"'{name}' could not be opened: {error.strerror}.", "forbidden") from error
        try:
            status = os.fstat(source)
            if not stat.S_ISREG(status.st_mode):
                raise ParseError(
                    f"'{name}' is not a file that can be read (a folder, a device or a pipe).", "forbidden"
                )
            if status.st_size == 0:
                raise ParseError(f"'{name}' is empty: it holds no bytes.", "empty")
            if status.st_size > self._options.file_bytes:
                size, limit = status.st_size / 1e6, self._options.file_bytes / 1e6
                raise ParseError(f"'{name}' has {size:.1f} MB; files of up to {limit:g} MB are read.", "too_large")
            yield source
        finally:
            os.close(source)

    def _call(self, function: str, source: int, arguments: dict[str, Any], name: str, limits: Limits) -> Reply:
        sandbox = self._ocr if function == "read_page" else self._readers
        arguments = {"name": name, "options": asdict(self._options), **arguments}
        with self._slots:
            return sandbox.call(f"{_WORKER}:{function}", source, arguments, limits, name)

    def _reading_limits(self) -> Limits:
        options = self._options
        return Limits(
            memory_bytes=options.memory_bytes,
            cpu_seconds=options.cpu_seconds,
            cpu_seconds_hard=options.cpu_seconds + options.cpu_seconds_per_page * options.pages,
            wall_seconds=options.wall_seconds,
            output_bytes=options.output_bytes,
            blob_bytes=options.archive_bytes,
        )

    def _ocr_limits(self) -> Limits:
        options = self._options
        return Limits(
            memory_bytes=options.memory_bytes + _OCR_MEMORY,
            cpu_seconds=options.ocr_seconds_per_page,
            cpu_seconds_hard=options.ocr_seconds_per_page,
            wall_seconds=4 * options.ocr_seconds_per_page,
            output_bytes=options.output_bytes,
            blob_bytes=0,
        )

    def _read_pictures(
        self, source: int, kind: str, name: str, parsed: ParsedDocument, waiting: Sequence[int]
    ) -> tuple[ParsedDocument, float]:
        """Read the waiting pages by OCR, `workers` at a time; a page that fails fails alone."""

        def read(number: int) -> _PageResult:
            return self._read_picture(source, kind, name, parsed.pages[number - 1])

        with ThreadPoolExecutor(min(self._workers, len(waiting)), "ocr") as pool:
            results = list(pool.map(read, waiting))
        merged = _merge(parsed, {page.number: (page, blocks) for page, blocks, _ in results})
        if sum(len(page.text) for page in merged.pages) > self._options.characters:
            raise ParseError(f"'{name}' has more than {self._options.characters:,} characters.", "too_large")
        hint = self._options.ocr_language
        if not merged.info.language:
            # Scans are often too short for a guess: who says what language they are in is believed.
            language = hint if hint in OCR_LANGUAGES else self._language(merged.text, name)
            merged = replace(merged, info=replace(merged.info, language=language))
        if hint and hint not in OCR_LANGUAGES:
            remark = (
                f"The OCR models that come with the suite do not read the language '{hint}', so the text of pictures is "
                f"not to be relied on. They read: {', '.join(sorted(OCR_LANGUAGES))}."
            )
            merged = replace(merged, warnings=(*merged.warnings, remark))
        return merged, sum(cpu for _, _, cpu in results)

    def _language(self, text: str, name: str) -> str:
        """The language of text that came together outside of a child; its model lives in the zygote."""
        with tempfile.TemporaryFile() as stream:
            stream.write(text.encode())
            stream.flush()
            reply = self._call("language_of", stream.fileno(), {}, name, self._reading_limits())
        return str(reply.value)[:8]

    def _read_picture(self, source: int, kind: str, name: str, page: Page) -> _PageResult:
        label = f"page {page.number} of {name}"
        try:
            arguments = {"kind": kind, "page": page.number}
            reply = self._call("read_page", source, arguments, name, self._ocr_limits())
            read = decode_page(reply.value["page"])
            blocks = [(BlockKind(word), int(start), int(end)) for word, start, end in reply.value["blocks"]]
            _check_ranges(blocks, len(read.text))
        except ParseError as error:
            return replace(page, text="", state=PageState.FAILED, reason=str(error), text_boxes=None), [], 0.0
        except (MalformedAnswerError, KeyError, TypeError, ValueError):
            reason = str(_nonsense(label))
            return replace(page, text="", state=PageState.FAILED, reason=reason, text_boxes=None), [], 0.0
        # Number, label and size are what the document's own reader said.
        return (
            replace(read, number=page.number, label=page.label, width=page.width, height=page.height),
            blocks,
            reply.cpu_seconds,
        )


def _nonsense(name: str) -> ParseError:
    return ParseError(
        f"'{name}' made its reader give an answer that makes no sense; it is probably damaged.", "crashed"
    )


def _check_ranges(blocks: Sequence[tuple[BlockKind, int, int]], length: int) -> None:
    position = 0
    for _, start, end in blocks:
        if not position <= start < end <= length:
            raise MalformedAnswerError("blocks overlap or lie outside of the page")
        position = end


def _merge(parsed: ParsedDocument, read: dict[int, tuple[Page, list[tuple[BlockKind, int, int]]]]) -> ParsedDocument:
    """Put pages that were read later in their places, and move the blocks of the others accordingly."""
    old_starts = parsed.page_starts()
    pages = tuple(read[page.number][0] if page.number in read else page for page in parsed.pages)
    blocks: list[Block] = []
    position = 0
    remaining = list(reversed(parsed.blocks))
    for page, old, old_start in zip(pages, parsed.pages, old_starts, strict=True):
        old_end = old_start + len(old.text)
        while remaining and remaining[-1].char_start <= old_end:
            block = remaining.pop()
            if page.number not in read:
                shift = position - old_start
                blocks.append(replace(block, char_start=block.char_start + shift, char_end=block.char_end + shift))
        if page.number in read:
            for kind, start, end in read[page.number][1]:
                blocks.append(Block(kind, position + start, position + end))
        position += len(page.text) + len(PAGE_BREAK)
    return replace(parsed, pages=pages, blocks=tuple(blocks))
