"""What kind a file is: by its first bytes and its structure, then by its ending, then by what its text looks like."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path, PurePosixPath

from cortex_engine.core.errors import ParseError
from cortex_engine.parsing.registry import SUPPORTED

_HEAD_BYTES = 65_536
_JSON_BYTES = 4_000_000
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_IMAGE_MAGIC = (
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF87a",
    b"GIF89a",
    b"BM",
    b"II*\x00",
    b"MM\x00*",
    b"II+\x00",
    b"MM\x00+",
)
_TEXT_ENDINGS = {
    "csv": "csv", "tsv": "csv", "json": "json", "jsonl": "json", "ndjson": "json", "geojson": "json",
    "xml": "xml", "xsd": "xml", "svg": "xml", "html": "html", "htm": "html", "xhtml": "html",
    "md": "markdown", "markdown": "markdown", "eml": "eml",
    "txt": "text", "text": "text", "log": "text", "rst": "text", "org": "text", "tex": "text", "adoc": "text",
}  # fmt: skip
_OOXML = (("word/", "docx"), ("xl/", "xlsx"), ("ppt/", "pptx"))
_OLE_STREAMS = (("WordDocument", "doc"), ("Workbook", "xls"), ("Book", "xls"), ("PowerPoint Document", "ppt"))
_MAIL_HEADER = re.compile(
    rb"^(from|to|cc|subject|date|received|return-path|message-id|mime-version|content-type|delivered-to|reply-to):",
    re.IGNORECASE | re.MULTILINE,
)
_HTML = re.compile(
    r"^\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_MARKUP = re.compile(r"^\s*<(\?xml|[A-Za-z_][\w:.-]*[\s/>])")
_HTML_TAGS = re.compile(r"<(head|body|div|p|table|a|span|h[1-6]|ul|br)\b", re.IGNORECASE)
_PDF_OBJECT = re.compile(rb"\b\d+\s+\d+\s+obj\b")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def detect(source: Path, name: str) -> str:
    """The kind of a file: a key of `registry.FAMILIES`.

    Raises:
        ParseError: empty; encrypted (an Office file behind a password); unsupported, with what is supported.
    """
    with source.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if not head:
        raise ParseError(f"'{name}' is empty: it holds no bytes.", "empty")
    ending = PurePosixPath(name.replace("\\", "/")).suffix.lower().lstrip(".")
    kind = _by_magic(head) or _by_structure(source, head, name, ending) or _by_text(source, head, ending)
    if not kind:
        raise ParseError(
            f"'{name}' is of a kind that cannot be read{_ending_remark(ending)}. What can be read: {SUPPORTED}.",
            "unsupported",
        )
    return kind


def _ending_remark(ending: str) -> str:
    return f" (its contents are not what the ending .{ending} promises)" if ending in {"pdf", "docx", "png"} else ""


def _by_magic(head: bytes) -> str:
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith(_IMAGE_MAGIC[:4]) or head.startswith(_IMAGE_MAGIC[5:]):
        return "image"
    if head.startswith(b"BM") and len(head) > 18 and head[6:10] == bytes(4):
        return "image"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image"
    return "rtf" if head.lstrip()[:5] == b"{\\rtf" else ""


def _by_structure(source: Path, head: bytes, name: str, ending: str) -> str:
    if head.startswith(_OLE):
        return _ole_kind(source, name)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _zip_kind(source, ending)
    if ending == "pdf" and _PDF_OBJECT.search(head):
        return "pdf"  # its header is gone; pdfium may still find the objects
    return ""


def _zip_kind(source: Path, ending: str) -> str:
    try:
        with zipfile.ZipFile(source) as archive:
            names = [entry.filename for entry in archive.infolist()[:5000]]
            mimetype = ""
            if "mimetype" in names:
                with archive.open("mimetype") as member:
                    mimetype = member.read(200).decode("ascii", "replace").strip()
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError):
        # A torn archive keeps its first bytes but not its table: the ending says which reader explains the damage.
        return ending if ending in {"docx", "xlsx", "pptx", "odt", "epub"} else "zip"
    if mimetype == "application/epub+zip":
        return "epub"
    if mimetype.startswith("application/vnd.oasis.opendocument.text"):
        return "odt"
    if "[Content_Types].xml" in names:
        for folder, kind in _OOXML:
            if any(member.startswith(folder) for member in names):
                return kind
    return "epub" if "META-INF/container.xml" in names and ending == "epub" else "zip"


def _ole_kind(source: Path, name: str) -> str:
    import olefile

    try:
        with olefile.OleFileIO(str(source)) as container:
            streams = {"/".join(entry) for entry in container.listdir()}
    except OSError as error:
        raise ParseError(f"'{name}' is a damaged Office or mail file: {error}.", "damaged") from error
    if "EncryptedPackage" in streams:
        raise ParseError(
            f"'{name}' is protected by a password. Save a copy without password and add that.", "encrypted"
        )
    if any(stream.startswith("__properties_version") for stream in streams):
        return "msg"
    return next((kind for stream, kind in _OLE_STREAMS if stream in streams), "")


def _by_text(source: Path, head: bytes, ending: str) -> str:
    text = _decode(head)
    if text is None:
        return ""
    if _HTML.match(text):
        return "html"
    if text.lstrip("\ufeff \t\r\n").startswith("<?xml"):
        return "xml"
    if ending in _TEXT_ENDINGS:
        return _TEXT_ENDINGS[ending]
    if len({match.lower() for match in _MAIL_HEADER.findall(head.split(b"\n\n")[0].split(b"\r\n\r\n")[0])}) >= 3:
        return "eml"
    if _MARKUP.match(text):
        return "html" if len(_HTML_TAGS.findall(text)) >= 2 else "xml"
    if text.lstrip()[:1] in {"{", "["} and _is_json(source):
        return "json"
    return "text"


def _decode(head: bytes) -> str | None:
    """The beginning as text, or None when it does not look like text."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", "replace")
    zeros = (head[0::2].count(0), head[1::2].count(0))
    half = max(1, len(head) // 2)
    if max(zeros) > 0.4 * half and min(zeros) < 0.05 * half:
        return head.decode("utf-16-be" if zeros[0] > zeros[1] else "utf-16-le", "replace")
    if len(_CONTROL.findall(head)) > 0.01 * len(head):
        return None
    text = head.decode("utf-8", "replace").lstrip("\ufeff")
    return text if text.count("\ufffd") < 0.3 * len(text) + 1 else None


def _is_json(source: Path) -> bool:
    if source.stat().st_size > _JSON_BYTES:
        return False
    try:
        json.loads(source.read_bytes())
    except (ValueError, RecursionError):
        return False
    return True
