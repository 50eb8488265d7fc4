"""What all rerankers that give raw scores have in common: one load, one probe, one order."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.errors import ModelUnhealthyError
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.reranking import Candidate, Judgement
from cortex_engine.reranking.health import Fault, Finding, judge_matrix, judge_spread
from cortex_engine.reranking.probe import picture_pairs, word_pairs

logger = logging.getLogger(__name__)

Scores = NDArray[np.float64]


class ScoringReranker(ABC):
    """A reranker that is examined when it is loaded and at each call. Safe to use from several threads."""

    least_different = 4
    """From how many different candidates on equal scores for all of them are a fault: services round theirs, and texts that
    are cut at the same place are the same to a model, so that a few may well share one."""
    adds_prior = False
    """Whether the candidate's prior is added to its raw score."""
    one_at_a_time = True
    """Whether calls of several threads wait for each other."""

    def __init__(self, refuse_random: bool = True) -> None:
        """Prepare.

        Args:
            refuse_random: whether scores that look random to the probe are a fault. False for those who want a model's
                numbers whatever they are worth (a comparison with another implementation, a model tuned to something that
                the probe knows nothing of); the log says so then, and `remark`.
        """
        self._lock = threading.RLock()
        self._refuse_random = refuse_random
        self._ready = False
        self._fault = ""
        self._remark = ""

    @property
    @abstractmethod
    def name(self) -> str:
        """The model's name for people and for the trace."""

    @property
    @abstractmethod
    def sees(self) -> bool:
        """Whether pictures are looked at."""

    @abstractmethod
    def _open(self) -> None:
        """Load the weights, or whatever is needed."""

    @abstractmethod
    def _close(self) -> None:
        """Give the memory back; harmless when nothing is loaded."""

    @abstractmethod
    def _scores(self, query: ModelInput, contents: Sequence[ModelInput], instruction: str | None) -> Scores:
        """Raw scores `(len(contents),)` in the order given, higher is better; at least one content."""

    def _shown(self, raw: Scores) -> Scores:
        """0..1 for people: the sigmoid of the raw scores, unless a backend knows better."""
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(raw, -700, 700))), np.float64)

    @property
    def remark(self) -> str:
        """What the probe found that is no reason to refuse, as a sentence, or ""; "" before loading."""
        return self._remark

    def load(self) -> None:
        """Load and examine now, again where an examination has failed before.

        Raises:
            ModelUnavailableError: it is not here or cannot be loaded; cause and remedy.
            ModelUnhealthyError: the probe found scores that mean nothing.
        """
        with self._lock:
            self._fault = ""
            self._make_ready()

    def rerank(
        self, query: ModelInput, candidates: Sequence[Candidate], instruction: str | None = None
    ) -> list[Judgement]:
        """One judgement for each candidate, best first; equal scores keep the order of the candidates.

        Raises:
            ModelUnavailableError: as `load`.
            ModelUnhealthyError: as `load`, and when the scores of this call mean nothing.
            UsageError: a picture cannot be read.
        """
        if not candidates:
            return []
        keys = [_key(each.content) for each in candidates]
        different = {key: candidate.content for key, candidate in zip(keys, candidates, strict=True)}
        with self._lock if self.one_at_a_time else nullcontext():
            with self._lock:
                self._make_ready()
            scores = self._scores(query, list(different.values()), instruction)
        self._refuse(_judge_call(scores, self.least_different))
        # What is equal is scored once: in two batches it would get two numbers that differ by rounding.
        by_key = dict(zip(different, scores, strict=True))
        raw = np.array([by_key[key] for key in keys], np.float64)
        priors = [candidate.prior if self.adds_prior else None for candidate in candidates]
        if self.adds_prior:
            raw = raw + np.array(priors, np.float64)
        shown = self._shown(raw)
        order = np.argsort(-raw, kind="stable")
        return [Judgement(candidates[at].id, float(shown[at]), float(raw[at]), priors[at]) for at in order]

    def unload(self) -> None:
        """Give the memory back; the next use loads again."""
        with self._lock:
            self._close()
            self._ready = False

    def _make_ready(self) -> None:
        if self._fault:
            raise ModelUnhealthyError(self._fault)
        if self._ready:
            return
        self._open()
        try:
            finding = self._examine()
            if finding.fault is Fault.RANDOM and not self._refuse_random:
                self._remark = f"The reranker '{self.name}' may be of no use: {finding.sentence}."
                logger.warning("%s", self._remark)
            elif finding.fault:
                self._fault = self._sentence(finding)
                raise ModelUnhealthyError(self._fault)
        except BaseException:
            self._close()
            raise
        self._ready = True

    def _examine(self) -> Finding:
        """The probe: pictures for models that see, words otherwise, and for those that are weak on drawn shapes."""
        if not self.sees:
            return judge_matrix(self._matrix(*word_pairs()))
        seen = judge_matrix(self._matrix(*picture_pairs()))
        if seen.fault is not Fault.RANDOM:
            return seen
        read = judge_matrix(self._matrix(*word_pairs()))
        if read.fault:
            return seen
        logger.warning("The reranker %s ranks texts rightly, but with pictures of shapes %s.", self.name, seen.sentence)
        return read

    def _matrix(self, queries: list[ModelInput], documents: list[ModelInput]) -> Scores:
        return np.stack([self._scores(query, documents, None) for query in queries])

    def _refuse(self, finding: Finding) -> None:
        if finding.fault:
            raise ModelUnhealthyError(self._sentence(finding))

    def _sentence(self, finding: Finding) -> str:
        return f"The reranker '{self.name}' is not used: {finding.sentence}. Fetch the model again or choose another."


def _key(content: ModelInput) -> tuple[str, tuple[object, ...]]:
    """Equal for equal contents; pictures in memory are equal when they are the same object."""
    images = (image if isinstance(image, str | Path | bytes) else id(image) for image in content.images)
    return content.text, tuple(images)


def _judge_call(raw: Scores, least: int) -> Finding:
    finding = judge_spread(raw)
    if finding.fault in {Fault.CONSTANT, Fault.SATURATED} and len(raw) < least:
        return Finding()
    return finding
