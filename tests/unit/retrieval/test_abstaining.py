"""The evidence of a search: how close the closest passage is, and how many of the words one of them holds."""

from __future__ import annotations

import pytest

from cortex_engine.core.protocols import LexicalQuery
from cortex_engine.core.reports import ScoreMoments
from cortex_engine.retrieval.abstaining import Verdict, combined, evidence_of, in_another_language


class Covering:
    def __init__(self, shares: dict[str, float]) -> None:
        self.shares, self.asked = shares, list[str]()

    def coverage(self, query, chunk_ids) -> dict[str, float]:
        self.asked = list(chunk_ids)
        return {chunk_id: self.shares.get(chunk_id, 0.0) for chunk_id in chunk_ids}


def evidence(scores, moments, by_words, shares=None):
    lexical = Covering(shares or {})
    return (*evidence_of(scores, moments, by_words, lexical, LexicalQuery("words")), lexical.asked)


def test_meaning_is_the_way_from_an_average_passage_to_identity() -> None:
    moments = {"m": ScoreMoments(0.2, 0.1, 100)}
    meaning, _, _ = evidence({"m": {"a": 0.6, "b": 0.1}}, moments, {})
    assert meaning == pytest.approx(0.5)
    assert evidence({"m": {"a": 0.1}}, moments, {})[0] == 0.0, "below the average is no evidence against"
    assert evidence({"m": {}}, moments, {})[0] == 0.0
    assert evidence({"m": {"a": 1.0}}, {"m": ScoreMoments(1.0, 0.0, 3)}, {})[0] == 0.0, (
        "a model that sees no difference"
    )


def test_the_best_of_several_models_counts() -> None:
    moments = {"m": ScoreMoments(0.2, 0.1, 100), "n": ScoreMoments(0.9, 0.01, 100)}
    meaning, _, _ = evidence({"m": {"a": 0.6}, "n": {"b": 0.93}}, moments, {})
    assert meaning == pytest.approx(0.5), "0.93 is only three tenths of the way from 0.9"


def test_words_are_looked_for_in_the_best_by_meaning_and_the_best_by_words() -> None:
    cosines = {f"v{number:03}": 1.0 - number / 500 for number in range(100)}
    by_words = {f"w{number:03}": 50.0 - number for number in range(50)}
    _, words, asked = evidence({"m": cosines}, {"m": ScoreMoments(0, 1, 9)}, by_words, {"w003": 0.7, "v080": 1.0})
    assert words == 0.7
    assert len(asked) == 40, "the ends of long lists are not looked at"


def test_a_verdict_weighs_meaning_twice() -> None:
    assert combined(0.3, 0.9) == pytest.approx(0.5)
    verdict = Verdict(0.3, 0.9, 0.6, 0.05)
    assert verdict.abstained
    assert verdict.facts == {"meaning": 0.3, "words": 0.9, "evidence": verdict.evidence, "cut": 0.6, "miss rate": 0.05}
    assert not Verdict(0.3, 0.9, 0.5, 0.05).abstained, "at the cut it counts as found"
    unjudged = Verdict(0.0, 0.0, None, 0.05)
    assert not unjudged.abstained
    assert "cut" not in unjudged.facts


@pytest.mark.parametrize(
    ("text", "languages", "another"),
    [
        ("Wie viele Punkte gab die Verteidigung der Panthers ab?", ("en",), True),
        ("Wie viele Punkte gab die Verteidigung der Panthers ab?", ("de", "en"), False),
        ("How many points did the Panthers defense surrender?", ("en",), False),
        ("How many points did the Panthers defense surrender?", (), False),
        ("Panthers points", ("de",), False),
        ("黑豹队的防守丢了多少分？", ("en",), True),
        ("黑豹队的防守丢了多少分？", ("zh", "en"), False),
    ],
)
def test_a_question_in_a_language_that_no_passage_has_is_known(
    text: str, languages: tuple[str, ...], another: bool
) -> None:
    assert in_another_language(text, languages) is another
