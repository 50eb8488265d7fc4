"""Files that commands write: never over another one, and whole or not at all."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from cortex_engine.cli.session import write_new


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    write_new(path, "küste\n")
    assert path.read_bytes() == b"k\xc3\xbcste\n"
    with pytest.raises(FileExistsError):
        write_new(path, b"other")
    assert path.read_bytes() == b"k\xc3\xbcste\n"


def test_half_a_file_is_taken_away(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            write_new(tmp_path / "graph.json", b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []
