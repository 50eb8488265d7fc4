"""References to a document and a page of it: in words, as BibTeX, as RIS.

What a document says of itself is hostile input: every value is brought to one line, and cannot end its record.
"""

from __future__ import annotations

import re
import unicodedata

from cortex_engine.core.documents import Document
from cortex_engine.core.errors import UsageError

STYLES = ("plain", "bibtex", "ris")

_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        # Not \{ and \}: BibTeX counts those among its own braces.
        "{": r"\textbraceleft{}",
        "}": r"\textbraceright{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{mark: f"\\{mark}" for mark in "&%$#_"},
    }
)
_YEAR = re.compile(r"\d{4}(?=-|$)")
_DATE = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?")
_UNPAGED = frozenset({"markdown", "text", "html", "csv", "json", "xml", "email", "zip"})
_LOCATORS = {"pptx": "slide", "ppt": "slide", "xlsx": "sheet", "xls": "sheet", "epub": "section"}
_RIS_TYPES = {
    "pptx": "SLIDE", "ppt": "SLIDE", "image": "FIGURE", "email": "PCOMM", "html": "ELEC", "epub": "EBOOK",
    "csv": "DATA", "xlsx": "DATA", "xls": "DATA", "json": "DATA", "xml": "DATA",
    "pdf": "RPRT", "docx": "RPRT", "doc": "RPRT", "odt": "RPRT", "rtf": "RPRT",
}  # fmt: skip
_PUBLISHERS = ("institution", "publisher", "company", "organization")


def cite(document: Document, page: int = 0, style: str = "plain") -> str:
    """A reference to a document, or to a page of it.

    Args:
        page: from 1; 0 for the document as a whole.
        style: "plain" ("Author. Title. Date. name, p. 3."), "bibtex" or "ris" (lines end in CR LF).

    Raises:
        UsageError: no such style.
    """
    if style not in STYLES:
        raise UsageError(f"There is no citation style '{style}'. Use one of: {', '.join(STYLES)}.")
    if document.info.media_type in _UNPAGED:
        page = 0  # they have one page only, which nobody knows as such
    return {"plain": _plain, "bibtex": _bibtex, "ris": _ris}[style](document, page)


def _plain(document: Document, page: int) -> str:
    title, name = _line(document.info.title), _line(document.name)
    parts = [_line(document.info.author), title if title != name else "", _date(document)]
    sentences = [part if part[-1] in ".!?" else f"{part}." for part in parts if part]
    locator = _LOCATORS.get(document.info.media_type, "p.")
    place = f", {locator} {page}" if page > 0 else ""
    return " ".join([*sentences, f"{name}{place}."])


def _bibtex(document: Document, page: int) -> str:
    publisher = next((value for key, text in document.info.extra if key in _PUBLISHERS and (value := _line(text))), "")
    fields = {
        "author": " and ".join(_latex(author) for author in _authors(document)),
        "title": f"{{{_latex(_title(document))}}}",
        "institution": f"{{{_latex(publisher)}}}" if publisher else "",
        "year": _year(document),
        "howpublished": _latex(_line(document.name)),
        "pages": str(page) if page > 0 else "",
        "language": _line(document.info.language),
    }
    lines = [f"  {key} = {{{value}}}," for key, value in fields.items() if value]
    kind = "techreport" if publisher else "misc"
    return "\n".join([f"@{kind}{{{_key(document)},", *lines, "}"]) + "\n"


def _ris(document: Document, page: int) -> str:
    date = _DATE.match(_date(document))
    fields = [
        ("TY", _RIS_TYPES.get(document.info.media_type, "GEN")),
        ("ID", _key(document)),
        ("TI", _title(document)),
        *(("AU", author) for author in _authors(document)),
        ("PY", _year(document)),
        ("DA", f"{'/'.join(date.groups(''))}/" if date else ""),
        ("SP", str(page) if page > 0 else ""),
        ("LA", _line(document.info.language)),
        ("N1", _line(document.name)),
    ]
    return "".join(f"{tag}  - {value}\r\n" for tag, value in fields if value) + "ER  - \r\n"


def _line(text: str) -> str:
    """The text on one line, without control characters and marks that turn the direction of what follows."""
    kept = "".join(
        letter
        for letter in " ".join(text.split())
        if letter not in _BIDI_CONTROLS and unicodedata.category(letter) not in {"Cc", "Cs", "Zl", "Zp"}
    )
    return " ".join(kept.split())


def _latex(text: str) -> str:
    return text.translate(_LATEX)


def _title(document: Document) -> str:
    return _line(document.info.title) or _line(document.name) or "Untitled"


def _authors(document: Document) -> list[str]:
    """Authors where a semicolon divides them; commas also stand within names."""
    return [author for part in document.info.author.split(";") if (author := _line(part))]


def _date(document: Document) -> str:
    """Day, month or year at which the document was made, or "" where it does not say."""
    return _line(document.info.created or document.info.modified).partition("T")[0]


def _year(document: Document) -> str:
    found = _YEAR.match(_date(document))
    return found.group() if found else ""


def _key(document: Document) -> str:
    """An ASCII key that stays the same: first author's last word, year, first long word of the title, digits of the id."""
    author = _ascii(_authors(document)[0].split(",")[0]).split() if _authors(document) else []
    words = [word for word in _ascii(_title(document)).split() if len(word) > 3]
    digits = re.sub(r"[^0-9a-f]", "", document.id)[:8]
    return f"{author[-1] if author else ''}{_year(document)}{words[0] if words else ''}"[:40] + f"-{digits or '0'}"


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", " ", plain)
