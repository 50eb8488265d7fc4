"""Moves to another model over HTTP, and the command line beside the application and without it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.api.conftest import TEXTS, Server


def _filled(serve: Callable[..., Server], tmp_path: Path) -> Server:
    server = serve()
    with server.client() as client:
        files = [("files", (name, text)) for name, text in TEXTS.items()]
        job = client.post("/v1/ingest", files=files, data={"collection": "Papers"}).json()
        server.wait(client, job["id"])
    return server


def _until(client: httpx.Client, migration_id: str, state: str) -> dict[str, Any]:
    for _ in range(1200):
        found = dict(client.get(f"/v1/migrations/{migration_id}").json())
        if found["state"] == state:
            return found
        time.sleep(0.05)
    raise AssertionError(f"it did not become {state}: {found}")


def _names(client: httpx.Client) -> set[str]:
    hits = client.post("/v1/search", json={"query": "green tea cliff", "mode": "vector"}).json()["hits"]
    return {hit["document"] for hit in hits}


def test_a_move_over_http_from_begin_to_purge(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = _filled(serve, tmp_path)
    with server.client() as client:
        asked = {"collection": "Papers", "target": "packaged"}
        plan = client.post("/v1/migrations/plan", json=asked).json()
        assert (plan["dimension"], plan["download_bytes"], plan["passages"] > 1) == (384, 0, True)
        begun = client.post("/v1/migrations", json=asked)
        assert begun.status_code == 202
        migration_id = begun.json()["id"]
        assert client.post("/v1/migrations", json=asked).status_code == 409
        ready = _until(client, migration_id, "ready")
        assert ready["done"] == ready["total"] == plan["passages"]
        assert ready["report"]["questions"] > 0 and set(ready["report"]["overlap"]) == {"1", "3", "10"}
        assert (ready["source"]["backend"], ready["target"]["backend"]) == ("hashing", "packaged")
        assert _names(client) == set(TEXTS)
        for action, state in (
            ("switch", "switched"),
            ("rollback", "rolled back"),
            ("switch", "switched"),
            ("purge", "done"),
        ):
            done = client.post(f"/v1/migrations/{migration_id}/{action}")
            assert (done.status_code, done.json()["state"]) == (200, state)
            assert _names(client) == set(TEXTS)
        assert client.post(f"/v1/migrations/{migration_id}/switch").status_code == 422
        assert client.get("/v1/migrations", params={"open_only": True}).json() == {"migrations": []}
        assert [row["id"] for row in client.get("/v1/migrations").json()["migrations"]] == [migration_id]
        assert client.get("/v1/migrations/ffff").status_code == 404
        assert client.post(f"/v1/migrations/{migration_id}/explode").status_code == 422


def _cortex(server: Server, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cortex_engine", "--data-dir", str(server.folder), *words]
    done = subprocess.run(command, capture_output=True, text=True, env=server.environ, timeout=120, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_the_command_line_lets_the_application_do_it_and_does_it_alone(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    server = _filled(serve, tmp_path)
    switched = json.loads(_cortex(server, "migrate", "Papers", "--to", "packaged", "--switch", "--json").stdout)
    assert (switched["migration"]["state"], switched["migration"]["collection"]) == ("switched", "Papers")
    with server.client() as client:
        (seen,) = client.get("/v1/migrations").json()["migrations"]
    assert (seen["id"], seen["state"]) == (switched["migration"]["id"], "switched")
    short = seen["id"][:8]
    assert "rolled back" in _cortex(server, "migrations", "rollback", short).stdout
    assert "done" in _cortex(server, "migrations", "purge", short).stdout
    refused = _cortex(server, "migrations", "switch", short, code=2)
    assert "is done" in refused.stderr

    alone = ("--no-server",)
    server.process.terminate()
    server.process.wait(20)
    ready = _cortex(server, *alone, "migrate", "Papers", "--to", "packaged").stdout
    assert "cortex migrations switch" in ready and "Both models were asked" in ready
    (row,) = json.loads(_cortex(server, *alone, "migrations", "list", "--open", "--json").stdout)["migrations"]
    assert (row["state"], row["report"]["judged"]) == ("ready", 0)
    assert "cancelled" in _cortex(server, *alone, "migrations", "cancel", row["id"][:6]).stdout
    nowhere = _cortex(server, *alone, "migrate", "Papers", "--to", "sentence_transformer:/nowhere", code=1)
    assert "/nowhere" in nowhere.stderr
