"""spaCy: its blank pipelines, which need nothing downloaded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from cortex_engine.core.errors import ModelUnavailableError

_NEEDS_MORE = frozenset({"ja", "ko", "th", "vi"})
"""Languages whose tokenizers need packages of their own."""
_LOCK = threading.Lock()


@contextmanager
def blank_pipeline(language: str) -> Iterator[Any]:
    """spaCy's tokenizer and sentencizer of a language, for one thread at a time; words met are forgotten afterwards.

    Raises:
        ModelUnavailableError: spaCy is not installed, or cannot be loaded.
    """
    with _LOCK:
        pipeline = _blank(language)
        with pipeline.memory_zone():
            yield pipeline


@lru_cache(maxsize=8)
def _blank(language: str) -> Any:
    try:
        import spacy
    except ImportError as error:
        raise ModelUnavailableError(
            f"Entities cannot be found: spaCy cannot be loaded ({error}). Install it: pip install -r requirements.txt"
        ) from error
    try:
        pipeline = spacy.blank("xx" if language in _NEEDS_MORE or not language else language)
    except ImportError:
        pipeline = spacy.blank("xx")
    pipeline.add_pipe("sentencizer")
    return pipeline
