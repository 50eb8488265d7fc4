"""The canary contract: frozen probes whose vectors tell whether a model is still the one that made a collection's vectors."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Verdict(StrEnum):
    """What the probes say. Only the first two let vectors be compared."""

    IDENTICAL = "identical"
    OTHER_PRECISION = "other precision"
    TRUNCATED = "truncated"
    NOT_NORMALISED = "not normalised"
    OTHER_PROMPT = "other prompt"
    DIFFERENT_MODEL = "different model"
    RANDOM_WEIGHTS = "random weights"

    @property
    def usable(self) -> bool:
        """Whether vectors made now fit those made before."""
        return self in {Verdict.IDENTICAL, Verdict.OTHER_PRECISION}


@dataclass(frozen=True, slots=True)
class ProbeSet:
    """The probes' vectors of a model, as they were when its first collection was made.

    Attributes:
        version: of the probes' contents; another version cannot be compared and is made anew.
        vectors: float32 `(16, dimension)`, as the model gave them.
        precision: of the weights then ("float32", "bfloat16", …), "" where unknown.
        made: ISO 8601 UTC.
    """

    version: int
    vectors: NDArray[np.float32]
    precision: str = ""
    made: str = ""


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """The comparison of a model with its frozen probes.

    Attributes:
        model_id: of the spec.
        lowest: lowest cosine between a probe's vector then and now (over the dimensions that both have).
        sentence: for people: what was found and what to do.
    """

    model_id: str
    verdict: Verdict
    lowest: float
    sentence: str
