"""Where the nodes of a picture stand: within the frame, apart, the same each time."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from cortex_ui.graph_places import HEIGHT, NARROW, WIDTH, Spot, spread

_place = st.floats(-1, 1, allow_nan=False)
_spots = st.lists(st.builds(Spot, _place, _place, st.floats(8, 36), st.integers(0, 26)), max_size=60)


@settings(max_examples=40, deadline=None)
@given(_spots, st.sampled_from([WIDTH, NARROW]))
def test_every_node_stands_in_the_frame_at_the_same_place_each_time(spots: list[Spot], width: float) -> None:
    places = spread(spots, width)
    assert len(places) == len(spots)
    assert all(0 <= x <= width and 0 <= y <= HEIGHT for x, y in places)
    assert places == spread(spots, width)


def _overlaps(spots: list[Spot], places: list[tuple[float, float]]) -> int:
    """Pairs of nodes whose circles lie upon each other."""
    return sum(
        abs(one[0] - other[0]) < (a.size + b.size) / 2 - 1 and abs(one[1] - other[1]) < (a.size + b.size) / 2 - 1
        for (a, one), (b, other) in combinations(zip(spots, places, strict=True), 2)
    )


def test_a_crowd_with_one_that_stands_far_off_is_loosened() -> None:
    crowd = [Spot(0.9 + position % 6 / 100, 0.9 + position // 6 / 100, 16, 9) for position in range(30)]
    spots = [*crowd, Spot(-1, -1, 16, 9)]
    assert _overlaps(spots, [(200 * spot.x, 200 * spot.y) for spot in spots]) > 100
    assert _overlaps(spots, spread(spots)) == 0


def test_nodes_at_one_place_are_pushed_apart() -> None:
    spots = [Spot(x, y, 16, 9) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for _ in range(4)]
    places = spread(spots)
    assert len(set(places)) == len(spots)
    assert _overlaps(spots, places) == 0


def test_who_stands_left_of_whom_is_kept_where_there_is_room() -> None:
    spots = [Spot(x, 0.0, 12, 5) for x in (-1.0, -0.2, 0.1, 1.0)]
    places = [x for x, _ in spread(spots)]
    assert places == sorted(places)


def test_one_node_stands_in_the_middle_and_none_nowhere() -> None:
    assert spread([Spot(0.3, -0.7, 20, 4)]) == [(WIDTH / 2, HEIGHT / 2)]
    assert spread([]) == []
