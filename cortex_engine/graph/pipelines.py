"""spaCy's blank pipelines, which need nothing downloaded."""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any

from cortex_engine.core.errors import ModelUnavailableError

_NEEDS_MORE = frozenset({"ja", "ko", "th", "vi", "zh"})
"""Languages whose tokenizers need packages of their own, or cut every letter from the next (Chinese: Latin ones, too)."""
_LOCK = threading.Lock()
_NEED_TORCH = ("spacy_transformers", "spacy_curated_transformers")
_COMPAT = "thinc.compat"
_INSTALL = "Install it: pip install -r requirements.txt"


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
    """The library itself; it does not load torch, unless a package that needs both is installed.

    Raises:
        ModelUnavailableError: it is not installed, or cannot be loaded.
    """
    try:
        _show_no_torch()
        import spacy
    except Exception as error:  # a numpy that does not fit, for one, is a ValueError
        raise ModelUnavailableError(
            f"Names cannot be found: spaCy cannot be loaded ({type(error).__name__}: {error}). {_INSTALL}"
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


def _show_no_torch() -> None:
    """Have spaCy loaded without torch, which its library of numbers, thinc, takes along wherever it is installed: three seconds
    and 180 MB for pipelines that never use it.

    The one module in which thinc looks what is installed is loaded here, with import statements that find no torch. Nobody else
    is concerned: other threads, and everything later, import torch as ever.
    """
    if {"torch", _COMPAT} & set(sys.modules) or any(map(importlib.util.find_spec, _NEED_TORCH)):
        return
    home = importlib.util.find_spec("thinc")
    spec = PathFinder.find_spec(_COMPAT, home.submodule_search_locations) if home else None
    if spec is None or spec.loader is None:
        return
    compat = importlib.util.module_from_spec(spec)
    vars(compat)["__builtins__"] = {**vars(builtins), "__import__": _import}
    spec.loader.exec_module(compat)
    vars(importlib.import_module("thinc"))["compat"] = sys.modules.setdefault(_COMPAT, compat)


def _import(name: str, *rest: Any, **named: Any) -> ModuleType:
    if name.partition(".")[0] == "torch":
        raise ImportError(f"'{name}' is not loaded for spaCy")
    return builtins.__import__(name, *rest, **named)
