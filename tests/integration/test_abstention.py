""" "Nothing found" on judged questions and on questions that the library does not answer, calibrated as the product runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from cortex_engine import calibrating, searching
from cortex_engine.config import load_config
from cortex_engine.core.search import Filters, Query, SearchMode, SearchResult
from cortex_engine.evaluation.conformal import split_conformal
from cortex_engine.evaluation.datasets import read_dataset
from cortex_engine.evaluation.harness import without_operators
from cortex_engine.library import Library
from cortex_engine.measuring import corpus_library

OFF_TOPIC = """
How long should I boil an egg so that the yolk stays soft?
Which spices belong in a Thai green curry?
How do I prune a rose bush in spring?
What is the best way to remove red wine stains from a carpet?
How often should a puppy be vaccinated?
Which chess opening begins with e4 c5?
How do I reset the password of my online banking account?
What does a sonnet by Shakespeare look like?
How many strings does a cello have?
What is the average lifespan of a hamster?
Which vitamins are found in carrots?
How do bees make honey?
What time does the supermarket close on Sundays?
How do I change the tyre of a bicycle?
What causes migraine headaches?
How do I knit a scarf for beginners?
Which herbs help against insomnia?
How deep is the Mariana Trench?
What is the plot of the novel Moby Dick?
How do I install a printer driver on my laptop?
What are the symptoms of a vitamin D deficiency?
How do you fold an origami crane?
Which yoga poses relieve back pain?
How do I sew a button onto a shirt?
What is the recipe for sourdough bread?
How does a cuckoo raise its young?
Which dinosaurs had feathers?
How do I write a cover letter for a job application?
How much does a kidney transplant cost?
What is the difference between jazz and blues?
Who painted the ceiling of the Sistine Chapel?
How do volcanoes erupt?
What is the offside rule in ice hockey?
How do I unclog a kitchen sink?
Which mushrooms are poisonous?
How do I train for a marathon?
What is the difference between alpacas and llamas?
How do I brew espresso at home?
Which insects pollinate orchids?
What is the wingspan of an albatross?
How do I calculate the volume of a sphere?
What does a smart contract on a blockchain do?
How do I get chewing gum out of hair?
Which paint is suitable for a bathroom wall?
How are diamonds cut and polished?
What are the rules of badminton doubles?
How do I delete cookies in my browser?
Which fish can be kept in a garden pond?
How do I build a birdhouse out of plywood?
What is the treatment for athlete's foot?
"""
"""Looked up by hand in the 80 paragraphs of xquad-en, which answer none of them. Written before anything was measured but for one:
a question on parental leave came through, and the paragraphs do name the Parental Leave Directive; the one on a button replaced it."""


@dataclass
class World:
    library: Library
    questions: list[str]
    off_topic: list[str]

    @cached_property
    def judged(self) -> list[SearchResult]:
        """Every other judged question, asked."""
        return [self.ask(text) for text in self.questions[::2]]

    def ask(self, text: str, **values: object):  # type: ignore[no-untyped-def]
        return searching.search(self.library, Query(text, rerank=False, **values))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def world(data_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """80 paragraphs of xquad-en with their 426 judged questions; calibrated by questions that were made from the passages."""
    data = read_dataset(data_root / "retrieval" / "xquad-en")
    loaded = load_config(tmp_path_factory.mktemp("abstention"), {"CORTEX_MIN_FREE_BYTES": "0"})
    judged = [text for key, text in data.queries.items() if any(grade > 0 for grade in data.judgements[key].values())]
    with corpus_library(loaded, data) as library:
        calibrating.calibrate(library)
        yield World(library, [without_operators(text) for text in judged], OFF_TOPIC.strip().splitlines())


def test_what_is_not_in_the_library_is_said_to_be_missing_and_what_is_there_is_shown(world: World) -> None:
    assert len(set(world.off_topic)) == 50
    silent = [text for text in world.off_topic if world.ask(text).abstained]
    assert len(silent) >= 45, sorted(set(world.off_topic) - set(silent))
    lost = [result.query.text for result in world.judged if result.abstained]
    assert len(lost) <= 0.05 * len(world.judged), lost


def test_a_cut_keeps_its_promise_on_held_back_questions(world: World) -> None:
    """Calibrated on half of the judged questions; of the other half no more are missed than the bound and chance allow."""
    evidence = [result.evidence for result in world.judged]
    assert None not in evidence
    for rate in (0.01, 0.05, 0.1):
        report = split_conformal(evidence, rate)  # type: ignore[arg-type]
        assert report.cut is not None
        assert report.mean <= rate + 0.002, report  # the mean of 500 splits is itself measured
        assert report.above <= 0.02, report  # single ones pass the 99 % tolerance in 1 of 100


def test_the_nearest_misses_are_still_there_and_the_evidence_is_told(world: World) -> None:
    result = world.ask("How do bees make honey?", top_k=5)
    assert result.abstained
    assert len(result.hits) == 5
    assert result.evidence is not None
    assert result.cut is not None
    assert result.evidence < result.cut
    (step,) = (step for step in result.trace.steps if step.stage == "evidence")
    assert step.facts["cut"] == result.cut
    assert step.facts["miss rate"] == 0.05


def test_every_mode_with_meaning_judges_and_nothing_else_does(world: World) -> None:
    off = "How do bees make honey?"
    assert world.ask(off, mode=SearchMode.TRADITIONAL).abstained
    assert not world.ask(off, miss_rate=0.0).abstained, "whoever wants to see what comes nearest sees it"
    words = world.ask("honey victoria", mode=SearchMode.LEXICAL)
    assert (words.abstained, words.evidence) == (False, None)
    phrase = world.ask('"a written constitution" bees honey pollen hive')
    assert phrase.hits
    assert not phrase.abstained, "the phrase stands there"


def test_a_narrow_scope_is_measured_against_the_whole(world: World) -> None:
    """Among the passages of the right document the answer is found; in another one nothing answers the question."""
    question = "How many points did the Panthers defense surrender?"
    right = world.ask(question).hits[0]
    assert right.closeness is not None
    assert right.closeness > 0.99
    only = world.ask(question, filters=Filters(documents=(right.document_id,)))
    assert not only.abstained
    assert only.evidence == pytest.approx(world.ask(question).evidence, abs=0.1)
    other = next(hit for hit in world.ask("What do chloroplasts or steam turbines do?").hits)
    assert world.ask(question, filters=Filters(documents=(other.document_id,))).abstained


def test_closeness_falls_with_the_cosine_and_is_none_of_words(world: World) -> None:
    hits = sorted(
        world.ask("Who designed the garden city?", top_k=80).hits, key=lambda hit: -hit.stages["vector"].score
    )
    shares = [hit.closeness for hit in hits]
    assert None not in shares
    assert shares == sorted(shares, reverse=True)  # type: ignore[type-var]
    assert shares[0] > 0.95 > 0.7 > shares[len(shares) // 2] > shares[-1]  # type: ignore[operator]
    assert {hit.closeness for hit in world.ask("garden", mode=SearchMode.LEXICAL).hits} == {None}
