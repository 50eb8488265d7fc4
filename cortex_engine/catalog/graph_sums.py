"""What all documents say of an entity, added up: kept in step with each document's part by reading and writing that part only.

Name, kind, aliases and counts are functions of the parts that are left and of the edits, so that the order in which documents
came and went leaves no trace.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from cortex_engine.catalog import rows
from cortex_engine.core.reports import Finding, Severity

CHECK = "catalog-graph"
"""What the doctor calls a disagreement."""

_OF = "(SELECT value FROM json_each(:keys))"

_SUBTRACT_ENTITIES = f"""
    UPDATE graph_entity SET mentions = graph_entity.mentions - gone.mentions, documents = graph_entity.documents - gone.documents,
        passages = graph_entity.passages - gone.passages
    FROM (SELECT entity, sum(mentions) AS mentions, count(*) AS documents, sum(passages) AS passages FROM graph_part
        WHERE document IN {_OF} GROUP BY entity) AS gone
    WHERE graph_entity.key = gone.entity
"""

_SAID = """
    SELECT entity, 'name' AS what, name AS form, {of_name} mentions FROM graph_part WHERE document IN {of}
    UNION ALL SELECT entity, 'kind', kind, {of_kind} mentions FROM graph_part WHERE document IN {of} AND kind != ''
    UNION ALL SELECT entity, 'alias', form, {of_alias} 0 FROM graph_alias WHERE document IN {of}
"""

_SUBTRACT_FORMS = f"""
    UPDATE graph_form SET documents = graph_form.documents - gone.documents, mentions = graph_form.mentions - gone.mentions
    FROM (SELECT entity, what, form, count(*) AS documents, sum(mentions) AS mentions
        FROM ({_SAID.format(of=_OF, of_name="", of_kind="", of_alias="")}) GROUP BY entity, what, form) AS gone
    WHERE graph_form.entity = gone.entity AND graph_form.what = gone.what AND graph_form.form = gone.form
"""

_ADD_ENTITIES = """
    UPDATE graph_entity SET mentions = graph_entity.mentions + part.mentions, documents = graph_entity.documents + 1,
        passages = graph_entity.passages + part.passages
    FROM graph_part AS part WHERE part.document = :document AND graph_entity.key = part.entity
"""

_OF_DOCUMENT = "(:document)"

_ADD_FORMS = f"""
    INSERT INTO graph_form (entity, what, form, folded, documents, mentions)
    SELECT entity, what, form, folded, 1, mentions FROM ({
    _SAID.format(
        of=_OF_DOCUMENT,
        of_name="(SELECT e.folded FROM graph_entity e WHERE e.key = entity) AS folded,",
        of_kind="'',",
        of_alias="folded,",
    )
}) WHERE true
    ON CONFLICT DO UPDATE SET documents = documents + 1, mentions = mentions + excluded.mentions
"""

_BEST = """(SELECT form FROM graph_form f WHERE f.entity = graph_entity.key AND f.what = '{what}'
        ORDER BY f.{by} DESC, f.form LIMIT 1)"""
_NAME = _BEST.format(what="name", by="mentions")
_KIND = f"coalesce({_BEST.format(what='kind', by='documents')}, '')"

_NAME_AGAIN = f"""
    UPDATE graph_entity SET name = {_NAME}, kind = {_KIND}
    WHERE key IN {_OF} AND (name IS NOT {_NAME} OR kind IS NOT {_KIND})
"""

_EDITED = "SELECT 1 FROM graph_merge g WHERE g.source = graph_entity.id OR g.target = graph_entity.id"
_IS_HIDDEN = "EXISTS (SELECT 1 FROM graph_hidden h WHERE h.entity = graph_entity.id)"

_SHOW_ALONE = f"""
    UPDATE graph_entity SET root = key, hidden = {_IS_HIDDEN}, shown_kind = kind, shown_mentions = mentions,
        shown_documents = documents, shown_passages = passages
    WHERE key IN {_OF} AND NOT EXISTS ({_EDITED}) AND (root != key OR hidden != {_IS_HIDDEN} OR shown_kind != kind
        OR shown_mentions != mentions OR shown_documents != documents OR shown_passages != passages)
"""

_TERMINALS = """
    SELECT g.target FROM json_each(:ids) wanted CROSS JOIN graph_merge g ON g.source = wanted.value
    UNION SELECT g.target FROM json_each(:ids) wanted CROSS JOIN graph_merge g ON g.target = wanted.value
"""

_MEMBERS = """
    SELECT e.key, e.id, e.kind, e.mentions, e.documents, e.passages FROM graph_entity e
    WHERE e.id = :terminal OR e.id IN (SELECT source FROM graph_merge WHERE target = :terminal)
"""

_SAID_BY_ALL = f"""SELECT entity, what, form, count(*), sum(mentions)
    FROM ({_SAID.format(of="(SELECT key FROM document)", of_name="", of_kind="", of_alias="")}) GROUP BY entity, what, form"""

_WRONG_SUMS = f"""
    SELECT (SELECT count(*) FROM (SELECT key, mentions, documents, passages FROM graph_entity
        EXCEPT SELECT entity, sum(mentions), count(*), sum(passages) FROM graph_part GROUP BY entity))
    + (SELECT count(*) FROM (SELECT entity, what, form, documents, mentions FROM graph_form EXCEPT {_SAID_BY_ALL}))
    + (SELECT count(*) FROM ({_SAID_BY_ALL} EXCEPT SELECT entity, what, form, documents, mentions FROM graph_form))
    + (SELECT count(*) FROM (SELECT root, sum(mentions) FROM graph_entity GROUP BY root
        EXCEPT SELECT key, shown_mentions FROM graph_entity WHERE root = key))
    + (SELECT count(*) FROM graph_entity WHERE NOT EXISTS ({_EDITED}) AND (root != key OR shown_kind != kind
        OR shown_documents != documents OR shown_passages != passages))
    + (SELECT count(*) FROM graph_entity WHERE root = key AND hidden != EXISTS (SELECT 1 FROM graph_hidden WHERE entity
        = coalesce((SELECT target FROM graph_merge WHERE source = graph_entity.id), graph_entity.id)))
"""

_WRONG_PARTS = """
    SELECT document FROM (SELECT document, entity, mentions, passages FROM graph_part EXCEPT SELECT * FROM ({found}))
    UNION SELECT document FROM (SELECT * FROM ({found}) EXCEPT SELECT document, entity, mentions, passages FROM graph_part)
    UNION SELECT document FROM (SELECT document, mentions FROM graph_document WHERE mentions > 0
        EXCEPT SELECT document, sum(mentions) FROM graph_part GROUP BY document)
    UNION SELECT document FROM (SELECT document, relations FROM graph_document WHERE relations > 0
        EXCEPT SELECT c.document, count(*) FROM graph_relation r JOIN chunk c ON c.key = r.chunk GROUP BY c.document)
""".format(
    found="SELECT c.document, m.entity, count(DISTINCT (m.char_start << 31) + m.char_end), count(DISTINCT m.chunk) "
    "FROM graph_mention m JOIN chunk c ON c.key = m.chunk GROUP BY c.document, m.entity"
)
"""Documents whose places are not as many as were counted: one place in two overlapping passages is one mention."""

_SUM_AGAIN = """
    UPDATE graph_entity SET mentions = part.mentions, documents = part.documents, passages = part.passages
    FROM (SELECT entity, sum(mentions) AS mentions, count(*) AS documents, sum(passages) AS passages FROM graph_part
        GROUP BY entity) AS part WHERE part.entity = graph_entity.key
"""


def disagreement(connection: sqlite3.Connection) -> list[Finding]:
    """Whether the sums are those of the parts, and the parts those of their places."""
    wrong = connection.execute(_WRONG_SUMS).fetchone()[0]
    parts = connection.execute(f"SELECT count(*) FROM ({_WRONG_PARTS})").fetchone()[0]
    findings = []
    if wrong:
        message = f"{wrong} sums of the knowledge graph do not agree with what the documents name."
        findings.append(
            Finding(CHECK, Severity.ERROR, message, "`cortex doctor --fix` adds them up again.", fixable=True)
        )
    if parts:
        message = f"What {parts} documents name does not agree with the places that prove it."
        remedy = "`cortex doctor --fix` has them read for names again."
        findings.append(Finding(CHECK, Severity.ERROR, message, remedy, fixable=True))
    return findings


def recount(connection: sqlite3.Connection) -> None:
    """Add everything up from the parts again; those that do not agree with their places go, and their documents wait."""
    _drop(connection, [document for (document,) in connection.execute(_WRONG_PARTS)])
    connection.execute("DELETE FROM graph_form")
    connection.execute("UPDATE graph_entity SET root = key")
    connection.execute(_SUM_AGAIN)
    for (document,) in connection.execute("SELECT document FROM graph_document").fetchall():
        connection.execute(_ADD_FORMS, {"document": document})
    connection.execute("DELETE FROM graph_entity WHERE key NOT IN (SELECT entity FROM graph_part)")
    settle(connection, connection.execute("SELECT key, id FROM graph_entity").fetchall())


def forget_parts(connection: sqlite3.Connection, documents: Sequence[int]) -> None:
    """Take the parts of these documents out of the graph, with entities that nothing else proves."""
    values = {"keys": rows.array(documents)}
    touched = connection.execute(
        f"SELECT e.key, e.id FROM graph_entity e WHERE e.key IN (SELECT entity FROM graph_part WHERE document IN {_OF})",
        values,
    ).fetchall()
    connection.execute(_SUBTRACT_ENTITIES, values)
    connection.execute(_SUBTRACT_FORMS, values)
    _drop(connection, documents)
    if not touched:
        return
    entities = {"keys": rows.array(key for key, _ in touched)}
    connection.execute(f"DELETE FROM graph_form WHERE entity IN {_OF} AND documents = 0", entities)
    connection.execute(f"DELETE FROM graph_entity WHERE key IN {_OF} AND documents = 0", entities)
    settle(connection, touched)


def _drop(connection: sqlite3.Connection, documents: Sequence[int]) -> None:
    """Every row that says what these documents name."""
    values = {"keys": rows.array(documents)}
    for table in ("graph_mention", "graph_relation"):
        connection.execute(
            f"DELETE FROM {table} WHERE chunk IN (SELECT key FROM chunk WHERE document IN {_OF})", values
        )
    for table in ("graph_part", "graph_alias", "graph_document"):
        connection.execute(f"DELETE FROM {table} WHERE document IN {_OF}", values)


def add_up(connection: sqlite3.Connection, document: int, entities: Sequence[tuple[int, str]]) -> None:
    """Let a document's rows, just written, count.

    Args:
        entities: keys and ids of what it names.
    """
    values = {"document": document}
    connection.execute(_ADD_ENTITIES, values)
    connection.execute(_ADD_FORMS, values)
    settle(connection, entities)


def settle(connection: sqlite3.Connection, entities: Sequence[tuple[int, str]]) -> None:
    """Say anew how these entities (keys and ids; some may be gone) are shown, and what they are merged with."""
    keys = {"keys": rows.array(key for key, _ in entities)}
    connection.execute(_NAME_AGAIN, keys)
    connection.execute(_SHOW_ALONE, keys)
    found = connection.execute(_TERMINALS, {"ids": rows.array(entity_id for _, entity_id in entities)}).fetchall()
    regroup(connection, [terminal for (terminal,) in found])
    moved(connection)


def regroup(connection: sqlite3.Connection, terminals: Iterable[str]) -> None:
    """Show what was merged into each of these ids as one: under that id, or where nothing proves it any more under the most
    mentioned of the others.
    """
    for terminal in sorted(terminals):
        members = connection.execute(_MEMBERS, {"terminal": terminal}).fetchall()
        if members:
            _show_group(connection, terminal, members)


def _show_group(connection: sqlite3.Connection, terminal: str, members: Sequence[tuple[Any, ...]]) -> None:
    heaviest = sorted(members, key=lambda row: (-row[3], row[1]))
    root = next((row for row in members if row[1] == terminal), heaviest[0])
    kind = root[2] or next((row[2] for row in heaviest if row[2]), "")
    keys = {"keys": rows.array(row[0] for row in members)}
    documents, passages = root[4], root[5]
    if len(members) > 1:
        documents = connection.execute(
            f"SELECT count(DISTINCT document) FROM graph_part WHERE entity IN {_OF}", keys
        ).fetchone()[0]
        passages = connection.execute(
            f"SELECT count(DISTINCT chunk) FROM graph_mention WHERE entity IN {_OF}", keys
        ).fetchone()[0]
    hidden = connection.execute("SELECT count(*) FROM graph_hidden WHERE entity = ?", (terminal,)).fetchone()[0]
    connection.execute(
        "UPDATE graph_entity SET root = ?, hidden = ?, shown_kind = ?, shown_mentions = ?, shown_documents = ?, "
        "shown_passages = ? WHERE key = ?",
        (root[0], hidden, kind, sum(row[3] for row in members), documents, passages, root[0]),
    )
    connection.executemany(
        "UPDATE graph_entity SET root = ?, hidden = 0, shown_kind = '', shown_mentions = 0, shown_documents = 0, "
        "shown_passages = 0 WHERE key = ?",
        [(root[0], row[0]) for row in members if row[0] != root[0]],
    )


def moved(connection: sqlite3.Connection) -> None:
    """The graph is another one from now on."""
    connection.execute(
        "INSERT INTO meta VALUES ('graph_moment', '1') ON CONFLICT DO UPDATE SET value = CAST(value AS INTEGER) + 1"
    )
