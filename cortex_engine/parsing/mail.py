"""E-mails: internet messages (.eml, RFC 5322 and MIME) and Outlook messages (.msg, [MS-OXMSG])."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Mapping
from email.message import EmailMessage, Message
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from cortex_engine.core.documents import BlockKind, ParsedDocument
from cortex_engine.core.errors import ParseError
from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.builder import CELL_BREAK, DocumentBuilder, one_line
from cortex_engine.parsing.decoding import decode, read_limited
from cortex_engine.parsing.markup_html import add_html, decode_html
from cortex_engine.parsing.ole import open_ole
from cortex_engine.parsing.ooxml import worth_keeping
from cortex_engine.parsing.plain import add_paragraphs

_HEADERS = ("From", "To", "Cc", "Date", "Subject")
_SUFFIXES = {"message/rfc822": ".eml", "text/calendar": ".ics", "text/plain": ".txt", "text/html": ".html"}
_WORD = re.compile(r"[^\W_]+")
_LINK = re.compile(r"<?(?:https?://|mailto:)[^\s>]+>?")


def parse_eml(source: Path, name: str, options: ParseOptions) -> ParsedDocument:
    """Read a mail: its headers, its text (plain and HTML both where they differ), its attachments.

    Raises `ParseError`: empty, too_large, damaged (neither a known header nor a text).
    """
    data = read_limited(source, name, options)
    try:
        message = email.message_from_bytes(data, policy=email.policy.default)
    except RecursionError as error:
        raise ParseError(f"{name} is damaged: its parts are nested too deeply to be a mail.") from error
    builder = DocumentBuilder("email", options, name)
    headers = {key: value for key in _HEADERS if (value := _header(message, key))}
    if not headers and not data.strip(b"\r\n \t."):
        raise ParseError(f"{name} is empty: it has neither headers nor text.", "empty")
    _add_headers(headers, builder)
    plain, rich = [], []
    for number, part in enumerate(_parts(message), start=1):
        kind = part.get_content_type()
        is_body = part.get_content_disposition() != "attachment" and not part.get_filename()
        if is_body and kind == "text/plain":
            plain.append(_text(part, builder))
        elif is_body and kind == "text/html":
            rich.append(_text(part, builder))
        else:
            _attach(part, number, builder)
    _add_bodies("\n\n".join(plain), "\n".join(rich), name, options, builder)
    for defect in message.defects:
        builder.warn(f"The mail is not well-formed: {type(defect).__name__}.")
    return builder.build()


def _header(message: Message, key: str) -> str:
    """A header as text; broken ones (the standard parser stumbles over some) as they stand in the file."""
    try:
        value = message.get(key, "")
    except (ValueError, TypeError, IndexError, AttributeError, KeyError):
        raw = [text for known, text in message.raw_items() if known.lower() == key.lower()]
        value = raw[0] if raw else ""
    return one_line(str(value))


def _add_headers(headers: Mapping[str, str], builder: DocumentBuilder) -> None:
    """Headers as the first paragraph and as metadata; the subject is the title, the sender the author."""
    builder.paragraph("\n".join(f"{key}: {value}" for key, value in headers.items()))
    date = headers.get("Date", "")
    try:
        created = parsedate_to_datetime(date).isoformat() if date else ""
    except (ValueError, TypeError, IndexError, OverflowError):
        created = ""
        builder.warn(f"The date of the mail is not valid: {date}.")
    builder.describe(title=headers.get("Subject", ""), author=headers.get("From", ""), created=created)
    for key, value in headers.items():
        if key in {"From", "To", "Cc"}:
            builder.note(key.lower(), value)


def _parts(message: Message) -> list[EmailMessage]:
    """Leaf parts in order; a message inside the message stays whole."""
    found: list[Any] = []
    waiting: list[Any] = [message]
    while waiting:
        part = waiting.pop()
        inner = part.get_payload() if part.get_content_maintype() == "multipart" else None
        if isinstance(inner, list):
            waiting += reversed(inner)
        else:
            found.append(part)
    return found


def _text(part: EmailMessage, builder: DocumentBuilder) -> str:
    """Text of a body part in its declared character set, else as the bytes suggest."""
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    charset = part.get_content_charset() or ""
    if charset:
        try:
            return data.decode(charset)
        except (LookupError, UnicodeDecodeError, ValueError):
            builder.warn(f"A part of the mail is not in the character set {charset} that it names.")
    return decode_html(data) if part.get_content_type() == "text/html" else decode(data)[0]


def _attach(part: EmailMessage, number: int, builder: DocumentBuilder) -> None:
    kind = part.get_content_type()
    inner = part.get_payload()
    if kind == "message/rfc822" and isinstance(inner, list) and inner and isinstance(inner[0], Message):
        data = inner[0].as_bytes(policy=email.policy.default.clone(max_line_length=None, refold_source="none"))
        subject = _header(inner[0], "Subject")
    else:
        payload = part.get_payload(decode=True)
        data, subject = payload if isinstance(payload, bytes) else b"", ""
    suffix = _SUFFIXES.get(kind, f".{part.get_content_subtype()}")
    name = part.get_filename() or f"{subject or f'part {number}'}{suffix}"
    if not data:
        return
    is_inline = part.get_content_disposition() != "attachment" and part.get_content_maintype() == "image"
    if not is_inline or worth_keeping(f"picture{suffix}", data) or worth_keeping(name, data):
        builder.attach(re.split(r"[/\\]", name)[-1], data)


def _add_bodies(plain: str, rich: str, name: str, options: ParseOptions, builder: DocumentBuilder) -> None:
    """Add the plain text, then the blocks of the HTML text that it does not hold (in most mails both say the same)."""
    if not plain.strip():
        add_html(rich, name, options, builder, describe=False)
        return
    add_paragraphs(plain, builder)
    other = DocumentBuilder("html", options, name)
    add_html(rich, name, options, other, describe=False)
    page = other.build()
    known = _words(plain)
    text = page.text
    for block in page.blocks:
        content = text[block.char_start : block.char_end]
        if _words(content) in known:
            continue
        if block.kind is BlockKind.HEADING:
            builder.heading(content, block.level)
        elif block.kind is BlockKind.TABLE:
            builder.table([row.split(CELL_BREAK) for row in content.split("\n")], header=bool(block.header))
        else:
            builder.paragraph(content)


def _words(text: str) -> str:
    """The words run together, so that line ends, quote marks and links written out make no difference."""
    return "".join(_WORD.findall(_LINK.sub("", text.lower())))


def parse_msg(source: Path, name: str, options: ParseOptions) -> ParsedDocument:
    """Read an Outlook message: headers, body (plain, else HTML), attachments.

    Raises `ParseError` (damaged, empty, too_large).
    """
    from oxmsg import Message as OutlookMessage

    with open_ole(source, name, options) as ole:
        if not ole.exists("__properties_version1.0"):
            raise ParseError(f"{name} is damaged: it is no Outlook message.")
    builder = DocumentBuilder("email", options, name)
    try:
        message = OutlookMessage.load(str(source))
        _add_headers(_outlook_headers(message), builder)
        _add_bodies(message.body or "", message.html_body or "", name, options, builder)
        for number, attachment in enumerate(message.attachments, start=1):
            file_name = attachment.file_name or f"part {number}"
            if attachment.file_bytes is None:
                builder.warn(f"The attachment {file_name} is an embedded message, which was not read.")
            else:
                builder.attach(re.split(r"[/\\]", file_name)[-1], attachment.file_bytes)
    except (ValueError, KeyError, IndexError, OSError, AttributeError, LookupError) as error:
        raise ParseError(f"{name} is damaged: its properties cannot be read ({error!r}).") from error
    return builder.build()


def _outlook_headers(message: Any) -> dict[str, str]:
    stored = {key.lower(): value for key, value in message.message_headers.items()}
    recipients = ", ".join(_address(recipient) for recipient in message.recipients)
    sent = message.sent_date
    values = {
        "From": message.sender or stored.get("from", ""),
        "To": stored.get("to", "") or recipients,
        "Cc": stored.get("cc", ""),
        "Date": stored.get("date", "") or (sent.strftime("%a, %d %b %Y %H:%M:%S %z") if sent else ""),
        "Subject": message.subject or stored.get("subject", ""),
    }
    return {key: one_line(value) for key, value in values.items() if value}


def _address(recipient: Any) -> str:
    address = recipient.email_address or ""
    return (
        f"{recipient.name} <{address}>" if recipient.name and recipient.name != address else address or recipient.name
    )
