"""The knowledge graph on an open library: what waits is extracted, and what people ask about it is answered."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from cortex_engine.core.errors import (
    CatalogError,
    CortexError,
    LibraryLockedError,
    ModelUnavailableError,
    NotFoundError,
    StorageFullError,
)
from cortex_engine.core.graph import (
    Community,
    DocumentGraph,
    EntityKind,
    GraphEntity,
    GraphStats,
    Mention,
    Neighbour,
    Neighbourhood,
    Relation,
    WaitingGraph,
)
from cortex_engine.core.graph_records import EntityExtractor
from cortex_engine.core.names import fold
from cortex_engine.core.optional import require
from cortex_engine.core.search import Filters
from cortex_engine.graph import communities as grouping
from cortex_engine.graph.export import export as written
from cortex_engine.graph.local import local_graph as around
from cortex_engine.graph.local import with_labels
from cortex_engine.graph.view import GraphView
from cortex_engine.library import Library

_log = logging.getLogger(__name__)

OnProgress = Callable[[int, int], None]
"""Told how many documents were read in this call, and how many of those that waited at its beginning still do."""

_BEGINNING = re.compile(r"[0-9a-f]{8,31}")
"""Digits of an id by which an entity may be named; the command line shows twelve."""

_INSTALL = "pip install -r requirements.txt"

_PORTION = 4
"""Documents whose text is read from the catalog at a time."""

_FEW = 2
"""Documents that the background reads before it looks whether files wait."""
_GIVE_WAY_SECONDS = 0.5
_AGAIN_SECONDS = 60.0
"""So long the background leaves an extractor alone that cannot be used."""
_FIRST_PAGE_SECONDS = 1.5
"""Loading what the view needs would take the processor from the first page, which people wait for."""
_SHARE = 10
"""A view is made anew for a tenth of the time at most."""

_NOT_ITS_FAULT = (ModelUnavailableError, StorageFullError, CatalogError, LibraryLockedError)
"""Failures that say nothing about the document in work: it waits."""


def extract_waiting(
    library: Library, limit: int = 0, stop: threading.Event | None = None, on_progress: OnProgress | None = None
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
    begun = library.catalog.graph_stats(extractor.fingerprint).waiting if on_progress is not None else 0
    while not limit or done < limit:
        waiting = library.catalog.ungraphed(extractor.fingerprint, min(_PORTION, limit - done) if limit else _PORTION)
        if not waiting:
            break
        for document in waiting:
            if stop is not None and stop.is_set():
                return done
            try:
                _extract(library, extractor, document)
            except _NOT_ITS_FAULT as error:
                library.extraction_trouble = str(error)
                raise
            library.extraction_trouble = ""
            done += 1
            if on_progress is not None:
                on_progress(done, max(0, begun - done))
    return done


def extract_all(library: Library, on_progress: OnProgress | None = None) -> int:
    """Extract all that waits now, also what could not be read before; returns how many documents were read."""
    if library.config.graph_enabled:
        library.catalog.retry_graphs()
    return extract_waiting(library, on_progress=on_progress)


def extract_here(library: Library, stop: threading.Event | None) -> None:
    """Extract what waits, after this process took files in, where no background does; a failure keeps no file from being in
    the library.
    """
    if library.attended or not library.owner:
        return
    try:
        extract_waiting(library, stop=stop)
    except CortexError as error:
        _log.warning("the knowledge graph lacks the newest documents: %s", error)


class Tending:
    """What the background does for the graph. A failure is logged and hinders nothing else.

    Extraction has a thread of its own: a document may take minutes, and a language model may be silent for one. Files go first.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._done: tuple[int, int] | None = None
        self._next_extraction = 0.0
        self._next_view = time.monotonic() + _FIRST_PAGE_SECONDS
        self._thread: threading.Thread | None = None

    def extract(self, stop: threading.Event) -> None:
        """Have what waits extracted, where something changed since the last time; returns at once."""
        catalog = self._library.catalog
        moment = catalog.last_seq(), catalog.graph_moment()
        busy = self._thread is not None and self._thread.is_alive()
        if busy or moment == self._done or time.monotonic() < self._next_extraction:
            return
        self._thread = threading.Thread(target=self._extract, args=(moment, stop), name="cortex-graph", daemon=True)
        self._thread.start()

    def end(self, seconds: float) -> None:
        """Wait for the document in work, at most so long; a language model is asked nothing more."""
        if self._thread is None or not self._thread.is_alive():
            return
        halt: Callable[[], None] | None = getattr(self._library.extractor, "halt", None)
        if halt is not None:
            halt()
        self._thread.join(seconds)
        if self._thread.is_alive():
            _log.warning("a document is not read for names to its end; it is read again at the next start")

    def _extract(self, moment: tuple[int, int], stop: threading.Event) -> None:
        library = self._library
        try:
            while not stop.is_set():
                if library.catalog.has_work():
                    stop.wait(_GIVE_WAY_SECONDS)
                elif extract_waiting(library, _FEW, stop) < _FEW:
                    self._done = moment
                    return
        except CortexError as error:
            if not stop.is_set():
                _log.warning("documents wait for the knowledge graph: %s", error)
        # The thread has no other voice, and nothing else is to suffer.
        except Exception as error:  # noqa: BLE001
            _log.exception("unexpected failure of what finds names")
            library.extraction_trouble = f"an unexpected failure ({type(error).__name__}). The log has the details."
        self._next_extraction = time.monotonic() + _AGAIN_SECONDS

    def refresh(self) -> None:
        """Make the view anew where the graph was changed; searches go on with the former one."""
        begun = time.monotonic()
        if begun < self._next_view:
            return
        pause = 0.0
        try:
            if refresh(self._library):
                pause = _SHARE * (time.monotonic() - begun)
        except ModelUnavailableError as error:
            _log.warning("the knowledge graph cannot be used: %s", error)
            pause = _AGAIN_SECONDS
        except CortexError:
            raise
        # Searches go on with the former view, and files must not wait for a defect of this one.
        except Exception:  # noqa: BLE001
            _log.exception("unexpected failure while the view of the knowledge graph was made")
            pause = _AGAIN_SECONDS
        self._next_view = time.monotonic() + pause


def stats(library: Library) -> GraphStats:
    """Sizes, and what extracts. Nothing is loaded for it."""
    if not library.config.graph_enabled:
        note = "Nothing is extracted: the knowledge graph is switched off (setting 'graph_enabled')."
        return replace(library.catalog.graph_stats(""), waiting=0, extractor_note=note)
    extractor, note = library.extractor, library.extractor_note
    view = library.graph.newest
    found = library.catalog.graph_stats(extractor.fingerprint)
    groups = grouping.counted(view) if view else 0
    behind = library.graph.behind()
    if found.waiting and library.extraction_trouble and library.extraction_trouble not in note:
        note = f"{note} Documents wait: {library.extraction_trouble}"
    return replace(found, extractor=extractor.name, extractor_note=note, communities=groups, behind=behind)


def find(library: Library, text: str, limit: int, kinds: Sequence[EntityKind], hidden: bool) -> list[GraphEntity]:
    """See `CortexSuite.find_entities`."""
    return _scored(library, library.catalog.find_entities(text, limit, kinds, hidden))


def entity(library: Library, id_or_name: str) -> GraphEntity:
    """See `CortexSuite.entity`."""
    catalog, folded = library.catalog, fold(id_or_name)
    asked = id_or_name.strip().lower()
    found = catalog.entities([asked]).get(asked)
    if found is None and _BEGINNING.fullmatch(asked) and (whole := catalog.entity_begun(asked)):
        found = catalog.entities([whole]).get(whole)
    if found is None and folded in (named := catalog.entity_names([folded])):
        found = catalog.entities([named[folded]]).get(named[folded])
    hidden = catalog.find_entities(id_or_name, 1, (), True) if found is None and folded else []
    if hidden and folded in {fold(name) for name in (hidden[0].name, *hidden[0].aliases)}:
        found = hidden[0]
    if found is None:
        near = ", ".join(f"'{each.name}'" for each in catalog.find_entities(id_or_name, 3)) if folded else ""
        hint = f"Did you mean {near}?" if near else "`cortex graph entities` shows what there is."
        raise NotFoundError(f"There is no entity '{id_or_name}' in the knowledge graph. {hint}")
    return _scored(library, [found])[0]


def neighbours(library: Library, entity_id: str, limit: int) -> list[Neighbour]:
    """See `CortexSuite.entity_neighbours`."""
    found = library.catalog.neighbours(entity_id, limit)
    scored = _scored(library, [each.entity for each in found])
    return [replace(each, entity=entity) for each, entity in zip(found, scored, strict=True)]


def document_entities(library: Library, document_ids: Sequence[str], limit: int) -> list[GraphEntity]:
    """See `CortexSuite.document_entities`."""
    return _scored(library, library.catalog.document_entities(document_ids, limit))


def local_graph(
    library: Library,
    entity_ids: Sequence[str],
    document_ids: Sequence[str],
    chunk_ids: Sequence[str],
    depth: int,
    limit: int,
) -> Neighbourhood:
    """See `CortexSuite.local_graph`."""
    view = library.graph.view()
    if view is None:
        return Neighbourhood()
    shown = library.catalog.entities(entity_ids)
    found = around(
        view,
        [view.entity_number[each.id] for each in shown.values() if each.id in view.entity_number],
        [view.document_number[each] for each in document_ids if each in view.document_number],
        [view.chunk_number[each] for each in chunk_ids if each in view.chunk_number],
        depth,
        limit,
    )
    return _named(library, found)


def _named(library: Library, found: Neighbourhood) -> Neighbourhood:
    """With what the view does not hold: names of documents, and how the texts connect entities. What was deleted, merged
    or hidden since is left out.
    """
    asked = [node.id for node in found.nodes if node.what == "entity"]
    shown = library.catalog.entities(asked)
    entities = {each: entity.name for each, entity in shown.items() if entity.id == each and not entity.hidden}
    documents = _document_names(library, [node.id for node in found.nodes if node.what == "document"])
    names = {**entities, **documents}
    nodes = tuple(replace(node, name=names[node.id]) for node in found.nodes if node.id in names)
    kept = {node.id for node in nodes}
    edges = tuple(edge for edge in found.edges if edge.source in kept and edge.target in kept)
    labels = library.catalog.relation_labels(list(entities))
    return with_labels(replace(found, nodes=nodes, edges=edges), labels)


def _document_names(library: Library, document_ids: Sequence[str]) -> dict[str, str]:
    if not document_ids:
        return {}
    found = library.catalog.documents(Filters(documents=tuple(document_ids)), limit=len(document_ids))
    return {document.id: document.name for document in found}


def communities(library: Library) -> list[Community]:
    """See `CortexSuite.communities`."""
    view = library.graph.view()
    if view is None:
        return []
    require("networkx", "for groups of related documents", _INSTALL)
    found = list(grouping.communities(view))
    return _still_there(library, found) if library.graph.stale() else found


def _still_there(library: Library, found: Sequence[Community]) -> list[Community]:
    """Groups of a former moment, without what was deleted or hidden since."""
    entities = library.catalog.entities([each for group in found for each in group.entity_ids])
    documents = _document_names(library, [each for group in found for each in group.document_ids])
    kept = []
    for group in found:
        shown = {each: entities[each] for each in group.entity_ids if each in entities and not entities[each].hidden}
        there = tuple(each for each in group.document_ids if each in documents)
        name = grouping.name_of([entity.name for entity in shown.values()])
        if len(there) > 1:
            kept.append(Community(name, there, tuple(shown)))
    return kept


def related_documents(library: Library, document_id: str, limit: int) -> list[tuple[str, float]]:
    """See `CortexSuite.related_documents`."""
    library.catalog.document(document_id)
    view = library.graph.view()
    if view is None or document_id not in view.document_number:
        return []
    found = grouping.related(view, view.document_number[document_id], limit)
    near = [(view.rows.document_ids[number], score) for number, score in found]
    there = _document_names(library, [each for each, _ in near])
    return [(each, score) for each, score in near if each in there]


def refresh(library: Library) -> bool:
    """Make the view and the groups anew where the graph was changed; whether it was."""
    changed = library.graph.refresh()
    view: GraphView | None = library.graph.newest
    if changed and view is not None and view.rows.entity_ids:
        try:
            communities(library)
        except ModelUnavailableError as error:  # the view is whole without them; who asks for them is told
            _log.warning("no groups of related documents: %s", error)
    return changed


def export(library: Library, format: str, collections: Sequence[str]) -> bytes:
    """See `CortexSuite.export_graph`."""
    require("networkx", "for the export of the knowledge graph", _INSTALL)
    scope = library.catalog.scope(Filters(collections=tuple(collections)))
    rows = library.catalog.graph_rows(None if scope is None else sorted(scope))
    return written(rows, _document_names(library, rows.document_ids), format)


def _scored(library: Library, found: list[GraphEntity]) -> list[GraphEntity]:
    """With PageRank, as far as the newest view knows it."""
    view = library.graph.newest
    if view is None:
        return found
    numbers = ((each, view.entity_number.get(each.id)) for each in found)
    return [each if number is None else replace(each, score=float(view.page_rank[number])) for each, number in numbers]


def _extract(library: Library, extractor: EntityExtractor, document: WaitingGraph) -> None:
    try:
        graph = extractor.extract(document)
        _require_places(document, graph)
        library.catalog.keep_graph(document.document_id, extractor.fingerprint, graph, document)
    except _NOT_ITS_FAULT:
        raise
    except CortexError as error:
        _log.warning("no entities of document %s: %s", document.document_id, error)
        library.catalog.fail_graph(document.document_id, extractor.fingerprint, str(error), document)
    # One document must not keep all others from the graph; which one and why is noted for people.
    except Exception as error:  # noqa: BLE001
        _log.exception("no entities of document %s: %s failed", document.document_id, extractor.name)
        reason = f"its names could not be read ({type(error).__name__}). The log has the details."
        library.catalog.fail_graph(document.document_id, extractor.fingerprint, reason, document)


def _require_places(document: WaitingGraph, graph: DocumentGraph) -> None:
    """Refuse what does not lie in the document's passages: it would be refused by the catalog, and come again for ever."""
    ends = {
        passage.chunk_id: (passage.char_start, passage.char_start + len(passage.text)) for passage in document.chunks
    }
    places: list[Mention | Relation] = [*graph.mentions, *graph.relations]
    for place in places:
        first, last = ends.get(place.chunk_id, (0, -1))
        if not first <= place.char_start <= place.char_end <= last:
            raise ValueError(f"characters {place.char_start} to {place.char_end} lie in no passage")
