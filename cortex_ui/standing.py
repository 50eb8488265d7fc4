"""How good a hit is, in words, with the numbers behind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import streamlit as st

from cortex_engine.core.search import HitKind, SearchHit, SearchResult

_STRONG, _GOOD = 0.45, 0.28
"""Share of the way from an average passage to identity, where nothing is calibrated yet. The best passages of the samples'
questions lie at 0.28 to 0.65, those of questions that the samples do not answer at 0.15 at most (all-MiniLM-L6-v2)."""

_LIMITS = ("good from", "strong from")
"""What the trace calls the calibrated limits: as close as three quarters, and as half, of the collection's right answers."""

_RELEVANT, _PERHAPS = 0.8, 0.5
"""Of a reranker's 0..1, where it is not calibrated: it says "yes" with confidence, and it says "yes" rather than "no"."""

_RELEVANCES = ("relevant from", "highly relevant from")
"""What the trace calls the calibrated limits of a reranker: as relevant as three quarters, and as half, of the passages that
answer a question, in deviations above unrelated ones."""

_BEST_WORDS = 10
_MEANS = {
    "vector": ("average cosine", "passages mean", "vector mean"),
    "picture": ("picture mean",),
    "description": ("description mean",),
}
"""Stage of cosines -> how the trace calls their mean; beside pictures the fused "vector" is standardised, its mean no cosine."""

_COLOURS: dict[str, Literal["green", "blue", "gray", "violet"]] = {
    "Strong": "green",
    "Good": "blue",
    "Weak": "gray",
    "Keyword match": "violet",
}
_STAGES = {
    "vector": ("Meaning", "cosine"),
    "picture": ("Look", "cosine"),
    "description": ("Description", "cosine"),
    "lexical": ("Words", "BM25"),
    "graph": ("Graph", "PageRank"),
    "characters": ("Spelling", "score"),
    "fusion": ("Together", "score"),
    "rerank": ("Reranker", "raw score"),
}

_SEEN = {"present": ("Before the reranker", "")}
"""Stages of recorded searches that no hit has a standing in."""

Averages = Mapping[str, float]
"""Stage -> mean cosine of everything in scope with the query; models differ in where their cosines begin. Also the calibrated
limits of the words, where there are any."""


def averages(result: SearchResult) -> Averages:
    """The means as the trace knows them; a stage that it does not tell of is left out."""
    facts: dict[str, str | int | float] = {}
    for step in result.trace.steps:
        facts |= step.facts
    found: dict[str, float] = {}
    for stage, names in _MEANS.items():
        mean = next((facts[name] for name in names if name in facts), None)
        if isinstance(mean, (int, float)) and mean < 1:
            found[stage] = float(mean)
    return found | {name: float(facts[name]) for name in (*_LIMITS, *_RELEVANCES) if name in facts}


def word(hit: SearchHit, usual: Averages | None = None) -> str:
    """How good a hit is: by the reranker where it took part, else by its cosines; "Keyword match" where words alone speak."""
    usual = usual or {}
    if hit.relevance is not None:
        return _by_reranker(hit, hit.relevance, usual)
    known = {stage: hit.stages[stage].score for stage in _MEANS if stage in hit.stages}
    near = max((_share(score, usual.get(stage, 0.0)) for stage, score in known.items()), default=-1.0)
    good, strong = (usual.get(name, fixed) for name, fixed in zip(_LIMITS, (_GOOD, _STRONG), strict=True))
    if near >= strong:
        return "Strong"
    if near >= good:
        return "Good"
    words = hit.stages.get("lexical")
    if words is not None and words.rank is not None and ("vector" not in known or words.rank <= _BEST_WORDS):
        return "Keyword match"
    return "Weak"


def _by_reranker(hit: SearchHit, relevance: float, usual: Averages) -> str:
    place = hit.stages.get("rerank")
    if place is not None and place.standard is not None and all(name in usual for name in _RELEVANCES):
        relevance, (good, strong) = place.standard, (usual[name] for name in _RELEVANCES)
    else:
        good, strong = _PERHAPS, _RELEVANT
    return "Strong" if relevance >= strong else "Good" if relevance >= good else "Weak"


def _share(score: float, average: float) -> float:
    return (score - average) / max(1e-6, 1.0 - average)


def relevance(hit: SearchHit) -> str:
    """ "relevance 0.93", "" where no reranker took part."""
    if hit.relevance is None:
        return ""
    shown = f"{hit.relevance:.2f}"
    return f"relevance {'>0.99' if shown == '1.00' else '<0.01' if shown == '0.00' else shown}"


def closeness(hit: SearchHit) -> str:
    """ "closer than 99.7 % of unrelated passages", "" where that is not calibrated."""
    return f"closer than {percent(hit.closeness)} of unrelated passages" if hit.closeness is not None else ""


def compared(hit: SearchHit) -> str:
    """ "more relevant than 99.2 % of unrelated passages" where a calibrated reranker took part, else the closeness."""
    if hit.relevance_share is None:
        return closeness(hit)
    return f"more relevant than {percent(hit.relevance_share)} of unrelated passages"


def percent(share: float) -> str:
    """ "99.7 %", "over 99.9 %"."""
    if share > 0.999:
        return "over 99.9 %"
    return f"{share:.1%}".replace("%", " %") if share >= 0.99 else f"{share:.0%}".replace("%", " %")


def stage_name(stage: str) -> str:
    """How people call a stage."""
    return _STAGES.get(stage, _SEEN.get(stage, (stage.capitalize(), "")))[0]


def numbers(hit: SearchHit) -> list[tuple[str, str, str]]:
    """For each stage: its name, the score with its unit, the rank."""
    rows = []
    for stage, place in hit.stages.items():
        name, unit = _STAGES.get(stage, (stage.capitalize(), "score"))
        rank = f"rank {place.rank:,}" if place.rank is not None else ""
        above = "" if place.standard is None else f", {place.standard:+.2f} deviations from unrelated passages"
        rows.append((name, f"{unit} {place.score:.3f}{above}", rank))
    if hit.relevance is not None:
        share = compared(hit) if hit.relevance_share is not None else ""
        rows.append(("Relevance", ", ".join(filter(None, [f"{hit.relevance:.4f}", share])), ""))
    if hit.closeness is not None:
        rows.append(("Closeness", closeness(hit), ""))
    return rows


def badge(hit: SearchHit, usual: Averages) -> None:
    """The word as a badge, the numbers on hover."""
    said = word(hit, usual)
    tip = "  \n".join(", ".join(filter(None, [f"{name}: {score}", rank])) for name, score, rank in numbers(hit))
    st.badge(said, color=_COLOURS[said], help=tip)


def noun(result: SearchResult) -> str:
    """ "passage", "picture" or "result", for what a result is made of."""
    kinds = {hit.kind for hit in result.hits}
    if kinds == {HitKind.PICTURE}:
        return "picture"
    return "result" if HitKind.PICTURE in kinds else "passage"
