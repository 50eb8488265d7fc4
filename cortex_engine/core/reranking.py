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
        prior: the part of `raw` that is the candidate's prior; None from rerankers that judge by the content alone.
    """

    id: str
    score: float
    raw: float
    prior: float | None = None

    @property
    def own(self) -> float:
        """What the reranker gave for the content: `raw` without the prior."""
        return self.raw if self.prior is None else self.raw - self.prior
