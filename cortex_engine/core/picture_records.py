"""The part of the catalog's port that keeps pictures and their named vectors."""

from __future__ import annotations

from collections.abc import Collection as SizedCollection
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.pictures import DescribedBy, Picture, VectorName, WaitingPictures
from cortex_engine.core.records import PicturePassage, VectorBatch


class PictureRecords(Protocol):
    """Pictures as the truth keeps them. They go with their document."""

    def pictures(self, document_ids: Sequence[str]) -> list[Picture]:
        """Pictures of these documents, by document and page."""
        ...

    def picture_counts(self, documents: SizedCollection[str] | None = None) -> int:
        """Pictures in scope; None for all."""
        ...

    def lookup_pictures(self, picture_ids: Sequence[str]) -> dict[str, PicturePassage]:
        """Join picture hits back to the truth; ids that are unknown or deleted are left out."""
        ...

    def picture_vectors(
        self, model_id: str, name: VectorName, document_ids: Sequence[str] | None = None
    ) -> Iterator[VectorBatch]:
        """As `VectorRecords.vectors`, for one named vector; `chunk_ids` of the batch are picture ids."""
        ...

    def damaged_picture_vectors(self, model_id: str, name: VectorName) -> dict[str, str]:
        """As `VectorRecords.damaged_vectors`: picture id -> document id."""
        ...

    def picture_ids(self, model_id: str, name: VectorName) -> set[str]:
        """Pictures that have this named vector of the model."""
        ...

    def picture_vector(self, model_id: str, name: VectorName, picture_id: str) -> NDArray[np.float32] | None:
        """One vector, or None.

        Raises:
            CatalogError: it is damaged.
        """
        ...

    def picture_vector_counts(self, model_id: str) -> Mapping[VectorName, int]:
        """How many vectors of each name there are of a model."""
        ...

    def waiting_pictures(
        self, limit: int = 20, document_ids: Sequence[str] | None = None, model_id: str = ""
    ) -> list[WaitingPictures]:
        """Pictures that lack a vector of a model that sees, of a collection (or a running migration) they belong to.

        Args:
            limit: documents of each model at most, oldest first.
            document_ids: only of these; None for all.
            model_id: only this model; "" for all.
        """
        ...

    def undrawn(
        self, media_types: Sequence[str], limit: int = 20, document_ids: Sequence[str] | None = None
    ) -> list[tuple[str, EmbeddingSpec]]:
        """Documents of these types, of a collection (or a running migration) whose model sees, that were never drawn."""
        ...

    def add_pictures(self, document_id: str, pictures: Sequence[Picture]) -> None:
        """Keep pictures that a document did not have yet (it was taken in for a model that reads text only).

        The document counts as drawn from then on, also where there are none.
        """
        ...

    def drop_pictures(self, picture_ids: Sequence[str]) -> None:
        """Remove pictures that cannot be drawn or embedded, so that they wait no longer."""
        ...

    def add_picture_vectors(
        self, model_id: str, vectors: Mapping[str, Mapping[VectorName, NDArray[np.float32]]]
    ) -> None:
        """Keep vectors by picture id and name, and put their documents in the outbox; deleted pictures are left out."""
        ...

    def describe_picture(self, picture_id: str, description: str, described_by: DescribedBy) -> None:
        """Change a description; vectors of the former one go, so that the picture waits for new ones.

        Raises:
            NotFoundError: no such picture.
        """
        ...
