"""The catalog, the source of truth: SQLite, originals by content, and the lock of the one owner."""

from cortex_engine.catalog.blobs import FileBlobStore
from cortex_engine.catalog.owner import OwnerInfo, OwnerLock
from cortex_engine.catalog.sqlite import SqliteCatalog

__all__ = ["FileBlobStore", "OwnerInfo", "OwnerLock", "SqliteCatalog"]
