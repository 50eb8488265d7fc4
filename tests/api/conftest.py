"""Real servers in processes of their own, asked over real HTTP."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from cortex_engine.core.app import Scope
from cortex_engine.suite import CortexSuite

SERVE = Path(__file__).with_name("serve.py")
SETTINGS = {
    "CORTEX_EMBEDDING_BACKEND": "hashing",
    "CORTEX_MIN_FREE_BYTES": "0",
    "CORTEX_API_REQUESTS_PER_MINUTE": "100000",
    "CORTEX_CALIBRATION": "false",
    "CORTEX_GRAPH": "false",  # what finds names takes its time to load; tests of the graph switch it on
}
TEXTS = {
    "birds.txt": "The puffin digs a burrow in the cliff.\n\nThe kittiwake nests on narrow ledges above the sea.",
    "tea.md": "# Tea\n\nGreen tea is steamed.\n\n## Black tea\n\nBlack tea is oxidised in the factory of Merrow.",
}


@dataclass
class Server:
    """A running server. `url` leads to the API."""

    process: subprocess.Popen[str]
    port: int
    folder: Path
    environ: dict[str, str]
    address: str = "127.0.0.1"

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}/api"

    def client(self, key: str = "", **headers: str) -> httpx.Client:
        given = {"authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers={**given, **headers}, timeout=60)

    def rss(self) -> int:
        return psutil.Process(self.process.pid).memory_info().rss

    def socket(self) -> socket.socket:
        return socket.create_connection((self.address, self.port), timeout=30)

    def wait(self, client: httpx.Client, job_id: str) -> dict[str, Any]:
        """The job with its files, when it has ended."""
        for _ in range(600):
            found = client.get(f"/v1/jobs/{job_id}").json()
            if found["job"]["state"] in {"done", "cancelled"}:
                return dict(found)
            time.sleep(0.05)
        raise AssertionError("the job did not end")


def environment(**settings: str) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("CORTEX_", "QWEN3_"))}
    return {**clean, **SETTINGS, **settings}


def start(folder: Path, *options: str, **settings: str) -> Server:
    environ = environment(**settings)
    process = subprocess.Popen(
        [sys.executable, str(SERVE), str(folder), *options],
        stdout=subprocess.PIPE,
        stderr=(folder.parent / f"{folder.name}.log").open("w"),
        text=True,
        env=environ,
        cwd=folder.parent,
    )
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], 60)
    line = process.stdout.readline() if ready else ""
    assert line.strip().isdigit(), (folder.parent / f"{folder.name}.log").read_text()
    server = Server(process, int(line), folder, environ)
    for _ in range(200):
        try:
            httpx.get(f"{server.url}/v1/health/live", timeout=5)
            return server
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the server does not answer")


def stop(server: Server) -> None:
    server.process.send_signal(signal.SIGINT)
    try:
        server.process.wait(20)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers, each on a library of its own unless a folder is given; they end with the test."""
    running: list[Server] = []

    def begin(*options: str, folder: Path | None = None, **settings: str) -> Server:
        place = folder or tmp_path / f"library-{len(running)}"
        running.append(start(place, *options, **settings))
        return running[-1]

    yield begin
    for server in running:
        stop(server)


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without keys, with two documents in the collection "Papers"."""
    server = start(tmp_path_factory.mktemp("open") / "library")
    with server.client() as client:
        files = [("files", (name, text)) for name, text in TEXTS.items()]
        job = client.post("/v1/ingest", files=files, data={"collection": "Papers"}).json()
        server.wait(client, job["id"])
    yield server
    stop(server)


@dataclass
class Keyed:
    """A server with keys, by their scopes."""

    server: Server
    keys: dict[str, str]
    ids: dict[str, str]

    def client(self, name: str, **headers: str) -> httpx.Client:
        return self.server.client(self.keys[name], **headers)


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    """A server with one key for each scope, and one that was revoked."""
    folder = tmp_path_factory.mktemp("keyed") / "library"
    keys, ids = {}, {}
    with CortexSuite.open(folder) as suite:
        for name in ("read", "write", "admin", "revoked"):
            scope = Scope.READ if name == "revoked" else Scope(name)
            key, keys[name] = suite.create_key(name, [scope])
            ids[name] = key.id
        suite.revoke_key(ids["revoked"])
    server = start(folder)
    yield Keyed(server, keys, ids)
    stop(server)
