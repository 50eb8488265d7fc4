"""The launcher: who is let in, what it tells, how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cortex_engine.core.app import Scope
from cortex_engine.suite import CortexSuite

ROOT = Path(__file__).parents[2]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _command(folder: Path, *words: str) -> list[str]:
    return [sys.executable, str(ROOT / "Cortex_Suite.py"), "--no-browser", "--data-dir", str(folder), *words]


@contextmanager
def _running(folder: Path, *words: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    port = _free_port()
    process = subprocess.Popen(
        _command(folder, "--port", str(port), *words),
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        for _ in range(300):
            assert process.poll() is None, process.stdout and process.stdout.read()
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).close()
                break
            except OSError:
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        finally:
            process.kill()


def _status(url: str, key: str = "") -> int:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize("revoked", [False, True])
def test_it_does_not_listen_for_others_when_nobody_could_sign_in(tmp_path: Path, revoked: bool) -> None:
    with CortexSuite.open(tmp_path) as suite:
        if revoked:
            suite.revoke_key(suite.create_key("old", [Scope.ADMIN])[0].id)
    done = subprocess.run(
        _command(tmp_path, "--address", "0.0.0.0", "--port", str(_free_port())),
        cwd=ROOT,
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "nobody could sign in" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_with_a_key_it_listens_and_wants_the_key(tmp_path: Path) -> None:
    with CortexSuite.open(tmp_path) as suite:
        key = suite.create_key("office", [Scope.READ, Scope.ADMIN])[1]
    with _running(tmp_path, "--address", "0.0.0.0") as (base, _):
        assert _status(f"{base}/api/v1/health") == 200
        assert _status(f"{base}/api/v1/collections") == 401
        assert _status(f"{base}/api/v1/collections", key) == 200


def test_on_this_computer_nobody_signs_in_and_the_command_line_finds_it(tmp_path: Path) -> None:
    with _running(tmp_path, "--samples") as (base, process):
        assert _status(f"{base}/api/v1/collections") == 200
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with urllib.request.urlopen(f"{base}/api/v1/documents", timeout=20) as answer:
                if len(json.load(answer)["documents"]) >= 12:
                    break
            time.sleep(0.5)
        side = tmp_path / "locks" / "service.json"
        assert side.stat().st_mode & 0o077 == 0
        assert json.loads(side.read_text(encoding="utf-8"))["pid"] == process.pid
        found = subprocess.run(
            [
                sys.executable,
                "-m",
                "cortex_engine",
                "--data-dir",
                str(tmp_path),
                "search",
                "who found the comet?",
                "--json",
            ],
            cwd=ROOT,
            text=True,
            capture_output=True,
            timeout=120,
            check=True,
            env=os.environ | {"CORTEX_LOG_LEVEL": "info"},
        )
        assert "observatory-annual-report.pdf" in found.stdout
    assert not (tmp_path / "locks" / "service.json").exists()
    assert process.returncode == 0


def test_a_damaged_catalog_is_told_on_the_page_and_does_not_end_the_server(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").write_bytes(b"")
    with _running(tmp_path) as (base, process):
        assert _status(base) == 200
        assert _status(f"{base}/api/v1/health") in {200, 503}
        assert process.poll() is None
    assert (tmp_path / "catalog.db").read_bytes() == b""
