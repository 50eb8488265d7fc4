"""Names in queries."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cortex_engine.core.names import fold
from cortex_engine.graph.linking import names_in

INDEX = {
    "bill gates": 1,
    "gates": 1,
    "new york": 2,
    "new york times": 3,
    "york": 4,
    "emile zola": 5,
    "c++": 6,
    "北京大学": 7,
    "北京": 8,
    "us": 9,
}


def numbers(text: str) -> list[int]:
    return [number for _, number in names_in(text, INDEX)]


def test_the_longest_name_from_each_place_counts() -> None:
    assert names_in("who owns the New York Times in York", INDEX) == [("new york times", 3), ("york", 4)]
    assert numbers("New York") == [2]


def test_case_accents_possessives_and_points_do_not_matter() -> None:
    assert numbers("who was BILL GATES' partner") == [1]
    assert numbers("Bill Gates’s house") == [1]
    assert numbers("novels of Émile Zola, in the U.S.") == [5, 9]
    assert numbers("is C++ older than C?") == [6]


def test_each_entity_once_in_the_order_of_the_text() -> None:
    assert names_in("York, Gates and Bill Gates of York", INDEX) == [("york", 4), ("gates", 1)]


def test_names_in_a_script_without_spaces_are_found_within_a_run() -> None:
    assert names_in("北京大学在哪里", INDEX) == [("北京大学", 7)]
    assert numbers("他去了北京") == [8]


def test_nothing_is_found_in_nothing() -> None:
    assert numbers("") == numbers("?!") == numbers("gate") == []


@given(st.text(max_size=60), st.sampled_from(sorted(INDEX)))
def test_a_name_between_spaces_is_always_found_or_part_of_a_longer_one(text: str, name: str) -> None:
    found = names_in(f"{text} {name} {text}", INDEX)
    assert any(name in each for each, _ in found)
    assert all(INDEX[each] == number and fold(each) == each for each, number in found)


def test_names_with_apostrophes_are_found_as_they_stand() -> None:
    index = {"schindler's list": 1, "mcdonald's": 2, "bill gates": 3, "rock 'n' roll": 4, "quill": 5}
    text = "Was 'Schindler’s List' or Bill Gates's house nearer to McDonald's than 'Quill's' rock 'n' roll?"
    assert [number for _, number in names_in(text, index)] == [1, 3, 2, 5, 4]
