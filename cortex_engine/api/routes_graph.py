"""The knowledge graph: what documents name, and what that connects."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from cortex_engine.api.calls import READ, WRITE, Asked, Limit, Name, Suite, Text
from cortex_engine.core import graph as nouns
from cortex_engine.core.graph import EntityKind

router = APIRouter(prefix="/v1/graph", tags=["graph"])

_ID = "^[0-9a-f]{32}$"
EntityId = Annotated[str, Path(pattern=_ID)]
Id = Annotated[str, Field(pattern=_ID)]
Ids = Annotated[list[Id], Query(max_length=100)]
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/graphml+xml": {}, "application/json": {}}, "description": "The graph."}
}


class Stats(BaseModel):
    """Sizes. `waiting` documents are not read yet; `failed` ones could not be: `failure` says why the newest could not.

    `behind`: pictures, groups and graph searches do not show the newest change yet.
    """

    entities: int
    mentions: int
    relations: int
    documents: int
    passages: int
    waiting: int
    hidden: int
    merged: int
    communities: int
    extractor: str
    extractor_note: str
    kinds: dict[str, int]
    failed: int
    failure: str
    behind: bool


class Entity(BaseModel):
    """A name with what all documents say of it. `score`: PageRank, 0 while it is not known."""

    id: str
    name: str
    kind: EntityKind
    aliases: list[str]
    mentions: int
    documents: int
    passages: int
    score: float
    hidden: bool


class Entities(BaseModel):
    """Entities, the best first."""

    entities: list[Entity]


class Mention(BaseModel):
    """Where a document names an entity. `date`: that the same sentence names; `snippet`: the sentence."""

    entity_id: str
    document_id: str
    document: str
    page: int
    chunk_id: str
    char_start: int
    char_end: int
    snippet: str
    date: str


class Mentions(BaseModel):
    """Places by document."""

    mentions: list[Mention]


class Neighbour(BaseModel):
    """An entity beside another one: in `weight` sentences."""

    entity: Entity
    weight: float
    labels: list[str]


class Neighbours(BaseModel):
    """What stands beside an entity, the most often first."""

    neighbours: list[Neighbour]


class Node(BaseModel):
    """A node of a picture. `distance`: steps from the centre; `group`: a document's id."""

    id: str
    name: str
    what: str
    kind: EntityKind
    group: str
    weight: float
    x: float
    y: float
    distance: int


class Edge(BaseModel):
    """An edge of a picture, with the number of its proofs."""

    source: str
    target: str
    weight: float
    label: str
    proofs: int


class Local(BaseModel):
    """The graph around something. `left_out`: nodes that belong to it, but are lighter than those shown."""

    nodes: list[Node]
    edges: list[Edge]
    left_out: int


class Community(BaseModel):
    """Documents that name the same rare things."""

    name: str
    document_ids: list[str]
    entity_ids: list[str]


class Communities(BaseModel):
    """Groups of documents, the largest first."""

    communities: list[Community]


class MergeAsked(Asked):
    """Two entities by id that are one, to be called as the target."""

    source: Id
    target: Id


class HideAsked(Asked):
    """An entity by id, and whether it is noise."""

    entity: Id
    hidden: bool = True


class SplitAsked(Asked):
    """An entity by id, whose merges are taken back."""

    entity: Id


@router.get("", dependencies=READ)
def graph_stats(suite: Suite) -> Stats:
    """Sizes, what extracts, and what waits."""
    return Stats.model_validate(suite.graph_stats(), from_attributes=True)


@router.get("/entities", dependencies=READ)
def find_entities(
    suite: Suite,
    text: Text = "",
    kind: Annotated[list[EntityKind], Query(max_length=20)] = [],  # noqa: B006  (FastAPI copies defaults)
    hidden: bool = False,
    limit: Limit = 50,
) -> Entities:
    """Entities by name or alias; all but dates and amounts, the most mentioned first, where nothing is asked."""
    return Entities(entities=[_entity(each) for each in suite.find_entities(text, limit, kind, hidden)])


@router.get("/entities/merged", dependencies=READ)
def merged_entities(suite: Suite) -> Entities:
    """What others were merged into by hand; aliases hold the merged names."""
    return Entities(entities=[_entity(each) for each in suite.merged_entities()])


@router.get("/entities/{entity_id}", dependencies=READ)
def get_entity(entity_id: EntityId, suite: Suite) -> Entity:
    """One entity; a merged one is what it was merged into."""
    return _entity(suite.entity(entity_id))


@router.get("/entities/{entity_id}/mentions", dependencies=READ)
def entity_mentions(
    entity_id: EntityId,
    suite: Suite,
    document: Annotated[str, Query(pattern="^([0-9a-f]{32})?$")] = "",
    limit: Limit = 100,
) -> Mentions:
    """Where documents, or one document, name it."""
    suite.entity(entity_id)
    found = suite.entity_mentions(entity_id, limit, document)
    return Mentions(mentions=[Mention.model_validate(each, from_attributes=True) for each in found])


@router.get("/entities/{entity_id}/neighbours", dependencies=READ)
def entity_neighbours(entity_id: EntityId, suite: Suite, limit: Limit = 50) -> Neighbours:
    """What stands with it in one sentence."""
    suite.entity(entity_id)
    found = suite.entity_neighbours(entity_id, limit)
    rows = [Neighbour(entity=_entity(each.entity), weight=each.weight, labels=list(each.labels)) for each in found]
    return Neighbours(neighbours=rows)


@router.get("/proofs", dependencies=READ)
def relation_proofs(
    suite: Suite,
    source: Annotated[str, Query(pattern=_ID)],
    target: Annotated[str, Query(pattern=_ID)],
    limit: Limit = 20,
) -> Mentions:
    """Sentences that prove that two entities belong together."""
    found = suite.relation_proofs(source, target, limit)
    return Mentions(mentions=[Mention.model_validate(each, from_attributes=True) for each in found])


@router.get("/local", dependencies=READ)
def local_graph(
    suite: Suite,
    entity: Ids = [],  # noqa: B006
    document: Ids = [],  # noqa: B006
    passage: Ids = [],  # noqa: B006
    depth: Annotated[int, Query(ge=1, le=3)] = 1,
    limit: Annotated[int, Query(ge=1, le=60)] = 60,
) -> Local:
    """What stands around entities, documents and passages, with a place for each node."""
    return Local.model_validate(suite.local_graph(entity, document, passage, depth, limit), from_attributes=True)


@router.get("/communities", dependencies=READ)
def communities(suite: Suite) -> Communities:
    """Groups of documents that name the same rare things."""
    found = [Community.model_validate(each, from_attributes=True) for each in suite.communities()]
    return Communities(communities=found)


@router.get("/export", dependencies=READ, responses=_FILE, response_class=Response)
def export_graph(
    suite: Suite,
    format: Literal["graphml", "json"] = "graphml",
    collection: Annotated[list[Name], Query(max_length=100)] = [],  # noqa: B006
) -> Response:
    """The graph of all or of these collections as a file."""
    kind = "application/json" if format == "json" else "application/graphml+xml"
    headers = {"content-disposition": f'attachment; filename="knowledge-graph.{format}"'}
    return Response(suite.export_graph(format, collection), media_type=kind, headers=headers)


@router.post("/merge", dependencies=WRITE)
def merge_entities(asked: MergeAsked, suite: Suite) -> Entity:
    """Two entities are one from now on, also when documents are read again."""
    suite.merge_entities(asked.source, asked.target)
    return _entity(suite.entity(asked.target))


@router.post("/split", dependencies=WRITE)
def split_entity(asked: SplitAsked, suite: Suite) -> Entity:
    """All merges into an entity are taken back."""
    suite.split_entity(asked.entity)
    return _entity(suite.entity(asked.entity))


@router.post("/hide", dependencies=WRITE)
def hide_entity(asked: HideAsked, suite: Suite) -> Entity:
    """An entity is noise, or is not: searches and pictures leave hidden ones out."""
    suite.hide_entity(asked.entity, asked.hidden)
    return _entity(suite.entity(asked.entity))


def _entity(found: nouns.GraphEntity) -> Entity:
    return Entity.model_validate(found, from_attributes=True)
