"""Why something did not come back, read from the stages of a search. Pure functions.

A search is a line of stages, and what did not come back fell at exactly one of them: it was no candidate of any recaller, or
fusion put it too low, or the reranker did, or another passage of its document stands for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from cortex_engine.core.flights import Cause
from cortex_engine.core.stages import FlightCandidate, FlightStage

RECALLERS = ("vector", "lexical", "graph", "picture", "description")
"""Stages that find something themselves."""

WAYS = {
    "vector": "by meaning",
    "lexical": "by words",
    "graph": "by the knowledge graph",
    "picture": "by its look",
    "description": "by its description",
}

Standings = Mapping[str, tuple[int | None, float, float | None]]


@dataclass(frozen=True, slots=True)
class Sight:
    """A search as it is judged.

    Attributes:
        hits: ids in the order shown.
        top_k: how many were asked for.
        owner: document ids of hits and candidates.
        group: at most one hit for each document.
        targets: ids of what is looked for: a passage, those of a page, or of a document; all of one document.
        document_id: theirs.
        most: hits of one document that a result that is not grouped has, 0 for no limit.
        exact: true standings of the best target beyond the candidates, by recaller, where they were asked for.
    """

    stages: Sequence[FlightStage]
    hits: Sequence[str]
    top_k: int
    owner: Mapping[str, str]
    group: bool
    targets: AbstractSet[str]
    document_id: str
    most: int = 0
    exact: Mapping[str, tuple[int | None, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where it fell.

    Attributes:
        stage: a name of `FlightStage`.
        best: the target that came nearest, "" for none.
        place: where it stands in the order of that stage (documents, when grouped), 0 where it has no place.
        standings: as in `WhyNot`.
    """

    cause: Cause
    stage: str
    best: str
    place: int
    standings: Standings


def judge(sight: Sight) -> Verdict:
    """Where the target fell."""
    stages = {stage.name: stage for stage in sight.stages}
    standings = _standings(sight)
    shown = next((place for place, each in enumerate(sight.hits, start=1) if each in sight.targets), 0)
    if shown:
        return Verdict(Cause.FOUND, "", sight.hits[shown - 1], shown, standings)
    order = final_order(sight.stages)
    best, place = _placed(order, sight) if order else ("", 0)
    if not place:
        return Verdict(Cause.LOST_IN_RECALL, _nearest_recaller(standings), best, 0, standings)
    of_document = sum(sight.owner.get(each) == sight.document_id for each in sight.hits)
    most = 1 if sight.group else sight.most
    if 0 < most <= of_document or (order and _passed_over(order, stages.get("present"), sight)):
        return Verdict(Cause.GROUPED, "present", best, place, standings)
    if "rerank" in stages:
        before = next((each for each in stages["present"].candidates if each.chunk_id in sight.targets), None)
        if before is not None and before.rank is not None and before.rank <= sight.top_k:
            return Verdict(Cause.LOST_IN_RERANK, "rerank", before.chunk_id, before.rank, standings)
    if "fusion" in stages:
        well = [name for name in RECALLERS if name in stages and 0 < _placed(stages[name], sight)[1] <= sight.top_k]
        if well:
            return Verdict(Cause.LOST_IN_FUSION, "fusion", best, place, standings)
    return Verdict(Cause.BELOW_THE_CUT, order.name if order else "", best, place, standings)


def final_order(stages: Sequence[FlightStage]) -> FlightStage | None:
    """The stage that orders the candidates before they are shown: the fusion, or the one recaller that there was."""
    named = {stage.name: stage for stage in stages}
    if "fusion" in named:
        return named["fusion"]
    return next((named[name] for name in RECALLERS if name in named and named[name].own), None)


def well_placed(sight: Sight) -> list[tuple[str, int]]:
    """Recallers that alone would have put the target among the first `top_k`, with its place there, best first."""
    found = ((stage.name, _placed(stage, sight)[1]) for stage in sight.stages if stage.name in RECALLERS)
    return sorted(((name, place) for name, place in found if 0 < place <= sight.top_k), key=lambda pair: pair[1])


def _passed_over(order: FlightStage, present: FlightStage | None, sight: Sight) -> bool:
    """Whether others were chosen that come after every target in the order, or all that there was."""
    chosen = {each.chunk_id for each in present.candidates} if present else set(sight.hits)
    if chosen & sight.targets:
        return False
    if len(chosen) < (present.limit if present else sight.top_k):
        return True
    places = {each.chunk_id: place for place, each in enumerate(order.own)}
    first = min(places[each] for each in sight.targets if each in places)
    return first < max((places[each] for each in chosen if each in places), default=-1)


def _placed(stage: FlightStage, sight: Sight) -> tuple[str, int]:
    """The best target in the order of a stage, and its place; documents count once when results are grouped."""
    before: set[str] = set()
    for number, each in enumerate(stage.own, start=1):
        if each.chunk_id in sight.targets:
            return each.chunk_id, len(before) + 1 if sight.group else number
        before.add(sight.owner.get(each.chunk_id, each.chunk_id))
    return "", 0


def _standings(sight: Sight) -> dict[str, tuple[int | None, float, float | None]]:
    """Of the best target in each stage, with the score that would have been enough there."""
    found: dict[str, tuple[int | None, float, float | None]] = {}
    for stage in sight.stages:
        best = next((each for each in stage.candidates if each.chunk_id in sight.targets), None)
        needed = _needed(stage, sight)
        if best is not None and best.rank is not None:
            found[stage.name] = (best.rank, best.score, needed)
        elif stage.name in sight.exact:
            found[stage.name] = (*sight.exact[stage.name], needed)
        elif best is not None:
            found[stage.name] = (None, best.score, needed)
    for name, (rank, score) in sight.exact.items():
        found.setdefault(name, (rank, score, None))
    return found


def _needed(stage: FlightStage, sight: Sight) -> float | None:
    """The score of the last candidate that got further: of the last one recalled, or of the last hit."""
    own = stage.own
    if stage.name in RECALLERS:
        return own[-1].score if own and stage.limit and len(own) >= stage.limit else None
    if len(sight.hits) < sight.top_k:
        return None
    scores = {each.chunk_id: each.score for each in stage.candidates}
    if stage.name == "rerank":
        return min((scores[each] for each in sight.hits if each in scores), default=None)
    last: list[FlightCandidate | None] = [next((c for c in own if c.chunk_id == each), None) for each in sight.hits]
    return min((each.score for each in last if each is not None), default=None) if own else None


def _nearest_recaller(standings: Standings) -> str:
    ranked = [(rank, name) for name, (rank, _, _) in standings.items() if name in RECALLERS and rank]
    return min(ranked)[1] if ranked else next((name for name in RECALLERS if name in standings), "")


def described(verdict: Verdict, what: str, sight: Sight, limit: int) -> str:
    """The verdict as a sentence.

    Args:
        what: the target as the sentence begins with it: "'report.pdf'", "Page 3 of 'report.pdf'".
        limit: candidates of each recaller.
    """
    ranks = {name: rank for name, (rank, _, _) in verdict.standings.items() if name in RECALLERS}
    ways = " and ".join(
        f"{WAYS[name]} it ranks {rank:,}" if rank else f"{WAYS[name]} it is not found" for name, rank in ranks.items()
    )
    unit, count = "document" if sight.group else "result", min(len(sight.hits), sight.top_k)
    place, shown = f"{verdict.place:,}", f"1 {unit} is shown" if count == 1 else f"{count:,} {unit}s are shown"
    if verdict.cause is Cause.FOUND:
        return f"{what} did come back: it is number {place}."
    if verdict.cause is Cause.LOST_IN_RECALL:
        looked_at = "1 candidate" if limit == 1 else f"{limit:,} candidates"
        looked = f"{what} is not among the {looked_at} that each way of searching gives"
        return f"{looked}: {ways}." if ways else f"{looked}."
    if verdict.cause is Cause.LOST_IN_RERANK:
        to = verdict.standings["rerank"][0] if "rerank" in verdict.standings else None
        after = f"put it at {to:,} of those that it judged" if to else "put others before it"
        return f"{what} was number {place} before the reranker, which {after}; {shown}."
    if verdict.cause is Cause.LOST_IN_FUSION:
        name, alone = well_placed(sight)[0]
        others = [f"{WAYS[each]} {rank:,}" for each, rank in ranks.items() if rank and each != name]
        rest = f" ({', '.join(others)})" if others else ""
        return f"{what} is number {alone:,} {WAYS[name]}, but number {place} when all is taken together{rest}; {shown}."
    if verdict.cause is Cause.GROUPED and sight.most and not sight.group:
        return f"{what} is number {place}, but other passages of its document stand for it (the setting 'max_per_document')."
    if verdict.cause is Cause.GROUPED and not sight.group:
        return f"{what} is number {place}, but a hit of the same page stands for it: a page's look and its text are one result."
    if verdict.cause is Cause.GROUPED:
        return f"{what} ranks lower than another passage of its document, which stands for both: each document is shown once."
    return f"{what} is number {place} of what was found, and {shown}."
