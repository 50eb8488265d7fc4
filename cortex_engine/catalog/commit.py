"""Writing a document: everything in one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cortex_engine.catalog import queue, removal, rows
from cortex_engine.catalog.blobs import require_blob
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.catalog.graph_sums import forget_parts
from cortex_engine.catalog.metadata import hand_on, words_of, write_edits_again
from cortex_engine.catalog.pages import COLUMNS, page_row
from cortex_engine.catalog.pictures_writing import mark_drawn, write_pictures
from cortex_engine.catalog.set_aside import move_aside, own_names, said_of, set_aside, take_up
from cortex_engine.catalog.vectors import count_vectors, insert_vectors, require_vectors
from cortex_engine.core.catalog import BlobStore
from cortex_engine.core.documents import Chunk
from cortex_engine.core.errors import ModelMismatchError
from cortex_engine.core.failpoints import failpoint
from cortex_engine.core.identifiers import document_id as id_of
from cortex_engine.core.identifiers import text_hash
from cortex_engine.core.pictures import PreparedPicture
from cortex_engine.core.protocols import Vectors
from cortex_engine.core.records import CommitOutcome, PreparedDocument, Source
from cortex_engine.core.reports import FileState

_DOCUMENT_COLUMNS = (
    "id, sha256, name, bytes, media_type, title, author, created, modified, language, extra, warnings, page_count, "
    "chunk_count, pipeline, added, characters, characters_embedded, seconds, date, words"
)
_CHUNK_COLUMNS = "id, document, ordinal, char_start, char_end, page, page_end, tokens, text_hash, context, text"


@dataclass(frozen=True, slots=True)
class _Rows:
    """What is computed before the transaction begins, so that it stays short."""

    document_id: str
    name: str
    document: tuple[Any, ...]
    pages: list[tuple[Any, ...]]
    chunks: list[tuple[Any, ...]]
    vectors: Mapping[str, Vectors]
    pictures: Sequence[PreparedPicture]
    drawn: bool


def _solid(text: str) -> int:
    """Number of characters that are not white space."""
    return sum(map(len, text.split()))


def _covered(text: str, prepared: PreparedDocument) -> int:
    """Characters, not white space, that stand in at least one passage."""
    total, reached = 0, 0
    for start, end in sorted((chunk.char_start, chunk.char_end) for chunk in prepared.chunks):
        if end > reached:
            total += _solid(text[max(start, reached) : end])
            reached = end
    return total


def _prepare(prepared: PreparedDocument) -> _Rows:
    info, text, document_id = prepared.parsed.info, prepared.parsed.text, id_of(prepared.sha256)
    vectors = {}
    for model_id, values in prepared.vectors.items():
        array = np.ascontiguousarray(values, dtype="<f4")
        if array.ndim != 2 or len(array) != len(prepared.chunks):
            raise ModelMismatchError(
                f"'{prepared.name}' has {len(prepared.chunks)} passages, but vectors of shape {array.shape} came "
                f"for them from the model {model_id}."
            )
        vectors[model_id] = array
    document = (
        *(document_id, prepared.sha256, prepared.name, prepared.bytes, info.media_type, info.title, info.author),
        *(info.created, info.modified, info.language, json.dumps(info.extra), json.dumps(prepared.parsed.warnings)),
        *(len(prepared.parsed.pages), len(prepared.chunks), prepared.pipeline, rows.now(), _solid(text)),
        *(_covered(text, prepared), prepared.seconds, (info.modified or info.created)[:10]),
        words_of(info.title, prepared.name),
    )
    return _Rows(
        document_id,
        prepared.name,
        document,
        [page_row(page) for page in prepared.parsed.pages],
        [_chunk_row(chunk) for chunk in prepared.chunks],
        vectors,
        prepared.pictures,
        prepared.drawn,
    )


def _chunk_row(chunk: Chunk) -> tuple[Any, ...]:
    place = (chunk.ordinal, chunk.char_start, chunk.char_end, chunk.page, chunk.page_end, chunk.tokens)
    return (chunk.id, *place, text_hash(chunk.embedded_text), chunk.context, chunk.text)


class DocumentWriting(CatalogPart):
    """The writing half of the port `Documents`: what comes in."""

    _blobs: BlobStore | None

    def commit(
        self, prepared: PreparedDocument, collection: str, source: Source | None = None, job_file: int | None = None
    ) -> CommitOutcome:
        """Write a document in one transaction: rows, vectors, membership, source, outbox and the job file's end.

        When `source.path` held another document in this collection before, that one is replaced in the same
        transaction. The same bytes read by another pipeline replace what was there; the same bytes and pipeline
        only add membership, source, and vectors and pictures that were still missing. Without source and parent the document is
        pinned to the collection.

        Raises:
            StorageFullError: the disk is full; nothing was written.
            ModelMismatchError: vectors do not have the dimension of their spec, or not one row a passage.
            NotFoundError: no such collection, parent, model, or original among the blobs.
        """
        failpoint("commit.begin")
        prepared_rows = _prepare(prepared)
        with self._database.write() as connection:
            # Texts that came from no file (evaluation sets) have no original; an upload's is kept by its waiting file.
            if source is not None or prepared.parent_id or job_file is not None:
                require_blob(self._blobs, prepared.sha256, prepared.name)
            outcome = _write(connection, prepared_rows, prepared.parent_id, collection, source)
            _finish(connection, job_file, outcome, len(prepared_rows.pages), prepared.seconds)
            failpoint("commit.before")
        failpoint("commit.after")
        return outcome

    def commit_many(self, prepared: Sequence[PreparedDocument], collection: str) -> list[CommitOutcome]:
        """Write documents that came from no file, all in one transaction: all of them or none; errors as `commit`.

        A transaction waits for the disk once, however much it holds.
        """
        ready = [(_prepare(each), each.parent_id) for each in prepared]
        with self._database.write() as connection:
            outcomes = [_write(connection, one, parent_id, collection, None) for one, parent_id in ready]
            failpoint("commit.before")
        failpoint("commit.after")
        return outcomes

    def adopt(
        self,
        document_id: str,
        collection: str,
        source: Source | None = None,
        job_file: int | None = None,
        parent_id: str = "",
    ) -> CommitOutcome:
        """The same for a document that is already there: membership, source and parent only."""
        with self._database.write() as connection:
            key = rows.document_key(connection, document_id)
            replaced = _join(connection, rows.collection_key(connection, collection), key, source, parent_id)
            outcome = CommitOutcome(document_id, False, tuple(replaced))
            pages = connection.execute("SELECT page_count FROM document WHERE key = ?", (key,)).fetchone()[0]
            _finish(connection, job_file, outcome, pages, 0.0)
            failpoint("commit.before")
        failpoint("commit.after")
        return outcome


def _write(
    connection: sqlite3.Connection, new: _Rows, parent_id: str, collection: str, source: Source | None
) -> CommitOutcome:
    collection_key = rows.collection_key(connection, collection)
    key, created = _write_document(connection, new)
    failpoint("commit.chunks")
    added = _write_vectors(connection, key, new)
    failpoint("commit.vectors")
    added |= write_pictures(connection, key, new.pictures)
    if new.drawn:
        mark_drawn(connection, key)
    failpoint("commit.pictures")
    if created or added:
        rows.announce(connection, "upsert", new.document_id)
    replaced = _join(connection, collection_key, key, source, parent_id, new.name)
    return CommitOutcome(new.document_id, created, tuple(replaced))


def _write_document(connection: sqlite3.Connection, new: _Rows) -> tuple[int, bool]:
    found = connection.execute("SELECT key, pipeline FROM document WHERE id = ?", (new.document_id,)).fetchone()
    pipeline = new.document[_DOCUMENT_COLUMNS.split(", ").index("pipeline")]
    if found is not None and found[1] == pipeline:
        return int(found[0]), False
    if found is None:
        marks = ", ".join("?" * len(new.document))
        cursor = connection.execute(f"INSERT INTO document ({_DOCUMENT_COLUMNS}) VALUES ({marks})", new.document)
        key = int(cursor.lastrowid or 0)
    else:
        key = int(found[0])
        _clear(connection, key, new)
    failpoint("commit.documents")
    connection.executemany(
        f"INSERT INTO page (document, {COLUMNS}) VALUES ({key}, ?, ?, ?, ?, ?, ?, ?, ?, ?)", new.pages
    )
    connection.executemany(
        f"INSERT INTO chunk ({_CHUNK_COLUMNS}) VALUES (?, {key}, ?, ?, ?, ?, ?, ?, ?, ?, ?)", new.chunks
    )
    return key, True


def _clear(connection: sqlite3.Connection, key: int, new: _Rows) -> None:
    """Another pipeline has read the same bytes: its passages go, name, date of entry and what people said stay."""
    forget_parts(connection, [key])
    connection.execute("DELETE FROM page WHERE document = ?", (key,))
    connection.execute("DELETE FROM chunk WHERE document = ?", (key,))
    connection.execute("DELETE FROM picture WHERE document = ? AND page > ?", (key, len(new.pages)))
    connection.execute("DELETE FROM document_model WHERE document = ?", (key,))
    values = dict(zip(_DOCUMENT_COLUMNS.split(", "), new.document, strict=True))
    kept = [column for column in values if column not in {"id", "sha256", "name", "added"}]
    assignments = ", ".join(f"{column} = :{column}" for column in kept)
    connection.execute(f"UPDATE document SET {assignments} WHERE key = :key", {**values, "key": key})
    write_edits_again(connection, key)
    # An index that replays the outbox entry by entry must drop the old passages before it takes the new ones.
    rows.announce(connection, "delete", new.document_id)


def _write_vectors(connection: sqlite3.Connection, key: int, new: _Rows) -> bool:
    """Vectors of models that the document has none of yet, or not all."""
    if not new.vectors:
        return False
    found = connection.execute("SELECT id, key FROM chunk WHERE document = ?", (key,)).fetchall()
    chunk_keys = {str(chunk_id): int(chunk_key) for chunk_id, chunk_key in found}
    keys = [chunk_keys.get(row[0], 0) for row in new.chunks]
    if 0 in keys:
        raise ModelMismatchError(
            f"The document {new.document_id} is in the library with other passages, though its pipeline has the same "
            "fingerprint; the fingerprint has to change with the way documents are cut."
        )
    added = 0
    for model_id, vectors in new.vectors.items():
        model = require_vectors(connection, model_id, vectors)
        added += insert_vectors(connection, model, keys, vectors)
    count_vectors(connection, [key])
    return added > 0


def _join(
    connection: sqlite3.Connection, collection: int, key: int, source: Source | None, parent_id: str, name: str = ""
) -> list[str]:
    """Write down why the document belongs to the collection; returns the ids that the same path replaced."""
    contained = _contain(connection, collection, key, parent_id) if parent_id else False
    for said in take_up(connection, key, name) if parent_id else ():
        if hand_on(connection, said, key):
            rows.announce(connection, "upsert", rows.document_id(connection, key))
    pinned = int(source is None and not contained)
    # What a document contains belongs wherever the document belongs.
    connection.executemany(
        "INSERT INTO membership VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET pinned = max(pinned, excluded.pinned)",
        [(collection, one, pinned if one == key else 0) for one in removal.descendants(connection, [key])],
    )
    if source is None:
        return []
    values = (collection, source.path)
    before = connection.execute("SELECT document FROM source WHERE collection = ? AND path = ?", values).fetchone()
    connection.execute(
        "INSERT INTO source VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET document = excluded.document, "
        "mtime_ns = excluded.mtime_ns, bytes = excluded.bytes",
        (*values, key, source.mtime_ns, source.bytes),
    )
    if before is None or before[0] == key:
        return []
    return _replace(connection, collection, int(before[0]), key)


def _replace(connection: sqlite3.Connection, collection: int, old: int, new: int) -> list[str]:
    """The file has a new version: what people said passes to it, and what only the old one kept here goes."""
    said = said_of(connection, removal.descendants(connection, [old]))
    ids = [rows.document_id(connection, key) for key in (old, new)]
    if old in said and hand_on(connection, said.pop(old), new):
        rows.announce(connection, "upsert", ids[1])
    # Before the old container goes, and with it what still waits for it.
    move_aside(connection, *ids)
    gone = removal.release(connection, collection, [old])
    names = own_names(connection, removal.descendants(connection, [new]))
    for key, one in said.items():
        if rows.has_document(connection, key):
            continue
        if one.name not in names:
            set_aside(connection, ids[1], one)
        elif hand_on(connection, one, names[one.name]):
            rows.announce(connection, "upsert", rows.document_id(connection, names[one.name]))
    return gone


def _contain(connection: sqlite3.Connection, collection: int, key: int, parent_id: str) -> bool:
    """Note the parent; True when it is reason enough to belong to the collection."""
    parent = rows.document_key(connection, parent_id)
    if parent == key:  # an archive that contains itself
        return False
    connection.execute("INSERT INTO parent VALUES (?, ?) ON CONFLICT DO NOTHING", (key, parent))
    member = "SELECT 1 FROM membership WHERE collection = ? AND document = ?"
    return connection.execute(member, (collection, parent)).fetchone() is not None


def _finish(
    connection: sqlite3.Connection, job_file: int | None, outcome: CommitOutcome, pages: int, seconds: float
) -> None:
    if job_file is None:
        return
    state = FileState.DONE if outcome.created else FileState.ALREADY_HERE
    queue.update_file(connection, job_file, state, document_id=outcome.document_id, pages=pages, seconds=seconds)
