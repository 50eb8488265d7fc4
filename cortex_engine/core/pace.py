"""How fast long work goes, measured from the work itself."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

_WINDOW_SECONDS = 60.0


class Pace:
    """What this process knows of one piece of long work: its rate, and what hinders it.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._portions: deque[tuple[float, int, float]] = deque()
        self._rest_until = 0.0
        self.trouble = ""
        """Why it does not go on, as a sentence, or ""."""
        self.passed: set[str] = set()
        """Inputs that cannot be made, and are not tried again."""

    def note(self, count: int, seconds: float) -> None:
        """So many inputs were worked on for so many seconds; what hindered is over."""
        self._portions.append((self._clock(), count, seconds))
        self._forget()
        self.trouble = ""

    @property
    def rate(self) -> float:
        """Inputs a second of the time worked in the last minute, 0.0 while nothing was measured."""
        self._forget()
        seconds = sum(portion[2] for portion in self._portions)
        return sum(portion[1] for portion in self._portions) / seconds if seconds > 0 else 0.0

    @property
    def resting(self) -> bool:
        """Whether it failed a moment ago and is not to be tried again yet."""
        return self._clock() < self._rest_until

    def rest(self, seconds: float, trouble: str) -> None:
        """It failed; try again after so many seconds."""
        self._rest_until = self._clock() + seconds
        self.trouble = trouble

    def _forget(self) -> None:
        while self._portions and self._portions[0][0] < self._clock() - _WINDOW_SECONDS:
            self._portions.popleft()
