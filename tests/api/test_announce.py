"""How the command line finds the application, and knows a stale announcement."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cortex_engine.api.announce import announce, internal_token, running, withdraw
from cortex_engine.catalog.owner import OwnerLock


def test_an_announcement_is_for_its_owner_alone_and_is_taken_back(tmp_path: Path) -> None:
    assert running(tmp_path) is None
    lock = OwnerLock(tmp_path)
    lock.acquire()
    announce(tmp_path, "http://127.0.0.1:8501/api")
    file = tmp_path / "locks" / "service.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found = running(tmp_path)
    assert found is not None
    assert (found.url, found.pid, found.token) == ("http://127.0.0.1:8501/api", os.getpid(), internal_token())
    lock.release()
    assert running(tmp_path) is None, "who does not own the library is not its application"
    withdraw(tmp_path)
    assert not file.exists()
    withdraw(tmp_path)


def test_an_address_for_all_networks_is_reached_on_this_computer(tmp_path: Path) -> None:
    announce(tmp_path, "http://0.0.0.0:8501/api")
    assert json.loads((tmp_path / "locks" / "service.json").read_text())["url"] == "http://127.0.0.1:8501/api"


def test_another_application_s_announcement_is_left_alone(tmp_path: Path) -> None:
    announce(tmp_path, "http://127.0.0.1:1/api")
    file = tmp_path / "locks" / "service.json"
    file.write_text(json.dumps({"url": "http://127.0.0.1:2/api", "pid": 1, "token": "other"}))
    withdraw(tmp_path)
    assert file.exists()


def test_what_a_killed_application_left_is_recognised(serve: Callable[..., Any]) -> None:
    server = serve()
    with server.client() as client:
        job = client.post("/v1/ingest", files={"files": ("tea.md", "Tea.")}).json()
        server.wait(client, job["id"])
    assert running(server.folder) is not None
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    assert (server.folder / "locks" / "service.json").exists()
    assert running(server.folder) is None


def test_an_announcement_of_another_process_than_the_owner_is_stale(tmp_path: Path) -> None:
    """The process number of a dead application may belong to somebody else now, and another process may own the library."""
    code = (
        "import sys, pathlib; from cortex_engine.catalog.owner import OwnerLock; "
        "lock = OwnerLock(pathlib.Path(sys.argv[1])); lock.acquire(); print('held', flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline().strip() == "held"
    announce(tmp_path, "http://127.0.0.1:8501/api")
    assert running(tmp_path) is None
    child.communicate("")


def test_half_a_file_is_nobody(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    for text in ("", "{", "[]", '{"url": 1}', '{"url": "x", "pid": 1, "token": "t", "more": 1}'):
        (tmp_path / "locks" / "service.json").write_text(text)
        assert running(tmp_path) is None


def test_the_token_works_only_as_long_as_its_process_lives(serve: Callable[..., Any]) -> None:
    server = serve("--no-work")
    token = json.loads((server.folder / "locks" / "service.json").read_text())["token"]
    with server.client() as client:
        client.post("/v1/keys", json={"name": "first", "scopes": ["read"]})
        assert client.get("/v1/keys").status_code == 401
    with server.client(token) as client:
        assert client.get("/v1/keys").status_code == 200
    with server.client(internal_token()) as client:
        assert client.get("/v1/keys").status_code == 401
