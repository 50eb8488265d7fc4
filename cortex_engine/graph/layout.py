"""Places for the nodes of a small graph: forces between them, from a beginning that is always the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_SEED = 7
_STEPS = 300
_GRAVITY = 0.06
"""Pulls what hangs together with nothing towards the middle, so that it does not drift away."""

Places = NDArray[np.float64]


def place(ids: Sequence[str], edges: Sequence[tuple[str, str, float]]) -> dict[str, tuple[float, float]]:
    """Places within -1..1 by id (Fruchterman & Reingold 1991); the order of ids and edges does not matter.

    Args:
        edges: two ids and a weight, at most one for a pair.
    """
    names = sorted(ids)
    if len(names) < 2:
        return dict.fromkeys(names, (0.0, 0.0))
    number = {name: index for index, name in enumerate(names)}
    pull = np.zeros((len(names), len(names)))
    for source, target, weight in edges:
        pull[number[source], number[target]] = pull[number[target], number[source]] = weight
    if pull.max() > 0:
        pull = np.where(pull > 0, 0.4 + 0.6 * pull / pull.max(), 0)
    places = _settled(np.random.default_rng(_SEED).uniform(-1, 1, (len(names), 2)), pull)
    places -= (places.max(axis=0) + places.min(axis=0)) / 2
    places /= max(float(np.abs(places).max()), 1e-9)
    return {name: (round(float(x), 4), round(float(y), 4)) for name, (x, y) in zip(names, places, strict=True)}


def _settled(places: Places, pull: Places) -> Places:
    ideal = 1.6 / np.sqrt(len(places))
    for step in range(_STEPS):
        apart = places[:, np.newaxis] - places[np.newaxis]
        distance = np.maximum(np.sqrt((apart**2).sum(axis=2)), 1e-3)
        force = (ideal / distance) ** 2 - pull * distance / ideal
        moved = (apart * force[:, :, np.newaxis]).sum(axis=1) - _GRAVITY * len(places) * places
        length = np.maximum(np.sqrt((moved**2).sum(axis=1, keepdims=True)), 1e-9)
        places = places + moved / length * np.minimum(length, 0.15 * (1 - step / _STEPS))
    return places
