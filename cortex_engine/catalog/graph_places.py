"""Where documents name an entity, and the sentences that connect two."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from typing import Any

from cortex_engine.catalog import rows
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.catalog.graph_reading import GROUP, shown_key
from cortex_engine.core.graph import MentionPlace, RelationKind

_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)|[。！？]|\n\s*\n")
_LONGEST = 400
"""Characters of a sentence that are shown; tables and lists have longer ones."""

_DATE = f"""
    coalesce((SELECT min(p.date) FROM graph_relation dated JOIN graph_part p ON p.entity = dated.target AND p.document = d.key
        WHERE dated.chunk = {{chunk}} AND dated.kind = '{RelationKind.DATED.value}' AND p.date != '' AND {{place}}), '')
"""

_MENTIONS = f"""
    SELECT d.id, d.name, c.page, c.id, m.char_start, m.char_end, c.text, c.char_start, {
    _DATE.format(
        chunk="c.key",
        place=f"dated.source IN {GROUP} AND dated.char_start <= m.char_start AND dated.char_end >= m.char_end",
    )
} FROM (SELECT min(chunk) AS chunk, char_start, char_end, document FROM (
        SELECT m.chunk, m.char_start, m.char_end, c.document FROM graph_mention m JOIN chunk c ON c.key = m.chunk
        WHERE m.entity IN {GROUP} AND (:document = '' OR c.document = (SELECT key FROM document WHERE id = :document)))
        GROUP BY document, char_start, char_end ORDER BY document, char_start LIMIT :limit) AS m
    JOIN chunk c ON c.key = m.chunk JOIN document d ON d.key = c.document ORDER BY d.key, m.char_start
"""
"""A place in the overlap of two passages is one mention."""

_OTHER = GROUP.replace(":key", ":other")

_PROOFS = f"""
    SELECT d.id, d.name, c.page, c.id, r.char_start, r.char_end, c.text, c.char_start, {
    _DATE.format(chunk="c.key", place="dated.char_start = r.char_start AND dated.char_end = r.char_end")
} FROM (SELECT DISTINCT chunk, char_start, char_end FROM graph_relation WHERE kind != '{RelationKind.DATED.value}'
        AND source IN {GROUP} AND target IN {_OTHER}
        UNION SELECT chunk, char_start, char_end FROM graph_relation WHERE kind != '{RelationKind.DATED.value}'
        AND source IN {_OTHER} AND target IN {GROUP}) AS r
    JOIN chunk c ON c.key = r.chunk JOIN document d ON d.key = c.document ORDER BY d.key, r.char_start LIMIT :limit
"""

_SAID = f"""
    WITH shown (id, member) AS (SELECT wanted.value, m.key FROM json_each(:ids) wanted
        CROSS JOIN graph_entity e ON e.id = wanted.value CROSS JOIN graph_entity m ON m.key = e.key
        UNION SELECT wanted.value, m.key FROM json_each(:ids) wanted CROSS JOIN graph_entity e ON e.id = wanted.value
        CROSS JOIN graph_entity m ON m.root = e.key AND m.root != m.key)
    SELECT min(source.id, target.id), max(source.id, target.id), r.label, count(*) AS proofs
    FROM shown source CROSS JOIN graph_relation r ON r.source = source.member JOIN shown target ON target.member = r.target
    WHERE r.kind = '{RelationKind.NAMED.value}' AND source.id != target.id
    GROUP BY min(source.id, target.id), max(source.id, target.id), r.label ORDER BY proofs DESC, r.label
"""


class GraphPlaces(CatalogPart):
    """The part of the port `GraphRecords` that leads back to passages."""

    def mentions(self, entity_id: str, limit: int = 100, document_id: str = "") -> list[MentionPlace]:
        """Where an entity is named, by document and place; nothing for an entity that is not there."""
        with self._database.read() as connection:
            values = {"key": shown_key(connection, entity_id), "limit": limit, "document": document_id}
            return _places(entity_id, connection.execute(_MENTIONS, values).fetchall())

    def relation_proofs(self, source_id: str, target_id: str, limit: int = 20) -> list[MentionPlace]:
        """Sentences that prove that two entities belong together, by document and place."""
        with self._database.read() as connection:
            keys = {"key": shown_key(connection, source_id), "other": shown_key(connection, target_id)}
            return _places(source_id, connection.execute(_PROOFS, {**keys, "limit": limit}).fetchall())

    def relation_labels(self, entity_ids: Sequence[str]) -> dict[tuple[str, str], str]:
        """How the texts most often say that two of these entities are connected, by pairs of ids in alphabetic order."""
        with self._database.read() as connection:
            found = connection.execute(_SAID, {"ids": rows.array(entity_ids)}).fetchall()
        labels: dict[tuple[str, str], str] = {}
        for first, second, label, _ in found:
            labels.setdefault((first, second), label)
        return labels


def _places(entity_id: str, found: Sequence[sqlite3.Row | tuple[Any, ...]]) -> list[MentionPlace]:
    return [
        MentionPlace(
            entity_id, document_id, name, page, chunk_id, start, end, _around(text, start - at, end - at), date
        )
        for document_id, name, page, chunk_id, start, end, text, at, date in found
    ]


def _around(text: str, start: int, end: int) -> str:
    """The sentence (or sentences) that hold a place of a passage, on one line, cut where it is long."""
    borders = [match.end() for match in _SENTENCE_END.finditer(text)]
    first = max((border for border in borders if border <= start), default=0)
    last = min((border for border in borders if border >= end), default=len(text))
    if last - first > _LONGEST:
        spare = max(0, _LONGEST - (end - start)) // 2
        low, high = max(first, start - spare), min(last, max(end, start) + spare)
        before, after = ("… " if low > first else ""), (" …" if high < last else "")
        return before + " ".join(text[low:high].split()) + after
    return " ".join(text[first:last].split())
