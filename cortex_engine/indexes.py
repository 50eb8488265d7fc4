"""The derived indexes of a library: their names, and how each is made and opened."""

from __future__ import annotations

from collections.abc import Mapping

from cortex_engine import backends
from cortex_engine.config import CortexConfig
from cortex_engine.core.catalog import Catalog
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.pictures import VectorName
from cortex_engine.ingestion.derived import (
    DerivedIndex,
    PassageVectors,
    PictureVectors,
    VectorIndex,
    VectorSource,
    WordIndex,
)

LEXICAL = "lexical"
_EXACT = "exact-"
_STORE = "knowledge_hub_db-"
"""Prefix of the folders of the configured vector store; the mission's documents call the Chroma folder so."""
_NAMED = {VectorName.PICTURE: "pictures-", VectorName.DESCRIPTION: "descriptions-"}

_LAYOUT = "1"
"""Raised when vector indexes must be built anew because their layout changed."""


def exact_name(model_id: str) -> str:
    """The flat index of passages under a model."""
    return f"{_EXACT}{model_id}"


def store_name(model_id: str) -> str:
    """The configured vector store of passages under a model."""
    return f"{_STORE}{model_id}"


def picture_name(model_id: str, name: VectorName) -> str:
    """The flat index of one named vector of pictures under a model that sees."""
    return f"{_NAMED[name]}{model_id}"


def searched(models: Mapping[str, EmbeddingSpec]) -> list[str]:
    """Names of the indexes that every search of a library with these models can use."""
    ids = sorted(models)
    pictures = [picture_name(model_id, name) for model_id in ids if models[model_id].sees for name in VectorName]
    return [LEXICAL, *map(exact_name, ids), *pictures]


def stores(models: Mapping[str, EmbeddingSpec], config: CortexConfig) -> list[str]:
    """Names of the configured vector stores, none where exact search is all that is configured."""
    return [] if config.vector_store == "exact" else [store_name(model_id) for model_id in sorted(models)]


def make(name: str, catalog: Catalog, config: CortexConfig, read_only: bool = False) -> DerivedIndex:
    """The index of this name, not open yet."""
    if name == LEXICAL:
        fingerprint = backends.lexical_fingerprint()
        return WordIndex(name, fingerprint, catalog, lambda folder: backends.build_lexical_index(folder, read_only))
    model_id, source = _source(name, catalog)
    fragile = name.startswith(_STORE)
    backend = config.vector_store if fragile else "exact"
    dimension = catalog.spec(model_id).dimension
    return VectorIndex(
        name,
        f"{backend}-{_LAYOUT}",
        source,
        lambda folder: backends.build_vector_store(backend, folder, dimension),
        fragile=fragile,
    )


def _source(name: str, catalog: Catalog) -> tuple[str, VectorSource]:
    for kind, prefix in _NAMED.items():
        if name.startswith(prefix):
            model_id = name.removeprefix(prefix)
            return model_id, PictureVectors(catalog, model_id, kind)
    model_id = name.removeprefix(_EXACT).removeprefix(_STORE)
    return model_id, PassageVectors(catalog, model_id)
