"""Five people at once while documents arrive: nobody sees another's search, nothing fails, memory stays level."""

from __future__ import annotations

import os
import random

import pytest
from browser_kit import files, screens
from browser_kit.watching import error_boxes, ready

from cortex_engine.config import load_config
from cortex_engine.suite import CortexSuite

PEOPLE, DOCUMENTS = 5, 200
SEARCHES = int(os.environ.get("CORTEX_TEST_SEARCHES", "60"))
"""Of each person."""
GROWTH_PER_SEARCH = 120_000
"""Bytes of resident memory that a search may leave behind at most, as the slope over the later searches of all people:
what a session keeps (its last results) is bounded, so the slope of a healthy server is noise around zero."""
GROWTH_AFTER_WARMTH = 40_000_000
"""Bytes between the end of the ingest with the first ten searches of everybody, and the end."""


_OWN_RESULT = """
([card, name, word]) => {
  const first = document.querySelector(card);
  return first !== null && first.querySelector(".cx-name")?.innerText.trim() === name
    && [...first.querySelectorAll("mark")].some((each) => each.innerText.trim() === word);
}
"""


def _slope(values: list[int]) -> float:
    """Least squares, bytes for each further search."""
    count = len(values)
    middle, mean = (count - 1) / 2, sum(values) / count
    above = sum((position - middle) * (value - mean) for position, value in enumerate(values))
    return above / sum((position - middle) ** 2 for position in range(count))


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_five_sessions_during_an_ingest(start_app, open_page, tmp_path, record_property):
    app = start_app(None, CORTEX_EMBEDDING_BACKEND="hashing")
    wanted = files.numbered(tmp_path / "files", DOCUMENTS, lines=6)
    with CortexSuite.open(loaded=load_config(app.folder, app.settings)) as library:
        library.submit(wanted[:10], "Stations")
        people = [open_page(app, "ingest") for _ in range(PEOPLE)]
        screens.wait_until_arrived(people[0], 10, 90)
        library.submit(wanted[10:], "Stations")
        for person in people:
            person.goto(app.url("search", n=10))
            ready(person)
        during = 0
        for turn in range(3):  # everybody asks for something else before anybody looks
            during += library.queue_progress().total > 0
            _ask_all(people, [(turn * PEOPLE + number) % 10 for number in range(PEOPLE)])
        assert during, "somebody searched while documents arrived"
        screens.eventually(lambda: library.queue_progress().total == 0, 240, people[0], "all documents arrived")
        assert library.counts().documents == DOCUMENTS
    chosen = random.Random(3)
    memory = []
    for turn in range(SEARCHES):
        _ask_all(people, chosen.sample(range(DOCUMENTS), PEOPLE))
        memory.append(app.resident_bytes())
        assert not any(error_boxes(person) for person in people), turn
    slope = _slope(memory[10:]) / PEOPLE
    record_property("bytes per search", round(slope))
    print(f"resident: {memory[0] / 1e6:.0f} MB after {PEOPLE} searches, {memory[9] / 1e6:.0f} MB after {10 * PEOPLE}, "
          f"{memory[-1] / 1e6:.0f} MB after {SEARCHES * PEOPLE}; {slope / 1000:.0f} kB for each further search")  # fmt: skip
    assert slope < GROWTH_PER_SEARCH
    assert memory[-1] - memory[9] < GROWTH_AFTER_WARMTH
    assert "Traceback" not in app.log


def _ask_all(people, numbers: list[int]) -> None:
    """All ask, then all look: each must see the document that holds the own word, and none of another's."""
    for person, number in zip(people, numbers, strict=True):
        field = person.locator(".st-key-q input")
        field.fill(f"stationword{number}x")
        field.press("Enter")
    for person, number in zip(people, numbers, strict=True):
        person.wait_for_function(
            _OWN_RESULT, arg=[screens.CARD, f"station-{number:03d}.txt", f"stationword{number}x"], timeout=60_000
        )
        assert person.locator(".st-key-q input").input_value() == f"stationword{number}x"
        assert f"q=stationword{number}x" in person.url or _follows(person, number)


def _follows(person, number: int) -> bool:
    """The URL follows a moment later."""
    ready(person)
    return f"q=stationword{number}x" in person.url
