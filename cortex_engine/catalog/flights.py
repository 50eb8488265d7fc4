"""Recorded searches."""

from __future__ import annotations

import json
import re
import sqlite3
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from cortex_engine.catalog import rows
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.core.errors import NotFoundError
from cortex_engine.core.flights import CandidatePlace, Flight, FlightSummary
from cortex_engine.core.graph import PathStep
from cortex_engine.core.notebook import query_from_json, query_to_json
from cortex_engine.core.search import Query, SearchTrace, TraceStep
from cortex_engine.core.stages import FlightCandidate, FlightStage

_MOST = 1000
"""Candidates of one stage that are kept."""

_ROW = np.dtype([("key", "<i8"), ("rank", "<i4"), ("score", "<f8"), ("share", "<f4")])
"""A candidate: key of its passage, or the negative key of its picture; rank, 0 for none."""

_KEYS = """
    SELECT id, key FROM chunk WHERE id IN (SELECT value FROM json_each(:ids))
    UNION ALL SELECT id, -key FROM picture WHERE id IN (SELECT value FROM json_each(:ids))
"""
_IDS = """
    SELECT key, id FROM chunk WHERE key IN (SELECT value FROM json_each(:keys))
    UNION ALL SELECT -key, id FROM picture WHERE -key IN (SELECT value FROM json_each(:keys))
"""
_PLACES = """
    SELECT c.id, d.id, d.name, c.page FROM chunk c JOIN document d ON d.key = c.document
    WHERE c.id IN (SELECT value FROM json_each(:ids))
    UNION ALL SELECT p.id, d.id, d.name, p.page FROM picture p JOIN document d ON d.key = p.document
    WHERE p.id IN (SELECT value FROM json_each(:ids))
"""
_ENTITY_KEYS = "SELECT id, key FROM graph_entity WHERE id IN (SELECT value FROM json_each(?))"
_ENTITIES = "SELECT key, id, name FROM graph_entity WHERE key IN (SELECT value FROM json_each(?))"
_VIA = ("query", "together", "mentioned in", "related")
"""Steps of a path; a verb is a word of a document and is kept as "related"."""

_ID = re.compile(r"(?=([0-9a-f]{32}))")
"""Wherever an id may begin."""

_DIGITS_KEPT = 64
"""Of a reference to a picture that was handed over; it names nothing of the library."""

_AROUND = " .,:;?!'-()[]\"“”„«»‘’…"
"""What may stand around a name in a question."""


class FlightRecording(CatalogPart):
    """The port `FlightRecords`."""

    def keep_flights(self, flights: Sequence[Flight], newest: int) -> None:
        """Keep searches, and of all that are kept the `newest`; of each stage the first thousand candidates."""
        with self._database.write() as connection:
            for flight in flights:
                if _unknown(connection, flight.query):
                    continue
                ids = {each.chunk_id for stage in flight.stages for each in stage.candidates[:_MOST]} | {*flight.hits}
                ids |= {step.chunk_id for path in flight.paths.values() for step in path}
                keys = dict(connection.execute(_KEYS, {"ids": rows.array(ids)}).fetchall())
                entities = {step.entity_id for path in flight.paths.values() for step in path}
                keys |= dict(connection.execute(_ENTITY_KEYS, (rows.array(entities),)).fetchall())
                connection.execute(
                    "INSERT OR REPLACE INTO flight (id, asked, query, hits, milliseconds, notes, data) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        *(flight.id, flight.asked, query_to_json(flight.query), len(flight.hits)),
                        *(sum(step.milliseconds for step in flight.trace.steps), *_written(flight, keys)),
                    ),
                )
            connection.execute(
                "DELETE FROM flight WHERE key NOT IN (SELECT key FROM flight ORDER BY key DESC LIMIT ?)", (newest,)
            )

    def flights(self, limit: int = 50) -> list[FlightSummary]:
        """The newest first."""
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT id, asked, query, hits, milliseconds FROM flight ORDER BY key DESC LIMIT ?", (max(limit, 0),)
            ).fetchall()
        return [_summary(*row) for row in found]

    def flight(self, flight_id: str) -> Flight:
        """One by id, or unique beginning of it; candidates that are gone are left out and counted in `Flight.gone`.

        Raises:
            NotFoundError: none.
        """
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT id, asked, query, notes, data FROM flight WHERE id = :id OR (length(:id) >= 4 AND "
                "substr(id, 1, length(:id)) = :id) LIMIT 2",
                {"id": flight_id.strip().lower()},
            ).fetchall()
            if len(found) != 1:
                raise NotFoundError(
                    f"There is no recorded search '{flight_id}'. The newest are kept as far as the setting 'flights' says; "
                    "`cortex flights` lists them."
                )
            notes, data = json.loads(found[0][3]), zlib.decompress(found[0][4])
            table = np.frombuffer(data, dtype=_ROW)
            steps = [step for _, path in notes["paths"] for step in path]
            keys = [*table["key"].tolist(), *(step[2] for step in steps)]
            ids = dict(connection.execute(_IDS, {"keys": rows.array(keys)}).fetchall())
            entities = connection.execute(_ENTITIES, (rows.array(step[0] for step in steps),)).fetchall()
        flight = _read(found[0][0], found[0][1], query_from_json(found[0][2]), notes, table, ids)
        named = {key: (entity_id, name) for key, entity_id, name in entities}
        return replace(flight, paths=_paths(notes["paths"], ids, named))

    def forget_flights(self, flight_id: str = "") -> None:
        """Forget one, or all of them; one that is gone already is no error."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM flight WHERE :id = '' OR id = :id", {"id": flight_id})

    def candidate_places(self, ids: Sequence[str]) -> dict[str, CandidatePlace]:
        """Places of passages and pictures by id; those that are gone are left out."""
        with self._database.read() as connection:
            found = connection.execute(_PLACES, {"ids": rows.array(ids)})
            return {each: CandidatePlace(document_id, name, page) for each, document_id, name, page in found}


def forget_naming(connection: sqlite3.Connection, keys: Sequence[int]) -> None:
    """Before these documents go: forget searches that name one, as a filter, a picture, in a warning or in the question."""
    if connection.execute("SELECT 1 FROM flight LIMIT 1").fetchone() is None:
        return
    which, values = "IN (SELECT value FROM json_each(?))", (rows.array(keys),)
    documents = connection.execute(f"SELECT id, name FROM document WHERE key {which}", values).fetchall()
    edited = f"SELECT original FROM document_edit WHERE field = 'name' AND document {which}"
    pictures = connection.execute(f"SELECT id FROM picture WHERE document {which}", values).fetchall()
    going = _Going(
        frozenset(str(row[0]) for row in (*documents, *pictures)),
        frozenset(str(row[-1]) for row in (*documents, *connection.execute(edited, values))),
    )
    gone = [
        (key,)
        for key, query, notes in connection.execute("SELECT key, query, notes FROM flight")
        if going.named_by(query_from_json(query)) or going.told_in(json.loads(notes))
    ]
    connection.executemany("DELETE FROM flight WHERE key = ?", gone)


@dataclass(frozen=True)
class _Going:
    """Ids of documents and pictures that go, and names of the documents."""

    ids: frozenset[str]
    names: frozenset[str]

    @cached_property
    def _folded(self) -> frozenset[str]:
        """Ids, and names as questions are compared with them."""
        return self.ids | {" ".join(name.casefold().split()).strip(_AROUND) for name in self.names} - {""}

    @cached_property
    def _longest(self) -> int:
        return max((name.count(" ") + 1 for name in self._folded), default=1)

    def named_by(self, query: Query) -> bool:
        """Whether a query names one: as a filter, as its picture, or in words."""
        asked = {*query.filters.documents, query.picture.split(":")[0]}
        if not asked.isdisjoint(self.ids) or not asked.isdisjoint(self.names):
            return True
        words = query.text.casefold().split()
        return any(
            " ".join(words[start : start + length]).strip(_AROUND) in self._folded
            for start in range(len(words))
            for length in range(1, min(self._longest, len(words) - start) + 1)
        )

    def told_in(self, notes: dict[str, Any]) -> bool:
        """Whether a sentence or fact of a search names one."""
        said = list(filter(None, [*notes["warnings"], *(step[3] for step in notes["steps"])]))
        facts = [value for step in notes["steps"] for value in step[4].values() if isinstance(value, str)]
        found = (each for text in (*said, *facts) for each in _ID.findall(text))
        return any(each in self.ids for each in found) or any(
            f"'{name}'" in sentence for sentence in said for name in self.names
        )


def _unknown(connection: sqlite3.Connection, query: Query) -> bool:
    """Whether a query names a document or picture that is not there (any more): then its name is not written down."""
    known = "SELECT 1 FROM document WHERE id = :one OR name = :one UNION ALL SELECT 1 FROM picture WHERE id = :one"
    kept = len(query.picture) == _DIGITS_KEPT  # a picture that was handed over
    named = [*query.filters.documents, *([query.picture.split(":")[0]] if query.picture and not kept else [])]
    return any(connection.execute(known, {"one": one}).fetchone() is None for one in named)


def _written(flight: Flight, keys: dict[str, int]) -> tuple[str, bytes]:
    """Everything but the candidates as JSON, and these as rows, hits first."""
    stages = [FlightStage("", tuple(FlightCandidate(each, None, 0.0) for each in flight.hits)), *flight.stages]
    table = np.zeros(sum(min(len(stage.candidates), _MOST) for stage in stages), dtype=_ROW)
    position, parts = 0, []
    for stage in stages:
        # A document that went between the search and this moment leaves nothing behind.
        kept = [(keys[each.chunk_id], each) for each in stage.candidates[:_MOST] if each.chunk_id in keys]
        parts.append([stage.name, len(kept), stage.limit, stage.total])
        rows_of = table[position : position + len(kept)]
        rows_of["key"] = [key for key, _ in kept]
        rows_of["rank"] = [each.rank or 0 for _, each in kept]
        rows_of["score"] = [each.score for _, each in kept]
        rows_of["share"] = [each.share for _, each in kept]
        position += len(kept)
    notes = {
        "stages": parts,
        "steps": [
            [step.stage, round(step.milliseconds, 3), step.candidates, step.warning, _facts(step)]
            for step in flight.trace.steps
        ],
        "terms": dict(flight.terms),
        "models": dict(flight.models),
        "settings": dict(flight.settings),
        "moment": flight.moment,
        "degraded": list(flight.degraded),
        "warnings": list(flight.warnings),
        "door": flight.door,
        "paths": _path_rows(flight, keys),
    }
    return json.dumps(notes, default=float), zlib.compress(table[:position].tobytes(), 6)


def _path_rows(flight: Flight, keys: Mapping[str, int]) -> list[Any]:
    """Hit, and for each step of its path entity, number of the way, and passage: all by key."""
    return [
        [
            keys[hit],
            [
                [
                    keys[step.entity_id],
                    _VIA.index(step.via if step.via in _VIA else "related"),
                    keys.get(step.chunk_id, 0),
                ]
                for step in path
            ],
        ]
        for hit, path in flight.paths.items()
        if hit in keys and all(step.entity_id in keys for step in path)
    ]


def _facts(step: TraceStep) -> dict[str, str | int | float]:
    """The facts of a step; names of entities are the documents' and stand in the paths, by key."""
    facts = dict(step.facts)
    if step.stage == "graph":
        facts.pop("entities", None)
    return facts


def _paths(
    kept: Sequence[Any], ids: Mapping[int, str], named: Mapping[int, tuple[str, str]]
) -> dict[str, tuple[PathStep, ...]]:
    """Paths by hit; those of which a hit, an entity or a proof is gone are left out."""
    return {
        ids[hit]: tuple(PathStep(*named[entity], _VIA[via], ids[proof] if proof else "") for entity, via, proof in path)
        for hit, path in kept
        if hit in ids and all(entity in named and (not proof or proof in ids) for entity, _, proof in path)
    }


def _read(
    flight_id: str, asked: str, query: Query, notes: dict[str, Any], table: np.ndarray[Any, Any], ids: dict[int, str]
) -> Flight:
    stages, gone, position = [], 0, 0
    for name, length, limit, total in notes["stages"]:
        part = table[position : position + length].tolist()
        position += length
        candidates = tuple(
            FlightCandidate(ids[key], rank or None, score, share) for key, rank, score, share in part if key in ids
        )
        gone += length - len(candidates)
        stages.append(FlightStage(name, candidates, limit, total))
    hits, *others = stages
    steps = tuple(TraceStep(*step) for step in notes["steps"])
    trace = SearchTrace(steps, tuple(others), notes["terms"], notes["models"])
    return Flight(
        *(flight_id, asked, query, trace, tuple(others), tuple(each.chunk_id for each in hits.candidates)),
        terms=notes["terms"],
        models=notes["models"],
        settings=notes["settings"],
        moment=notes["moment"],
        degraded=tuple(notes["degraded"]),
        warnings=tuple(notes["warnings"]),
        door=notes["door"],
        gone=gone,
    )


def _summary(flight_id: str, asked: str, query: str, hits: int, milliseconds: float) -> FlightSummary:
    question = query_from_json(query)
    return FlightSummary(flight_id, asked, question.text, question.mode.value, hits, milliseconds)
