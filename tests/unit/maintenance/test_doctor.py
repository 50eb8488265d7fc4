"""The doctor finds what is wrong, says it in a sentence with a remedy, and mends what it may."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cortex_engine.config import load_config
from cortex_engine.core.reports import Finding, Severity
from cortex_engine.maintenance.doctor import torch_pair
from cortex_engine.suite import CortexSuite


@pytest.fixture
def suite(tmp_path: Path) -> Iterator[CortexSuite]:
    (tmp_path / "tea.txt").write_text("Green tea is steamed; black tea is oxidised.")
    environ = {"CORTEX_EMBEDDING_BACKEND": "hashing", "CORTEX_MIN_FREE_BYTES": "0"}
    with CortexSuite.open(loaded=load_config(tmp_path / "library", environ)) as opened:
        opened.ingest([tmp_path / "tea.txt"], "Papers")
        yield opened


def finding(suite: CortexSuite, check: str, fix: bool = False, full: bool = False) -> Finding | None:
    return next((each for each in suite.doctor(fix, full) if each.check == check), None)


def test_a_sound_library_has_no_complaint(suite: CortexSuite) -> None:
    assert [each.message for each in suite.doctor(full=True) if each.severity is Severity.ERROR] == []


def test_a_damaged_original_is_named(suite: CortexSuite) -> None:
    suite.original("tea.txt").chmod(0o600)
    suite.original("tea.txt").write_bytes(b"something else entirely, of another content")
    found = finding(suite, "originals-damaged", full=True)
    assert found is not None
    assert found.severity is Severity.ERROR
    assert "backup" in found.remedy


def test_a_missing_original_is_named_and_search_goes_on(suite: CortexSuite) -> None:
    suite.original("tea.txt").unlink()
    assert finding(suite, "originals-missing") is not None
    assert suite.search("oxidised").hits


def test_an_original_of_no_document_is_removed_by_fix(suite: CortexSuite) -> None:
    stray, _ = suite._library.blobs.put_bytes(b"left behind by a process that died")
    assert finding(suite, "originals-orphaned") is not None
    mended = finding(suite, "originals-orphaned", fix=True)
    assert mended is not None
    assert mended.fixed
    assert stray not in set(suite._library.blobs.all())
    assert finding(suite, "originals-orphaned") is None


def test_a_folder_that_others_can_read_is_made_private(suite: CortexSuite) -> None:
    suite.config.data_dir.chmod(0o755)
    found = finding(suite, "permissions")
    assert found is not None
    assert found.severity is Severity.WARNING
    suite.doctor(fix=True)
    assert suite.config.data_dir.stat().st_mode & 0o077 == 0


def test_a_full_disk_is_an_error(suite: CortexSuite, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(suite.config.data_dir)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_000))
    suite.loaded.config.__dict__["min_free_bytes"] = 1_000_000
    found = finding(suite, "disk")
    assert found is not None
    assert found.severity is Severity.ERROR


@pytest.mark.parametrize(
    ("torch", "torchvision", "remedy"),
    [
        ("2.13.0+cpu", "0.28.0", None),
        ("2.13.0", "0.29.2", "0.28"),
        ("2.9.1", "0.20.1", "0.24"),
        ("2.5.1", "0.20.1", None),
        ("2.13.0", "", None),
    ],
)
def test_torch_and_torchvision_must_belong_together(torch: str, torchvision: str, remedy: str | None) -> None:
    found = torch_pair(torch, torchvision)
    assert (found is None) == (remedy is None)
    if found is not None and remedy is not None:
        assert f"torchvision=={remedy}." in found.remedy
