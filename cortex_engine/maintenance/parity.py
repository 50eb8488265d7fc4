"""How another embedding model answers compared with the present one: questions, and what their answers have in common."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cortex_engine.core.catalog import Catalog
from cortex_engine.core.migration import ParityReport
from cortex_engine.core.search import SearchMode

DEPTHS = (1, 3, 10)
DEPTH = 50
"""Documents of an answer that are looked at; what is not among them counts as lost."""
_FIRST = 10
_QUESTIONS = 100
_HISTORY = 200
_CHANGES = 50

_SENTENCE = re.compile(r"[^.!?。！？\n]{20,200}[.!?。！？]?")
_WORDS = 12

Measure = Callable[[Sequence[str], Mapping[str, int]], float]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of both models.

    Attributes:
        gains: document id -> 1 for each that a person said answers it; empty where nobody did.
    """

    text: str
    gains: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answers:
    """The ids of the documents that both models give for a question, best first, each at most once."""

    question: Question
    before: Sequence[str]
    after: Sequence[str]


def questions(catalog: Catalog, documents: Collection[str], wanted: int = _QUESTIONS) -> list[Question]:
    """What people judged, then what they searched for, then sentences of the documents themselves; always the same.

    Args:
        documents: ids of those that may answer.
        wanted: how many at most.
    """
    judged: dict[str, dict[str, int]] = {}
    for judgement in catalog.judgements():
        if judgement.value > 0 and judgement.document_id in documents:
            judged.setdefault(judgement.query, {})[judgement.document_id] = 1
    asked = [Question(text, gains) for text, gains in sorted(judged.items())][:wanted]
    past = dict.fromkeys(
        entry.query.text
        for entry in catalog.history(_HISTORY)
        if entry.query.text.strip() and entry.query.mode is not SearchMode.LEXICAL
    )
    asked += [Question(text) for text in past if text not in judged][: wanted - len(asked)]
    sentences = dict.fromkeys(_sentences(catalog, sorted(documents), wanted - len(asked)))
    return asked + [Question(text) for text in sentences if text not in judged and text not in past]


def _sentences(catalog: Catalog, documents: Sequence[str], wanted: int) -> list[str]:
    """A sentence from each of so many places spread evenly over the documents."""
    found = []
    for place in range(wanted if documents else 0):
        chunks = catalog.chunks([documents[place * len(documents) // wanted]])
        if chunks:
            # Where there are fewer documents than places, the next place in the same document is another passage.
            text = chunks[(place * 7919) % len(chunks)].text
            sentence = _SENTENCE.search(text)
            found.append(" ".join((sentence[0] if sentence else text).split()[: 3 * _WORDS if sentence else _WORDS]))
    return [text for text in found if text]


def compare(answers: Sequence[Answers], names: Mapping[str, str], ndcg: Measure) -> ParityReport:
    """The report. Questions that neither model answers count for nothing.

    Args:
        names: document id -> name, for those lost and won.
        ndcg: of a ranking, given gains by document id.
    """
    told = [each for each in answers if each.before or each.after]
    taus = [tau for each in told if (tau := kendall_tau(each.before, each.after)) is not None]
    judged = [each for each in told if each.question.gains]
    return ParityReport(
        questions=len(told),
        overlap={
            depth: float(np.mean([overlap(each.before, each.after, depth) for each in told])) if told else 0.0
            for depth in DEPTHS
        },
        rank_correlation=float(np.mean(taus)) if taus else None,
        ndcg_before=float(np.mean([ndcg(each.before, each.question.gains) for each in judged])) if judged else None,
        ndcg_after=float(np.mean([ndcg(each.after, each.question.gains) for each in judged])) if judged else None,
        judged=len(judged),
        lost=_missing([(each.question.text, each.before, each.after) for each in told], names),
        won=_missing([(each.question.text, each.after, each.before) for each in told], names),
    )


def overlap(before: Sequence[str], after: Sequence[str], depth: int) -> float:
    """Share of the first `depth` documents that both have, 0..1; of as many as the longer one has, where that is less."""
    first, second = set(before[:depth]), set(after[:depth])
    longest = max(len(first), len(second))
    return len(first & second) / longest if longest else 1.0


def kendall_tau(before: Sequence[str], after: Sequence[str]) -> float | None:
    """Kendall's tau (1938) of the documents that both rankings have, -1..1; None with fewer than two.

    Pairs in the same order minus pairs in opposite order, over all pairs; rankings have no ties.
    """
    places = {document: place for place, document in enumerate(after)}
    order = np.array([places[document] for document in before if document in places])
    pairs = len(order) * (len(order) - 1) // 2
    if not pairs:
        return None
    signs = np.sign(order[np.newaxis, :] - order[:, np.newaxis])
    return float(np.triu(signs, 1).sum() / pairs)


def _missing(
    rankings: Sequence[tuple[str, Sequence[str], Sequence[str]]], names: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    """(question, document name) of those among the first ten of one and not among the first fifty of the other.

    The better it stood, the earlier it is told.
    """
    gone = [
        (place, question, names.get(document, document))
        for question, one, other in rankings
        for place, document in enumerate(one[:_FIRST])
        if document not in other[:DEPTH]
    ]
    ordered = sorted(gone, key=lambda each: each[0])
    return tuple((question, name) for _, question, name in itertools.islice(ordered, _CHANGES))
