"""The query as vectors: its words, a picture, or both, in the space of each model."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import ModelMismatchError, UsageError
from cortex_engine.core.identifiers import picture_id
from cortex_engine.core.pictures import ModelInput, VectorName
from cortex_engine.core.protocols import Embedder, MultimodalEmbedder
from cortex_engine.core.search import Query
from cortex_engine.retrieval.pictures import Pictures
from cortex_engine.retrieval.query_text import ParsedQuery
from cortex_engine.retrieval.tracing import TraceRecorder

_NAMED = 5
"""Collections that a sentence names."""


class Asking:
    """Turns one query into a vector for each model, each made once.

    Args:
        pictures: None where the library has none; then a query's picture is refused.
    """

    def __init__(
        self,
        query: Query,
        parsed: ParsedQuery,
        embedder_of: Callable[[EmbeddingSpec], Embedder],
        pictures: Pictures | None,
    ) -> None:
        self.parsed = parsed
        self.text = parsed.text
        self._query = query
        self._embedder_of = embedder_of
        self._pictures = pictures
        self._vectors: dict[str, NDArray[np.float32]] = {}

    def can(self, spec: EmbeddingSpec) -> bool:
        """Whether the query means anything to a model: a picture without words needs one that sees."""
        return spec.sees or bool(self.text)

    def vector(self, spec: EmbeddingSpec) -> NDArray[np.float32]:
        """The query in the space of a model, `(dimension,)`.

        Raises:
            ModelMismatchError: the model at hand is another one.
            ModelUnavailableError: it cannot be used.
            UsageError: it cannot take the picture.
        """
        if spec.id not in self._vectors:
            self._vectors[spec.id] = self._made(spec)
        return self._vectors[spec.id]

    @cached_property
    def place(self) -> tuple[str, int] | None:
        """Document id and page of the query's picture, None where it is none of the library.

        Raises:
            NotFoundError: there is no such picture.
        """
        return self._pictures.place_of(self._query.picture) if self._pictures and self._query.picture else None

    @cached_property
    def drawn(self) -> tuple[bytes, ...]:
        """The query's picture, encoded.

        Raises:
            NotFoundError: there is no such picture.
            ParseError: it cannot be drawn.
        """
        return (self._pictures.drawn(self._query.picture),) if self._pictures and self._query.picture else ()

    def tell_blind(self, trace: TraceRecorder) -> None:
        """Say which of the collections asked cannot be asked by the query's picture.

        Raises:
            UsageError: none of them can, and there are no words.
        """
        if not self._query.picture:
            return
        blind = self._pictures.blind(self._query.filters) if self._pictures else []
        sees = self._pictures is not None and bool(self._pictures.specs(self._query.filters))
        named = ", ".join(f"'{name}'" for name in blind[:_NAMED]) + (" and others" if len(blind) > _NAMED else "")
        if not sees and not self.text:
            where = f" ({named})" if blind else ""
            raise UsageError(
                f"None of the collections asked can be searched by a picture{where}: their models read text only. Move one to a "
                "model that sees, such as Qwen3-VL, or ask in words."
            )
        if blind or not sees:
            how = "they were asked by the words alone" if self.text else "they were left out"
            trace.warn(f"Models that read text only cannot be asked by a picture; {how}: {named or 'all'}.", "picture")

    def _made(self, spec: EmbeddingSpec) -> NDArray[np.float32]:
        embedder = self._embedder_of(spec)
        if embedder.spec != spec:
            raise ModelMismatchError(
                f"The documents were embedded with '{spec.model}' (revision {spec.revision[:12]}), but the model at "
                f"hand is '{embedder.spec.model}' (revision {embedder.spec.revision[:12]}). Restore the first, or "
                f"move the collection to the new model."
            )
        if not self._query.picture or not spec.sees:
            return embedder.embed_query(self.text)
        stored = self._stored(spec)
        if stored is not None:
            return stored
        if not isinstance(embedder, MultimodalEmbedder):
            raise ModelMismatchError(
                f"The model '{spec.model}' is said to see, but takes no pictures. Install it again."
            )
        return embedder.embed_query_input(ModelInput(self.text, self.drawn))

    def _stored(self, spec: EmbeddingSpec) -> NDArray[np.float32] | None:
        """The vector that a picture of the library has already; words beside it make another one."""
        if self.text or self.place is None or self._pictures is None:
            return None
        return self._pictures.records.picture_vector(spec.id, VectorName.PICTURE, picture_id(*self.place))
