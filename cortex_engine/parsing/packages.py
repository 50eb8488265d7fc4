"""Zip archives and XML parts, read within limits: the ground under the Office, OpenDocument, EPUB and ZIP parsers."""

from __future__ import annotations

import stat
import zipfile
import zlib
from pathlib import Path
from types import TracebackType
from typing import Any

from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions

OLE_MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
_RATIO_FREE_BYTES = 10_000_000
_READ_BYTES = 1 << 20
# ISO/IEC 29500 "strict" files use other namespace names for the same elements.
_STRICT = (
    (
        b"http://purl.oclc.org/ooxml/wordprocessingml/main",
        b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    ),
    (b"http://purl.oclc.org/ooxml/spreadsheetml/main", b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"),
    (b"http://purl.oclc.org/ooxml/presentationml/main", b"http://schemas.openxmlformats.org/presentationml/2006/main"),
    (b"http://purl.oclc.org/ooxml/drawingml/", b"http://schemas.openxmlformats.org/drawingml/2006/"),
    (b"http://purl.oclc.org/ooxml/officeDocument/", b"http://schemas.openxmlformats.org/officeDocument/2006/"),
)


class LimitedArchive:
    """A zip archive that is refused, or stops, at the limits of `ParseOptions`.

    Raises `ParseError`: damaged (no zip file), encrypted (an encrypted Office file), too_large (entries, declared
    bytes, or a compression ratio above `archive_ratio` where more than 10 MB are declared).
    """

    def __init__(self, source: Path, name: str, options: ParseOptions) -> None:
        self._name = name
        self._options = options
        self._read_bytes = 0
        _refuse_ole(source, name)
        try:
            self._zip = zipfile.ZipFile(source)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
            raise ParseError(f"{name} is damaged: it is not a readable archive ({error}).") from error
        self.members = self._zip.infolist()
        try:
            self._check_declared()
        except ParseError:
            self._zip.close()
            raise
        self._names = {member.filename for member in self.members}

    def __enter__(self) -> LimitedArchive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def __contains__(self, member: str) -> bool:
        return member in self._names

    def names(self) -> list[str]:
        """Member names in archive order."""
        return [member.filename for member in self.members]

    def read(self, member: str) -> bytes:
        """The bytes of a member. Raises `ParseError` (damaged, encrypted, too_large)."""
        if member not in self._names:
            raise ParseError(f"{self._name} is damaged: its part {member} is missing.")
        return self.read_member(self._zip.getinfo(member))

    def read_member(self, member: zipfile.ZipInfo) -> bytes:
        """As `read`, for one entry of `members` (names may occur twice)."""
        if member.flag_bits & 1:
            raise ParseError(f"{self._name} is encrypted: its part {member.filename} needs a password.", "encrypted")
        parts = []
        try:
            with self._zip.open(member) as stream:
                while data := stream.read(_READ_BYTES):
                    self._read_bytes += len(data)
                    if self._read_bytes > self._options.archive_bytes:
                        raise self._too_large(f"more than {self._options.archive_bytes} bytes")
                    parts.append(data)
        except (
            zipfile.BadZipFile,
            zlib.error,
            OSError,
            EOFError,
            NotImplementedError,
            RuntimeError,
            ValueError,
        ) as error:
            raise ParseError(
                f"{self._name} is damaged: its part {member.filename} cannot be read ({error})."
            ) from error
        return b"".join(parts)

    def _check_declared(self) -> None:
        options = self._options
        if len(self.members) > options.archive_entries:
            raise self._too_large(f"more than {options.archive_entries} parts")
        declared = sum(member.file_size for member in self.members)
        if declared > options.archive_bytes:
            raise self._too_large(f"more than {options.archive_bytes} bytes")
        packed = max(1, sum(member.compress_size for member in self.members))
        if declared > _RATIO_FREE_BYTES and declared / packed > options.archive_ratio:
            raise self._too_large(f"more than {options.archive_ratio} times its packed size")

    def _too_large(self, what: str) -> ParseError:
        return ParseError(f"{self._name} unpacks to {what}, which is over the limit; it was not read.", "too_large")


def is_symlink(member: zipfile.ZipInfo) -> bool:
    """Whether the entry is a symbolic link (made on Unix)."""
    return stat.S_ISLNK(member.external_attr >> 16)


def _refuse_ole(source: Path, name: str) -> None:
    with source.open("rb") as stream:
        magic = stream.read(8)
    if not magic:
        raise ParseError(f"{name} is empty: it has no bytes.", "empty")
    if magic != OLE_MAGIC:
        return
    import olefile

    with source.open("rb") as stream:
        try:
            with olefile.OleFileIO(stream) as ole:
                encrypted = ole.exists("EncryptedPackage")
        except (OSError, ValueError, IndexError) as error:
            raise ParseError(f"{name} is damaged: its container cannot be read ({error}).") from error
    if encrypted:
        raise ParseError(f"{name} is protected by a password. Save a copy without password and add that.", "encrypted")
    raise ParseError(
        f"{name} is an Office file of before 2007 under a newer name; it cannot be read as such.", "damaged"
    )


def xml_root(data: bytes, name: str, part: str = "") -> Any:
    """The root element of an XML text. Entities stay unresolved, nothing is loaded from elsewhere.

    Raises `ParseError` (damaged) when the text is not well-formed or deeper than libxml2's 256 levels.
    """
    from lxml import etree

    if b"http://purl.oclc.org/ooxml/" in data:
        for strict, transitional in _STRICT:
            data = data.replace(strict, transitional)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, remove_comments=True, remove_pis=True
    )
    where = f" in its part {part}" if part else ""
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ParseError(f"{name} is damaged: not well-formed XML{where} ({error}).") from error
    if root is None:
        raise ParseError(f"{name} is damaged: no XML{where}.")
    return root


def whole_number(text: str, otherwise: int) -> int:
    """The number that an attribute holds, or `otherwise` where it holds none."""
    try:
        return int(text)
    except ValueError:
        return otherwise


def local(element: Any) -> str:
    """Tag name without namespace; "" for comments, processing instructions and entities."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
