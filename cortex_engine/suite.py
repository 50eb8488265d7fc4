"""The table of contents: one short method for each thing the suite can do.

with CortexSuite.open(data_dir=Path("library")) as suite:
    suite.ingest([Path("papers")], "Papers", recursive=True)
    for hit in suite.search(Query("how are indexes rebuilt?")).hits:
        print(hit.score, hit.document, hit.page, hit.text)
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import TracebackType

from cortex_engine.chapters.answers import AnswersChapter
from cortex_engine.chapters.calibration import CalibrationChapter
from cortex_engine.chapters.care import CareChapter
from cortex_engine.chapters.collections import CollectionsChapter
from cortex_engine.chapters.documents import DocumentsChapter
from cortex_engine.chapters.flights import FlightsChapter
from cortex_engine.chapters.graph import GraphChapter
from cortex_engine.chapters.ingestion import IngestionChapter
from cortex_engine.chapters.keys import KeysChapter
from cortex_engine.chapters.migration import MigrationChapter
from cortex_engine.chapters.models import ModelsChapter
from cortex_engine.chapters.notebook import NotebookChapter
from cortex_engine.chapters.search import SearchChapter
from cortex_engine.chapters.views import ViewsChapter
from cortex_engine.config import LoadedConfig, load_config
from cortex_engine.core.errors import NotFoundError, UsageError
from cortex_engine.core.search import Filters, Query, SearchMode
from cortex_engine.library import Library


class CortexSuite(
    CollectionsChapter,
    DocumentsChapter,
    IngestionChapter,
    SearchChapter,
    FlightsChapter,
    NotebookChapter,
    AnswersChapter,
    ViewsChapter,
    CareChapter,
    KeysChapter,
    ModelsChapter,
    GraphChapter,
    CalibrationChapter,
    MigrationChapter,
):
    """An open library with everything it can do. Not to be shared between processes; threads may share it."""

    def __init__(self, loaded: LoadedConfig, library: Library) -> None:
        self.loaded = loaded
        self.config = loaded.config
        self._library = library

    @classmethod
    def open(
        cls, data_dir: Path | None = None, loaded: LoadedConfig | None = None, create: bool = True, command: str = ""
    ) -> CortexSuite:
        """Open the library of the settings, or the one in `data_dir`.

        Args:
            data_dir: overrides the settings.
            loaded: settings that were read before.
            create: make the library if there is none.
            command: what this process does, told to others who meet its lock.

        Raises:
            ConfigError: a setting cannot be used.
            NotFoundError: there is no library and `create` is False.
            CatalogError: the catalog is damaged or newer than this program.
        """
        loaded = loaded or load_config(data_dir)
        if not create and not Library.exists(loaded.config):
            raise NotFoundError(
                f"There is no library in {loaded.config.data_dir} yet. `ingest` makes one, `samples load` one to try things on."
            )
        return cls(loaded, Library(loaded.config, command))

    def close(self) -> None:
        """End the background work and close the library; what is queued stays queued."""
        self.stop_background()
        self._library.close()

    def __enter__(self) -> CortexSuite:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def query_of(
    text: str, mode: str = "hybrid", top_k: int = 10, filters: Filters | None = None, group: bool = False
) -> Query:
    """A `Query` from plain words (doors use it).

    Raises:
        UsageError: there is no such mode.
    """
    try:
        chosen = SearchMode(mode)
    except ValueError:
        known = ", ".join(SearchMode)
        raise UsageError(f"There is no search mode '{mode}'. Use one of: {known}.") from None
    return replace(Query(text), mode=chosen, top_k=top_k, filters=filters or Filters(), group=group)
