"""The evidence of a search that it found an answer: how close the closest passage is, and how many of the words one holds.

Pure functions but for the questions to the word index; reasons and figures are in `docs/explanation/calibration.md`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from heapq import nlargest

from cortex_engine.core.protocols import LexicalIndex, LexicalQuery
from cortex_engine.core.reports import ScoreMoments
from cortex_engine.retrieval.function_words import likely_language

LOOKED_AT = 20
"""Passages, the best by words and by meaning, that are looked at for the query's words."""

_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")
_WITHOUT_SPACES = frozenset({"zh", "ja", "ko", "th", "lo"})

MEANING_WEIGHT, WORDS_WEIGHT = 2.0, 1.0
"""A meaning half way to identity is as good as all the words: that is where the best passages of answered questions lie."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a search is judged by.

    Attributes:
        meaning: of the closest passage, 0..1: its share of the way from an average cosine to identity.
        words: of the passage that holds most of them, 0..1, weighed by rarity.
        cut: evidence below it counts as nothing found; None where it is not judged.
        miss_rate: by which the cut was found.
    """

    meaning: float
    words: float
    cut: float | None
    miss_rate: float

    @property
    def evidence(self) -> float:
        """Both together, 0..1."""
        return combined(self.meaning, self.words)

    @property
    def abstained(self) -> bool:
        """Whether the evidence is too weak."""
        return self.cut is not None and self.evidence < self.cut

    @property
    def facts(self) -> dict[str, float]:
        """For the trace."""
        facts = {"meaning": self.meaning, "words": self.words, "evidence": self.evidence}
        return facts if self.cut is None else {**facts, "cut": self.cut, "miss rate": self.miss_rate}


def combined(meaning: float, words: float) -> float:
    """The evidence, 0..1.

    >>> combined(0.5, 0.5), combined(0.25, 1.0)
    (0.5, 0.5)
    """
    return (MEANING_WEIGHT * meaning + WORDS_WEIGHT * words) / (MEANING_WEIGHT + WORDS_WEIGHT)


def in_another_language(text: str, languages: Collection[str]) -> bool:
    """Whether a question is put in a language that no passage in scope is written in: its words cannot be found there.

    Args:
        languages: ISO 639-1 codes of the passages; () where they are not known.
    """
    if not languages:
        return False
    if _UNSPACED.search(text):
        return not _WITHOUT_SPACES & set(languages)
    asked = likely_language(text)
    return bool(asked) and asked not in languages


def evidence_of(
    scores: Mapping[str, Mapping[str, float]],
    moments: Mapping[str, ScoreMoments],
    by_words: Mapping[str, float],
    lexical: LexicalIndex,
    query: LexicalQuery,
) -> tuple[float, float]:
    """Meaning and words of a search's candidates, each 0..1, for `Verdict`.

    Args:
        scores: model id -> cosine of each candidate.
        moments: model id -> those of the cosines of *all* passages of the model. Of a narrow scope, such as one document, all
            passages may be near the question, and none would stand out.
        by_words: BM25 of the candidates.

    Raises:
        IndexUnavailableError: the word index is damaged.
    """
    meaning, best = 0.0, set[str]()
    for model_id, each in moments.items():
        room = 1.0 - each.mean
        found = scores.get(model_id, {})
        if found and room > 0:
            meaning = max(meaning, (max(found.values()) - each.mean) / room)
        best.update(nlargest(LOOKED_AT, found, key=found.__getitem__))
    meaning = min(max(meaning, 0.0), 1.0)
    best.update(nlargest(LOOKED_AT, by_words, key=by_words.__getitem__))
    return meaning, max(lexical.coverage(query, sorted(best)).values(), default=0.0)
