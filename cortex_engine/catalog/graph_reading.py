"""The knowledge graph as rows: entities, what stands beside them, sizes, what waits."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from cortex_engine.catalog import rows
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.core.graph import (
    NOT_NODES,
    EntityKind,
    GraphEntity,
    GraphPassage,
    GraphStats,
    Neighbour,
    RelationKind,
    WaitingGraph,
)
from cortex_engine.core.names import fold

COLUMNS = "e.key, e.id, e.name, e.shown_kind, e.shown_mentions, e.shown_documents, e.shown_passages, e.hidden"
"""What `entities_from` reads; `e` is a row of graph_entity under which a group is shown."""

FACTS = ", ".join(f"'{kind.value}'" for kind in sorted(NOT_NODES))
"""Kinds that connect nothing, for `IN (…)`."""

_WAITING = """
    FROM document d LEFT JOIN graph_document g ON g.document = d.key
    WHERE d.chunk_count > 0 AND (g.fingerprint IS NULL OR g.fingerprint != ?)
"""

_ALL = f"SELECT {COLUMNS} FROM graph_entity e WHERE e.root = e.key AND e.hidden = :hidden {{kinds}}"

_KINDS = "AND e.shown_kind IN (SELECT value FROM json_each(:kinds))"

_NAMED = f"""
    SELECT {COLUMNS} FROM (SELECT m.root AS root, min({{rank}}) AS rank FROM graph_form f JOIN graph_entity m ON m.key = f.entity
        WHERE f.what != 'kind' AND {{like}} GROUP BY m.root) AS found
    CROSS JOIN graph_entity e ON e.key = found.root WHERE e.hidden = :hidden {{kinds}}
    ORDER BY found.rank, e.shown_mentions DESC, e.id LIMIT :limit
"""

_FORMS = """
    SELECT m.root, f.what, f.form, f.folded, f.documents, m.key = m.root FROM graph_entity m
    JOIN graph_form f ON f.entity = m.key
    WHERE m.key IN (SELECT key FROM graph_entity WHERE key IN (SELECT value FROM json_each(:roots))
        UNION SELECT key FROM graph_entity WHERE root != key AND root IN (SELECT value FROM json_each(:roots)))
    AND f.what != 'kind' ORDER BY m.root, f.documents DESC, f.form
"""

GROUP = "(SELECT :key UNION SELECT key FROM graph_entity WHERE root != key AND root = :key)"
"""Keys of all that is shown under one row."""

_BESIDE = f"""
    SELECT e.key, count(DISTINCT r.chunk || ':' || r.char_start) AS weight
    FROM (SELECT target AS other, chunk, char_start FROM graph_relation WHERE source IN {GROUP} AND kind != 'dated'
        UNION ALL SELECT source, chunk, char_start FROM graph_relation WHERE target IN {GROUP} AND kind != 'dated') AS r
    JOIN graph_entity o ON o.key = r.other JOIN graph_entity e ON e.key = o.root
    WHERE e.key != :key AND e.hidden = 0 AND e.shown_kind NOT IN ({FACTS})
    GROUP BY e.key ORDER BY weight DESC, e.shown_mentions, e.id LIMIT :limit
"""

_LABELS = f"""
    SELECT o.root, r.label, count(*) FROM (SELECT target AS other, label FROM graph_relation WHERE source IN {GROUP}
        AND kind = '{RelationKind.NAMED.value}'
        UNION ALL SELECT source, label FROM graph_relation WHERE target IN {GROUP}
        AND kind = '{RelationKind.NAMED.value}') AS r JOIN graph_entity o ON o.key = r.other
    GROUP BY o.root, r.label ORDER BY count(*) DESC, r.label
"""


class GraphReading(CatalogPart):
    """The reading half of the port `GraphRecords`."""

    def ungraphed(self, fingerprint: str, limit: int = 20) -> list[WaitingGraph]:
        """Documents with text whose part was not extracted by this extractor yet, oldest first."""
        with self._database.read() as connection:
            found = connection.execute(
                f"SELECT d.key, d.id, d.name, d.language {_WAITING} ORDER BY d.key LIMIT ?",
                (fingerprint, limit),
            ).fetchall()
            return [
                WaitingGraph(document_id, name, language, _passages(connection, key))
                for key, document_id, name, language in found
            ]

    def graph_stats(self, fingerprint: str) -> GraphStats:
        """Sizes (extractor fields and communities left empty)."""
        with self._database.read() as connection:
            kinds = connection.execute(
                "SELECT shown_kind, hidden, count(*) FROM graph_entity WHERE root = key GROUP BY shown_kind, hidden"
            ).fetchall()
            merged = connection.execute("SELECT count(*) FROM graph_entity WHERE root != key").fetchone()[0]
            sums = connection.execute(
                "SELECT coalesce(sum(mentions), 0), coalesce(sum(relations), 0), count(*) - sum(failure != ''), "
                "coalesce(sum(passages), 0), coalesce(sum(failure != ''), 0) FROM graph_document"
            ).fetchone()
            waiting = connection.execute(f"SELECT count(*) {_WAITING}", (fingerprint,)).fetchone()[0]
            failure = connection.execute(
                "SELECT d.name, g.failure FROM graph_document g JOIN document d ON d.key = g.document "
                "WHERE g.failure != '' ORDER BY d.key DESC LIMIT 1"
            ).fetchone()
        shown = {str(kind): int(count) for kind, hidden, count in kinds if not hidden}
        return GraphStats(
            entities=sum(count for kind, count in shown.items() if kind not in NOT_NODES),
            mentions=sums[0],
            relations=sums[1],
            documents=sums[2] or 0,
            passages=sums[3],
            waiting=waiting,
            hidden=sum(count for _, hidden, count in kinds if hidden),
            merged=merged,
            kinds=shown,
            failed=sums[4],
            failure=f"'{failure[0]}': {failure[1]}" if failure else "",
        )

    def graph_moment(self) -> int:
        """Another number after every change of the graph or of its edits."""
        with self._database.read() as connection:
            return moment(connection)

    def find_entities(
        self, text: str = "", limit: int = 50, kinds: Sequence[EntityKind] = (), hidden: bool = False
    ) -> list[GraphEntity]:
        """Entities by name or alias, without case and accents: equal ones first, then those that begin so, then those that
        contain it; the most mentioned first. For "" all nodes (no dates and amounts, unless `kinds` names them).

        Args:
            hidden: only those that were hidden by hand, instead of only the others.
        """
        folded = fold(text)
        values: dict[str, Any] = {
            "hidden": int(hidden),
            "limit": limit,
            "kinds": rows.array(kind.value for kind in kinds),
        }
        chosen = _KINDS if kinds else ""
        with self._database.read() as connection:
            if text.strip():
                return self._named(connection, folded, chosen, values) if folded else []
            chosen = chosen or f"AND e.shown_kind NOT IN ({FACTS})"
            found = connection.execute(
                f"{_ALL.format(kinds=chosen)} ORDER BY e.shown_mentions DESC, e.id LIMIT :limit", values
            ).fetchall()
            return entities_from(connection, found)

    def _named(
        self, connection: sqlite3.Connection, folded: str, kinds: str, values: dict[str, Any]
    ) -> list[GraphEntity]:
        """Most people type the beginning of a name: only where that gives too few, every name is looked through."""
        values |= {"text": folded, "end": f"{folded}\U0010ffff"}
        begins = _NAMED.format(rank="f.folded != :text", like="f.folded BETWEEN :text AND :end", kinds=kinds)
        found = connection.execute(begins, values).fetchall()
        if len(found) < values["limit"]:
            rank = "CASE instr(f.folded, :text) WHEN 1 THEN f.folded != :text ELSE 2 END"
            contains = _NAMED.format(rank=rank, like="instr(f.folded, :text)", kinds=kinds)
            found = connection.execute(contains, values).fetchall()
        return entities_from(connection, found)

    def entities(self, entity_ids: Sequence[str]) -> dict[str, GraphEntity]:
        """Those that there are, merged ones under the id that was asked for."""
        with self._database.read() as connection:
            found = connection.execute(
                f"SELECT asked.id, {COLUMNS} FROM json_each(?) wanted CROSS JOIN graph_entity asked ON asked.id = wanted.value "
                "JOIN graph_entity e ON e.key = asked.root",
                (rows.array(entity_ids),),
            ).fetchall()
            shown = {entity.id: entity for entity in entities_from(connection, [row[1:] for row in found])}
        return {str(row[0]): shown[row[2]] for row in found}

    def entity_begun(self, beginning: str) -> str:
        """The only id of an entity that begins so, "" for none and for several."""
        with self._database.read() as connection:
            # "g" sorts after every hexadecimal digit.
            query = "SELECT id FROM graph_entity WHERE id >= ? AND id < ? LIMIT 2"
            found = connection.execute(query, (beginning, f"{beginning}g")).fetchall()
        return str(found[0][0]) if len(found) == 1 else ""

    def merged_entities(self) -> list[GraphEntity]:
        """What others were merged into by hand, the most mentioned first; aliases hold the merged names."""
        with self._database.read() as connection:
            found = connection.execute(
                f"SELECT {COLUMNS} FROM graph_entity e WHERE e.key IN (SELECT root FROM graph_entity WHERE root != key) "
                "ORDER BY e.shown_mentions DESC, e.id"
            ).fetchall()
            return entities_from(connection, found)

    def entity_names(self, folded: Sequence[str]) -> dict[str, str]:
        """Folded names and aliases -> entity ids (merged: of the survivor), for linking queries; hidden ones left out.

        A name goes before an alias, then what more documents call so.
        """
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT f.folded, e.id FROM json_each(?) wanted CROSS JOIN graph_form f ON f.folded = wanted.value "
                "JOIN graph_entity m ON m.key = f.entity JOIN graph_entity e ON e.key = m.root "
                "WHERE f.what != 'kind' AND e.hidden = 0 ORDER BY f.what = 'name', f.documents, e.shown_mentions, e.id DESC",
                (rows.array(folded),),
            )
            return {str(name): str(entity_id) for name, entity_id in found}

    def neighbours(self, entity_id: str, limit: int = 50) -> list[Neighbour]:
        """Entities beside it, heaviest first; of equal ones the rarer first."""
        with self._database.read() as connection:
            key = shown_key(connection, entity_id)
            found = connection.execute(_BESIDE, {"key": key, "limit": limit}).fetchall()
            labels: dict[int, list[str]] = {}
            for other, label, _ in connection.execute(_LABELS, {"key": key}):
                labels.setdefault(other, []).append(label)
            shown = _by_key(connection, [other for other, _ in found])
        return [Neighbour(shown[other], float(weight), tuple(labels.get(other, ()))) for other, weight in found]

    def document_entities(self, document_ids: Sequence[str], limit: int = 50) -> list[GraphEntity]:
        """Entities of documents, those most mentioned in them first; no dates and amounts, no hidden ones."""
        with self._database.read() as connection:
            found = connection.execute(
                f"SELECT {COLUMNS} FROM (SELECT m.root AS root, sum(p.mentions) AS mentions "
                "FROM json_each(:ids) wanted CROSS JOIN document d ON d.id = wanted.value "
                "JOIN graph_part p ON p.document = d.key JOIN graph_entity m ON m.key = p.entity GROUP BY m.root) AS found "
                f"CROSS JOIN graph_entity e ON e.key = found.root WHERE e.hidden = 0 AND e.shown_kind NOT IN ({FACTS}) "
                "ORDER BY found.mentions DESC, e.shown_mentions, e.id LIMIT :limit",
                {"ids": rows.array(document_ids), "limit": limit},
            ).fetchall()
            return entities_from(connection, found)


def moment(connection: sqlite3.Connection) -> int:
    """Number of the newest change of the graph, 0 before the first."""
    found = connection.execute("SELECT value FROM meta WHERE name = 'graph_moment'").fetchone()
    return int(found[0]) if found else 0


def shown_key(connection: sqlite3.Connection, entity_id: str) -> int:
    """Key of the row under which an entity is shown; 0, which no row has, where it is not there."""
    found = connection.execute("SELECT root FROM graph_entity WHERE id = ?", (entity_id,)).fetchone()
    return int(found[0]) if found else 0


def entities_from(connection: sqlite3.Connection, found: Sequence[Sequence[Any]]) -> list[GraphEntity]:
    """Entities of rows of `COLUMNS`, in their order, with their aliases."""
    names = {row[0]: fold(row[2]) for row in found}
    aliases: dict[int, dict[str, str]] = {}
    for root, _, form, folded, _, _ in connection.execute(_FORMS, {"roots": rows.array(names)}):
        if folded != names[root]:
            aliases.setdefault(root, {}).setdefault(folded, form)
    return [
        GraphEntity(
            entity_id,
            name,
            EntityKind(kind),
            tuple(aliases.get(key, {}).values()),
            mentions=mentions,
            documents=documents,
            passages=passages,
            hidden=bool(hidden),
        )
        for key, entity_id, name, kind, mentions, documents, passages, hidden in found
    ]


def _by_key(connection: sqlite3.Connection, keys: Iterable[int]) -> dict[int, GraphEntity]:
    found = connection.execute(
        f"SELECT {COLUMNS} FROM json_each(?) wanted CROSS JOIN graph_entity e ON e.key = wanted.value",
        (rows.array(keys),),
    ).fetchall()
    return {row[0]: entity for row, entity in zip(found, entities_from(connection, found), strict=True)}


def _passages(connection: sqlite3.Connection, document: int) -> list[GraphPassage]:
    found = connection.execute(
        "SELECT id, text, char_start, context FROM chunk WHERE document = ? ORDER BY ordinal", (document,)
    )
    return [GraphPassage(*row) for row in found]
