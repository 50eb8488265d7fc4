""" "Why not this one?": the stage at which a document fell, and the smallest change that brings it back.

What a sentence claims was looked up, and each change of the search that is offered has been asked before: it does bring the
document back. Nothing that is asked here is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from cortex_engine import query_pictures, searching, targets
from cortex_engine.core.errors import CortexError, UsageError
from cortex_engine.core.flights import Cause, Remedy, Suggestion, WhyNot
from cortex_engine.core.search import Query, SearchMode, SearchResult
from cortex_engine.library import Library
from cortex_engine.retrieval.conditions import Condition, conditions, named
from cortex_engine.retrieval.explain import Sight, Verdict, described, final_order, judge, well_placed
from cortex_engine.targets import Target

_MOST_SHOWN, _MOST_CANDIDATES = 1000, 5000
"""Beyond, it is no small change."""
_SMALL = 2
"""Times the results: up to there, showing more is the smaller change than another way of searching."""

_BOTH_VECTORS = "Find pictures by their look and by their description"
_UNGROUPED = "Show every passage"
_ALONE = {"vector": SearchMode.TRADITIONAL, "lexical": SearchMode.LEXICAL}
_MODES = {
    SearchMode.TRADITIONAL: "Search by meaning alone",
    SearchMode.LEXICAL: "Search by words alone",
    SearchMode.HYBRID: "Search by meaning and words",
}


def why_not(library: Library, query: Query, document: str = "", page: int = 0, chunk_id: str = "") -> WhyNot:
    """See `CortexSuite.why_not`."""
    if not (document.strip() or chunk_id):
        raise UsageError("Say which document did not come back: its name, its path or its id.")
    found = targets.find(library, document, page, chunk_id)
    if found is None:
        return targets.unknown(library, document, query)
    if refused := targets.unreadable(library, found, query):
        return refused
    return _Explaining(library, found).explain(query)


def bring_back(library: Library, suggestion: Suggestion) -> Query | None:
    """See `CortexSuite.bring_back`."""
    if suggestion.remedy is Remedy.SEARCH:
        return suggestion.query
    if suggestion.remedy is Remedy.RETRY:
        targets.retry(library, suggestion.target)
    elif suggestion.remedy is Remedy.ADD:
        targets.add(library, suggestion)
    else:
        return None
    return suggestion.query


@dataclass
class _Explaining:
    """One target, and the searches that are asked about it."""

    library: Library
    target: Target
    _asked: dict[Query, SearchResult] = field(default_factory=dict)

    def explain(self, query: Query) -> WhyNot:
        """The answer for a query."""
        failing = [each for each in conditions(self.library.catalog, query, self.target.facts) if not each.met]
        if failing:
            return self._filtered(query, failing)
        if self._asked_with(query):
            return self._itself(query)
        result = self._ask(query)
        sight = self._sight(query, result)
        verdict = judge(sight)
        if verdict.cause is Cause.FOUND and not result.abstained:
            return self._answer(verdict, described(verdict, self.target.what, sight, 0), ())
        if verdict.cause is Cause.FOUND:
            return self._abstained(query, verdict)
        if self._blocked(query):
            return self._without(query, self._blocked(query))
        if self.target.unembedded and query.mode is not SearchMode.LEXICAL:
            return self._not_embedded(query, verdict)
        if result.abstained:
            return self._far_away(query)
        if verdict.cause is Cause.LOST_IN_RECALL:
            sight = replace(sight, exact=searching.true_places(self.library, query, self.target.ids))
            verdict = judge(sight)
            if self._stands_for(sight):
                verdict = replace(verdict, cause=Cause.GROUPED)
        limit = max((stage.limit for stage in result.trace.stages if stage.name in {"vector", "lexical"}), default=0)
        sentence = described(verdict, self.target.what, sight, limit) + self.target.remark
        ways = self._ways(query, verdict, sight, "rerank" in {step.stage for step in result.trace.steps})
        if not ways and sight.most and verdict.cause is not Cause.GROUPED:
            sentence += (
                f" More results do not bring it: no more than {sight.most:,} of a document's passages are shown (the setting "
                "'max_per_document')."
            )
        return self._answer(verdict, sentence, ways)

    def back(self, query: Query) -> bool:
        """Whether the target comes back for a query that was made up here."""
        return self._rank(query) > 0

    def _rank(self, query: Query) -> int:
        try:
            result = self._ask(query)
        except CortexError:  # a way of searching that cannot be used is none to offer
            return 0
        shown = (place for place, hit in enumerate(result.hits, start=1) if hit.chunk_id in self.target.ids)
        return 0 if result.abstained else next(shown, 0)

    def _ask(self, query: Query) -> SearchResult:
        if query not in self._asked:
            self._asked[query] = searching.search(self.library, query, live=False)
        return self._asked[query]

    def _sight(self, query: Query, result: SearchResult) -> Sight:
        order = final_order(result.trace.stages)
        ids = [each.chunk_id for stage in result.trace.stages for each in stage.own] if order else []
        owner = dict(self.library.catalog.documents_of(list(dict.fromkeys(ids))))
        owner |= {hit.chunk_id: hit.document_id for hit in result.hits}
        hits = [hit.chunk_id for hit in result.hits]
        targets_ = self.target.ids | {
            hit.chunk_id for hit in result.hits if self.target.page and self._same_page(hit.document_id, hit.page)
        }
        most = self.library.config.max_per_document
        return Sight(
            result.trace.stages, hits, query.top_k, owner, query.group, targets_, self.target.document_id, most
        )

    def _same_page(self, document_id: str, page: int) -> bool:
        """A page's picture stands for its passages, and the other way round."""
        return document_id == self.target.document_id and page == self.target.page

    def _stands_for(self, sight: Sight) -> bool:
        return sight.group and any(sight.owner.get(each) == self.target.document_id for each in sight.hits)

    def _answer(self, verdict: Verdict, sentence: str, suggestions: tuple[Suggestion, ...]) -> WhyNot:
        return WhyNot(
            *(verdict.cause, sentence, verdict.stage, self.target.document_id, verdict.best, verdict.standings),
            suggestions,
        )

    # -- conditions --------------------------------------------------------------------------------------------------

    def _filtered(self, query: Query, failing: list[Condition]) -> WhyNot:
        """Outside of what was searched: exactly the conditions that it does not meet have to go."""
        other = [each for each in failing if each.key == "collection"] == failing
        kept = query
        for condition in failing:
            kept = condition.dropped(kept)
        where = ", ".join(f"'{name}'" for name in self.target.collections)
        if other:
            sentence = f"{self.target.what} is in {where}, and only {named(query.filters.collections)} was searched."
            title = f"Search in {named(self.target.collections[:1])} too"
        else:
            which = " and ".join(each.text for each in failing)
            sentence = f"{self.target.what} does not meet {which}."
            title = f"Without {which}"
        suggestions = self._continued(kept, title)
        if other:
            to = query.filters.collections[0]
            add = Suggestion(f"Add it to '{to}'", Remedy.ADD, query, self.target.document_id)
            suggestions = (*suggestions[:1], add)
        cause = Cause.OTHER_COLLECTION if other else Cause.FILTERED
        return WhyNot(cause, sentence, "scope", self.target.document_id, "", {}, suggestions)

    def _continued(self, query: Query, title: str) -> tuple[Suggestion, ...]:
        """The query where it brings the target back, else the smallest further change of it that does."""
        if self.back(query):
            return (Suggestion(title, Remedy.SEARCH, query),)
        return _further(title, self.explain(query))

    def _asked_with(self, query: Query) -> bool:
        """Whether nothing of the target stands beside the page whose like is looked for, which is no hit itself."""
        place = query_pictures.place_of(self.library, query.picture) if query.picture else None
        if place is None or place[0] != self.target.document_id:
            return False
        return {each.page for each in self.library.catalog.candidate_places(sorted(self.target.ids)).values()} == {
            place[1]
        }

    def _itself(self, query: Query) -> WhyNot:
        sentence = f"{self.target.what} is what was asked with: what else looks like it is shown."
        ways = self._continued(replace(query, picture=""), "Without the picture") if query.text.strip() else ()
        return WhyNot(Cause.FILTERED, sentence, "scope", self.target.document_id, "", {}, ways)

    def _blocked(self, query: Query) -> list[Condition]:
        """Phrases and excluded words that keep every passage of the target out."""
        return self.target.blocked(self.library, query)

    def _without(self, query: Query, blocking: list[Condition]) -> WhyNot:
        which = " and ".join(each.text for each in blocking)
        kept = query
        for condition in blocking:
            kept = condition.dropped(kept)
        sentence = f"{self.target.what} does not meet {which}."
        if any(each.met for each in blocking):
            sentence = (
                f"{self.target.what} has no passage that meets all phrases and excluded words of the question at once."
            )
        return WhyNot(
            *(Cause.FILTERED, sentence, "lexical", self.target.document_id, "", {}),
            self._continued(kept, f"Without {which}"),
        )

    # -- ways back ---------------------------------------------------------------------------------------------------

    def _abstained(self, query: Query, verdict: Verdict) -> WhyNot:
        sentence = (
            f"{self.target.what} is number {verdict.place:,} of the nearest, but none of them is near enough to count as found "
            "at the miss rate that is set."
        )
        verdict = replace(verdict, cause=Cause.BELOW_THE_CUT, stage="abstain")
        return self._answer(
            verdict, sentence, self._offered(("Show the nearest anyway", replace(query, miss_rate=0.0)))
        )

    def _far_away(self, query: Query) -> WhyNot:
        """Not among the nearest misses of a search that found nothing: it would be missing among results, too."""
        shown = replace(query, miss_rate=0.0)
        answer = self.explain(shown)
        besides = "Besides, nothing that was found is near enough to count as found at the miss rate that is set."
        ways = _further("Show the nearest anyway", answer)
        others = tuple(each for each in answer.suggestions if each.remedy is not Remedy.SEARCH)
        return replace(answer, sentence=f"{answer.sentence} {besides}", suggestions=(*ways, *others))

    def _not_embedded(self, query: Query, verdict: Verdict) -> WhyNot:
        sentence = (
            f"{self.target.what} has no vectors yet, so it cannot be found by meaning: {self.target.unembedded} "
            "Its words can be searched."
        )
        ways = self._offered((_MODES[SearchMode.LEXICAL], replace(query, mode=SearchMode.LEXICAL)))
        wait = Suggestion("It is embedded as soon as the model is there", Remedy.WAIT, query, self.target.document_id)
        return self._answer(replace(verdict, cause=Cause.NOT_EMBEDDED, stage="vector"), sentence, (*ways, wait))

    def _ways(self, query: Query, verdict: Verdict, sight: Sight, slow: bool) -> tuple[Suggestion, ...]:
        """Changes that were asked and bring it back, the smallest first; two, or one where a reranker (`slow`) judges each."""
        found: list[Suggestion] = []
        for title, changed in self._candidates(query, verdict, sight):
            if len(found) == (1 if slow else 2):
                break
            if changed not in [each.query for each in found] and self.back(changed):
                found.append(Suggestion(title, Remedy.SEARCH, changed))
        return tuple(found) or (() if slow else next((ways for ways in self._combined(query, verdict) if ways), ()))

    def _combined(self, query: Query, verdict: Verdict) -> Iterator[tuple[Suggestion, ...]]:
        """Where no single change is enough: one of these, and the smallest further one."""
        if verdict.cause is Cause.GROUPED and not query.group:
            return  # a setting, or the page's look, keeps it out of any result
        if query.group:
            yield self._continued(replace(query, group=False), _UNGROUPED)
        if query.prefetch:
            yield self._continued(replace(query, prefetch=""), _BOTH_VECTORS)
        if query.mode in _ALONE.values():
            yield self._continued(replace(query, mode=SearchMode.HYBRID), _MODES[SearchMode.HYBRID])
        title, alone = self._alone(query)
        if alone != query:
            yield self._continued(alone, title)

    def _alone(self, query: Query) -> tuple[str, Query]:
        only = replace(query.filters, documents=(self.target.document_id,))
        return f"Search in {self.target.called} alone", replace(query, filters=only)

    def _offered(self, *ways: tuple[str, Query]) -> tuple[Suggestion, ...]:
        return tuple(Suggestion(title, Remedy.SEARCH, query) for title, query in ways if self.back(query))

    def _candidates(self, query: Query, verdict: Verdict, sight: Sight) -> Iterator[tuple[str, Query]]:
        more = _Later(lambda: self._wider(query, verdict.place))
        if verdict.cause is Cause.GROUPED:
            yield _UNGROUPED, replace(query, group=False)
        elif verdict.cause is Cause.LOST_IN_RERANK:
            yield "Without the reranker", replace(query, rerank=False)
            yield from more.value
        elif verdict.cause is Cause.LOST_IN_FUSION:
            alone = [(_MODES[_ALONE[name]], _ALONE[name]) for name, _ in well_placed(sight) if name in _ALONE]
            modes = [(title, replace(query, mode=mode)) for title, mode in alone if mode is not query.mode]
            near = verdict.place <= _SMALL * query.top_k
            yield from [*more.value, *modes] if near else modes
            yield from () if near else more.value
        elif verdict.cause is Cause.LOST_IN_RECALL:
            yield from self._deeper(query, verdict)
        else:
            yield from more.value
        yield self._alone(query)

    def _deeper(self, query: Query, verdict: Verdict) -> Iterator[tuple[str, Query]]:
        """More candidates: as many as reach it with the recaller that places it best, and more results where that is needed."""
        ways: list[tuple[str, Query]] = []
        ranks = sorted(rank for rank, _, _ in verdict.standings.values() if rank)
        for rank in [each for each in ranks if each <= _MOST_CANDIDATES][:2]:
            deeper = replace(query, candidates=rank)
            title = f"Look at {rank:,} candidates"
            if self.back(deeper):
                ways.append((title, deeper))
                continue
            more = self._wider(deeper, 0)
            ways += [(f"{title}, and {wider[0].lower()}{wider[1:]}", changed) for wider, changed in more]
        yield from sorted(ways, key=lambda way: way[1].candidates * way[1].top_k)
        if query.prefetch:
            yield _BOTH_VECTORS, replace(query, prefetch="")
        if query.mode in _ALONE.values():
            yield _MODES[SearchMode.HYBRID], replace(query, mode=SearchMode.HYBRID)

    def _place(self, query: Query) -> int:
        """Where the target stands among all that a query finds, 0 for nowhere."""
        return judge(self._sight(query, self._ask(query))).place

    def _wider(self, query: Query, place: int) -> list[tuple[str, Query]]:
        """As many results as it takes, found by asking."""
        place = place or self._place(query)
        if not place:
            return []
        size = max(place, query.top_k + 1)
        while size <= _MOST_SHOWN:
            rank = self._rank(replace(query, top_k=size))
            if rank:
                # With another number of results other candidates may be looked at: only what was asked is offered.
                fitting = next(
                    (n for n in (rank, size) if n > query.top_k and self.back(replace(query, top_k=n))), size
                )
                units = "documents" if query.group else "results"
                return [(f"Show {fitting:,} {units}", replace(query, top_k=fitting))]
            size = min(size * 4, _MOST_SHOWN) if size < _MOST_SHOWN else _MOST_SHOWN + 1
        return []


def _further(title: str, answer: WhyNot) -> tuple[Suggestion, ...]:
    """The smallest change of the search that an answer offers, as one with the change before it."""
    further = [each for each in answer.suggestions if each.remedy is Remedy.SEARCH]
    return tuple(replace(each, title=f"{title}, and {each.title[0].lower()}{each.title[1:]}") for each in further[:1])


@dataclass
class _Later:
    """Ways that are only looked for when it is their turn."""

    make: Callable[[], list[tuple[str, Query]]]

    @cached_property
    def value(self) -> list[tuple[str, Query]]:
        """The ways."""
        return self.make()
