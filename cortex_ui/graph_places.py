"""Where the nodes of a picture stand on the screen: the engine's places, spread over the frame, no name upon another.

Pure and without chance: the same nodes give the same places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, NARROW, HEIGHT = 630.0, 316.0, 540.0
"""The frames that the nodes are set apart for, in pixels: beside the panel, and on a phone."""

_EVEN = 0.55
_ROUNDS = 90
_LETTER, _LINE = 7.0, 19.0
_GAP = 5.0


@dataclass(frozen=True, slots=True)
class Spot:
    """A node on its way to its place.

    Attributes:
        x, y: about -1..1, y upwards. size: its diameter in pixels. letters: of the name below it.
    """

    x: float
    y: float
    size: float
    letters: int


def spread(spots: Sequence[Spot], width: float = WIDTH) -> list[tuple[float, float]]:
    """Places in 0..`width` and 0..`HEIGHT`, y upwards.

    The places fill the frame: each coordinate is drawn towards its rank, which loosens crowds and draws in what stands
    alone, and keeps who stands left of and above whom. Then boxes (node and name) that overlap are pushed apart along the
    axis on which they overlap less, as in force-free overlap removal (Dwyer, Marriott, Stuckey 2005), in so many rounds.
    """
    if not spots:
        return []
    wide = [max(spot.size, _LETTER * spot.letters) + _GAP for spot in spots]
    high = [spot.size + _LINE + _GAP for spot in spots]
    xs = [each * width for each in _evened([spot.x for spot in spots])]
    ys = [each * HEIGHT for each in _evened([spot.y for spot in spots])]
    for _ in range(_ROUNDS):
        _clamp(xs, wide, width)
        _clamp(ys, high, HEIGHT)
        if not _pushed_apart(xs, ys, wide, high, width / HEIGHT):
            break
    _clamp(xs, wide, width)
    _clamp(ys, high, HEIGHT)
    return [(round(x, 1), round(y, 1)) for x, y in zip(xs, ys, strict=True)]


def _evened(values: Sequence[float]) -> list[float]:
    """Values as shares of their range, drawn towards their ranks; 0.5 where there is no range."""
    low, high = min(values), max(values)
    if high - low < 1e-9:
        return [0.5] * len(values)
    ordered = sorted(set(values))
    rank = {value: place / max(1, len(ordered) - 1) for place, value in enumerate(ordered)}
    return [(1 - _EVEN) * (value - low) / (high - low) + _EVEN * rank[value] for value in values]


def _clamp(places: list[float], lengths: Sequence[float], most: float) -> None:
    """Keep every box within the frame."""
    for position, length in enumerate(lengths):
        half = min(length / 2, most / 2)
        places[position] = min(max(places[position], half), most - half)


def _pushed_apart(xs: list[float], ys: list[float], wide: Sequence[float], high: Sequence[float], shape: float) -> bool:
    """Push each pair of boxes that overlap a bit apart; whether there was any."""
    any_overlap = False
    for one in range(len(xs)):
        for other in range(one + 1, len(xs)):
            across = (wide[one] + wide[other]) / 2 - abs(xs[one] - xs[other])
            up = (high[one] + high[other]) / 2 - abs(ys[one] - ys[other])
            if across <= 0.5 or up <= 0.5:
                continue
            any_overlap = True
            if across < up * shape:
                _part(xs, one, other, across)
            else:
                _part(ys, one, other, up)
    return any_overlap


def _part(places: list[float], one: int, other: int, overlap: float) -> None:
    step = 0.3 * overlap if places[one] >= places[other] else -0.3 * overlap
    places[one] += step
    places[other] -= step
