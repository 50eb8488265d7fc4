"""spaCy's blank pipelines, which need nothing downloaded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from cortex_engine.core.errors import ModelUnavailableError

_NEEDS_MORE = frozenset({"ja", "ko", "th", "vi", "zh"})
"""Languages whose tokenizers need packages of their own, or cut every letter from the next (Chinese: Latin ones, too)."""
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


def load_spacy() -> Any:
    """The library itself.

    Raises:
        ModelUnavailableError: it is not installed, or cannot be loaded.
    """
    try:
        import spacy
    except ImportError as error:
        raise ModelUnavailableError(
            f"Names cannot be found: spaCy cannot be loaded ({error}). Install it: pip install -r requirements.txt"
        ) from error
    return spacy


@lru_cache(maxsize=8)
def _blank(language: str) -> Any:
    spacy = load_spacy()
    try:
        pipeline = spacy.blank("xx" if language in _NEEDS_MORE or not language else language)
    except ImportError:  # a language that spaCy does not know, or whose tokenizer needs another package
        pipeline = spacy.blank("xx")
    pipeline.add_pipe("sentencizer")
    return pipeline
