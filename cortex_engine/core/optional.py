"""Import a library only when it is needed, and say what to do when it is not there."""

from __future__ import annotations

import importlib
from types import ModuleType

from cortex_engine.core.errors import ModelUnavailableError

INSTALL_LLAMA_INDEX = "pip install -r requirements-llamaindex.txt (or pip install llama-index-core)"


def require(module: str, purpose: str, install: str) -> ModuleType:
    """Import `module` or explain its absence.

    Args:
        module: dotted name.
        purpose: what it is needed for, to stand after "is needed".
        install: what the person types to get it.

    Raises:
        ModelUnavailableError: the module cannot be imported; the sentence holds the cause and the remedy.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ModelUnavailableError(absence(module, purpose, install, error)) from error


def absence(module: str, purpose: str, install: str, error: ImportError) -> str:
    """The sentence on a package that cannot be imported; arguments as `require` takes them."""
    return f"The package '{module}' is needed {purpose}, but cannot be imported ({error}). Install it with: {install}"
