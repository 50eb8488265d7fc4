"""Character n-grams: a third opinion on the candidates, where words of query and passage differ in form.

Words of one stem in two languages ("Panthers", "Normandie" / "Normandy"), compounds ("Verteidigungslinie") and
misspellings share runs of characters though not a single word. McNamee and Mayfield (Information Retrieval 2004) found
runs of four characters to be a sound choice over eight European languages. Only candidates are scored, so that no
second index is needed: BM25 over the runs, with document frequencies among the candidates.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.reports import ScoreMoments
from cortex_engine.core.search import Ranking
from cortex_engine.retrieval.fusion import Evidence

CHARACTER_STAGE = "characters"

_LENGTH = 4
_UNSPACED_LENGTH = 1
"""In scripts without spaces the words' index holds pairs of characters; single ones are the view that it lacks (both
together: Nie, Gao, Zhang and Zhou, "On the use of words and n-grams for Chinese information retrieval", IRAL 2000)."""

_K1, _B = 1.2, 0.4
"""BM25's constants. Passages have an upper length, and a short one is no better for being short: less is taken off for
length than with documents (b .75)."""

_PRIME = np.uint64(0x9E3779B97F4A7C15)
_MAX_GRAMS = 160
"""Runs of a query that are counted; a question has about 50."""

_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")

_ASCII_WORDS = bytes(code if chr(code).isalnum() else ord(" ") for code in range(256)).lower()
"""Lower-case letters and digits stay, everything else is a space; only ever asked for ASCII."""


def character_evidence(query: str, texts: Mapping[str, str]) -> Evidence | None:
    """BM25 of the query's character n-grams in each candidate's text; None when the query has none.

    Args:
        query: words asked for, without function words.
        texts: chunk id -> text of each candidate.

    The stage finds nothing by itself: its ranking is empty, its moments are those over the candidates.
    """
    grams = _grams(query)
    if not grams or not texts:
        return None
    normal = [_normal(text) for text in texts.values()]
    weights = Counter(grams)
    counts = np.zeros((len(weights), len(normal)), dtype=np.float32)
    for length in {len(gram) for gram in weights}:
        rows = [row for row, gram in enumerate(weights) if len(gram) == length]
        counts[rows] = _counts([gram for gram in weights if len(gram) == length], normal)
    lengths = np.array([len(text) for text in normal], dtype=np.float32)
    found = (counts > 0).sum(axis=1)
    idf = np.log1p((len(normal) - found + 0.5) / (found + 0.5)) * np.array(list(weights.values()))
    saturated = counts * (_K1 + 1) / (counts + _K1 * (1 - _B + _B * lengths / max(float(lengths.mean()), 1.0)))
    scores = (idf[:, None] * saturated).sum(axis=0, dtype=np.float64)
    moments = ScoreMoments(float(scores.mean()), float(scores.std()), len(scores))
    return Evidence(Ranking(CHARACTER_STAGE, ()), dict(zip(texts, scores.tolist(), strict=True)), moments)


def _counts(grams: Sequence[str], texts: Sequence[str]) -> NDArray[np.float32]:
    """How often each n-gram (all of one length) stands in each text, `(grams, texts)`.

    All texts are looked through as one array of characters: counting 50 runs in 400 passages one by one takes ten times
    longer. Texts end in a space, so a run across two of them never matches.
    """
    counts = np.zeros((len(grams), len(texts)), dtype=np.float32)
    for plain in (True, False):
        rows = [row for row, gram in enumerate(grams) if gram.isascii() or not plain]
        columns = [column for column, text in enumerate(texts) if text.isascii() is plain]
        if rows and columns:
            packed = plain and len(grams[0]) == _LENGTH
            found = _count([grams[row] for row in rows], [texts[column] for column in columns], packed)
            counts[np.ix_(rows, columns)] = found
    return counts


def _count(grams: Sequence[str], texts: Sequence[str], packed: bool) -> NDArray[np.float32]:
    length = len(grams[0])
    codes = _packed if packed else _hashes
    hashes = codes("".join(texts), length)
    wanted = np.concatenate([codes(gram, length) for gram in grams])
    by_hash = np.argsort(wanted)
    shift = wanted.dtype.type(8 * wanted.itemsize - 16)
    likely = np.zeros(1 << 16, dtype=np.bool_)
    likely[wanted >> shift] = True
    places = np.flatnonzero(likely[hashes >> shift])
    slot = np.minimum(np.searchsorted(wanted[by_hash], hashes[places]), len(wanted) - 1)
    hit = wanted[by_hash][slot] == hashes[places]
    rows, places = by_hash[slot[hit]], places[hit]
    owner = np.searchsorted(np.cumsum([len(text) for text in texts]), places, side="right")
    cells = rows * len(texts) + owner
    return np.bincount(cells, minlength=len(grams) * len(texts)).reshape(len(grams), -1).astype(np.float32)


def _packed(text: str, length: int) -> NDArray[np.uint32]:
    """Four ASCII characters from each place on as one number, spread by an odd factor (no two runs share one)."""
    data = text.encode("ascii")
    runs = np.ndarray((max(len(data) - length + 1, 0),), dtype="<u4", buffer=data, strides=(1,))
    return runs * _PRIME.astype(np.uint32)


def _hashes(text: str, length: int) -> NDArray[np.uint64]:
    """A 64-bit hash of the run that begins at each character."""
    characters = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    size = max(len(characters) - length + 1, 0)
    hashes = np.zeros(size, dtype=np.uint64)
    for offset in range(length):
        hashes = (hashes ^ characters[offset : offset + size]) * _PRIME
    return hashes


def _grams(query: str) -> list[str]:
    """The query's runs, each as often as it stands there."""
    found: list[str] = []
    for word in _normal(query).split():
        unspaced = _UNSPACED.fullmatch(word) is not None
        marked = word if unspaced else f" {word} "
        length = _UNSPACED_LENGTH if unspaced else _LENGTH
        found.extend(marked[start : start + length] for start in range(len(marked) - length + 1))
    return found[:_MAX_GRAMS]


def _normal(text: str) -> str:
    """Lower case, compatibility forms unified, words between single spaces, unspaced scripts apart from the others."""
    if text.isascii():  # most passages of most libraries, and ten times quicker so
        return f" {' '.join(text.encode().translate(_ASCII_WORDS).decode().split())} "
    plain = unicodedata.normalize("NFKC", text).lower()
    apart = _UNSPACED.sub(lambda run: f" {run.group()} ", plain)
    return f" {' '.join(_WORD.findall(apart))} "
