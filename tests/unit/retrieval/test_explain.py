"""Where a document fell, read from made stages."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_engine.core.flights import Cause
from cortex_engine.core.search import Filters, HitKind, Query
from cortex_engine.core.stages import FlightCandidate, FlightStage
from cortex_engine.retrieval.conditions import Facts, conditions, of_text
from cortex_engine.retrieval.explain import Sight, described, judge, well_placed
from cortex_engine.retrieval.query_text import parse_query


def stage(name: str, ids: str, limit: int = 10) -> FlightStage:
    """A ranking of one-letter ids; those after a blank were only scored."""
    own, _, scored = ids.partition(" ")
    candidates = [FlightCandidate(each, rank, 10.0 - rank) for rank, each in enumerate(own, start=1)]
    candidates += [FlightCandidate(each, None, 0.5) for each in scored]
    return FlightStage(name, tuple(candidates), limit, len(candidates))


def sight(*stages: FlightStage, hits: str, target: str, top_k: int = 3, group: bool = False, owner: str = "") -> Sight:
    """Passages belong to the document of their own letter, or as `owner` says ("ab=d" makes a and b passages of d)."""
    owners = {each: each for found in stages for each in (c.chunk_id for c in found.candidates)} | {h: h for h in hits}
    if owner:
        owners |= dict.fromkeys(owner.split("=", maxsplit=1)[0], owner.split("=")[1])
    return Sight(stages, tuple(hits), top_k, owners, group, frozenset(target), owners.get(target[0], target[0]))


BOTH = (stage("vector", "abcdef ghijkz"), stage("lexical", "ghijkz abcdef"))


@pytest.mark.parametrize(
    ("seen", "cause", "place"),
    [
        (sight(*BOTH, stage("fusion", "abcghidefjkz"), hits="abc", target="b"), Cause.FOUND, 2),
        (sight(*BOTH, stage("fusion", "abcghidefjkz"), hits="abc", target="x"), Cause.LOST_IN_RECALL, 0),
        (sight(*BOTH, stage("fusion", "abcghidefjkz"), hits="abc", target="e"), Cause.BELOW_THE_CUT, 8),
        (sight(*BOTH, stage("fusion", "abcdefghijkz"), hits="abc", target="h"), Cause.LOST_IN_FUSION, 8),
        (sight(stage("vector", "abcdef"), hits="abc", target="e"), Cause.BELOW_THE_CUT, 5),
        (
            sight(*BOTH, stage("fusion", "abcghi"), stage("present", "abcghi"), stage("rerank", "ghiabc"), hits="ghi", target="a"),
            Cause.LOST_IN_RERANK,
            1,
        ),
        (
            sight(*BOTH, stage("fusion", "abcghie"), stage("present", "abcghie"), stage("rerank", "ghiabc"), hits="ghi", target="e"),
            Cause.BELOW_THE_CUT,
            7,
        ),
        (
            sight(*BOTH, stage("fusion", "abcdef"), hits="acd", target="b", group=True, owner="ab=q"),
            Cause.GROUPED,
            2,
        ),
        (sight(*BOTH, stage("fusion", "abcdef"), hits="ade", target="b", owner="ab=q"), Cause.GROUPED, 2),
        (sight(*BOTH, stage("fusion", "abcdefghij"), hits="abj", target="h", owner="abh=q"), Cause.GROUPED, 8),
        (
            sight(*BOTH, stage("fusion", "abcdef"), stage("present", "acd", 3), stage("rerank", "dca"), hits="dca", target="b"),
            Cause.GROUPED,
            2,
        ),
        (sight(*BOTH, stage("fusion", "abcdef"), hits="ac", target="b", top_k=5), Cause.GROUPED, 2),
        (replace(sight(*BOTH, stage("fusion", "abcdefz"), hits="abc", target="z", owner="az=q"), most=1), Cause.GROUPED, 7),
    ],
)  # fmt: skip
def test_the_stage_where_it_fell(seen: Sight, cause: Cause, place: int) -> None:
    verdict = judge(seen)
    assert (verdict.cause, verdict.place) == (cause, place)
    assert described(verdict, "'x.txt'", seen, 10).startswith("'x.txt' ")


def test_documents_count_once_when_results_are_grouped() -> None:
    seen = sight(stage("vector", "aabbcd"[:1] + "bcdef"), hits="abd", target="f", group=True, owner="abc=q")
    assert judge(seen).place == 4


def test_the_score_that_would_have_been_enough_stands_beside_its_own() -> None:
    full = stage("vector", "abcdef", limit=6)
    verdict = judge(sight(full, stage("lexical", "ef abcd"), stage("fusion", "abcdefz"), hits="abc", target="z"))
    assert verdict.standings["fusion"] == (7, 3.0, 7.0)
    seen = replace(sight(full, stage("fusion", "abcdef"), hits="abc", target="z"), exact={"vector": (40, 0.25)})
    assert judge(seen).standings["vector"] == (40, 0.25, 4.0)
    assert "by meaning it ranks 40" in described(judge(seen), "'z'", seen, 6)


@given(st.permutations("abcdefgh"), st.permutations("abcdefgh"), st.permutations("abcdefgh"), st.integers(1, 6))
def test_a_verdict_never_contradicts_the_result(
    vector: list[str], lexical: list[str], fused: list[str], top_k: int
) -> None:
    stages = (stage("vector", "".join(vector[:5])), stage("lexical", "".join(lexical[:5])))
    order = "".join(each for each in fused if each in vector[:5] + lexical[:5])
    for target in "abcdefgh":
        seen = sight(*stages, stage("fusion", order), hits=order[:top_k], target=target, top_k=top_k)
        verdict = judge(seen)
        assert (verdict.cause is Cause.FOUND) == (target in order[:top_k])
        assert (verdict.cause is Cause.LOST_IN_RECALL) == (target not in order)
        assert (verdict.cause is Cause.LOST_IN_FUSION) == (bool(well_placed(seen)) and target not in order[:top_k])


class _Scopes:
    """Documents by what they meet: every condition but those of the names in `failing`."""

    def __init__(self, failing: set[str]) -> None:
        self.failing = failing

    def scope(self, filters: Filters) -> frozenset[str]:
        (name,) = [name for name in Filters.__dataclass_fields__ if getattr(filters, name)]
        return frozenset() if name in self.failing else frozenset({"d"})


def test_each_condition_is_tested_alone_and_dropped_alone() -> None:
    filters = Filters(("A",), (), ("pdf",), ("en",), ("t",), "report", "2020-01-01", "2021-01-01")
    query = Query("x", filters=filters, kinds=(HitKind.PICTURE,))
    found = list(conditions(_Scopes({"types", "collections"}), query, Facts("d", ("B",), frozenset({HitKind.TEXT}))))  # type: ignore[arg-type]
    assert [each.key for each in found if not each.met] == ["collection", "type", "kind"]
    for condition in found:
        query = condition.dropped(query)
    assert query == Query("x", filters=Filters(collections=("A", "B")))


def test_phrases_and_excluded_words_are_taken_out_of_the_question() -> None:
    typed = 'old "sea wall" harbour -fish -"red tide" "stone pier"'
    failing = of_text(parse_query(typed), lambda phrases, excluded: phrases == ("stone pier",) or excluded == ("fish",))
    assert [each.text for each in failing] == ['the phrase "sea wall"', 'the excluded word "red tide"']
    query = Query(typed)
    for condition in failing:
        query = condition.dropped(query)
    parsed = parse_query(query.text)
    assert (parsed.phrases, parsed.excluded) == (("stone pier",), ("fish",))
    assert set(parsed.text.split()) == {"old", "harbour", "sea", "wall", "stone", "pier"}


def test_what_no_single_passage_meets_at_once_has_to_go_as_well() -> None:
    passages = ("sea wall and tide", "stone pier, no tide", "tide of the port")

    def holds(phrases: tuple[str, ...], excluded: tuple[str, ...]) -> bool:
        return any(all(p in text for p in phrases) and not any(e in text for e in excluded) for text in passages)

    def named(typed: str) -> list[str]:
        return [each.text for each in of_text(parse_query(typed), holds)]

    assert named('old "sea wall" tide') == []
    assert named('"sea wall" "stone pier"') == ['the phrase "sea wall"']
    assert named('port "sea wall" -tide') == ['the excluded word "tide"']
    assert named('x "sea wall" "stone pier" "of the"') == [
        'the phrase "sea wall"',
        'the phrase "stone pier"',
        'the phrase "of the"',
    ]
    assert named('x "heron" "sea wall" -and -pier') == ['the phrase "heron"', 'the phrase "sea wall"']
