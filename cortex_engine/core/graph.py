"""The knowledge graph: entities and relations, each with the passages that prove it.

The graph is the union of what each document contributes, and a contribution is a pure function of the document and the extractor:
adding and deleting a document changes its own part only, whatever the order. What people merged or hid lies over it as edits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line asks a running application without loading numpy
    import numpy as np
    from numpy.typing import NDArray


class EntityKind(StrEnum):
    """What an entity is, where it is known; claimed only where a rule or a model says so."""

    UNKNOWN = ""
    PERSON = "person"
    ORGANISATION = "organisation"
    PLACE = "place"
    WORK = "work"
    """Title of a book, film, album, paper …"""
    EVENT = "event"
    PRODUCT = "product"
    ABBREVIATION = "abbreviation"
    """Short form whose long form nobody has seen."""
    EMAIL = "e-mail"
    DATE = "date"
    AMOUNT = "amount"


NOT_NODES = frozenset({EntityKind.DATE, EntityKind.AMOUNT})
"""Kinds that are facts of a passage (a timeline, a sum), but connect nothing: every second document names 2020."""


class RelationKind(StrEnum):
    """How two entities are connected."""

    TOGETHER = "together"
    """They stand in one sentence."""
    NAMED = "named"
    """The text says how (the verb stands in `Relation.label`); by a model."""
    DATED = "dated"
    """The target is a date in the same sentence."""


@dataclass(frozen=True, slots=True)
class Mention:
    """One place where an entity is named.

    Attributes:
        name: canonical name of the entity within the document ("Bill Gates", also where the text says "Gates").
        chunk_id: the passage.
        char_start, char_end: of the surface form, in the document's characters (as `Chunk.char_start`).
        surface: as the text has it.
    """

    name: str
    chunk_id: str
    char_start: int
    char_end: int
    surface: str


@dataclass(frozen=True, slots=True)
class Relation:
    """One proof that two entities are connected.

    Attributes:
        source, target: canonical names; of TOGETHER in alphabetic order of their folded names.
        char_start, char_end: of the sentence that proves it, in the document's characters.
        label: the verb where the text says how, "" else.
    """

    source: str
    target: str
    kind: RelationKind
    chunk_id: str
    char_start: int
    char_end: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class ExtractedEntity:
    """An entity as one document knows it.

    Attributes:
        aliases: other surface forms that mean it in this document.
        date: ISO date ("2016-02-07", "2016-02", "2016") of entities of the kind DATE, "" else.
    """

    name: str
    kind: EntityKind = EntityKind.UNKNOWN
    aliases: tuple[str, ...] = ()
    date: str = ""


@dataclass(frozen=True, slots=True)
class DocumentGraph:
    """What one document contributes."""

    entities: tuple[ExtractedEntity, ...] = ()
    mentions: tuple[Mention, ...] = ()
    relations: tuple[Relation, ...] = ()


@dataclass(frozen=True, slots=True)
class GraphEntity:
    """A node: all documents' entities of one folded name, edits applied.

    Attributes:
        id: from the folded name (`identifiers.entity_id`).
        name: the most frequent form.
        aliases: other names, those of merged entities included.
        mentions, documents, passages: how many.
        score: PageRank, 0 while it is not known yet; sums to 1 over all entities.
        hidden: by a person.
    """

    id: str
    name: str
    kind: EntityKind = EntityKind.UNKNOWN
    aliases: tuple[str, ...] = ()
    mentions: int = 0
    documents: int = 0
    passages: int = 0
    score: float = 0.0
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class MentionPlace:
    """A mention joined with its document, for people.

    Attributes:
        date: ISO date that the same sentence names, "" for none (the timeline).
        snippet: the sentence.
    """

    entity_id: str
    document_id: str
    document: str
    page: int
    chunk_id: str
    char_start: int
    char_end: int
    snippet: str
    date: str = ""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An entity beside another one.

    Attributes:
        weight: in how many sentences they stand together; inverse document frequency is applied by the view, not here.
        labels: how the texts say they are connected, most frequent first.
    """

    entity: GraphEntity
    weight: float
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A node of a picture of the graph.

    Attributes:
        id: entity id, or document id for documents.
        group: what colours it: a document's id or a community's name.
        x, y: place, about -1..1, from a seeded layout: the same question gives the same picture.
        distance: steps from the centre.
    """

    id: str
    name: str
    what: str  # "entity" or "document"
    kind: EntityKind = EntityKind.UNKNOWN
    group: str = ""
    weight: float = 0.0
    x: float = 0.0
    y: float = 0.0
    distance: int = 0


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """An edge of a picture of the graph; `proofs`: how many sentences or mentions prove it."""

    source: str
    target: str
    weight: float
    label: str = ""
    proofs: int = 1


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """A local graph.

    Attributes:
        left_out: nodes that belong to it, but not to the heaviest `limit`.
    """

    nodes: tuple[GraphNode, ...] = ()
    edges: tuple[GraphEdge, ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Community:
    """Documents that belong together by what they name; named by its key terms."""

    name: str
    document_ids: tuple[str, ...]
    entity_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GraphStats:
    """Sizes of the graph.

    Attributes:
        waiting: documents whose part is not extracted yet.
        extractor: name of what extracts, for people ("rules", "en_core_web_sm", "LLM qwen3 at host").
        extractor_note: why it is this one, as a sentence.
        kinds: entities by kind; dates and amounts are counted here, but are no nodes: `entities` leaves them out.
        failed: documents that the extractor could not read; `failure`: why the newest of them, as a sentence, "" for none.
        behind: the graph was changed, and pictures of it do not show that yet: they are made anew in the background.
    """

    entities: int = 0
    mentions: int = 0
    relations: int = 0
    documents: int = 0
    passages: int = 0
    waiting: int = 0
    hidden: int = 0
    merged: int = 0
    communities: int = 0
    extractor: str = ""
    extractor_note: str = ""
    kinds: Mapping[str, int] = field(default_factory=dict)
    failed: int = 0
    failure: str = ""
    behind: bool = False


@dataclass(frozen=True, slots=True)
class PathStep:
    """One step of the way through the graph that brought a hit: "Bill Gates" -together-> "Microsoft" -mentioned in-> passage.

    Attributes:
        via: "query", "together", the verb, or "mentioned in".
        chunk_id: the passage that proves the step, "" for the first one.
    """

    entity_id: str
    name: str
    via: str
    chunk_id: str = ""


GraphPath = tuple[PathStep, ...]


def in_words(path: GraphPath) -> str:
    """ "Bill Gates → Microsoft": the entities on the way, each once; "" for no path."""
    return " → ".join(dict.fromkeys(step.name for step in path))


@dataclass(frozen=True, slots=True)
class LinkedEntity:
    """An entity that a query names.

    Attributes:
        surface: the words of the query that name it, folded.
        rarity: inverse document frequency over passages, 0..1.
    """

    entity_id: str
    name: str
    surface: str
    rarity: float


@dataclass(frozen=True, slots=True)
class WaitingGraph:
    """A document whose part of the graph is to be extracted.

    Attributes:
        name: for messages; no extractor reads it, or a document that is called otherwise would have to be read again.
        language: ISO 639-1 code, "" for unknown.
        chunks: id, text, char_start, context of its passages, in reading order.
    """

    document_id: str
    name: str
    language: str
    chunks: Sequence[GraphPassage]


@dataclass(frozen=True, slots=True)
class GraphPassage:
    """A passage as the extractor reads it; `text[i]` is character `char_start + i` of the document."""

    chunk_id: str
    text: str
    char_start: int
    context: str = ""


@dataclass(frozen=True, slots=True)
class GraphRows:
    """The whole graph as numbers, for the view that algorithms work on; edits applied, hidden entities and NOT_NODES left out.

    Attributes:
        entity_ids, entity_names: by entity number.
        chunk_ids, chunk_documents: by passage number: passage id and document number.
        document_ids: by document number.
        mention_entity, mention_chunk, mention_count: int32 columns of one length: the bipartite edges.
        relation_source, relation_target, relation_count: int32 columns of one length: entity numbers, each pair once.
        moment: number of the newest change that it holds.
        entity_kinds: by entity number.
        names, name_entity: every folded name and alias, and the number of the entity that it means most.
    """

    entity_ids: Sequence[str]
    entity_names: Sequence[str]
    chunk_ids: Sequence[str]
    chunk_documents: NDArray[np.int32]
    document_ids: Sequence[str]
    mention_entity: NDArray[np.int32]
    mention_chunk: NDArray[np.int32]
    mention_count: NDArray[np.int32]
    relation_source: NDArray[np.int32]
    relation_target: NDArray[np.int32]
    relation_count: NDArray[np.int32]
    moment: int
    entity_kinds: Sequence[str]
    names: Sequence[str]
    name_entity: NDArray[np.int32]
