"""Entities and relations by rules."""

from __future__ import annotations

from cortex_engine.core.graph import DocumentGraph, EntityKind, WaitingGraph
from cortex_engine.graph.assembling import RULES, assemble, fixed_finds
from cortex_engine.graph.finds import Marks
from cortex_engine.graph.names import NameFinder, Tongue
from cortex_engine.graph.patterns import not_names
from cortex_engine.graph.pipelines import blank_pipeline
from cortex_engine.graph.reading import Reading
from cortex_engine.graph.segments import sentences


class RuleExtractor:
    """Implements `EntityExtractor` by rules over spaCy's blank pipeline of the document's language. Nothing is downloaded."""

    @property
    def name(self) -> str:
        """For people."""
        return "rules"

    @property
    def fingerprint(self) -> str:
        """The version of the rules."""
        return f"rules-{RULES}"

    def extract(self, document: WaitingGraph) -> DocumentGraph:
        """The document's part of the graph.

        Raises:
            ModelUnavailableError: spaCy cannot be loaded.
        """
        reading = Reading(document.chunks)
        with blank_pipeline(document.language) as pipeline:
            cut = [sentence for stretch in reading.stretches for sentence in sentences(stretch, pipeline)]
            tongue = Tongue.of(document.language, frozenset(pipeline.Defaults.stop_words))
        fixed = list(fixed_finds(reading))
        blocked = Marks(max((stretch.start + len(stretch.text) for stretch in reading.stretches), default=0))
        for find in fixed:
            if find.kind is not EntityKind.WORK:
                blocked.add(find.start, find.end)
        for stretch in reading.stretches:
            for start, end in not_names(stretch.text):
                blocked.add(stretch.start + start, stretch.start + end)
        named = NameFinder(cut, tongue, blocked).finds()
        return assemble(reading, cut, [*fixed, *named], tongue.common)
