"""The nouns of reranking."""

from __future__ import annotations

from dataclasses import dataclass

from cortex_engine.core.pictures import ModelInput


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a reranker judges.

    Attributes:
        id: given back with the judgement.
        content: its text and pictures; rerankers that read only text take the text.
        prior: how far the search found it to stand out, in standard scores; 0 where nobody searched. Most rerankers judge by
            the content alone.
    """

    id: str
    content: ModelInput
    prior: float = 0.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a reranker says of one candidate.

    Attributes:
        score: 0..1 for people (the sigmoid of `raw` for Qwen3-VL; as the backend gives it otherwise).
        raw: the number that ranks; higher is better. For Qwen3-VL the difference of the logits of "yes" and "no".
    """

    id: str
    score: float
    raw: float
