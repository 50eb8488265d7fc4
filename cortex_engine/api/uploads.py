"""Files over HTTP, streamed to the disk: however large a request is, it takes little memory."""

from __future__ import annotations

import io
import re
import shutil
import tempfile
from dataclasses import replace
from types import TracebackType
from typing import Any, BinaryIO

import anyio.to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from cortex_engine import backends
from cortex_engine.api.answers import Refused
from cortex_engine.config import CortexConfig
from cortex_engine.core.app import IngestOptions
from cortex_engine.core.errors import StorageFullError

UPLOAD_SCHEMA: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["files"],
                "properties": {
                    "files": {"type": "array", "items": {"type": "string", "format": "binary"}, "minItems": 1},
                    "collection": {"type": "string", "description": "Made if it is not there; default: the settings'."},
                    "ocr": {"type": "string", "enum": ["true", "false"], "description": "Default: the settings'."},
                    "ocr_language": {"type": "string"},
                    "chunk_max_tokens": {"type": "string", "pattern": "^[0-9]{1,5}$"},
                },
            }
        }
    },
}

PICTURE_SCHEMA: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["files"],
                "properties": {
                    "files": {"type": "array", "items": {"type": "string", "format": "binary"}, "maxItems": 1}
                },
            }
        }
    },
}

_MOST_FILES = 1000
_MOST_FIELDS = 20
_FIELD_BYTES = 2_000
_HEADER_BYTES = 8_000
_WRITE_BYTES = 1 << 20


def _invalid(message: str) -> Refused:
    return Refused(422, "invalid", message)


class _Window(io.RawIOBase):
    """A part of a file, to be read as if it were one of its own."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)[: max(0, self._size - self._at)]
        self._file.seek(self._start + self._at)
        data = self._file.read(len(view))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


class Upload:
    """The files and fields of one multipart request.

    All files go into one nameless file beside the library, which is gone when this ends, however it ends.

    Attributes:
        files: name and stream of each file, valid until this is closed.
        collection, options: what the fields said.
    """

    def __init__(self, config: CortexConfig) -> None:
        self.files: list[tuple[str, BinaryIO]] = []
        self.collection = ""
        self.options = IngestOptions()
        self._config = config
        folder = config.data_dir / "tmp"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file: BinaryIO = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  (closed by __exit__)
        self._fields: dict[str, bytes] = {}
        self._part = _Part()
        self._position = 0
        self._ended = False

    def __enter__(self) -> Upload:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    async def read(self, request: Request) -> None:
        """Read the whole request.

        Raises:
            Refused: (422) it is no upload, has no file, too many, or a field that does not fit.
            StorageFullError: the disk has too little room for it.
        """
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        if kind != b"multipart/form-data" or not 0 < len(options.get(b"boundary", b"")) <= 70:
            raise _invalid("Files are sent as multipart/form-data, in a field called 'files'.")
        self._require_room(int(request.headers.get("content-length", "0")))
        parser = MultipartParser(options[b"boundary"], self._callbacks())  # type: ignore[arg-type]
        waiting = bytearray()
        try:
            async for data in request.stream():
                waiting += data
                if len(waiting) >= _WRITE_BYTES:
                    await anyio.to_thread.run_sync(parser.write, bytes(waiting))
                    waiting.clear()
            await anyio.to_thread.run_sync(parser.write, bytes(waiting))
            parser.finalize()
        except FormParserError:
            raise _invalid("The body is not valid multipart/form-data.") from None
        except ClientDisconnect:
            raise Refused(400, "bad_request", "The upload was broken off.") from None
        if not self._ended:
            raise _invalid("The body is not valid multipart/form-data: its end is missing.")
        if not self.files:
            raise _invalid("There is no file in the request; files go into a field called 'files'.")
        self._apply_fields()

    def _require_room(self, size: int) -> None:
        # Twice: once here, once among the originals.
        if shutil.disk_usage(self._config.data_dir).free - 2 * size < backends.room_to_keep(self._config):
            raise StorageFullError("The disk has too little room for this upload. Nothing was written.")

    def _callbacks(self) -> dict[str, Any]:
        return {
            "on_part_begin": self._begin,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_header_field": lambda data, start, end: self._part.take(data[start:end], field=True),
            "on_header_value": lambda data, start, end: self._part.take(data[start:end], field=False),
            "on_header_end": self._end_header,
            "on_headers_finished": self._headers,
            "on_end": self._finish,
        }

    def _end_header(self) -> None:
        self._part.end_header()

    def _begin(self) -> None:
        self._part = _Part(start=self._position)

    def _headers(self) -> None:
        if self._part.is_file and len(self.files) >= _MOST_FILES:
            raise _invalid(f"A request may bring {_MOST_FILES} files; send the rest in another.")
        if not self._part.is_file and len(self._fields) >= _MOST_FIELDS:
            raise _invalid("The request has too many fields.")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._part.is_file:
            self._file.write(memoryview(data)[start:end])
            self._position += end - start
            return
        self._part.value += data[start:end]
        if len(self._part.value) > _FIELD_BYTES:
            raise _invalid("A field of the request is too long.")

    def _end(self) -> None:
        part = self._part
        if part.is_file:
            window = _Window(self._file, part.start, self._position - part.start)
            # An empty file field of a browser's form has no name either.
            if part.file_name or self._position > part.start:
                self.files.append((safe_name(part.file_name), io.BufferedReader(window)))
        else:
            self._fields[part.field_name] = bytes(part.value)

    def _finish(self) -> None:
        self._ended = True

    def _apply_fields(self) -> None:
        for name, value in self._fields.items():
            try:
                text = value.decode().strip()
            except UnicodeDecodeError:
                raise _invalid("A field of the request is not in UTF-8.") from None
            if "\x00" in text:
                raise _invalid("A field of the request holds characters that cannot be stored.")
            if name == "collection":
                self.collection = text
            elif name == "ocr" and text in {"true", "false"}:
                self.options = replace(self.options, ocr=text == "true")
            elif name == "ocr_language" and len(text) <= 30:
                self.options = replace(self.options, ocr_language=text)
            elif name == "chunk_max_tokens" and text.isascii() and text.isdecimal() and len(text) <= 5:
                self.options = replace(self.options, chunk_max_tokens=int(text))
            else:
                raise _invalid("A field of the request is not known, or does not fit.")


class _Part:
    """The headers of one part, as they come in."""

    def __init__(self, start: int = 0) -> None:
        self.start = start
        self.is_file = False
        self.field_name = self.file_name = ""
        self.value = bytearray()
        self._name, self._value, self._size = bytearray(), bytearray(), 0

    def take(self, data: bytes, field: bool) -> None:
        """Collect a piece of a header."""
        self._size += len(data)
        if self._size > _HEADER_BYTES:
            raise _invalid("The headers of a part are too long.")
        (self._name if field else self._value).extend(data)

    def end_header(self) -> None:
        """A header is complete."""
        if bytes(self._name).lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._value))
            self.field_name = options.get(b"name", b"").decode("utf-8", "replace")
            self.is_file = b"filename" in options
            self.file_name = options.get(b"filename", b"").decode("utf-8", "replace")
        self._name.clear()
        self._value.clear()


def safe_name(name: str) -> str:
    """A file's name, with the folders it came in: no step upwards, no drive, no control character."""
    printable = "".join(each for each in name if each.isprintable())
    without_drive = re.sub(r"^\s*[A-Za-z]:", "", printable.replace("\\", "/"))
    steps = [step.strip() for step in without_drive.split("/")]
    kept = [step[:200] for step in steps if step not in {"", ".", ".."}]
    return "/".join(kept[-8:]) or "unnamed"
