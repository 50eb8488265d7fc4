"""Small documents whose part of the graph is written down, for tests of what keeps and shows the graph."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import combinations

import numpy as np

from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.documents import Chunk, DocumentInfo, Page, PageState, ParsedDocument
from cortex_engine.core.graph import (
    DocumentGraph,
    EntityKind,
    ExtractedEntity,
    Mention,
    Relation,
    RelationKind,
    WaitingGraph,
)
from cortex_engine.core.identifiers import chunk_id, content_hash, document_id
from cortex_engine.core.names import fold
from cortex_engine.core.records import PreparedDocument

SPEC = EmbeddingSpec("hashing", "test", "1", 3, "none", True, 64)
_NAME = re.compile(r"\b[A-Z][a-zé]+(?: [A-Z][a-zé]+)*|\b[12]\d{3}\b")
_SENTENCE = re.compile(r"[^.]+\.")


def prepared(name: str, passages: Iterable[str], pipeline: str = "p") -> PreparedDocument:
    """A document of one page with these passages, ready to be committed."""
    texts = list(passages)
    whole = "\n".join(texts)
    key = document_id(content_hash(whole.encode()))
    chunks, start = [], 0
    for number, text in enumerate(texts):
        end = start + len(text)
        identity = chunk_id(key, start, end, f"{pipeline} {text}")
        chunks.append(Chunk(identity, key, number, text, start, end, 1, 1))
        start = end + 1
    parsed = ParsedDocument(DocumentInfo("text", title=name, language="en"), (Page(1, whole, PageState.TEXT),), ())
    vectors = {SPEC.id: np.ones((len(chunks), 3), np.float32)}
    return PreparedDocument(content_hash(whole.encode()), name, len(whole), parsed, chunks, vectors, pipeline)


class CapitalExtractor:
    """Capitalised words are names, years are dates, one sentence connects; names in `kinds` have a kind, in `aliases` an alias
    whose every mention means the name.
    """

    def __init__(
        self,
        version: str = "1",
        kinds: dict[str, EntityKind] | None = None,
        aliases: dict[str, str] | None = None,
        broken: str = "",
    ) -> None:
        self.name = "capitals"
        self.fingerprint = f"capitals {version}"
        self._kinds = kinds or {}
        self._aliases = aliases or {}
        self._broken = broken
        self.read: list[str] = []

    def extract(self, document: WaitingGraph) -> DocumentGraph:
        """Find the names."""
        self.read.append(document.name)
        if self._broken and self._broken in document.name:
            raise RuntimeError("out of order")
        mentions, relations, entities = [], [], {}
        for passage in document.chunks:
            for sentence in _SENTENCE.finditer(passage.text):
                at = passage.char_start + sentence.start()
                inside = []
                for match in _NAME.finditer(sentence.group()):
                    surface = match.group()
                    name = self._aliases.get(surface, surface)
                    entities[name] = self._entity(name)
                    inside.append(name)
                    place = (passage.chunk_id, at + match.start(), at + match.end())
                    mentions.append(Mention(name, *place, surface))
                span = (passage.chunk_id, at, at + len(sentence.group()))
                relations += [
                    relation for pair in combinations(dict.fromkeys(inside), 2) for relation in _joined(pair, span)
                ]
        return DocumentGraph(tuple(entities.values()), tuple(mentions), tuple(relations))

    def _entity(self, name: str) -> ExtractedEntity:
        if name.isdigit():
            return ExtractedEntity(name, EntityKind.DATE, (), name)
        aliases = tuple(alias for alias, meant in self._aliases.items() if meant == name)
        return ExtractedEntity(name, self._kinds.get(name, EntityKind.UNKNOWN), aliases)


def _joined(pair: tuple[str, str], span: tuple[str, int, int]) -> list[Relation]:
    first, second = sorted(pair, key=lambda name: (name.isdigit(), fold(name)))
    if first.isdigit():
        return []
    kind = RelationKind.DATED if second.isdigit() else RelationKind.TOGETHER
    return [Relation(first, second, kind, *span)]
