"""What searches did, and why something did not come back."""

from __future__ import annotations

import json
from collections.abc import Sequence

from cortex_engine import explaining, recording, searching
from cortex_engine.chapters.base import Chapter
from cortex_engine.core.flights import CandidatePlace, Flight, FlightSummary, Suggestion, WhyNot
from cortex_engine.core.search import Query, SearchResult


class FlightsChapter(Chapter):
    """What searches did, and why something did not come back."""

    def flights(self, limit: int = 50) -> list[FlightSummary]:
        """The recorded searches, newest first."""
        return recording.flights(self._library, limit)

    def flight(self, flight_id: str) -> Flight:
        """A recorded search, by id or unique beginning of it.

        Raises:
            NotFoundError: it was not recorded, or is forgotten by now.
        """
        return recording.flight(self._library, flight_id)

    def replay(self, flight_id: str) -> SearchResult:
        """Ask a recorded search again, of the library as it is now; not recorded itself.

        Raises:
            NotFoundError: it was not recorded; or what it asks for (a collection, a picture) is gone.
        """
        return searching.search(self._library, self.flight(flight_id).query)

    def export_flight(self, flight_id: str) -> str:
        """A recorded search as JSON (docs/explanation/flight-recorder.md)."""
        exported = recording.exported(self._library, flight_id)
        return json.dumps(exported, ensure_ascii=False, indent=2, allow_nan=False) + "\n"

    def forget_flights(self, flight_id: str = "") -> None:
        """Forget one recorded search, or all of them."""
        recording.forget(self._library, flight_id)

    def candidate_places(self, ids: Sequence[str]) -> dict[str, CandidatePlace]:
        """Document and page of candidates by id; those that are gone are left out."""
        return self._library.catalog.candidate_places(ids)

    def why_not(self, query: Query, document: str = "", page: int = 0, chunk_id: str = "") -> WhyNot:
        """Why a document, a page of it or a passage does not come back for a query, and what brings it back.

        Args:
            query: as it was asked.
            document: id, name or path; also one that the library has never seen.
            page: from 1; 0 for any.
            chunk_id: a passage or picture, in place of the document.

        Raises:
            UsageError: neither is given; the name means several documents; the document has no such page.
            NotFoundError: there is no such passage; a collection that is asked is not there.
            CortexError: the query cannot be answered at all, as `search`.
        """
        return explaining.why_not(self._library, query, document, page, chunk_id)

    def bring_back(self, suggestion: Suggestion) -> Query | None:
        """Do what a suggestion says: take a file in again, add a document to the collection that was asked.

        Returns:
            The query that brings it back: the suggested one, or the one that was asked; None where a person has to act first.
        """
        query = explaining.bring_back(self._library, suggestion)
        if self._background is not None:
            self._background.wake()
        return query
