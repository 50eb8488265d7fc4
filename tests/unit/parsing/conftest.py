"""One parse box for all parsing tests: starting it costs more than a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.box import ParseBox


@pytest.fixture(scope="session")
def parse_box() -> Iterator[ParseBox]:
    with ParseBox(ParseOptions()) as box:
        yield box
