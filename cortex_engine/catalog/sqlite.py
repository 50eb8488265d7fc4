"""The catalog on SQLite, put together from its parts."""

from __future__ import annotations

from pathlib import Path

from cortex_engine.catalog.calibration import CalibrationRows
from cortex_engine.catalog.collections import CollectionRecords
from cortex_engine.catalog.commit import DocumentWriting
from cortex_engine.catalog.connection import Database
from cortex_engine.catalog.conversations import ConversationRecords
from cortex_engine.catalog.curation import CollectionCuration
from cortex_engine.catalog.documents import DocumentReading
from cortex_engine.catalog.facets import FacetReading
from cortex_engine.catalog.flights import FlightRecording
from cortex_engine.catalog.foresight import Foresight
from cortex_engine.catalog.graph_columns import GraphColumns
from cortex_engine.catalog.graph_places import GraphPlaces
from cortex_engine.catalog.graph_reading import GraphReading
from cortex_engine.catalog.graph_writing import GraphWriting
from cortex_engine.catalog.jobs import JobRecords
from cortex_engine.catalog.keys import KeyRecords
from cortex_engine.catalog.metadata import MetadataRecords
from cortex_engine.catalog.migrations import MigrationWriting
from cortex_engine.catalog.notebook import NotebookRecords
from cortex_engine.catalog.outbox import OutboxRecords
from cortex_engine.catalog.pictures_reading import PictureReading
from cortex_engine.catalog.pictures_writing import PictureWriting
from cortex_engine.catalog.probes import ProbeRecords
from cortex_engine.catalog.rereading import Rereading
from cortex_engine.catalog.search_records import SearchReading
from cortex_engine.catalog.single_pages import SinglePages
from cortex_engine.catalog.upkeep import CatalogUpkeep
from cortex_engine.catalog.vectors import VectorReading
from cortex_engine.core.catalog import BlobStore


class SqliteCatalog(
    CollectionRecords,
    CollectionCuration,
    Foresight,
    FacetReading,
    MetadataRecords,
    NotebookRecords,
    DocumentWriting,
    DocumentReading,
    VectorReading,
    PictureReading,
    PictureWriting,
    MigrationWriting,
    ProbeRecords,
    GraphReading,
    GraphPlaces,
    GraphColumns,
    GraphWriting,
    SinglePages,
    SearchReading,
    FlightRecording,
    OutboxRecords,
    Rereading,
    JobRecords,
    KeyRecords,
    ConversationRecords,
    CalibrationRows,
    CatalogUpkeep,
):
    """The port `Catalog`. May be used from any thread; several processes may open the same file.

    Args:
        path: the database file; made when it is not there.
        owner: this process owns the library, and moves the write-ahead log into the file.
        blobs: where the originals lie; when given, nothing is queued or committed whose original is gone.

    Raises:
        CatalogError: the file is damaged, or was made by a newer version. Nothing is ever put in its place.
    """

    def __init__(self, path: Path, *, owner: bool = False, blobs: BlobStore | None = None) -> None:
        self._blobs = blobs
        self._database = Database(path, owner=owner)
        with self._database.plain():
            pass
