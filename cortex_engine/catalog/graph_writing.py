"""The knowledge graph as rows: what comes in, from documents and by hand."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field

from cortex_engine.catalog import rows
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.catalog.graph_sums import add_up, forget_parts, moved, recount, regroup, settle
from cortex_engine.core.errors import NotFoundError, UsageError
from cortex_engine.core.failpoints import failpoint
from cortex_engine.core.graph import DocumentGraph, EntityKind, Relation, RelationKind, WaitingGraph
from cortex_engine.core.identifiers import entity_id
from cortex_engine.core.names import fold


@dataclass(slots=True)
class _Part:
    """One entity of a document."""

    name: str
    kind: EntityKind = EntityKind.UNKNOWN
    date: str = ""
    aliases: dict[str, str] = field(default_factory=dict)
    """Form -> folded."""
    places: set[tuple[str, int, int]] = field(default_factory=set)
    """Passage id, first and last character."""


@dataclass(frozen=True, slots=True)
class _Proof:
    source: str
    target: str
    kind: str
    label: str
    chunk_id: str
    char_start: int
    char_end: int


class GraphWriting(CatalogPart):
    """The writing half of the port `GraphRecords`."""

    def keep_graph(
        self, document_id: str, fingerprint: str, graph: DocumentGraph, read: WaitingGraph | None = None
    ) -> bool:
        """Put a document's part in place of its former one, in one transaction.

        What no mention proves is left out. False when the document is gone meanwhile, or was cut into other passages.

        Args:
            read: what was read; nothing is kept where the document has other passages or another language now.
        """
        parts = _parts(graph)
        proofs = list(_proofs(graph, parts))
        wanted = {place[0] for part in parts.values() for place in part.places} | {proof.chunk_id for proof in proofs}
        with self._database.write() as connection:
            key = _as_read(connection, document_id, read)
            chunks = _chunk_keys(connection, key)
            if not key or not wanted <= set(chunks):
                return False
            forget_parts(connection, [key])
            _write(connection, key, parts, proofs, chunks)
            passages = len({place[0] for part in parts.values() for place in part.places})
            mentions = sum(len(part.places) for part in parts.values())
            connection.execute(
                "INSERT INTO graph_document VALUES (?, ?, ?, ?, ?, '')",
                (key, fingerprint, mentions, len(proofs), passages),
            )
            failpoint("graph.before")
        return True

    def fail_graph(self, document_id: str, fingerprint: str, reason: str, read: WaitingGraph | None = None) -> None:
        """This extractor cannot read the document: its former part goes, and it waits no longer until another one comes.

        Args:
            read: as `keep_graph` takes it.
        """
        with self._database.write() as connection:
            if key := _as_read(connection, document_id, read):
                forget_parts(connection, [key])
                connection.execute("INSERT INTO graph_document VALUES (?, ?, 0, 0, 0, ?)", (key, fingerprint, reason))

    def retry_graphs(self) -> int:
        """Let documents that could not be read wait again; returns how many."""
        with self._database.write() as connection:
            moved(connection)
            return connection.execute("DELETE FROM graph_document WHERE failure != ''").rowcount

    def recount_graph(self) -> None:
        """Add up what the documents say again, and let those wait whose places do not agree with it: for the doctor."""
        with self._database.write() as connection:
            recount(connection)

    def merge_entities(self, source_id: str, target_id: str) -> None:
        """A person says: these are one, to be called as the target. Kept by hashes of names: it outlives re-ingest, and names
        nothing once the documents are gone.

        Raises:
            NotFoundError: no such entity.
            UsageError: an entity cannot be merged into itself.
        """
        with self._database.write() as connection:
            (source, source_shown), (target, target_shown) = (
                _group(connection, each) for each in (source_id, target_id)
            )
            # Within one group, a merge says by which of its names the whole is to be called.
            root = target_id if source == target else target_shown
            if source == target and root == source_shown:
                raise UsageError("An entity cannot be merged into itself. Choose two different ones.")
            hidden = _hidden(connection, target)
            groups = rows.array([source, target])
            connection.execute(
                "UPDATE graph_merge SET target = ? WHERE target IN (SELECT value FROM json_each(?))", (root, groups)
            )
            connection.execute("DELETE FROM graph_merge WHERE source = ?", (root,))
            connection.execute(
                "INSERT INTO graph_merge SELECT value, ? FROM json_each(?) WHERE value != ? "
                "ON CONFLICT DO UPDATE SET target = excluded.target",
                (root, groups, root),
            )
            connection.execute("DELETE FROM graph_hidden WHERE entity IN (SELECT value FROM json_each(?))", (groups,))
            if hidden:
                connection.execute("INSERT INTO graph_hidden VALUES (?) ON CONFLICT DO NOTHING", (root,))
            regroup(connection, [root])
            moved(connection)

    def split_entity(self, entity_id: str) -> None:
        """Take back all merges into an entity.

        Raises:
            NotFoundError: no such entity.
        """
        with self._database.write() as connection:
            terminal, _ = _group(connection, entity_id)
            members = connection.execute(
                "SELECT key, id FROM graph_entity WHERE id = ? OR id IN (SELECT source FROM graph_merge WHERE target = ?)",
                (terminal, terminal),
            ).fetchall()
            connection.execute("DELETE FROM graph_merge WHERE target = ?", (terminal,))
            settle(connection, members)

    def hide_entity(self, entity_id: str, hidden: bool = True) -> None:
        """A person says: this is noise (or not).

        Raises:
            NotFoundError: no such entity.
        """
        with self._database.write() as connection:
            terminal, shown = _group(connection, entity_id)
            if hidden:
                connection.execute("INSERT INTO graph_hidden VALUES (?) ON CONFLICT DO NOTHING", (terminal,))
            else:
                connection.execute("DELETE FROM graph_hidden WHERE entity = ?", (terminal,))
            connection.execute("UPDATE graph_entity SET hidden = ? WHERE id = ?", (int(hidden), shown))
            moved(connection)


def _group(connection: sqlite3.Connection, entity: str) -> tuple[str, str]:
    """The id into which an entity is merged (its own where it is not), and the id under which it is shown."""
    found = connection.execute(
        "SELECT root.id FROM graph_entity e JOIN graph_entity root ON root.key = e.root WHERE e.id = ?", (entity,)
    ).fetchone()
    if found is None:
        raise NotFoundError(
            "This entity is not in the knowledge graph any more; the documents that named it may be gone."
        )
    merged = connection.execute("SELECT target FROM graph_merge WHERE source = ?", (entity,)).fetchone()
    return (str(merged[0]) if merged else entity), str(found[0])


def _hidden(connection: sqlite3.Connection, entity: str) -> bool:
    return connection.execute("SELECT 1 FROM graph_hidden WHERE entity = ?", (entity,)).fetchone() is not None


def _parts(graph: DocumentGraph) -> dict[str, _Part]:
    """What the document names, by folded name; only what a mention proves."""
    parts: dict[str, _Part] = {}
    for entity in graph.entities:
        part = parts.setdefault(fold(entity.name), _Part(entity.name))
        part.kind = part.kind or entity.kind
        part.date = part.date or entity.date
        part.aliases.update((alias, fold(alias)) for alias in entity.aliases)
    for mention in graph.mentions:
        part = parts.setdefault(fold(mention.name), _Part(mention.name))
        part.places.add((mention.chunk_id, mention.char_start, mention.char_end))
    for folded, part in parts.items():
        part.aliases = {form: short for form, short in part.aliases.items() if short not in ("", folded)}
    return {folded: part for folded, part in parts.items() if folded and part.places}


def _proofs(graph: DocumentGraph, parts: dict[str, _Part]) -> Iterator[_Proof]:
    """Relations between what is mentioned; a sentence that stands in two overlapping passages proves it once."""
    seen = set()
    for relation in graph.relations:
        source, target = _ends(relation)
        if source == target or source not in parts or target not in parts:
            continue
        said = (source, target, relation.kind, relation.label, relation.char_start, relation.char_end)
        if said not in seen:
            seen.add(said)
            yield _Proof(*said[:4], relation.chunk_id, relation.char_start, relation.char_end)


def _ends(relation: Relation) -> tuple[str, str]:
    source, target = fold(relation.source), fold(relation.target)
    return (target, source) if relation.kind is RelationKind.TOGETHER and target < source else (source, target)


def _as_read(connection: sqlite3.Connection, document_id: str, read: WaitingGraph | None) -> int:
    """Key of a document; 0, which none has, where it is gone, or another one than was read."""
    found = connection.execute("SELECT key, language FROM document WHERE id = ?", (document_id,)).fetchone()
    if found is None:
        return 0
    if read is not None:
        chunks = {passage.chunk_id for passage in read.chunks}
        same = read.language == found[1] and chunks == set(_chunk_keys(connection, found[0]))
        return int(found[0]) if same else 0
    return int(found[0])


def _chunk_keys(connection: sqlite3.Connection, document: int) -> dict[str, int]:
    found = connection.execute("SELECT id, key FROM chunk WHERE document = ?", (document,))
    return {str(chunk_id): int(key) for chunk_id, key in found}


def _write(
    connection: sqlite3.Connection,
    document: int,
    parts: dict[str, _Part],
    proofs: list[_Proof],
    chunks: dict[str, int],
) -> None:
    connection.executemany(
        "INSERT INTO graph_entity (id, folded) VALUES (?, ?) ON CONFLICT DO NOTHING",
        [(entity_id(folded), folded) for folded in parts],
    )
    found = connection.execute(
        "SELECT folded, key, id FROM graph_entity WHERE folded IN (SELECT value FROM json_each(?))",
        (rows.array(parts),),
    ).fetchall()
    keys = {str(folded): int(key) for folded, key, _ in found}
    connection.executemany(
        f"INSERT INTO graph_part VALUES ({document}, ?, ?, ?, ?, ?, ?)",
        [
            (
                *(keys[folded], part.name, part.kind.value, part.date),
                *(len({place[1:] for place in part.places}), len({place[0] for place in part.places})),
            )
            for folded, part in parts.items()
        ],
    )
    connection.executemany(
        f"INSERT INTO graph_alias VALUES ({document}, ?, ?, ?)",
        [(keys[folded], *alias) for folded, part in parts.items() for alias in part.aliases.items()],
    )
    _write_places(connection, parts, proofs, chunks, keys)
    add_up(connection, document, [(key, identity) for _, key, identity in found])


def _write_places(
    connection: sqlite3.Connection,
    parts: dict[str, _Part],
    proofs: list[_Proof],
    chunks: dict[str, int],
    keys: dict[str, int],
) -> None:
    connection.executemany(
        "INSERT INTO graph_mention VALUES (?, ?, ?, ?)",
        [
            (chunks[chunk_id], keys[folded], start, end)
            for folded, part in parts.items()
            for chunk_id, start, end in sorted(part.places)
        ],
    )
    connection.executemany(
        "INSERT INTO graph_relation (source, target, kind, label, chunk, char_start, char_end) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                keys[one.source],
                keys[one.target],
                one.kind,
                one.label,
                chunks[one.chunk_id],
                one.char_start,
                one.char_end,
            )
            for one in proofs
        ],
    )
