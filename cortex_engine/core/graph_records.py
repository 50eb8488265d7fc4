"""The ports of the knowledge graph: what extracts it, and the part of the catalog that keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from cortex_engine.core.graph import (
    DocumentGraph,
    EntityKind,
    GraphEntity,
    GraphPath,
    GraphRows,
    GraphStats,
    LinkedEntity,
    MentionPlace,
    Neighbour,
    WaitingGraph,
)
from cortex_engine.core.reports import ScoreMoments
from cortex_engine.core.search import Ranking


@runtime_checkable
class EntityExtractor(Protocol):
    """Finds entities and relations in one document. Safe to use from several threads."""

    @property
    def name(self) -> str:
        """For people: "rules", "en_core_web_sm"."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same document may give another part: documents extracted under another one are extracted anew."""
        ...

    def extract(self, document: WaitingGraph) -> DocumentGraph:
        """The document's part; a pure function of it. Every mention lies within its passage, and
        `text[char_start - passage.char_start : char_end - passage.char_start] == surface`.

        Raises:
            ModelUnavailableError: a model or service that is needed cannot be used; the document waits. Whatever else is raised
                says that this document cannot be read.
        """
        ...


class GraphRecords(Protocol):
    """Facts of the graph as rows of the catalog."""

    def ungraphed(self, fingerprint: str, limit: int = 20) -> list[WaitingGraph]:
        """Documents with text whose part was not extracted by this extractor yet, oldest first."""
        ...

    def keep_graph(
        self, document_id: str, fingerprint: str, graph: DocumentGraph, read: WaitingGraph | None = None
    ) -> bool:
        """Put a document's part in place of its former one, in one transaction; False when the document is gone meanwhile, or
        was cut into other passages.

        Args:
            read: what was read; nothing is kept where the document has other passages or another language now.
        """
        ...

    def fail_graph(self, document_id: str, fingerprint: str, reason: str, read: WaitingGraph | None = None) -> None:
        """This extractor cannot read the document: its former part goes, and it waits no longer until another one comes.

        Args:
            read: as `keep_graph` takes it.
        """
        ...

    def retry_graphs(self) -> int:
        """Let documents that could not be read wait again; returns how many."""
        ...

    def recount_graph(self) -> None:
        """Add up what the documents say again, and let those wait whose places do not agree with it: for the doctor."""
        ...

    def graph_stats(self, fingerprint: str) -> GraphStats:
        """Sizes (extractor fields and communities left empty)."""
        ...

    def graph_moment(self) -> int:
        """Another number after every change of the graph or of its edits."""
        ...

    def graph_rows(self, document_ids: Sequence[str] | None = None) -> GraphRows:
        """The whole graph, or what these documents say of it, as columns."""
        ...

    def relation_labels(self, entity_ids: Sequence[str]) -> dict[tuple[str, str], str]:
        """How the texts most often say that two of these entities are connected, by pairs of ids in alphabetic order."""
        ...

    def find_entities(
        self, text: str = "", limit: int = 50, kinds: Sequence[EntityKind] = (), hidden: bool = False
    ) -> list[GraphEntity]:
        """Entities by name or alias, without case and accents: equal ones first, then those that begin so, then those that
        contain it; the most mentioned first. For "" all nodes (no dates and amounts, unless `kinds` names them).

        Args:
            hidden: only those that were hidden by hand, instead of only the others.
        """
        ...

    def merged_entities(self) -> list[GraphEntity]:
        """What others were merged into by hand, the most mentioned first; aliases hold the merged names."""
        ...

    def entities(self, entity_ids: Sequence[str]) -> dict[str, GraphEntity]:
        """Those that there are, merged ones under the id that was asked for."""
        ...

    def entity_begun(self, beginning: str) -> str:
        """The only id of an entity that begins so, "" for none and for several."""
        ...

    def entity_names(self, folded: Sequence[str]) -> dict[str, str]:
        """Folded names and aliases -> entity ids (merged: of the survivor), for linking queries; hidden ones left out."""
        ...

    def mentions(self, entity_id: str, limit: int = 100, document_id: str = "") -> list[MentionPlace]:
        """Where an entity is named, by document and place."""
        ...

    def neighbours(self, entity_id: str, limit: int = 50) -> list[Neighbour]:
        """Entities beside it, heaviest first."""
        ...

    def relation_proofs(self, source_id: str, target_id: str, limit: int = 20) -> list[MentionPlace]:
        """Sentences that prove that two entities belong together."""
        ...

    def document_entities(self, document_ids: Sequence[str], limit: int = 50) -> list[GraphEntity]:
        """Entities of documents, those most mentioned in them first; no dates and amounts, no hidden ones."""
        ...

    def merge_entities(self, source_id: str, target_id: str) -> None:
        """A person says: these are one, to be called as the target. Kept by hashes of names: it outlives re-ingest, and names
        nothing once the documents are gone.

        Raises:
            NotFoundError: no such entity.
            UsageError: an entity cannot be merged into itself.
        """
        ...

    def split_entity(self, entity_id: str) -> None:
        """Take back all merges into an entity.

        Raises:
            NotFoundError: no such entity.
        """
        ...

    def hide_entity(self, entity_id: str, hidden: bool = True) -> None:
        """A person says: this is noise (or not).

        Raises:
            NotFoundError: no such entity.
        """
        ...


@dataclass(frozen=True, slots=True)
class GraphFound:
    """What a walk through the graph found.

    Attributes:
        ranking: stage "graph", the passages that most of the walk arrived at; scores: share of the walk, 0..1.
        scores: the same of all passages that are reached at all.
        moments: of the square roots of these shares over all passages in scope.
    """

    ranking: Ranking
    scores: Mapping[str, float]
    moments: ScoreMoments


class KnowledgeGraph(Protocol):
    """The graph as a search asks it: one view of it, which does not change meanwhile."""

    def linked(self, text: str) -> list[LinkedEntity]:
        """Entities that the text names, in its order; of names within names the longest."""
        ...

    def walk(
        self,
        linked: Sequence[LinkedEntity],
        seeds: Mapping[str, float],
        limit: int,
        passages: int,
        documents: AbstractSet[str] | None = None,
    ) -> GraphFound:
        """Where a walk ends that begins at these entities and passages, and passes only through documents in scope.

        Args:
            seeds: passage id -> weight, 0 or more.
            limit: how many passages the ranking holds at most.
            passages: how many there are in scope, those that name nothing among them.
            documents: ids of those in scope, None for all.
        """
        ...

    def paths(
        self,
        linked: Sequence[LinkedEntity],
        seeds: Mapping[str, float],
        chunk_ids: Sequence[str],
        documents: AbstractSet[str] | None = None,
    ) -> dict[str, GraphPath]:
        """The strongest way from the query to each of the passages; those that no way leads to are left out."""
        ...
