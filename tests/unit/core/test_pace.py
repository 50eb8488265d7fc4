"""How fast work goes, and when it rests."""

from __future__ import annotations

from cortex_engine.core.pace import Pace


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_rate_is_that_of_the_last_minute_of_work() -> None:
    clock = _Clock()
    pace = Pace(clock)
    assert pace.rate == 0.0
    pace.note(10, 2.0)
    clock.now = 30.0
    pace.note(50, 2.0)
    assert pace.rate == 15.0  # 60 inputs in 4 seconds of work, however long the pauses were
    clock.now = 61.0
    assert pace.rate == 25.0
    clock.now = 200.0
    assert pace.rate == 0.0


def test_it_rests_after_a_failure_and_forgets_it_with_the_next_success() -> None:
    clock = _Clock()
    pace = Pace(clock)
    pace.rest(60.0, "The model is not there.")
    assert (pace.resting, pace.trouble) == (True, "The model is not there.")
    clock.now = 60.0
    assert not pace.resting
    pace.note(1, 1.0)
    assert pace.trouble == ""
