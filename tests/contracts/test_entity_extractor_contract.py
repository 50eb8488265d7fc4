"""What every `EntityExtractor` keeps: places that hold, one count of what passages repeat, names that fold to something."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Sequence

import pytest

from cortex_engine.core.answers import ChatMessage
from cortex_engine.core.graph import NOT_NODES, DocumentGraph, EntityKind, GraphPassage, RelationKind, WaitingGraph
from cortex_engine.core.graph_records import EntityExtractor
from cortex_engine.core.names import fold
from cortex_engine.graph.extraction import RuleExtractor
from cortex_engine.graph.llm_extraction import LlmExtractor
from cortex_engine.graph.spacy_model import SpacyExtractor

TEXT = (
    "In June 2016 Ada Lovelace met Charles Babbage in London. They spoke of $20 and of the Analytical Engine.\n\n"
    "Name | Ada Lovelace | Zürich\nMail | ada@example.org | 7 May 1843\n\n"
    "The World Health Organization (WHO) knows Lovelace. WHO wrote to Babbage's heirs in Zürich, e.g. to Émile Ø. 🙂"
)
CUTS = {
    "one": [(0, len(TEXT))],
    "overlapping": [(0, 70), (40, 130), (130, 200), (180, len(TEXT))],
    "within names": [(0, 18), (16, 40), (40, len(TEXT))],
    "with a gap": [(0, 56), (107, len(TEXT))],
    "one in another": [(0, len(TEXT)), (10, 60)],
}


class Capitals:
    """A chat model that answers with all capitalised words of the passage, and more."""

    name = "capitals at nowhere"

    def stream(self, messages: Sequence[ChatMessage], max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        yield self.complete(messages, max_tokens, temperature)

    def complete(self, messages: Sequence[ChatMessage], max_tokens: int, temperature: float = 0.0) -> str:
        text = messages[-1].content.split(">>", 1)[1].rsplit("<<", 1)[0]
        found = sorted(set(re.findall(r"[A-ZÉ]\w+(?: [A-Z]\w+)*", text)))
        relations = [{"source": one, "verb": "met", "target": two} for one in found for two in found]
        return json.dumps(
            {"entities": [{"name": name, "kind": "x"} for name in [*found, "Nobody"]], "relations": relations}
        )


@pytest.fixture(scope="module", params=["rules", "spacy", "llm"])
def extractor(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> EntityExtractor:
    if request.param == "rules":
        return RuleExtractor()
    if request.param == "llm":
        return LlmExtractor(Capitals())
    import spacy

    pipeline = spacy.blank("en")
    ruler = pipeline.add_pipe("entity_ruler")
    ruler.add_patterns(
        [{"label": "PERSON", "pattern": name} for name in ("Ada Lovelace", "Charles Babbage", "Lovelace", "Babbage")]
        + [{"label": "GPE", "pattern": "London"}, {"label": "CARDINAL", "pattern": "20"}]
    )
    folder = tmp_path_factory.mktemp("model") / "ruler"
    pipeline.to_disk(folder)
    return SpacyExtractor(str(folder))


def waiting(cuts: list[tuple[int, int]], offset: int = 0, language: str = "en") -> WaitingGraph:
    passages = [GraphPassage(f"c{number}", TEXT[a:b], offset + a) for number, (a, b) in enumerate(cuts)]
    return WaitingGraph("d", "a.txt", language, passages)


@pytest.fixture(scope="module", params=list(CUTS))
def read(request: pytest.FixtureRequest, extractor: EntityExtractor) -> tuple[WaitingGraph, DocumentGraph]:
    document = waiting(CUTS[request.param], offset=1000)
    return document, extractor.extract(document)


def test_it_is_an_extractor_with_a_name(extractor: EntityExtractor) -> None:
    assert isinstance(extractor, EntityExtractor)
    assert extractor.name
    assert extractor.fingerprint == extractor.fingerprint != ""


def test_every_mention_stands_where_it_says(read: tuple[WaitingGraph, DocumentGraph]) -> None:
    document, graph = read
    passages = {passage.chunk_id: passage for passage in document.chunks}
    assert graph.mentions
    for mention in graph.mentions:
        passage = passages[mention.chunk_id]
        start, end = mention.char_start - passage.char_start, mention.char_end - passage.char_start
        assert 0 <= start < end <= len(passage.text)
        assert passage.text[start:end] == mention.surface


def test_mentions_and_relations_speak_of_entities_that_are_there_once(read: tuple[WaitingGraph, DocumentGraph]) -> None:
    _, graph = read
    folded = [fold(entity.name) for entity in graph.entities]
    assert "" not in folded
    assert len(set(folded)) == len(folded)
    known = {entity.name: entity.kind for entity in graph.entities}
    assert {mention.name for mention in graph.mentions} == set(known)
    for relation in graph.relations:
        assert {relation.source, relation.target} <= set(known)
        assert relation.source != relation.target
        assert known[relation.source] not in NOT_NODES
        if relation.kind is RelationKind.TOGETHER:
            assert fold(relation.source) < fold(relation.target)
        if relation.kind is RelationKind.DATED:
            assert known[relation.target] is EntityKind.DATE
        assert bool(relation.label) == (relation.kind is RelationKind.NAMED)


def test_nothing_is_counted_twice(read: tuple[WaitingGraph, DocumentGraph]) -> None:
    _, graph = read
    places = sorted((mention.char_start, mention.char_end) for mention in graph.mentions)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(places))
    assert len(set(graph.relations)) == len(graph.relations)


def test_a_relation_is_proved_within_a_passage_that_holds_both_names(read: tuple[WaitingGraph, DocumentGraph]) -> None:
    document, graph = read
    passages = {passage.chunk_id: passage for passage in document.chunks}
    for relation in graph.relations:
        passage = passages[relation.chunk_id]
        assert passage.char_start <= relation.char_start < relation.char_end <= passage.char_start + len(passage.text)
        inside = {
            m.name for m in graph.mentions if relation.char_start <= m.char_start and m.char_end <= relation.char_end
        }
        assert {relation.source, relation.target} <= inside


def test_dates_have_their_iso_form_and_nothing_else_has(read: tuple[WaitingGraph, DocumentGraph]) -> None:
    _, graph = read
    for entity in graph.entities:
        assert bool(re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", entity.date)) == (entity.kind is EntityKind.DATE)


def test_the_part_is_a_pure_function_of_the_document(extractor: EntityExtractor) -> None:
    document = waiting(CUTS["overlapping"])
    assert extractor.extract(document) == extractor.extract(document)


@pytest.mark.parametrize("language", ["", "en", "xx", "ja", "qq"])
def test_nothing_and_unknown_languages_are_read(extractor: EntityExtractor, language: str) -> None:
    assert extractor.extract(WaitingGraph("d", "a", language, [])) == DocumentGraph()
    assert extractor.extract(WaitingGraph("d", "a", language, [GraphPassage("c", " \n\n ", 0)])) == DocumentGraph()
    assert extractor.extract(waiting(CUTS["one"], language=language)).mentions
