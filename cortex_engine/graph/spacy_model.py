"""Entities by an installed spaCy model; dates, amounts, abbreviations and aliases as by rules."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cortex_engine.core.errors import ModelUnavailableError
from cortex_engine.core.graph import DocumentGraph, EntityKind, WaitingGraph
from cortex_engine.graph.assembling import RULES, assemble, fixed_finds
from cortex_engine.graph.extraction import RuleExtractor
from cortex_engine.graph.finds import Find, tidy
from cortex_engine.graph.kinds import kind_of
from cortex_engine.graph.lexicon import common_words
from cortex_engine.graph.noise import is_noise
from cortex_engine.graph.pipelines import load_spacy
from cortex_engine.graph.reading import Reading
from cortex_engine.graph.segments import sentences

_KINDS = {
    "PERSON": EntityKind.PERSON,
    "PER": EntityKind.PERSON,
    "ORG": EntityKind.ORGANISATION,
    "GPE": EntityKind.PLACE,
    "LOC": EntityKind.PLACE,
    "FAC": EntityKind.PLACE,
    "WORK_OF_ART": EntityKind.WORK,
    "EVENT": EntityKind.EVENT,
    "PRODUCT": EntityKind.PRODUCT,
    "NORP": EntityKind.UNKNOWN,
    "LAW": EntityKind.UNKNOWN,
    "LANGUAGE": EntityKind.UNKNOWN,
    "MISC": EntityKind.UNKNOWN,
}
"""Labels of OntoNotes, CoNLL and WikiNER models; others (CARDINAL, TIME, DATE …) are no names, or found by patterns."""


def model_version(model: str) -> str:
    """The version of an installed model (a package, or a folder made by spaCy), "" where it is not there; nothing is loaded."""
    folder = Path(model)
    try:
        if (folder / "meta.json").is_file():
            return str(json.loads((folder / "meta.json").read_text(encoding="utf-8")).get("version", "?"))
        if not model.isidentifier() or importlib.util.find_spec(model) is None:
            return ""
        return importlib.metadata.version(model)
    except importlib.metadata.PackageNotFoundError:
        return "?"
    except (OSError, ValueError, ImportError, AttributeError):  # AttributeError: its meta.json holds something else
        return ""


class SpacyExtractor:
    """Implements `EntityExtractor` by a model for names. Documents of other languages than the model's are read by rules.

    Args:
        model: name of the package, or folder.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._version = model_version(model)
        self._lock = threading.Lock()
        self._loaded: Any = None
        self._rules = RuleExtractor()

    @property
    def name(self) -> str:
        """For people."""
        return Path(self._model).name

    @property
    def fingerprint(self) -> str:
        """Model, its version, and the version of the rules."""
        return f"spacy:{self.name}:{self._version}:{RULES}"

    def extract(self, document: WaitingGraph) -> DocumentGraph:
        """The document's part of the graph.

        Raises:
            ModelUnavailableError: the model is not installed, or cannot be loaded.
        """
        with self._lock:
            model = self._load()
            if document.language and model.lang not in {document.language, "xx"}:
                return self._rules.extract(document)
            reading = Reading(document.chunks)
            found: list[Find] = []
            with model.memory_zone():
                cut = [
                    sentence
                    for stretch in reading.stretches
                    for sentence in sentences(stretch, model, lambda read, offset: found.extend(_names(read, offset)))
                ]
        return assemble(reading, cut, [*fixed_finds(reading), *found], common_words(model.lang))

    def _load(self) -> Any:
        if self._loaded is None:
            spacy = load_spacy()
            if not self._version:
                raise ModelUnavailableError(
                    f"Names cannot be found: the spaCy model {self._model!r} is not installed. "
                    f"Install it (python -m spacy download {self._model}), or set entity_extractor to rules."
                )
            try:
                model = spacy.load(self._model)
                if not {"parser", "senter", "sentencizer"} & set(model.pipe_names):
                    model.add_pipe("sentencizer", first=True)
            except Exception as error:
                raise ModelUnavailableError(
                    f"Names cannot be found: the spaCy model {self._model!r} cannot be loaded ({error}). "
                    "Install the version that fits this spaCy, or set entity_extractor to rules."
                ) from error
            self._loaded = model
        return self._loaded


def _names(read: Any, offset: int) -> Iterator[Find]:
    """What the model found in a piece of text, without articles before, possessives after, and noise."""
    for entity in read.ents:
        kind = _KINDS.get(entity.label_)
        tokens = list(entity)
        while tokens and (tokens[-1].text in {"'s", "’s", "'", "’"} or tokens[-1].is_space):
            tokens.pop()
        while tokens and (tokens[0].lower_ in {"the", "a", "an"} or tokens[0].is_space) and kind is not EntityKind.WORK:
            tokens.pop(0)
        if kind is None or not tokens:
            continue
        start, end = tokens[0].idx, tokens[-1].idx + len(tokens[-1].text)
        name = tidy(read.text[start:end])
        if not is_noise(name):
            yield Find(offset + start, offset + end, name, kind or kind_of(name))
