"""Entities and relations by rules."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations, islice

from cortex_engine.core.graph import (
    DocumentGraph,
    EntityKind,
    ExtractedEntity,
    Mention,
    Relation,
    RelationKind,
    WaitingGraph,
)
from cortex_engine.core.names import fold
from cortex_engine.graph.reading import Reading
from cortex_engine.graph.spacy_model import blank_pipeline

_PAIRS = 60
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_LINE = re.compile(r"[^\n\t|]+")


class RuleExtractor:
    """Implements `EntityExtractor` by rules over spaCy's blank pipeline."""

    name = "rules"
    fingerprint = "rules-0"

    def extract(self, document: WaitingGraph) -> DocumentGraph:
        """The document's part of the graph.

        Raises:
            ModelUnavailableError: spaCy cannot be loaded.
        """
        reading = Reading(document.chunks)
        found: list[tuple[int, int, str, EntityKind]] = []
        sentences: list[tuple[int, int]] = []
        inner: Counter[str] = Counter()
        with blank_pipeline(document.language) as pipeline:
            for stretch in reading.stretches:
                for line in _LINE.finditer(stretch.text):
                    offset = stretch.start + line.start()
                    for sentence in pipeline(line.group()[:900_000]).sents:
                        sentences.append((offset + sentence.start_char, offset + sentence.end_char))
                        for mail in _MAIL.finditer(sentence.text):
                            start = offset + sentence.start_char + mail.start()
                            found.append((start, start + len(mail.group()), mail.group(), EntityKind.EMAIL))
                        words = list(sentence)
                        run: list[int] = []
                        for number, word in enumerate([*words, None]):
                            if word is not None and word.text[:1].isupper() and not word.is_stop and len(word.text) > 1:
                                run.append(number)
                                continue
                            if run:
                                first, last = words[run[0]], words[run[-1]]
                                start, end = offset + first.idx, offset + last.idx + len(last.text)
                                surface = line.group()[start - offset : end - offset]
                                if run[0] > 0:
                                    inner[fold(surface)] += 1
                                found.append((start, end, surface, EntityKind.UNKNOWN))
                            run = []
        mentions, kinds = [], {}
        for start, end, surface, kind in found:
            folded, holder = fold(surface), reading.holder(start, end)
            if holder is None or not folded or (kind is EntityKind.UNKNOWN and not inner[folded]):
                continue
            kinds.setdefault(surface, kind)
            mentions.append(Mention(surface, holder.chunk_id, start, end, surface))
        mentions.sort(key=lambda mention: mention.char_start)
        relations = []
        for start, end in sentences:
            holder = reading.holder(start, end)
            if holder is None:
                continue
            names = sorted({m.name for m in mentions if start <= m.char_start and m.char_end <= end}, key=fold)
            for one, two in islice(combinations(names, 2), _PAIRS):
                if fold(one) != fold(two):
                    relations.append(Relation(one, two, RelationKind.TOGETHER, holder.chunk_id, start, end))
        entities = tuple(ExtractedEntity(name, kind) for name, kind in kinds.items())
        return DocumentGraph(entities, tuple(mentions), tuple(relations))
