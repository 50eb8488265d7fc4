"""The reranker "none" for those who need one: everything stays in its order."""

from __future__ import annotations

from collections.abc import Sequence

from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.reranking import Candidate, Judgement


class PassthroughReranker:
    """Keeps the order of the candidates; scores fall evenly from 1 towards 0 and say nothing about relevance."""

    @property
    def name(self) -> str:
        """ "none"."""
        return "none"

    @property
    def sees(self) -> bool:
        """False: it looks at nothing."""
        return False

    def load(self) -> None:
        """Nothing is needed."""

    def rerank(
        self,
        query: ModelInput,  # noqa: ARG002
        candidates: Sequence[Candidate],
        instruction: str | None = None,  # noqa: ARG002
    ) -> list[Judgement]:
        """The candidates in their order, with scores 1, (n-1)/n, …, 1/n."""
        count = len(candidates)
        return [
            Judgement(candidate.id, 1 - place / count, 1 - place / count) for place, candidate in enumerate(candidates)
        ]

    def unload(self) -> None:
        """Nothing is held."""
