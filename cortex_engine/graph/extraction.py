"""Entities and relations by rules, and what every extractor does with its finds."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, islice

from cortex_engine.core.graph import (
    NOT_NODES,
    DocumentGraph,
    EntityKind,
    Mention,
    Relation,
    RelationKind,
    WaitingGraph,
)
from cortex_engine.core.names import fold
from cortex_engine.graph.abbreviations import abbreviations
from cortex_engine.graph.finds import Find, tidy, without_overlaps
from cortex_engine.graph.segments import Sentence, sentences
from cortex_engine.graph.lexicon import common_words
from cortex_engine.graph.names import NameFinder, Tongue
from cortex_engine.graph.naming import Naming
from cortex_engine.graph.patterns import fixed_patterns, not_names, titles
from cortex_engine.graph.reading import Reading
from cortex_engine.graph.spacy_model import blank_pipeline

RULES = 2
"""Counted up whenever the rules may find something else in the same document."""
_MOST_PAIRS = 45
"""Pairs of one sentence: ten names. A list of fifty says little of any two of them."""


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
        blocked = {place for find in fixed if find.kind is not EntityKind.WORK for place in range(find.start, find.end)}
        for stretch in reading.stretches:
            for start, end in not_names(stretch.text):
                blocked.update(range(stretch.start + start, stretch.start + end))
        named = NameFinder(cut, tongue, frozenset(blocked)).finds()
        return assemble(reading, cut, [*fixed, *named], tongue.common)


def fixed_finds(reading: Reading) -> Iterator[Find]:
    """What patterns find without a doubt: addresses, dates, amounts, titles, abbreviations with their long forms."""
    for stretch in reading.stretches:
        yield from fixed_patterns(stretch.text, stretch.start)
        yield from titles(stretch.text, stretch.start)
    yield from _abbreviated(reading)


def _abbreviated(reading: Reading) -> Iterator[Find]:
    """Every place of a defined abbreviation and of its long form, both named by the long form."""
    votes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for stretch in reading.stretches:
        for found in abbreviations(stretch.text):
            votes[found.short][tidy(found.long)] += 1
    for short, longs in votes.items():
        name = _whole_words(longs.most_common(1)[0][0])
        long = r"\s+".join(re.escape(word) for word in longs.most_common(1)[0][0].split())
        pattern = re.compile(rf"(?<!\w)(?:{re.escape(short)}(?:s(?!\w))?|(?i:{long}))(?!\w)")
        for stretch in reading.stretches:
            for match in pattern.finditer(stretch.text):
                end = match.end() - (match.group() == f"{short}s")
                is_short = match.group().startswith(short)
                called = name if is_short or fold(match.group()) != fold(name) else tidy(match.group())
                yield Find(stretch.start + match.start(), stretch.start + end, called, certain=True)


def _whole_words(long: str) -> str:
    """A long form without hyphens that only the end of a line put there."""
    return re.sub(r"(?<=[a-zà-ÿ])-\s(?=[a-zà-ÿ])", "", long)


def assemble(
    reading: Reading, cut: Sequence[Sentence], finds: Iterable[Find], common: frozenset[str] = frozenset()
) -> DocumentGraph:
    """Finds into entities, mentions and relations: each counted once, in the first passage that holds it wholly."""
    held = [find for find in without_overlaps(finds) if reading.holder(find.start, find.end) is not None]
    naming = Naming(held, common)
    mentions: list[Mention] = []
    surfaces: defaultdict[str, set[str]] = defaultdict(set)
    for find in held:
        passage, name = reading.holder(find.start, find.end), naming.canonical(find)
        if passage is None or not name:
            continue
        surface = passage.text[find.start - passage.char_start : find.end - passage.char_start]
        mentions.append(Mention(name, passage.chunk_id, find.start, find.end, surface))
        surfaces[name].add(tidy(surface))
    entities = naming.entities((mention.name for mention in mentions), surfaces)
    kinds = {entity.name: entity.kind for entity in entities}
    return DocumentGraph(entities, tuple(mentions), tuple(_relations(reading, cut, mentions, kinds)))


def _relations(
    reading: Reading, cut: Sequence[Sentence], mentions: Sequence[Mention], kinds: dict[str, EntityKind]
) -> Iterator[Relation]:
    """Who stands with whom in one sentence or row, and which date stands there."""
    place = 0
    for start, end in sorted({sentence.row for sentence in cut}):
        while place < len(mentions) and mentions[place].char_start < start:
            place += 1
        after = place
        while after < len(mentions) and mentions[after].char_end <= end:
            after += 1
        passage = reading.holder(start, end)
        here = sorted({mention.name for mention in mentions[place:after]}, key=fold)
        if passage is None or len(here) < 2:
            continue
        nodes = [name for name in here if kinds[name] not in NOT_NODES]
        dates = [name for name in here if kinds[name] is EntityKind.DATE]
        proof = (passage.chunk_id, start, end)
        for one, two in islice(combinations(nodes, 2), _MOST_PAIRS):
            yield Relation(one, two, RelationKind.TOGETHER, *proof)
        for name, date in islice(((name, date) for name in nodes for date in dates), _MOST_PAIRS):
            yield Relation(name, date, RelationKind.DATED, *proof)
