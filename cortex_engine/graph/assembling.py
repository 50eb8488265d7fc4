"""What every extractor does with its finds: entities, mentions and relations, each with its proof."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

from cortex_engine.core.graph import (
    NOT_NODES,
    DocumentGraph,
    EntityKind,
    Mention,
    Relation,
    RelationKind,
)
from cortex_engine.core.names import fold
from cortex_engine.graph.abbreviations import abbreviations
from cortex_engine.graph.finds import Find, tidy, without_overlaps
from cortex_engine.graph.kinds import kind_of
from cortex_engine.graph.naming import Naming
from cortex_engine.graph.patterns import fixed_patterns, titles
from cortex_engine.graph.reading import Reading
from cortex_engine.graph.segments import Sentence

RULES = 5
"""Counted up whenever the rules may find something else in the same document."""
_MOST_PAIRS = 45
"""Pairs of one sentence: ten names. A list of fifty says little of any two of them."""


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
                yield Find(stretch.start + match.start(), stretch.start + end, called, kind_of(called), certain=True)


def _whole_words(long: str) -> str:
    """A long form without hyphens that only the end of a line put there."""
    return re.sub(r"(?<=[a-zà-ÿ])-\s(?=[a-zà-ÿ])", "", long)


@dataclass(frozen=True, slots=True)
class Said:
    """What a text says of two names; places are those of the sentences that say it."""

    source: str
    verb: str
    target: str
    start: int
    end: int


def assemble(
    reading: Reading,
    cut: Sequence[Sentence],
    finds: Iterable[Find],
    common: frozenset[str] = frozenset(),
    said: Iterable[Said] = (),
) -> DocumentGraph:
    """Finds into entities, mentions and relations: each counted once, in the first passage that holds it wholly."""
    held = [find for find in without_overlaps(finds) if reading.holder(find.start, find.end) is not None]
    naming = Naming(held, common)
    mentions: list[Mention] = []
    surfaces: defaultdict[str, set[str]] = defaultdict(set)
    for find in held:
        passage, name = reading.holder(find.start, find.end), naming.canonical(find.name)
        if passage is None or not name:
            continue
        surface = passage.text[find.start - passage.char_start : find.end - passage.char_start]
        mentions.append(Mention(name, passage.chunk_id, find.start, find.end, surface))
        surfaces[name].add(tidy(surface))
    entities = naming.entities((mention.name for mention in mentions), surfaces)
    kinds = {entity.name: entity.kind for entity in entities}
    relations = [*_relations(reading, cut, mentions, kinds), *_named(reading, naming, mentions, said)]
    return DocumentGraph(entities, tuple(mentions), tuple(dict.fromkeys(relations)))


def _named(reading: Reading, naming: Naming, mentions: Sequence[Mention], said: Iterable[Said]) -> Iterator[Relation]:
    """What was said of two entities that are both mentioned in the sentence that says it."""
    starts = [each.char_start for each in mentions]
    for one in said:
        source, target = naming.canonical(one.source), naming.canonical(one.target)
        passage = reading.holder(one.start, one.end)
        near = mentions[bisect_left(starts, one.start) : bisect_left(starts, one.end)]
        here = {each.name for each in near if each.char_end <= one.end}
        if passage is not None and source != target and {source, target} <= here:
            yield Relation(source, target, RelationKind.NAMED, passage.chunk_id, one.start, one.end, one.verb)


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
        here = sorted({mention.name for mention in mentions[place:after]}, key=fold)
        if len(here) < 2:
            continue
        proof = _proof(reading, (start, end), mentions[place:after])
        if proof is None:
            continue
        nodes = [name for name in here if kinds[name] not in NOT_NODES]
        dates = [name for name in here if kinds[name] is EntityKind.DATE]
        for one, two in islice(combinations(nodes, 2), _MOST_PAIRS):
            yield Relation(one, two, RelationKind.TOGETHER, *proof)
        for name, date in islice(((name, date) for name in nodes for date in dates), _MOST_PAIRS):
            yield Relation(name, date, RelationKind.DATED, *proof)


def _proof(reading: Reading, span: tuple[int, int], mentions: Sequence[Mention]) -> tuple[str, int, int] | None:
    """Passage and place of a sentence; of one that is cut in two, what its names span, which proves as much."""
    for start, end in (span, (mentions[0].char_start, mentions[-1].char_end)):
        passage = reading.holder(start, end)
        if passage is not None:
            return passage.chunk_id, start, end
    return None
