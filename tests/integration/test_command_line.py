"""The command line as other tools call it: forms, JSON, exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from cortex_engine.cli import cortex as program


@pytest.fixture
def cortex(tmp_path: Path) -> Any:
    """Run `python -m cortex_engine --data-dir …` and give the finished process."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("CORTEX_", "QWEN3_"))}
    environ |= {"CORTEX_EMBEDDING_BACKEND": "hashing", "CORTEX_MIN_FREE_BYTES": "0"}

    def run(*arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cortex_engine", "--data-dir", str(tmp_path / "library"), *map(str, arguments)]
        done = subprocess.run(
            command, capture_output=True, text=True, env=environ, cwd=tmp_path, timeout=120, check=False
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


def test_the_whole_story(cortex: Any, folder: Path, tmp_path: Path) -> None:
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 not really")
    done = cortex("ingest", folder, "--collection", "Papers", "--recursive", "--json", code=3)
    report = json.loads(done.stdout)
    assert report["counts"] == {"done": 3, "failed": 1}
    assert [file["state"] for file in report["files"] if "broken" in file["file"]] == ["failed"]

    found = json.loads(cortex("search", "puffin burrow", "--collection", "Papers", "--top-k", "2", "--json").stdout)
    judged = {"flight_id", "abstained", "evidence", "cut"}
    assert set(found) == {"query", "mode", "hits", "timings_ms", "degraded", "warnings"} | judged
    hit = found["hits"][0]
    expected = {
        "rank",
        "score",
        "document_id",
        "document",
        "collection",
        "page",
        "chunk_id",
        "text",
        "char_start",
        "char_end",
    }
    assert expected | {"stages"} <= set(hit)
    assert (hit["rank"], hit["document"], hit["collection"], hit["page"]) == (1, "birds.txt", ["Papers"], 1)
    assert set(hit["stages"]) >= {"vector", "lexical"}
    assert set(hit["stages"]["vector"]) == {"rank", "score"}

    listed = json.loads(cortex("documents", "list", "--json").stdout)
    assert listed["total"] == 3
    shown = json.loads(cortex("documents", "show", "birds.txt", "--text", "--json").stdout)
    assert shown["balanced"] is True
    assert "kittiwake" in shown["pages"][0]["text"]
    cortex("documents", "open", "birds.txt", "--output", tmp_path / "copy.txt")
    assert (tmp_path / "copy.txt").read_text() == (folder / "birds.txt").read_text()

    cortex("collections", "create", "Second", "--description", "a copy")
    cortex("collections", "add", "Second", "birds.txt")
    cortex("collections", "rename", "Second", "Birds")
    rows = json.loads(cortex("collections", "list", "--json").stdout)["collections"]
    assert [(row["name"], row["document_count"]) for row in rows] == [("Birds", 1), ("Papers", 3)]
    cortex("collections", "remove", "Birds", "birds.txt")
    cortex("collections", "delete", "Birds", "--yes")

    assert "Papers" in cortex("jobs", "list").stdout
    assert json.loads(cortex("doctor", "--full", "--json").stdout)["healthy"] is True
    cortex("backup", tmp_path / "backup")
    cortex("rebuild")
    cortex("documents", "delete", "birds.txt", "--yes")
    assert json.loads(cortex("search", "puffin", "--mode", "lexical", "--json").stdout)["hits"] == []
    folder.joinpath("broken.pdf").unlink()
    cortex("sync", folder, "--collection", "Papers")
    assert json.loads(cortex("search", "puffin", "--mode", "lexical", "--json").stdout)["hits"]


def test_filters_and_grouping(cortex: Any, folder: Path) -> None:
    cortex("ingest", folder, "--collection", "Papers", "-r")
    found = json.loads(cortex("search", "tea", "--filter", "type=markdown", "--group", "--json").stdout)
    assert [hit["document"] for hit in found["hits"]] == ["tea.md"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["search", "x"], 1, "no library"),
        (["ingest"], 2, "Missing argument"),
        (["ingest", "nowhere.pdf"], 1, "no file or folder"),
        (["config", "set", "candidate", "5"], 2, "Did you mean 'candidates'"),
        (["search", "x", "--mode", "psychic"], 2, "psychic"),
        (["search", "x", "--filter", "colour=red"], 2, "no filter 'colour'"),
        (["restore", "nowhere"], 1, "no complete backup"),
    ],
)
def test_mistakes_are_answered_with_a_sentence(cortex: Any, arguments: list[str], code: int, words: str) -> None:
    assert words in cortex(*arguments, code=code).stderr


def test_settings_are_shown_and_set(cortex: Any) -> None:
    cortex("config", "set", "candidates", "321")
    rows = json.loads(cortex("config", "show", "--json").stdout)["settings"]
    (row,) = [each for each in rows if each["key"] == "candidates"]
    assert (row["value"], row["source"]) == (321, "file")


def test_the_program_has_help(cortex: Any) -> None:
    assert "Usage: cortex" in cortex("--help").stdout


@pytest.mark.parametrize("command", program.list_commands(click.Context(program)))
def test_every_command_has_help(command: str) -> None:
    """In this process: two dozen starts of the interpreter say no more than the one above."""
    done = CliRunner().invoke(program, [command, "--help"], prog_name="cortex")
    assert done.exit_code == 0 and f"Usage: cortex {command}" in done.output
