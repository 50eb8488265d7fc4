"""The command line while the application runs: it asks the application, says what it says, and ends as it ends alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.conftest import TEXTS, Server, start, stop


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    place = tmp_path_factory.mktemp("cli")
    found = start(place / "library")
    folder = place / "texts"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    assert cortex(found, "ingest", folder, "--collection", "Papers").returncode == 0
    yield found
    stop(found)


def cortex(server: Server, *words: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cortex_engine", "--data-dir", str(server.folder), *map(str, words)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=server.environ, cwd=server.folder.parent, timeout=120, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def asked(server: Server, route: str) -> float:
    """How often the application was asked for a route."""
    token = json.loads((server.folder / "locks" / "service.json").read_text())["token"]
    with server.client(token) as client:
        lines = client.get("/v1/metrics").text.splitlines()
    found = [line for line in lines if line.startswith("cortex_http_requests_total") and f'route="{route}"' in line]
    return sum(float(line.rpartition(" ")[2]) for line in found)


def test_asking_the_application_loads_neither_numpy_nor_the_engine() -> None:
    code = (
        "import sys, cortex_engine.cli.searching, cortex_engine.cli.remote, cortex_engine.api.announce\n"
        "import cortex_engine.core.search, cortex_engine.config\n"
        "print([name for name in ('numpy', 'fastapi', 'sqlite3', 'cortex_engine.suite') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_ingest_is_worked_on_by_the_application(server: Server, tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("The wren sings in the hedge.")
    report = json.loads(cortex(server, "ingest", tmp_path / "new.txt", "--collection", "Papers", "--json").stdout)
    assert report["counts"] == {"done": 1}
    assert cortex(server, "jobs", "list").stdout.count("Papers") >= 2


def test_where_files_were_taken_from_is_not_told_over_http(server: Server, tmp_path: Path) -> None:
    (tmp_path / "whole.txt").write_text("The stork stands on one leg.")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4 no")
    report = json.loads(cortex(server, "ingest", tmp_path, "--collection", "Papers", "--json", code=3).stdout)
    assert str(tmp_path) in json.dumps(report), "the command line does tell"
    with server.client() as client:
        found = [
            client.get(path).text
            for path in (f"/v1/jobs/{report['job']}", "/v1/jobs", "/v1/documents?limit=500", "/v1/collections")
        ]
    assert "whole.txt" in found[0]
    assert "whole.txt" in found[2]
    assert not any(str(tmp_path) in text or str(server.folder) in text for text in found)


def test_a_folder_is_followed_and_a_job_resumed_by_the_application(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "followed"
    folder.mkdir()
    for name in ("owl", "crane"):
        (folder / f"{name}.txt").write_text(f"The {name} is a bird of the marsh.")
    cortex(server, "sync", folder, "--collection", "Followed")
    (folder / "owl.txt").unlink()
    cortex(server, "sync", folder, "--collection", "Followed")
    listed = json.loads(cortex(server, "documents", "list", "--collection", "Followed", "--json").stdout)
    assert [row["name"] for row in listed["documents"]] == ["crane.txt"]
    assert "goes on with the queue" in cortex(server, "jobs", "resume").stderr


def test_a_search_is_answered_by_the_application(server: Server) -> None:
    before = asked(server, "/v1/search")
    remote = json.loads(cortex(server, "search", "puffin burrow", "--json", "--top-k", "3").stdout)
    assert asked(server, "/v1/search") == before + 1
    local = json.loads(cortex(server, "--no-server", "search", "puffin burrow", "--json", "--top-k", "3").stdout)
    assert asked(server, "/v1/search") == before + 1
    judged = {"flight_id", "abstained", "evidence", "cut"}
    assert set(remote) == set(local) == {"query", "mode", "hits", "timings_ms", "degraded", "warnings"} | judged
    assert [set(hit) for hit in remote["hits"]] == [set(hit) for hit in local["hits"]]
    assert [hit["chunk_id"] for hit in remote["hits"]] == [hit["chunk_id"] for hit in local["hits"]]
    shown = cortex(server, "search", "puffin burrow", "--top-k", "1", "--filter", "type=text", "--trace").stdout
    assert "birds.txt" in shown
    assert "fusion" in shown


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["search", "x", "--collection", "Paper"], 1, "There is no collection 'Paper'. Did you mean 'Papers'?"),
        (["search", "x", "--filter", "from=yesterday"], 2, "'yesterday' is no date"),
        (["search", "x", "--top-k", "0"], 2, ""),
        (["search", " "], 2, ""),
    ],
)
def test_mistakes_end_as_they_do_without_the_application(
    server: Server, words: list[str], code: int, sentence: str
) -> None:
    for first in ([], ["--no-server"]):
        assert sentence in cortex(server, *first, *words, code=code).stderr


def test_what_the_owner_alone_may_do_is_done_by_the_application(server: Server) -> None:
    assert json.loads(cortex(server, "doctor", "--full", "--fix", "--json").stdout)["healthy"] is True
    assert "lexical" in cortex(server, "rebuild").stdout
    assert "in use by process" in cortex(server, "--no-server", "rebuild", code=1).stderr


def test_what_is_deleted_is_gone_from_the_application_too(server: Server, tmp_path: Path) -> None:
    (tmp_path / "gone.txt").write_text("The heron stands in the shallow water.")
    cortex(server, "ingest", tmp_path / "gone.txt", "--collection", "Papers")
    assert json.loads(cortex(server, "search", "heron", "--mode", "lexical", "--json").stdout)["hits"]
    cortex(server, "documents", "delete", "gone.txt", "--yes")
    assert not json.loads(cortex(server, "search", "heron", "--mode", "lexical", "--json").stdout)["hits"]


def test_documents_join_a_collection_through_the_application(server: Server) -> None:
    cortex(server, "collections", "create", "Second")
    cortex(server, "collections", "add", "Second", "birds.txt", "tea.md")
    rows = json.loads(cortex(server, "collections", "list", "--json").stdout)["collections"]
    assert {row["name"]: row["document_count"] for row in rows}["Second"] == 2
    assert asked(server, "/v1/collections/{collection_id}/documents") == 1
    assert "no collection 'Third'" in cortex(server, "collections", "add", "Third", "tea.md", code=1).stderr
    cortex(server, "collections", "delete", "Second", "--yes")


def test_samples_come_through_the_application(server: Server) -> None:
    report = json.loads(cortex(server, "samples", "load", "--json").stdout)
    assert report["collection"] == "Samples"
    assert set(report["counts"]) <= {"done", "already_here"}


def test_keys_on_the_command_line_hold_for_the_application_at_once(serve: Callable[..., Server]) -> None:
    server = serve("--no-work")
    made = cortex(server, "keys", "create", "laptop", "--scope", "read")
    key = made.stdout.strip()
    assert key.startswith("ctx_")
    assert "once" in made.stderr
    url = f"{server.url}/v1/collections"
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, headers={"authorization": f"Bearer {key}"}).status_code == 200
    listed = cortex(server, "keys", "list").stdout
    assert "laptop" in listed
    assert key not in listed
    identifier = json.loads(cortex(server, "keys", "list", "--json").stdout)["keys"][0]["id"]
    cortex(server, "keys", "revoke", identifier)
    assert httpx.get(url, headers={"authorization": f"Bearer {key}"}).status_code == 401
    assert "no key" in cortex(server, "keys", "revoke", "nothing", code=1).stderr


def test_an_application_that_does_not_answer_is_told_and_done_without(serve: Callable[..., Server]) -> None:
    server = serve()
    with server.client() as client:
        server.wait(client, client.post("/v1/ingest", files={"files": ("tea.md", TEXTS["tea.md"])}).json()["id"])
    file = server.folder / "locks" / "service.json"
    told = json.loads(file.read_text())
    file.write_text(json.dumps({**told, "url": "http://127.0.0.1:9/api"}))
    done = cortex(server, "search", "tea", "--mode", "lexical")
    assert "does not answer" in done.stderr
    assert "tea.md" in done.stdout
