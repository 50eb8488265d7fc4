"""The status page may not claim what no test proves."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STATES = {"done", "partly", "pending proof", "not yet"}
ROW = re.compile(r"^\| (S\d-\w+) \| (.+?) \| (.+?) \| (.*?) ?\|$")
TEST = re.compile(r"tests/[\w/]+\.py(?:::\w+)*")


def series(prefix: str, *ranges: tuple[int, int], width: int = 2) -> list[str]:
    return [f"{prefix}{number:0{width}d}" for first, last in ranges for number in range(first, last + 1)]


IDS = [
    *series("S0-", (1, 14)),
    *series("S1-", (1, 7), (10, 17), (20, 28), (30, 36)),
    *series("S2-", (1, 7), (10, 20), (30, 40), (50, 57)),
    *series("S2-P", (1, 12), width=1),
    *series("S2-K", (1, 13), width=1),
    *series("S3-", (1, 17)),
    *series("S4-", (1, 5), (10, 19), (20, 27)),
    *series("S4-L", (1, 9), width=1),
]


def rows() -> list[tuple[str, str, str, str]]:
    lines = (ROOT / "docs" / "status.md").read_text(encoding="utf-8").splitlines()
    table = [line for line in lines if line.startswith("| S")]
    matches = [ROW.match(line) for line in table]
    assert all(matches), [line for line, match in zip(table, matches, strict=True) if not match]
    return [match.groups() for match in matches if match]  # type: ignore[misc]


def test_every_id_stands_once() -> None:
    assert Counter(row[0] for row in rows()) == Counter(IDS)


def test_states_are_words_of_the_legend() -> None:
    assert {row[2] for row in rows()} <= STATES


def test_what_is_claimed_names_its_test_and_the_rest_names_none() -> None:
    for identifier, _, state, test in rows():
        named = TEST.findall(test)
        assert bool(named) == (state in {"done", "partly"}), f"{identifier} is {state!r} and names {named}"


def test_named_tests_exist() -> None:
    for identifier, _, _, test in rows():
        for name in TEST.findall(test):
            path, *parts = name.split("::")
            assert (ROOT / path).is_file(), f"{identifier}: {path} is not there"
            nodes = ast.parse((ROOT / path).read_text(encoding="utf-8")).body
            for part in parts:
                found = [node for node in nodes if getattr(node, "name", "") == part]
                assert found, f"{identifier}: {name} is not there"
                nodes = getattr(found[0], "body", [])
