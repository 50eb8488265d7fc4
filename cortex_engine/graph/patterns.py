"""Entities that their own form tells: e-mail addresses, dates, amounts, titles of works."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from cortex_engine.core.graph import EntityKind
from cortex_engine.graph.finds import Find, tidy

_MAIL = re.compile(
    r"(?<![\w.+-])[A-Za-z0-9][\w.+-]*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,24}(?![\w-])"
)
_NOT_NAMES = re.compile(
    r"\b(?:https?|ftp)://[^\s<>|]+|\bwww\.[^\s<>|]+|\b[\w-]{1,60}(?:\.[\w-]{1,60}){0,5}"
    r"\.(?:com|org|net|edu|gov|html?|pdf|js|py|xml)\b(?:/\S*)?"
    r"|\b\w{1,60}(?:::|->|\(\))\w*|(?<![\w/])[\w/]{0,80}\\[\w\\]+|\b\w{1,60}_\w+\b|\$\{?\w+\}"
)
"""Addresses, files, code: their capitals tell nothing."""

_LINE = re.compile(r"[^\n]+")

_MONTH_NAMES = """
january jan januar janvier enero gennaio janeiro jänner januari
february feb februar février fevrier febrero febbraio fevereiro februari
march mar märz maerz mars marzo março maart mrz
april apr avril abril aprile
may mai mayo maggio maio mei
june jun juni juin junio giugno junho
july jul juli juillet julio luglio julho
august aug août aout agosto augustus
september sep sept septembre septiembre settembre setembro
october oct oktober okt octobre octubre ottobre outubro
november nov novembre noviembre novembro
december dec dezember dez décembre decembre diciembre dicembre dezembro
"""
MONTHS = {name: number for number, line in enumerate(_MONTH_NAMES.strip().splitlines(), 1) for name in line.split()}
"""English, German, French, Spanish, Italian, Portuguese, Dutch; also short."""
_MONTH = rf"(?P<month>(?i:{'|'.join(sorted(MONTHS, key=len, reverse=True))}))\.?"
_DAY = r"(?P<day>[0-3]?\d)"
_YEAR = r"(?P<year>1[0-9]\d\d|20\d\d)"
_ORDINAL = r"(?:st|nd|rd|th|er|º|\.)?"
_EDGE, _NO_MORE = r"(?<![\w./,:-])", r"(?![\w/-]|[.,:]\d)"
_WESTERN = (
    re.compile(_EDGE + form + _NO_MORE)
    for form in (
        rf"{_YEAR}-(?P<month>[01]\d)-(?P<day>[0-3]\d)(?:T[\d:.+Z-]+)?",
        rf"{_DAY}{_ORDINAL}\s+(?:de\s+|of\s+)?{_MONTH},?\s+(?:de\s+)?{_YEAR}",
        rf"{_MONTH}\s+{_DAY}(?:st|nd|rd|th)?,?\s+{_YEAR}",
        rf"{_DAY}\.\s?(?P<month>[01]?\d)\.\s?{_YEAR}",
        rf"{_MONTH}(?:\s+|\s+(?:de|of)\s+|,\s+){_YEAR}",
        rf"{_YEAR}/(?P<month>[01]\d)/(?P<day>[0-3]\d)",
    )
)
_DATES = (
    *_WESTERN,
    re.compile(r"(?<!\d)(?P<year>1\d{3}|20\d\d)\s?年(?:\s?(?P<month>[01]?\d)\s?月(?:\s?(?P<day>[0-3]?\d)\s?日)?)?"),
    re.compile(
        r"(?<![\w./,:#$€£¥%+-])(?P<year>1[5-9]\d\d|20[0-4]\d)(?![\w/%-]|[.,:]\d|\s?(?:%|€|km|kg|m\b|mm|cm|GB|MB))"
    ),
)
_ROW = 400
"""Characters of a row that are looked at on either side."""
_LIKE_YEAR = re.compile(r"(?:19|20)\d\d")
_NUMBERED = re.compile(
    r"(?i:\b(?:no|nr|n°|page|p|pp|section|room|article|chapter|id|zip|code|box|figure|table)\.?\s*)$"
)
"""What makes a number of four digits no year."""

_NUMBER = r"\d{1,3}(?:[,.' \u00a0\u202f]\d{3}){1,6}(?:[.,]\d+)?|\d+(?:[.,]\d+)?"
"""At most 21 digits: rows of numbers that only spaces part would be read from each of them to their end."""
_SCALE = (
    r"(?:\s?(?:thousand|million|billion|trillion|mn|bn|m|k|Mio\.?|Mrd\.?|Millionen|Milliarden|millions?|milliards?"
    r"|万|億|亿)(?!\w))?"
)
_CODES = "USD|EUR|GBP|CHF|JPY|CNY|RMB|CAD|AUD|INR|SEK|NOK|DKK|KRW|HKD|SGD|BRL|MXN|PLN|RUB"
_SIGNS = r"US\$|C\$|A\$|HK\$|R\$|[$€£¥₩₹]"
_AMOUNTS = (
    re.compile(rf"(?<![\w$])(?:{_SIGNS}|(?:{_CODES})\s)\s?(?:{_NUMBER}){_SCALE}(?![\w])"),
    re.compile(
        rf"(?<![\w.,])(?:{_NUMBER}){_SCALE}\s?(?:[€£¥₩₹]|(?:{_CODES})\b|(?:dollars|euros?|Euro|pounds|yen|francs|Dollar|Franken)\b|元|円|원)"
    ),
    re.compile(rf"(?<![\w.,])(?:{_NUMBER})\s?(?:%|percent\b|per cent\b|Prozent\b|pour cent\b)"),
)

_BOOK_MARKS = re.compile(r"[《「『]([^《》「」『』\n]{2,40})[》」』]")
_ONLY_TITLES = re.compile(r"《([^《》\n]{1,40})》")
_QUOTED = re.compile(r"[“\"„«]\s?([^“”\"„«»\n]{3,80}?)\s?[”\"“»]")
_WORK_BEFORE = re.compile(
    r"(?i:\b(?:song|songs|single|album|albums|book|books|novel|novels|film|films|movie|movies|play|poem|poems|essay|article"
    r"|paper|episode|track|tracks|series|story|opera|painting|titled|entitled|musical|documentary|report|lied|buch|film|roman"
    r"|stück|chanson|livre|libro|canción|película)\b[^.;:“\"„«]{0,40})$"
)
_LIST_GAP = 8
"""Characters between two quotations of one list: \", and \"."""
_DEFINED = re.compile(r"\((?:[^()]{0,40}\s)?$")
"""A quotation in brackets gives a thing a name for the rest of a contract."""


def fixed_patterns(text: str, offset: int) -> Iterator[Find]:
    """E-mail addresses, dates and amounts of a text that begins at character `offset`."""
    for match in _by_lines(_MAIL, text):
        yield _find(match.start(), match.group(), offset, EntityKind.EMAIL, match.group().lower())
    yield from _dates(text, offset)
    for pattern in _AMOUNTS:
        for match in pattern.finditer(text):
            yield _find(match.start(), match.group().strip(), offset, EntityKind.AMOUNT, tidy(match.group()))


def titles(text: str, offset: int) -> Iterator[Find]:
    """Titles of works: in 《》, or quoted with capitals where the words before say what it is."""
    for match in _ONLY_TITLES.finditer(text):
        yield _find(match.start(1), match.group(1), offset, EntityKind.WORK, tidy(match.group(1)))
    work_ends = -1
    for match in _QUOTED.finditer(text):
        title = match.group(1).rstrip(",.;")
        before = text[max(0, match.start() - 60) : match.start()]
        if _DEFINED.search(before) or not _has_title_case(title):
            continue
        goes_on = match.start() - work_ends <= _LIST_GAP and work_ends >= 0
        if goes_on or _WORK_BEFORE.search(before):
            work_ends = match.end()
            yield _find(match.start(1), title, offset, EntityKind.WORK, tidy(title))
        elif len(title.split()) > 1 and title.count("\n") == 0:
            yield _find(match.start(1), title, offset, EntityKind.UNKNOWN, tidy(title))


def not_names(text: str) -> Iterator[tuple[int, int]]:
    """Ranges of addresses, files and code."""
    return ((match.start(), match.end()) for match in _by_lines(_NOT_NAMES, text))


def _by_lines(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Every match of a pattern that no match of which holds white space. A pattern keeps all other threads waiting until it has
    a match: over a book without one that takes seconds, over a line nothing.
    """
    for line in _LINE.finditer(text):
        yield from pattern.finditer(text, line.start(), line.end())


def iso_date(text: str) -> str:
    """The ISO form of a date that stands alone ("7 February 2016" → "2016-02-07"), "" for no date.

    >>> iso_date("February 2016")
    '2016-02'
    """
    for pattern in _DATES:
        match = pattern.fullmatch(text.strip())
        if match and (found := _iso(match)):
            return found
    return ""


def _dates(text: str, offset: int) -> Iterator[Find]:
    taken: set[int] = set()
    for pattern in _DATES:
        for match in pattern.finditer(text):
            iso = _iso(match)
            if not iso or not taken.isdisjoint((match.start(), match.end() - 1)):
                continue
            if len(iso) == 4 and _is_other_number(text, match.start()):
                continue
            taken.update(range(match.start(), match.end()))
            yield _find(match.start(), match.group(), offset, EntityKind.DATE, iso, iso)


def _is_other_number(text: str, start: int) -> bool:
    """Whether four digits are numbers of pages and the like, or stand in a row of a table among numbers that are no years."""
    if _NUMBERED.search(text[max(0, start - 12) : start]):
        return True
    end = text.find("\n", start, start + _ROW)
    line = text[text.rfind("\n", max(0, start - _ROW), start) + 1 : end if end >= 0 else start + _ROW]
    return ("|" in line or "\t" in line) and not all(map(_LIKE_YEAR.fullmatch, re.findall(r"\d[\d.,]*", line)))


def _iso(match: re.Match[str]) -> str:
    parts = match.groupdict()
    year, month, day = parts["year"], parts.get("month"), parts.get("day")
    if month is None:
        return year
    number = int(month) if month.isdigit() else MONTHS[month.lower()]
    if not 1 <= number <= 12:
        return ""
    if day is None:
        return f"{year}-{number:02}"
    try:
        return datetime.date(int(year), number, int(day)).isoformat()
    except ValueError:
        return ""


def _has_title_case(title: str) -> bool:
    words = re.findall(r"[^\W\d_][\w'’]*", title)
    capitals = sum(word[0].isupper() for word in words)
    long = sum(word[0].isupper() or len(word) > 4 for word in words)
    return 0 < len(words) <= 10 and words[0][0].isupper() and capitals >= 0.7 * long


def _find(start: int, surface: str, offset: int, kind: EntityKind, name: str, date: str = "") -> Find:
    return Find(offset + start, offset + start + len(surface), name, kind, date, certain=True)
