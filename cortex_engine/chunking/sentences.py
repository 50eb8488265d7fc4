"""Where text may be cut: after sentences, clauses, words, and where nothing else helps between characters.

Rules in the manner of UAX 29 (sentence boundaries) with an exception list, since a missed boundary costs little here
(a longer unit) and a wrong one splits "e.g. this". Every function gives contiguous spans: their union is the input.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

Span = tuple[int, int]

_CLOSERS = "\"'”’»›)\\]}」』】）〉》"
_SPACED_END = re.compile(rf"[.!?…؟।॥։።۔‽]+[{_CLOSERS}]*(?=\s)")
_WIDE_END = re.compile(rf"[。！？｡]+[{_CLOSERS}]*")
_CLAUSE_END = re.compile(r"[,;:–—](?=\s)|[，、；：،؛]")
_WORD_END = re.compile(r"\s+")
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n\s*")
_GAP = re.compile(r"\n[^\S\n]*\n\s*|\f\s*")
_LINE_END = re.compile(r"\n+")
_DOTTED = re.compile(r"(?:\w\.)+\w")
_JOINERS = frozenset("\u200d\ufe0e\ufe0f\u20e3")

_ABBREVIATIONS = """
abb abs abt adj al allg anm approx apr art aufl aug av ave bd bes betr bl blvd bsp bzgl bzw ca cap cf ch chap cie co
col corp dept dez dgl dipl dr ed eds eg eigtl einschl engl etc ev evtl ex excl fa feb ff fig figs fr frl gen geb ges
gest ggf gov hon hr hrsg ib ibid ie inc incl ing inkl insb int jan jg jh jhd jr jul jun kap kl lt ltd max maj masch
mag mar med mill min mio misc mme mlle mr mrd mrs ms mt nb nos nov nr nrs obj okt oct op par pg phil pl pos pp pref
prof prov pt rd rep resp rev rn sa sc sect sen sept sep seq sgt sog sp sr st ste str tab tel usf usw vgl viz vol vols
vs wiss zb zit zzgl
"""
"""Words that end with a full stop without ending a sentence: English, German, and what French and Spanish share."""
ABBREVIATIONS = frozenset(_ABBREVIATIONS.split())


def sentences(text: str, start: int, end: int) -> list[Span]:
    """Sentences of `text[start:end]`, each with the white space that follows it."""
    cuts = {match.end() for match in _WIDE_END.finditer(text, start, end)}
    cuts.update(match.end() for match in _SPACED_END.finditer(text, start, end) if _ends_sentence(text, start, match))
    cuts.update(match.end() for match in _BLANK_LINE.finditer(text, start, end))
    return _spans(text, start, end, sorted(cuts))


def paragraphs(text: str, start: int, end: int) -> list[Span]:
    """Runs between blank lines and page breaks."""
    cuts = [match.end() for match in _GAP.finditer(text, start, end)]
    return _spans(text, start, end, cuts)


def lines(text: str, start: int, end: int) -> list[Span]:
    """Lines: items of a list, rows of a table."""
    return _spans(text, start, end, [match.end() for match in _LINE_END.finditer(text, start, end)])


def clauses(text: str, start: int, end: int) -> list[Span]:
    """Runs between commas, semicolons, colons and dashes."""
    return _spans(text, start, end, [match.end() for match in _CLAUSE_END.finditer(text, start, end)])


def words(text: str, start: int, end: int, size: int = 80) -> list[Span]:
    """Runs of whole words of about `size` characters (a longer word stays whole)."""
    cuts, last = [], start
    for match in _WORD_END.finditer(text, start, end):
        if match.end() - last >= size:
            cuts.append(match.end())
            last = match.end()
    return _spans(text, start, end, cuts)


def characters(text: str, start: int, end: int, size: int) -> list[Span]:
    """Runs of `size` characters; a combining mark stays with its base where `size` allows."""
    cuts, position = [], start + size
    while position < end:
        cut = position
        while cut > position - size + 1 and cut > position - 8 and _joins(text, cut):
            cut -= 1
        cuts.append(position if _joins(text, cut) else cut)
        position = cuts[-1] + size
    return _spans(text, start, end, cuts)


def _joins(text: str, cut: int) -> bool:
    """Whether the character at `cut` belongs to the one before it."""
    after, before = text[cut], text[cut - 1]
    return unicodedata.combining(after) != 0 or after in _JOINERS or before == "\u200d"


def _ends_sentence(text: str, start: int, match: re.Match[str]) -> bool:
    after = match.end()
    while after < len(text) and text[after].isspace():
        after += 1
    if after < len(text) and text[after].islower():
        return False
    if match.group().rstrip("\"'”’»›)]}") != ".":
        return True
    first = match.start()
    while (
        first > start and match.start() - first < 24 and not text[first - 1].isspace() and text[first - 1] not in "([{"
    ):
        first -= 1
    word = text[first : match.start()]
    if len(word) == 1 and word.isalpha() and unicodedata.category(word) != "Lo":
        return False
    if word.isdigit() and len(word) <= 2:
        return False
    return word.lower() not in ABBREVIATIONS and not _DOTTED.fullmatch(word)


def _spans(text: str, start: int, end: int, cuts: list[int]) -> list[Span]:
    """Spans between the cuts, with white space moved to the end of the span before it."""
    borders = [start]
    for raw in cuts:
        cut = raw
        while cut < end and text[cut].isspace():
            cut += 1
        if borders[-1] < cut < end:
            borders.append(cut)
    borders.append(end)
    return list(pairwise(borders))
