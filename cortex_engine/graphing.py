"""The knowledge graph on an open library: what waits is extracted, and what people ask about it is answered."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from cortex_engine.core.errors import CatalogError, LibraryLockedError, ModelUnavailableError, StorageFullError
from cortex_engine.core.graph import DocumentGraph, WaitingGraph
from cortex_engine.core.graph_records import EntityExtractor
from cortex_engine.library import Library

_log = logging.getLogger(__name__)

OnDocument = Callable[[str], None]
"""Told the name of each document whose part was extracted."""

_PORTION = 4
"""Documents whose text is read from the catalog at a time."""

_NOT_ITS_FAULT = (ModelUnavailableError, StorageFullError, CatalogError, LibraryLockedError)
"""Failures that say nothing about the document in work: it waits."""


def silent(name: str) -> None:
    """Nobody listens."""


def extract_waiting(
    library: Library, limit: int = 0, stop: threading.Event | None = None, on_document: OnDocument = silent
) -> int:
    """Extract the parts of documents that wait for it, oldest first; returns how many were done.

    A document that the extractor cannot read is logged, noted and left alone until another extractor comes.

    Args:
        limit: documents at most, 0 for all.
        stop: ends it between two documents.

    Raises:
        ModelUnavailableError: the extractor's model or service cannot be used; what waits goes on waiting.
        StorageFullError: the disk is full.
    """
    if not library.config.graph_enabled:
        return 0
    extractor, done = library.extractor, 0
    while not limit or done < limit:
        waiting = library.catalog.ungraphed(extractor.fingerprint, min(_PORTION, limit - done) if limit else _PORTION)
        if not waiting:
            break
        for document in waiting:
            if stop is not None and stop.is_set():
                return done
            _extract(library, extractor, document)
            on_document(document.name)
            done += 1
    return done


def _extract(library: Library, extractor: EntityExtractor, document: WaitingGraph) -> None:
    try:
        graph = extractor.extract(document)
        _require_places(document, graph)
        library.catalog.keep_graph(document.document_id, extractor.fingerprint, graph)
    except _NOT_ITS_FAULT:
        raise
    # One document must not keep all others from the graph; which one and why is noted for people.
    except Exception as error:  # noqa: BLE001
        _log.exception("no entities of document %s: %s failed", document.document_id, extractor.name)
        reason = f"its names could not be read ({type(error).__name__}). The log has the details."
        library.catalog.fail_graph(document.document_id, extractor.fingerprint, reason)


def _require_places(document: WaitingGraph, graph: DocumentGraph) -> None:
    """Refuse what does not lie in the document's passages: it would be refused by the catalog, and come again for ever."""
    ends = {
        passage.chunk_id: (passage.char_start, passage.char_start + len(passage.text)) for passage in document.chunks
    }
    for place in (*graph.mentions, *graph.relations):
        first, last = ends.get(place.chunk_id, (0, -1))
        if not first <= place.char_start <= place.char_end <= last:
            raise ValueError(f"characters {place.char_start} to {place.char_end} lie in no passage")
