"""What every chapter of the suite stands on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cortex_engine.background import Background
from cortex_engine.config import CortexConfig, LoadedConfig
from cortex_engine.core.documents import Document
from cortex_engine.core.errors import NotFoundError, UsageError
from cortex_engine.core.reports import IngestEvent
from cortex_engine.core.search import Filters
from cortex_engine.ingestion.submission import in_words, normalised
from cortex_engine.library import Library

OnEvent = Callable[[IngestEvent], None]


class Chapter:
    """One part of `CortexSuite`: short methods on the open library."""

    loaded: LoadedConfig
    config: CortexConfig
    _library: Library
    _background: Background | None = None

    def document(self, id_or_name: str) -> Document:
        """One document by id, unique beginning of an id, name or path.

        Raises:
            NotFoundError: none.
            UsageError: several; the message lists them.
        """
        catalog, asked = self._library.catalog, in_words(id_or_name)
        found = catalog.find_documents(asked) or catalog.find_documents(in_words(normalised(Path(id_or_name))))
        if not found:
            near = ", ".join(f"'{row.name}'" for row in catalog.documents(Filters(title=asked), 3) if asked.strip())
            hint = f"Did you mean {near}?" if near else "`cortex documents list` shows what there is."
            raise NotFoundError(f"There is no document '{asked}'. {hint}")
        if len(found) > 1:
            several = ", ".join(f"{document.id[:12]} ({document.name})" for document in found[:5])
            raise UsageError(f"'{id_or_name}' names {len(found)} documents: {several}. Use an id.")
        return found[0]


def quiet(text: str) -> None:
    """Nobody reads along."""
