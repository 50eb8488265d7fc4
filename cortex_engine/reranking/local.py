"""A reranker that needs no download: late interaction of the words of query and passage."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.pictures import ModelInput
from cortex_engine.reranking.scoring import Scores, ScoringReranker

_WEIGHT = 4.0
"""Standard scores of the search that a perfect match of all words is worth (docs/benchmarks/reranking.md: how it was chosen)."""
_UNKNOWN = 2.0
"""Tokens a word from which on the model does not know a language."""
_SHOWN = 4.0
"""Of the scale for people."""
_RUN = 3
_SHORT = 3
"""Shorter words are alike or they are not."""

_LETTERS = re.compile(r"[^\W\d_]+")
_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


class TokenEncoder(Protocol):
    """A model whose vector of each token can be had; words that it knows are one token or little more."""

    @property
    def name(self) -> str:
        """The model's."""
        ...

    def load(self) -> None:
        """Make the calls below possible; raises `ModelUnavailableError`."""
        ...

    def unload(self) -> None:
        """Give the memory back."""
        ...

    def vectors(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """Unit vectors `(tokens, width)` of the tokens of each text that hold a letter or a digit."""
        ...

    def weighted(self, text: str) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Vectors likewise, and the weight of each token `(tokens,)` by its rarity."""
        ...

    def pieces(self, words: Sequence[str]) -> list[int]:
        """Into how many tokens each word falls."""
        ...


class LateInteractionReranker(ScoringReranker):
    """Each word of the query looks for its best match in the passage, and the mean of these matches is added to the prior.

        raw = prior + 4 · (known · matched(vectors) + (1 - known) · matched(characters))

    *matched* is the MaxSim of ColBERT (Khattab and Zaharia, SIGIR 2020) as a weighted mean: over the query's tokens the
    highest cosine of a token of the passage, with an untrained model's vectors of its last layer, weighted by rarity; or
    over the query's words the highest squared Dice coefficient of runs of three characters (Adamson and Boreham 1974).
    *known* tells whether the model knows the query's language: 2 less the tokens that a word falls into on average, kept
    within 0..1. That number says how well a model does in a language (Rust et al., "How good is your tokenizer?", ACL
    2021); all-MiniLM-L6-v2 needs 1.1 in English, 2.2 in German, and takes Chinese character by character.

    It reads text only, and of a passage what the model reads (256 tokens). An instruction changes nothing. Without priors
    (`Candidate.prior` 0) the words alone decide. The score for people is a scale, not a probability.
    """

    least_different = sys.maxsize
    """A question of which nothing stands anywhere rightly gives 0 to all."""
    adds_prior = True

    def __init__(self, encoder: TokenEncoder, content_words: Callable[[str], str] = str) -> None:
        """Store.

        Args:
            encoder: gives the vectors.
            content_words: takes the words out of a query that say nothing of its subject.
        """
        super().__init__()
        self._encoder = encoder
        self._content_words = content_words

    @property
    def name(self) -> str:
        """The method, and the model behind it."""
        return f"late interaction, {self._encoder.name}"

    @property
    def sees(self) -> bool:
        """False: only text counts."""
        return False

    def _open(self) -> None:
        self._encoder.load()

    def _close(self) -> None:
        self._encoder.unload()

    def _scores(self, query: ModelInput, contents: Sequence[ModelInput], instruction: str | None) -> Scores:  # noqa: ARG002
        texts = [content.text for content in contents]
        known = self._known(query.text)
        found = np.zeros(len(texts), np.float64)
        if known > 0:
            found += known * self._by_vectors(query.text, texts)
        if known < 1:
            found += (1 - known) * by_characters(self._content_words(query.text), texts)
        return _WEIGHT * found

    def _shown(self, raw: Scores) -> Scores:
        return super()._shown(raw / _SHOWN - 1.0)

    def _known(self, query: str) -> float:
        words = _LETTERS.findall(query)
        if not words:
            return 1.0
        return float(np.clip(_UNKNOWN - np.mean(self._encoder.pieces(words)), 0.0, 1.0))

    def _by_vectors(self, query: str, texts: Sequence[str]) -> Scores:
        asked, weights = self._encoder.weighted(query)
        if not len(asked):
            return np.zeros(len(texts), np.float64)
        rows = self._encoder.vectors(texts)
        best = [(asked @ row.T).max(axis=1) if len(row) else np.zeros(len(asked)) for row in rows]
        return np.asarray(np.stack(best) @ (weights / weights.sum()), np.float64)


def by_characters(query: str, texts: Sequence[str]) -> Scores:
    """How much of the query's words each text holds in like spelling, `(len(texts),)`, 0..1.

    Accents and case do not count; characters of scripts without spaces are words of their own.

    >>> by_characters("Normandie", ["the Duke of Normandy", "a duke"]).round(2).tolist()
    [0.49, 0.0]
    """
    asked = list(dict.fromkeys(_words(query)))
    if not asked:
        return np.zeros(len(texts), np.float64)
    found = np.zeros(len(texts), np.float64)
    for place, text in enumerate(texts):
        held = set(_words(text))
        found[place] = sum(_best(word, held) for word in asked) / len(asked)
    return found


def _words(text: str) -> list[str]:
    plain = "".join(each for each in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(each))
    return _WORD.findall(_UNSPACED.sub(lambda match: f" {match[0]} ", plain))


def _best(word: str, held: set[str]) -> float:
    if word in held:
        return 1.0
    if len(word) < _SHORT:
        return 0.0
    own = _runs(word)
    return max((_alike(own, _runs(other)) for other in held), default=0.0)


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    return float((2 * len(one & other) / (len(one) + len(other))) ** 2)


@lru_cache(maxsize=1 << 16)
def _runs(word: str) -> frozenset[str]:
    """Runs of three characters, with the word's beginning and end marked."""
    marked = f"^{word}$"
    return frozenset(marked[start : start + _RUN] for start in range(max(len(marked) - _RUN + 1, 1)))
