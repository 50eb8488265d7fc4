"""Names and sentences of the knowledge graph as the screen shows them: shortened, with the names in them marked."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cortex_engine.core.graph import EntityKind, GraphEntity
from cortex_ui import safe, wording

LONGEST_NAME, LONGEST_SNIPPET = 60, 420
_BEFORE = 120


def short(name: str, most: int = LONGEST_NAME) -> str:
    """A name on one line, with what is too long left out at its end."""
    plain = safe.one_line(name) or "(no name)"
    return plain if len(plain) <= most else f"{plain[: most - 1].rstrip()}…"


def label(name: str, kind: EntityKind) -> str:
    """A name for a button, with its kind where that is known."""
    known = f"  :gray[{safe.label(kind.value)}]" if kind else ""
    return f"{safe.label(short(name, 40))}{known}"


def kind(entity: GraphEntity) -> str:
    """ "Person"; "" where it is not known."""
    return entity.kind.value.capitalize()


def facts(entity: GraphEntity) -> str:
    """ "12 mentions in 3 documents"."""
    return f"{wording.count(entity.mentions, 'mention')} in {wording.count(entity.documents, 'document')}"


def snippet_html(text: str, names: Iterable[str]) -> str:
    """HTML of a sentence with every one of the names marked; a long sentence is cut around the first of them."""
    plain = safe.one_line(text)
    marks = places(plain, names)
    begin = 0
    if len(plain) > LONGEST_SNIPPET and marks:
        begin = max(0, min(marks[0][0] - _BEFORE, len(plain) - LONGEST_SNIPPET))
    end = min(len(plain), begin + LONGEST_SNIPPET)
    inside = [(start - begin, stop - begin) for start, stop in marks if start < end and stop > begin]
    before, after = "… " if begin else "", " …" if end < len(plain) else ""
    return f"{before}{safe.marked(plain[begin:end], inside)}{after}"


def places(text: str, names: Iterable[str]) -> list[tuple[int, int]]:
    """Where names stand in a text, as whole words and without case; of two that overlap the longer one."""
    wanted = sorted({safe.one_line(name) for name in names if name.strip()}, key=lambda name: (-len(name), name))
    if not wanted:
        return []
    pattern = "|".join(re.escape(name).replace(r"\ ", r"\s+") for name in wanted)
    return [match.span() for match in re.finditer(rf"(?<!\w)(?:{pattern})(?!\w)", text, re.IGNORECASE)]
