"""Numbers, sizes, times and kinds as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

_KINDS = {
    "pdf": "PDF",
    "docx": "Word",
    "doc": "Word",
    "odt": "OpenDocument",
    "rtf": "RTF",
    "pptx": "Slides",
    "ppt": "Slides",
    "xlsx": "Sheet",
    "xls": "Sheet",
    "csv": "CSV",
    "html": "Web page",
    "markdown": "Markdown",
    "text": "Text",
    "json": "JSON",
    "xml": "XML",
    "email": "E-mail",
    "epub": "E-book",
    "zip": "Archive",
    "image": "Picture",
}
_PLURALS = {"category": "categories", "query": "queries", "copy": "copies", "entry": "entries", "search": "searches"}
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_FEW_SECONDS = 10


def number(value: int) -> str:
    """12345 -> "12,345"."""
    return f"{value:,}"


def count(value: int, noun: str) -> str:
    """(1, "passage") -> "1 passage", (1538, "passage") -> "1,538 passages"."""
    return f"{value:,} {noun if value == 1 else _PLURALS.get(noun, noun + 's')}"


def listed(words: Sequence[str]) -> str:
    """("a", "b", "c") -> "a, b and c"."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def size(count_of_bytes: int) -> str:
    """3400000 -> "3.4 MB"."""
    value = float(count_of_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.0f} {unit}" if unit == "bytes" or value >= 99.5 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def milliseconds(value: float) -> str:
    """12.3 -> "12 ms", 2345 -> "2.3 s"."""
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"


def duration(seconds: float) -> str:
    """8 -> "a few seconds", 45 -> "under a minute", 95 -> "about 2 minutes", 8000 -> "about 2 hours"."""
    if seconds < _FEW_SECONDS:
        return "a few seconds"
    if seconds < _MINUTE:
        return "under a minute"
    if seconds < 1.5 * _HOUR:
        return f"about {count(max(1, round(seconds / _MINUTE)), 'minute')}"
    if seconds < 2 * _DAY:
        return f"about {count(max(2, round(seconds / _HOUR)), 'hour')}"
    return f"about {count(round(seconds / _DAY), 'day')}"


def when(iso: str, now: datetime | None = None) -> str:
    """An ISO time as "just now", "5 minutes ago", "yesterday" or a date; "" stays ""."""
    if not iso:
        return ""
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if seconds < 0 or seconds >= 7 * _DAY:
        return date(iso)
    if seconds < _MINUTE:
        return "just now"
    if seconds < _HOUR:
        return f"{count(int(seconds // _MINUTE), 'minute')} ago"
    if seconds < _DAY:
        return f"{count(int(seconds // _HOUR), 'hour')} ago"
    days = int(seconds // _DAY)
    return "yesterday" if days == 1 else f"{days} days ago"


def date(iso: str) -> str:
    """An ISO date or time as "21 Nov 2026"; what is no date comes back as it is."""
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{moment.day} {moment:%b %Y}"


def kind(media_type: str) -> str:
    """The family word of a document ("pdf") as people say it ("PDF")."""
    return _KINDS.get(media_type, media_type.upper() or "File")
