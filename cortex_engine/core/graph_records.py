"""The ports of the knowledge graph: what extracts it, and the part of the catalog that keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from cortex_engine.core.graph import (
    DocumentGraph,
    EntityKind,
    GraphEntity,
    GraphRows,
    GraphStats,
    MentionPlace,
    Neighbour,
    WaitingGraph,
)


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
            ModelUnavailableError: a model or service that is needed cannot be used.
        """
        ...


class GraphRecords(Protocol):
    """Facts of the graph as rows of the catalog."""

    def ungraphed(self, fingerprint: str, limit: int = 20) -> list[WaitingGraph]:
        """Documents with text whose part was not extracted by this extractor yet, oldest first."""
        ...

    def keep_graph(self, document_id: str, fingerprint: str, graph: DocumentGraph) -> bool:
        """Put a document's part in place of its former one, in one transaction; False when the document is gone meanwhile, or
        was cut into other passages.
        """
        ...

    def fail_graph(self, document_id: str, fingerprint: str, reason: str) -> None:
        """This extractor cannot read the document: its former part goes, and it waits no longer until another one comes."""
        ...

    def retry_graphs(self) -> int:
        """Let documents that could not be read wait again; returns how many."""
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
