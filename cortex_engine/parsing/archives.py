"""Archives: EPUB books (a page a chapter) and ZIP files (a listing, the members as attachments)."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote
from zipfile import ZipInfo

from cortex_engine.core.documents import ParsedDocument
from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.builder import DocumentBuilder, one_line
from cortex_engine.parsing.markup_html import add_html, decode_html
from cortex_engine.parsing.packages import LimitedArchive, is_symlink, local, xml_root

_CONTAINER = "META-INF/container.xml"
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".jar", ".zst")
_SYSTEM_FILES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_DRIVE = re.compile(r"[A-Za-z]:")


def parse_epub(source: Path, name: str, options: ParseOptions) -> ParsedDocument:
    """Read a book in spine order: a page a chapter, labelled by the table of contents.

    Raises `ParseError` (damaged, encrypted by DRM, too_large, empty).
    """
    with LimitedArchive(source, name, options) as archive:
        root = xml_root(archive.read(_CONTAINER), name, _CONTAINER)
        paths = [element.get("full-path", "") for element in root.iter() if local(element) == "rootfile"]
        if not paths or paths[0] not in archive:
            raise ParseError(f"{name} is damaged: its package document is missing.")
        package = xml_root(archive.read(paths[0]), name, paths[0])
        builder = DocumentBuilder("epub", options, name)
        _read_metadata(package, builder)
        manifest = {
            item.get("id", ""): _joined(paths[0], item.get("href", ""))
            for item in package.iter()
            if local(item) == "item"
        }
        locked = _locked_members(archive, name)
        labels = _labels(archive, name, manifest)
        for reference in (element for element in package.iter() if local(element) == "itemref"):
            part = manifest.get(reference.get("idref", ""), "")
            if part not in archive:
                builder.warn(f"The chapter {part or reference.get('idref', '')} is missing in the file.")
                continue
            if part in locked:
                raise ParseError(f"{name} is protected by DRM and cannot be read.", "encrypted")
            builder.page(labels.get(part, ""))
            add_html(decode_html(archive.read(part)), name, options, builder, describe=False)
        return builder.build()


def _joined(base: str, link: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(link.partition("#")[0])))


def _read_metadata(package: Any, builder: DocumentBuilder) -> None:
    values: dict[str, list[str]] = {}
    for element in package.iter():
        text = one_line("".join(element.itertext())) if local(element) else ""
        if text and "purl.org/dc/elements" in element.tag:
            values.setdefault(local(element), []).append(text)
        elif text and element.get("property") == "dcterms:modified":
            builder.describe(modified=text)
    builder.describe(
        title=values.get("title", [""])[0],
        author=", ".join(values.get("creator", [])),
        created=values.get("date", [""])[0],
        language=values.get("language", [""])[0],
    )
    for key in ("publisher", "subject", "description", "identifier", "rights"):
        builder.note(key, ", ".join(values.get(key, [])))


def _locked_members(archive: LimitedArchive, name: str) -> set[str]:
    part = "META-INF/encryption.xml"
    if part not in archive:
        return set()
    root = xml_root(archive.read(part), name, part)
    return {unquote(element.get("URI", "")) for element in root.iter() if local(element) == "CipherReference"}


def _labels(archive: LimitedArchive, name: str, manifest: dict[str, str]) -> dict[str, str]:
    """Titles of chapters from the NCX or the EPUB 3 navigation document; the first entry of a part wins."""
    labels: dict[str, str] = {}
    for part in manifest.values():
        if part not in archive or not part.endswith((".ncx", "nav.xhtml", "nav.html")):
            continue
        root = xml_root(archive.read(part), name, part)
        for element in root.iter():
            if local(element) == "navPoint":
                links = [node.get("src", "") for node in element.iter() if local(node) == "content"]
                texts = ["".join(node.itertext()) for node in element.iter() if local(node) == "navLabel"]
            elif local(element) == "a" and element.get("href"):
                links, texts = [element.get("href")], ["".join(element.itertext())]
            else:
                continue
            if links and texts:
                labels.setdefault(_joined(part, links[0]), one_line(texts[0]))
    return labels


def parse_zip(source: Path, name: str, options: ParseOptions) -> ParsedDocument:
    """Read an archive: its text is the listing, its members are attachments named by their inner paths.

    Links, encrypted members, members with unsafe paths and archives inside are listed but not taken out.
    Raises `ParseError` (damaged, encrypted where every member is, too_large, empty).
    """
    with LimitedArchive(source, name, options) as archive:
        members = [member for member in archive.members if not member.is_dir()]
        if members and all(member.flag_bits & 1 for member in members):
            raise ParseError(f"{name} is protected by a password. Unpack it and add the files.", "encrypted")
        builder = DocumentBuilder("zip", options, name)
        builder.table([["Name", "Bytes"], *([member.filename, str(member.file_size)] for member in members)])
        for member in members:
            reason = _not_taken(member)
            if reason:
                builder.warn(f"{one_line(member.filename)} was not taken out of {name}: {reason}.")
            elif _is_content(member):
                builder.attach(member.filename, archive.read_member(member))
        return builder.build()


def _not_taken(member: ZipInfo) -> str:
    """Why a member stays in the archive, or ""."""
    path = PurePosixPath(member.filename.replace("\\", "/"))
    if is_symlink(member):
        return "it is a link"
    if member.flag_bits & 1:
        return "it is encrypted"
    if path.is_absolute() or ".." in path.parts or _DRIVE.match(member.filename):
        return "its path leads out of the archive"
    if member.filename.lower().endswith(_ARCHIVES):
        return "it is an archive itself, and archives inside archives are not opened"
    return ""


def _is_content(member: ZipInfo) -> bool:
    path = PurePosixPath(member.filename)
    return member.file_size > 0 and "__MACOSX" not in path.parts and path.name not in _SYSTEM_FILES
