"""Text into lines, cells and sentences, and those into words: where a name can run on, and where it cannot."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from cortex_engine.graph.reading import Stretch

_ROW = re.compile(r"[^\n\f\v\x85\u2028\u2029]+")
_CELL = re.compile(r"(?:(?!\s\|\s|\|\s|\s\||\t| {3,}).)+", re.DOTALL)
_WIDE_END = re.compile(r"(?<=[。！？｡])")
_BULLET = re.compile(r"\s*(?:[-*•▪◦‣·–—>#]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)])\s")
_WRAPPED = 38
"""Characters from which a line is taken as wrapped: the next one goes on with its sentence."""
_LONGEST = 20_000
"""Characters that are read at once."""
_LONGEST_ROW = 400
"""Characters of a row of a table whose cells belong together as the words of a sentence do."""
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uff66-\uff9f"
_PARTS = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}](?:[\w.&'’+#/-](?<![{_CJK}]))*|[^{_CJK}]")
_MONSTER = re.compile(rf"(?<!\S)[^\s{_CJK}]{{120,}}(?!\S)")
"""What has no space for so long is no word, and spaCy would take minutes over its marks."""
_HAS_CJK = re.compile(rf"[{_CJK}]")
_SHOUTED = 4
"""Words from which capitals throughout are a way of writing, not names."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word or mark; places are the document's characters. `glued`: no space stands before it."""

    text: str
    start: int
    end: int
    glued: bool


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, heading or cell.

    Attributes:
        row: what proves that its names belong together: the sentence itself, or the row of a table.
        prose: running text, in which capitals tell something.
    """

    words: tuple[Word, ...]
    start: int
    end: int
    row: tuple[int, int]
    prose: bool


def sentences(stretch: Stretch, pipeline: Any, look: Callable[[Any, int], None] | None = None) -> Iterator[Sentence]:
    """All sentences of a stretch, by a spaCy pipeline that cuts words and sentences.

    Args:
        look: is given each spaCy document with the place of its first character.
    """
    stop_words = pipeline.Defaults.stop_words
    for first, last, in_table in _blocks(stretch.text):
        row = (stretch.start + first, stretch.start + last)
        is_row = in_table and last - first <= _LONGEST_ROW
        for start, end in _pieces(stretch.text, first, last):
            for words in _cut(pipeline, stretch.text[start:end], stretch.start + start, look):
                span = words[0].start, words[-1].end
                prose = _is_prose(words, stop_words, in_table)
                yield Sentence(words, *span, row if is_row and not prose else span, prose)


def _blocks(text: str) -> Iterator[tuple[int, int, bool]]:
    """Paragraphs of wrapped lines, single lines, and rows of tables: start, end, whether a row."""
    start = end = -1
    for match in _ROW.finditer(text):
        line = match.group()
        cells = sum(bool(cell.group().strip()) for cell in _CELL.finditer(line))
        joins = (
            start >= 0
            and cells == 1
            and match.start() - end == 1
            and _goes_on(text[max(start, end - 2 * _WRAPPED) : end], line)
        )
        if start >= 0 and not joins:
            yield start, end, False
            start = -1
        if cells > 1:
            yield match.start(), match.end(), True
        elif cells:
            start = match.start() if start < 0 else start
            end = match.end()
    if start >= 0:
        yield start, end, False


def _goes_on(before: str, line: str) -> bool:
    """Whether a line goes on with the sentence of the lines before it."""
    last = before.rpartition("\n")[2].strip()
    if _BULLET.match(line) or not last:
        return False
    return len(last) >= _WRAPPED or (line.lstrip()[:1].islower() and last[-1] not in ".:;!?")


def _pieces(text: str, first: int, last: int) -> Iterator[tuple[int, int]]:
    """What is read at once: a cell, or a paragraph, cut after wide full stops and where it is too long."""
    for cell in _CELL.finditer(text, first, last):
        start = cell.start()
        cuts = [match.start() for match in _WIDE_END.finditer(text, cell.start(), cell.end())]
        for cut in [*cuts, cell.end()]:
            while cut - start > _LONGEST:
                space = text.rfind(" ", start + 1, start + _LONGEST)
                middle = space if space > 0 else start + _LONGEST
                yield start, middle
                start = middle
            if text[start:cut].strip():
                yield start, cut
            start = cut


def _cut(pipeline: Any, text: str, offset: int, look: Callable[[Any, int], None] | None) -> Iterator[tuple[Word, ...]]:
    words: list[Word] = []
    read = pipeline(_MONSTER.sub(lambda match: " " * len(match.group()), text))
    if look is not None:
        look(read, offset)
    for token in read:
        if token.is_sent_start and words:
            yield tuple(words)
            words = []
        here = token.text
        if here.isspace():
            continue
        start = offset + token.idx
        plain = len(here) == 1 or (here.isalnum() and not _HAS_CJK.search(here))
        parts = [(0, len(here))] if plain else list(_parts(here))
        for first, last in parts:
            glued = bool(words) and words[-1].end == start + first
            words.append(Word(sys.intern(here[first:last]), start + first, start + last, glued))
    if words:
        yield tuple(words)


def _parts(token: str) -> Iterator[tuple[int, int]]:
    """Scripts and marks within a token that the tokenizer left whole: "Tours).[12]"."""
    for match in _PARTS.finditer(token):
        first, last = match.span()
        stop = last < len(token) and token[last - 1] == "." and "." not in token[first : last - 1]
        if stop and last - first > 1:
            yield first, last - 1
            yield last - 1, last
        else:
            yield first, last


def _is_prose(words: tuple[Word, ...], stop_words: frozenset[str], in_table: bool) -> bool:
    """Running text, as told by its small words: not a heading, not a line in capitals; in a cell, whole sentences only."""
    plain = [word.text for word in words if word.text[0].isalpha()]
    content = [text for text in plain if text.lower() not in stop_words]
    lower = sum(text[0].islower() for text in content)
    small = sum(text[0].islower() for text in plain)
    if len(plain) >= _SHOUTED and sum(text.isupper() for text in plain) > 0.6 * len(plain):
        return False
    if _HAS_CJK.search("".join(plain)):
        return True
    if words[-1].text in {"!", "?", "…", "”", '"', ")"} or words[-1].text.endswith("."):
        return len(plain) >= 3 and (lower >= 1 or small >= 2)
    return not in_table and len(plain) >= 5 and lower >= 0.4 * len(content)
