"""Numbers, sizes and times in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cortex_ui import wording

_NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (5, "just now"),
        (60, "1 minute ago"),
        (3599, "59 minutes ago"),
        (7200, "2 hours ago"),
        (90_000, "yesterday"),
        (3 * 86_400, "3 days ago"),
        (30 * 86_400, "22 Oct 2026"),
        (-50, "21 Nov 2026"),
    ],
)
def test_when(seconds: int, words: str) -> None:
    assert wording.when((_NOW - timedelta(seconds=seconds)).isoformat(), _NOW) == words


def test_when_of_what_is_no_time() -> None:
    assert wording.when("") == ""
    assert wording.when("MMXXIV") == "MMXXIV"


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (3_400_000, "3.4 MB"), (226e9, "226 GB")]
)
def test_size(size: float, words: str) -> None:
    assert wording.size(int(size)) == words


def test_count_and_kind() -> None:
    assert wording.count(1, "passage") == "1 passage"
    assert wording.count(1538, "passage") == "1,538 passages"
    assert wording.count(2, "copy") == "2 copies"
    assert (wording.kind("pdf"), wording.kind("xyz"), wording.kind("")) == ("PDF", "XYZ", "File")
