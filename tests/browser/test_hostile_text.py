"""Hostile text in every place that has a name or a text, on every surface that shows it: shown, never obeyed.

On each page: no script ran, nobody outside was asked (the request log and a trap that listens), nothing lies over the
page, no picture, link, formula, colour or icon came out of the text, and the text itself can be read.
"""

from __future__ import annotations

import pytest
from browser_kit import hostile, hostile_library
from browser_kit.hostile import assert_harmless, visible
from browser_kit.server import App, free_port
from browser_kit.trap import Trap
from browser_kit.watching import error_boxes

LEGIBLE = 60
"""Characters of each text that must be readable; long ones may be cut."""


@pytest.fixture(scope="module")
def trap():
    trap = Trap()
    yield trap
    trap.close()


@pytest.fixture(scope="module")
def vectors(trap) -> dict[str, str]:
    return hostile.vectors(trap)


@pytest.fixture(scope="module")
def world(vectors, tmp_path_factory):
    """A running server on a hostile library: (server, what is in it)."""
    server = App(
        tmp_path_factory.mktemp("hostile") / "library",
        {"CORTEX_MIN_FREE_BYTES": "0", "CORTEX_EMBEDDING_BACKEND": "hashing", "HF_HUB_OFFLINE": "1"},
        port=free_port(),
    )
    made = hostile_library.build(server, vectors, tmp_path_factory.mktemp("files"))
    server.start()
    yield server, made
    server.stop()


def _legible(text: str) -> str:
    return visible(text)[:LEGIBLE]


def test_the_library_holds_what_was_meant(world, vectors):
    _, made = world
    assert len(vectors) >= 20
    assert len(made.names) == len(vectors), set(made.names)
    assert len(made.whole) == 7, set(made.whole)


@pytest.mark.parametrize("name", ["home", "ingest", "search", "collections", "maintenance", "settings"])
def test_every_page(world, trap, open_page, name):
    server, _ = world
    page = open_page(server, name)
    assert_harmless(page, trap, name)
    assert error_boxes(page) == []
