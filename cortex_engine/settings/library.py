"""Settings of the library, of reading files, and of logs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from cortex_engine.settings.field import NEW_DOCUMENTS, setting

DEFAULT_DATA_DIR = Path.home() / ".cortex-suite"


class LibrarySettings(BaseModel):
    """Where the library lies."""

    data_dir: Path = setting(
        DEFAULT_DATA_DIR,
        "Folder of the library: catalog, originals, indexes.",
        "Library",
        "CORTEX_DATA_DIR",
        "Opens another library: nothing is moved.",
    )
    default_collection: str = setting(
        "Library",
        "Collection that documents go to when none is named.",
        "Library",
        "CORTEX_DEFAULT_COLLECTION",
        min_length=1,
    )
    min_free_bytes: int = setting(
        2_000_000_000,
        "Ingest is refused when less than this (or than 5 % of the disk, if that is smaller) would stay free.",
        "Library",
        "CORTEX_MIN_FREE_BYTES",
        ge=0,
    )


class IngestSettings(BaseModel):
    """How files are read and cut."""

    chunk_max_tokens: int = setting(
        0,
        "Longest passage in the model's tokens; 0 for 512, or the model's own limit where that is less.",
        "Ingest",
        "CORTEX_CHUNK_MAX_TOKENS",
        NEW_DOCUMENTS,
        ge=0,
    )
    ocr: bool = setting(
        True, "Read pages without a text layer, and pictures.", "Ingest", "CORTEX_OCR", "New documents only."
    )
    parse_workers: int = setting(2, "Files read at the same time.", "Ingest", "CORTEX_PARSE_WORKERS", ge=1, le=64)
    parse_memory_bytes: int = setting(
        1_500_000_000, "Memory that reading one file may take.", "Ingest", "CORTEX_PARSE_MEMORY_BYTES", ge=200_000_000
    )
    parse_wall_seconds: float = setting(
        60.0, "Time that reading one file may take, without OCR.", "Ingest", "CORTEX_PARSE_WALL_SECONDS", gt=0
    )
    parse_file_bytes: int = setting(
        100_000_000, "Largest file that is taken in.", "Ingest", "CORTEX_PARSE_FILE_BYTES", ge=1
    )


class LogSettings(BaseModel):
    """How much is logged."""

    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "info", "How much is logged.", "Logs", "CORTEX_LOG_LEVEL"
    )
