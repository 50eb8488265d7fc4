"""The flight recorder: each search leaves a trace in the catalog, written by a thread that no search waits for."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from cortex_engine.core.flights import CandidatePlace, Flight, FlightSummary
from cortex_engine.core.identifiers import new_id
from cortex_engine.core.search import SearchResult
from cortex_engine.library import Library

EXPORT_FORMAT, EXPORT_VERSION = "cortex-flight", 1
"""Of the JSON that `export` gives: docs/explanation/flight-recorder.md."""


def record(library: Library, result: SearchResult, door: str, moment: int) -> SearchResult:
    """The result with the id under which it is being recorded; as it is where the settings say that nothing is kept.

    Args:
        door: by which the question came, see `Flight.door`.
        moment: number of the newest change of the library when it was asked.
    """
    newest = library.config.flights
    if not newest:
        return result
    flight_id, asked = new_id(), datetime.now(UTC).isoformat(timespec="milliseconds")
    settings = library.config.search_options()

    def keep() -> None:
        flight = Flight(
            *(flight_id, asked, result.query, result.trace, result.trace.stages),
            hits=tuple(hit.chunk_id for hit in result.hits),
            terms=result.trace.terms,
            models=result.trace.models,
            settings=asdict(settings),
            moment=moment,
            degraded=result.degraded,
            warnings=result.warnings,
            door=door,
            paths={hit.chunk_id: hit.path for hit in result.hits if hit.path},
        )
        library.catalog.keep_flights([flight], newest)

    library.later.put(keep)
    return replace(result, flight_id=flight_id)


def flights(library: Library, limit: int) -> list[FlightSummary]:
    """See `CortexSuite.flights`."""
    library.later.flush()
    return library.catalog.flights(limit)


def flight(library: Library, flight_id: str) -> Flight:
    """See `CortexSuite.flight`."""
    library.later.flush()
    return library.catalog.flight(flight_id)


def forget(library: Library, flight_id: str) -> None:
    """See `CortexSuite.forget_flights`."""
    library.later.flush()
    library.catalog.forget_flights(flight_id)


def exported(library: Library, flight_id: str) -> dict[str, Any]:
    """A recorded search as plain values, with the places of its candidates; what is no number is None."""
    found = flight(library, flight_id)
    ids = dict.fromkeys([*found.hits, *(each.chunk_id for stage in found.stages for each in stage.candidates)])
    places = library.catalog.candidate_places(list(ids))
    query = asdict(found.query)
    values = {
        "format": EXPORT_FORMAT,
        "version": EXPORT_VERSION,
        "id": found.id,
        "asked": found.asked,
        "door": found.door,
        "moment": found.moment,
        "query": {**query, "mode": found.query.mode.value},
        "settings": dict(found.settings),
        "models": dict(found.models),
        "terms": dict(found.terms),
        "degraded": found.degraded,
        "warnings": found.warnings,
        "steps": [asdict(step) for step in found.trace.steps],
        "stages": [
            {
                "name": stage.name,
                "limit": stage.limit,
                "total": stage.total,
                "candidates": [
                    {"id": each.chunk_id, "rank": each.rank, "score": each.score, "share": each.share}
                    for each in stage.candidates
                ],
            }
            for stage in found.stages
        ],
        "hits": found.hits,
        "paths": {hit: [asdict(step) for step in path] for hit, path in found.paths.items()},
        "places": {each: _place(places[each]) for each in ids if each in places},
        "gone": found.gone,
    }
    return dict(_plain(values))


def _place(place: CandidatePlace) -> dict[str, str | int]:
    return {"document_id": place.document_id, "document": place.document, "page": place.page}


def _plain(value: Any) -> Any:
    """What JSON knows: numbers that it does not know are None."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return float(value) if abs(value) < float("inf") else None
    return str(value) if isinstance(value, str) else value
