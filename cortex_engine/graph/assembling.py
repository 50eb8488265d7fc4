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
_WORD = re.compile(r"\w+")
_MOST_PAIRS = 45
"""Pairs of one sentence: ten names. A list of fifty says little of any two of them."""


def fixed_finds(reading: Reading) -> Iterator[Find]:
    """What patterns find without a doubt: addresses, dates, amounts, titles, abbreviations with their long forms."""
    for stretch in reading.stretches:
        yield from fixed_patterns(stretch.text, stretch.start)
        yield from titles(stretch.text, stretch.start)
    yield from _abbreviated(reading)


def _abbreviated(reading: Reading) -> Iterator[Find]:
    """Every place of a defined abbreviation and of its long form, both named by the long form.

    Each word is looked at once, however many abbreviations there are: whole documents are full of them.
    """
    votes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for stretch in reading.stretches:
        for found in abbreviations(stretch.text):
            votes[found.short][tidy(found.long)] += 1
    begun_by: defaultdict[str, list[_Defined]] = defaultdict(list)
    for short, longs in votes.items():
        defined = _Defined.of(short, longs.most_common(1)[0][0])
        for begins in defined.first_words:
            begun_by[begins].append(defined)
    for stretch in reading.stretches:
        ends: dict[str, int] = {}
        for word in _WORD.finditer(stretch.text):
            for defined in begun_by.get(word.group().lower(), ()):
                match = defined.pattern.match(stretch.text, word.start())
                if match and word.start() >= ends.get(defined.short, 0):
                    ends[defined.short] = match.end()
                    yield defined.find(match, stretch.start)


@dataclass(frozen=True, slots=True)
class _Defined:
    """An abbreviation whose long form the document gives."""

    short: str
    name: str
    pattern: re.Pattern[str]
    first_words: frozenset[str]
    """Small letters of the words that a place may begin with."""

    @classmethod
    def of(cls, short: str, long: str) -> _Defined:
        """Of its short and its most frequent long form."""
        spaced = r"\s+".join(re.escape(word) for word in long.split())
        pattern = re.compile(rf"(?<!\w)(?:{re.escape(short)}(?:s(?!\w))?|(?i:{spaced}))(?!\w)")
        begins = [_WORD.match(each) for each in (short, f"{short}s", long)]
        return cls(short, _whole_words(long), pattern, frozenset(each.group().lower() for each in begins if each))

    def find(self, match: re.Match[str], offset: int) -> Find:
        """A place of it, in a text that begins at character `offset`."""
        end = match.end() - (match.group() == f"{self.short}s")
        is_short = match.group().startswith(self.short)
        called = self.name if is_short or fold(match.group()) != fold(self.name) else tidy(match.group())
        return Find(offset + match.start(), offset + end, called, kind_of(called), certain=True)


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
