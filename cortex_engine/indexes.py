"""The derived indexes of a library: their names, and how each is made and opened."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path

from cortex_engine import backends
from cortex_engine.config import CortexConfig
from cortex_engine.core.catalog import Catalog
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import CortexError, IndexUnavailableError
from cortex_engine.core.pictures import VectorName
from cortex_engine.core.reports import IndexState
from cortex_engine.ingestion.derived import (
    DerivedIndex,
    PassageVectors,
    PictureVectors,
    VectorIndex,
    VectorSource,
    WordIndex,
)
from cortex_engine.ingestion.indexing import DAMAGE, generation_folder, oversized

_log = logging.getLogger(__name__)

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


class IndexReaders:
    """The valid generations of indexes, opened read-only by a process that does not own the library.

    Args:
        folder: `derived/`.
    """

    def __init__(self, catalog: Catalog, folder: Path, config: CortexConfig) -> None:
        self._catalog = catalog
        self._folder = folder
        self._config = config
        self._opened: dict[str, tuple[IndexState, DerivedIndex]] = {}
        self._lock = threading.RLock()

    def get(self, name: str) -> DerivedIndex:
        """The valid generation, checked; opened again when the owner has written to it.

        Raises:
            IndexUnavailableError: it is missing or damaged.
        """
        state = self._catalog.index_states().get(name)
        if state is None:
            raise IndexUnavailableError(f"The index '{name}' was not built yet.")
        with self._lock:
            opened, index = self._opened.get(name, (None, None))
            if index is not None and opened == state:
                return index
            if index is not None:
                index.close()
                del self._opened[name]
            index = make(name, self._catalog, self._config, read_only=True)
            if fault := self._fault(index, state):
                index.close()
                raise IndexUnavailableError(f"The index '{name}' is damaged: {fault}. Run `rebuild` to make it anew.")
            self._opened[name] = (state, index)
            return index

    def readable(self, name: str) -> bool:
        """Whether it can be read; if not, all are closed, so that it can be repaired."""
        try:
            self.get(name)
        except CortexError as error:
            _log.info("index %s cannot be read: %s", name, error)
            self.close()
            return False
        return True

    def close(self) -> None:
        """Close all."""
        with self._lock:
            for _, index in self._opened.values():
                index.close()
            self._opened.clear()

    def _fault(self, index: DerivedIndex, state: IndexState) -> str:
        """Open a generation for reading; what is wrong with it, compared with the catalog only where nobody writes."""
        folder = generation_folder(self._folder, state.name, state.generation)
        if not folder.is_dir():
            return "its folder is missing"
        if index.config_hash != state.config_hash:
            return "it was built with other settings"
        if fault := oversized(folder, self._catalog.counts()):
            return fault
        last = self._catalog.last_seq()
        try:
            index.open(folder)
            fault = "" if state.dirty or state.applied_seq < last else index.fault()
        except DAMAGE as error:
            return f"{error}"
        return fault if self._catalog.last_seq() == last else ""


def _source(name: str, catalog: Catalog) -> tuple[str, VectorSource]:
    for kind, prefix in _NAMED.items():
        if name.startswith(prefix):
            model_id = name.removeprefix(prefix)
            return model_id, PictureVectors(catalog, model_id, kind)
    model_id = name.removeprefix(_EXACT).removeprefix(_STORE)
    return model_id, PassageVectors(catalog, model_id)
