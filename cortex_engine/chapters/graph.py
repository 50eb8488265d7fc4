"""The knowledge graph: what documents name, and what that connects."""

from __future__ import annotations

from collections.abc import Sequence

from cortex_engine import graphing
from cortex_engine.chapters.base import Chapter
from cortex_engine.core.graph import (
    Community,
    EntityKind,
    GraphEntity,
    GraphStats,
    MentionPlace,
    Neighbour,
    Neighbourhood,
)


class GraphChapter(Chapter):
    """The knowledge graph: what documents name, and what that connects."""

    def graph_stats(self) -> GraphStats:
        """Sizes, what extracts and why it is this one, how many documents wait or could not be read."""
        return graphing.stats(self._library)

    def find_entities(
        self, text: str = "", limit: int = 50, kinds: Sequence[EntityKind] = (), hidden: bool = False
    ) -> list[GraphEntity]:
        """Entities by name or alias, without case and accents: equal ones first, then those that begin so, then those that
        contain it; the most mentioned first. For "" all nodes (no dates and amounts, unless `kinds` names them).

        Args:
            hidden: only those that were hidden by hand, instead of only the others.
        """
        return graphing.find(self._library, text, limit, kinds, hidden)

    def entity(self, id_or_name: str) -> GraphEntity:
        """One entity by id, unique beginning of an id (8 digits or more), or by name or alias without case and accents; a merged
        one is what it was merged into.

        Raises:
            NotFoundError: there is none; the message lists near names.
        """
        return graphing.entity(self._library, id_or_name)

    def entity_mentions(self, id: str, limit: int = 100, document_id: str = "") -> list[MentionPlace]:
        """Where an entity is named, by document and place, with a date where the sentence names one."""
        return self._library.catalog.mentions(id, limit, document_id)

    def entity_neighbours(self, id: str, limit: int = 50) -> list[Neighbour]:
        """Entities that stand with it in one sentence, the most often first."""
        return graphing.neighbours(self._library, id, limit)

    def relation_proofs(self, a: str, b: str, limit: int = 20) -> list[MentionPlace]:
        """Sentences that prove that two entities (ids) belong together."""
        return self._library.catalog.relation_proofs(a, b, limit)

    def document_entities(self, ids: Sequence[str], limit: int = 50) -> list[GraphEntity]:
        """Entities of documents, those most mentioned in them first; no dates and amounts, no hidden ones."""
        return graphing.document_entities(self._library, ids, limit)

    def local_graph(
        self,
        entity_ids: Sequence[str] = (),
        document_ids: Sequence[str] = (),
        chunk_ids: Sequence[str] = (),
        depth: int = 1,
        limit: int = 60,
    ) -> Neighbourhood:
        """What stands around entities, documents and passages, the heaviest first, with a place for each node.

        Args:
            depth: steps, 1..3.
            limit: nodes, at most 60.
        """
        return graphing.local_graph(self._library, entity_ids, document_ids, chunk_ids, depth, limit)

    def communities(self) -> list[Community]:
        """Groups of documents that name the same rare things, the largest first."""
        return graphing.communities(self._library)

    def related_documents(self, document_id: str, limit: int = 10) -> list[tuple[str, float]]:
        """Ids of the documents nearest to one by what they name, with cosines 0..1.

        Raises:
            NotFoundError: no such document.
        """
        return graphing.related_documents(self._library, document_id, limit)

    def merged_entities(self) -> list[GraphEntity]:
        """What others were merged into by hand; aliases hold the merged names."""
        return self._library.catalog.merged_entities()

    def merge_entities(self, a: str, b: str) -> None:
        """These two (ids) are one, to be called as the second; kept when documents are read again.

        Raises:
            NotFoundError: no such entity.
            UsageError: it is one already.
        """
        self._library.catalog.merge_entities(a, b)
        self._wake()

    def split_entity(self, id: str) -> None:
        """Take back all merges into an entity.

        Raises:
            NotFoundError: no such entity.
        """
        self._library.catalog.split_entity(id)
        self._wake()

    def hide_entity(self, id: str, hidden: bool = True) -> None:
        """This is noise, or is not: searches and pictures leave hidden entities out.

        Raises:
            NotFoundError: no such entity.
        """
        self._library.catalog.hide_entity(id, hidden)
        self._wake()

    def export_graph(self, format: str = "graphml", collections: Sequence[str] = ()) -> bytes:
        """The graph of all or of these collections as GraphML or JSON (node-link, UTF-8).

        Raises:
            UsageError: there is no such format.
            NotFoundError: there is no such collection.
            ModelUnavailableError: networkx is not installed.
        """
        return graphing.export(self._library, format, collections)

    def extract_graph(self, on_progress: graphing.OnProgress | None = None) -> int:
        """Extract all that waits now, also what could not be read before; returns how many documents were read.

        Args:
            on_progress: told how many were read, and how many wait.

        Raises:
            ModelUnavailableError: what extracts cannot be used; what waits goes on waiting.
        """
        return graphing.extract_all(self._library, on_progress)

    def _wake(self) -> None:
        if self._background is not None:
            self._background.wake()
