"""Every expected failure of the suite, as a sentence for the person who meets it.

A message says what happened, to which file or name, and what to do. Doors (command line, API, pages) catch
`CortexError` in one place and show `str(error)`; anything else is a defect and keeps its traceback.
"""

from __future__ import annotations


class CortexError(Exception):
    """Base of all expected errors. `str(error)` is one or two whole sentences."""

    code = "error"
    """A short stable word for machines (JSON output, metrics, tests)."""


class UsageError(CortexError):
    """What was asked for does not make sense as it stands (an unknown filter key, an empty query)."""

    code = "usage"


class ConfigError(UsageError):
    """A setting is unknown or has a value that cannot be used."""

    code = "config"


class NotFoundError(CortexError):
    """The named collection, document, job or file is not there."""

    code = "not_found"


class AlreadyExistsError(CortexError):
    """The name is taken."""

    code = "already_exists"


class LibraryLockedError(CortexError):
    """Another process owns the library; the message says which (pid, command, since when)."""

    code = "library_locked"


class CatalogError(CortexError):
    """The catalog cannot be used: damaged, or made by a newer version."""

    code = "catalog"


class StorageFullError(CortexError):
    """The disk has too little room; nothing was written."""

    code = "storage_full"


class ParseError(CortexError):
    """A file could not be read. `reason` is a stable word, `str(error)` the sentence."""

    code = "parse"

    def __init__(self, message: str, reason: str = "damaged") -> None:
        super().__init__(message)
        self.reason = reason
        """One of: damaged, encrypted, unsupported, too_large, limit_memory, limit_time, limit_output, empty,
        crashed, forbidden."""


class ModelUnavailableError(CortexError):
    """A model cannot be loaded; the message gives cause and remedy. Never turned into an empty result."""

    code = "model_unavailable"


class ModelUnhealthyError(ModelUnavailableError):
    """A model was loaded, and what it gives means nothing; the message says what was found. It is not used."""

    code = "model_unhealthy"


class ModelMismatchError(CortexError):
    """Vectors of one `EmbeddingSpec` were about to be compared with, or stored among, those of another."""

    code = "model_mismatch"


class IndexUnavailableError(CortexError):
    """A derived index cannot answer (missing, dirty, damaged). The catalog still can; `rebuild` restores the index."""

    code = "index_unavailable"
