"""Collections: by id in addresses, as names may hold anything."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from cortex_engine.api.calls import ADMIN, READ, WRITE, Asked, HexId, Name, Suite, Text
from cortex_engine.api.shapes import Collection, Deleted, Removal
from cortex_engine.core import collections as nouns
from cortex_engine.core.errors import NotFoundError
from cortex_engine.suite import CortexSuite

router = APIRouter(prefix="/v1/collections", tags=["collections"])

Ids = Annotated[list[Annotated[str, Field(pattern="^[0-9a-f]{32}$")]], Field(min_length=1, max_length=1000)]


class Collections(BaseModel):
    """All collections by name."""

    collections: list[Collection]


class CollectionAsked(Asked):
    """A collection to make, with the model that the settings name."""

    name: Name
    description: Text = ""


class CollectionChange(Asked):
    """What is to change; what is left out stays."""

    name: Name | None = None
    description: Text | None = None


class DocumentsAsked(Asked):
    """Documents by id."""

    documents: Ids


class MoveAsked(DocumentsAsked):
    """Documents, and the id of the collection that they go to."""

    target: Annotated[str, Field(pattern="^[0-9a-f]{4,32}$")]


class MergeAsked(Asked):
    """Ids of the collections whose documents join, and which are gone afterwards."""

    sources: Annotated[list[Annotated[str, Field(pattern="^[0-9a-f]{4,32}$")]], Field(min_length=1, max_length=100)]


def _of(suite: CortexSuite, collection_id: str) -> nouns.Collection:
    for row in suite.collections():
        if row.id == collection_id:
            return row
    raise NotFoundError("There is no collection of this id.")


@router.get("", dependencies=READ)
def list_collections(suite: Suite) -> Collections:
    """All collections, with counts."""
    return Collections(collections=[Collection.of(row) for row in suite.collections()])


@router.post("", status_code=201, dependencies=ADMIN)
def create_collection(asked: CollectionAsked, suite: Suite) -> Collection:
    """Make a collection."""
    return Collection.of(suite.create_collection(asked.name, asked.description))


@router.get("/{collection_id}", dependencies=READ)
def get_collection(collection_id: HexId, suite: Suite) -> Collection:
    """One collection."""
    return Collection.of(_of(suite, collection_id))


@router.patch("/{collection_id}", dependencies=ADMIN)
def change_collection(collection_id: HexId, asked: CollectionChange, suite: Suite) -> Collection:
    """Rename or describe a collection."""
    row = _of(suite, collection_id)
    if asked.name is not None and asked.name != row.name:
        row = suite.rename_collection(row.name, asked.name)
    if asked.description is not None:
        row = suite.describe_collection(row.name, asked.description)
    return Collection.of(row)


@router.get("/{collection_id}/removal", dependencies=READ)
def preview_removal(collection_id: HexId, suite: Suite) -> Removal:
    """What would go if the collection were deleted."""
    return Removal.of(suite.collection_removal(_of(suite, collection_id).name))


@router.delete("/{collection_id}", dependencies=ADMIN)
def delete_collection(collection_id: HexId, suite: Suite) -> Deleted:
    """Delete a collection and the documents that belong to no other."""
    return Deleted(deleted=suite.delete_collection(_of(suite, collection_id).name))


@router.post("/{collection_id}/documents", dependencies=WRITE)
def add_documents(collection_id: HexId, asked: DocumentsAsked, suite: Suite) -> Collection:
    """Let documents belong to the collection too."""
    suite.add_to_collection(_of(suite, collection_id).name, asked.documents)
    return Collection.of(_of(suite, collection_id))


@router.post("/{collection_id}/documents/remove", dependencies=WRITE)
def remove_documents(collection_id: HexId, asked: DocumentsAsked, suite: Suite) -> Deleted:
    """Take documents out; those that then belong to no collection are deleted, and listed."""
    return Deleted(deleted=suite.remove_from_collection(_of(suite, collection_id).name, asked.documents))


@router.post("/{collection_id}/documents/move", dependencies=WRITE)
def move_documents(collection_id: HexId, asked: MoveAsked, suite: Suite) -> Collection:
    """Move documents to another collection, which is the answer."""
    source, target = _of(suite, collection_id), _of(suite, asked.target)
    suite.move_documents(asked.documents, source.name, target.name)
    return Collection.of(_of(suite, target.id))


@router.post("/{collection_id}/merge", dependencies=ADMIN)
def merge_collections(collection_id: HexId, asked: MergeAsked, suite: Suite) -> Collection:
    """Let the documents of other collections join this one; the others are gone afterwards."""
    sources = [_of(suite, each).name for each in asked.sources]
    suite.merge_collections(sources, _of(suite, collection_id).name)
    return Collection.of(_of(suite, collection_id))
