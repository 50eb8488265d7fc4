"""The application as people start it: its own process, its own library, its own port."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import psutil

ROOT = Path(__file__).parents[3]
PAGES = {
    "home": "/",
    "search": "/Knowledge_Search",
    "ask": "/Ask",
    "graph": "/Knowledge_Graph",
    "ingest": "/Knowledge_Ingest",
    "collections": "/Collection_Management",
    "maintenance": "/Maintenance",
    "settings": "/Settings",
}
"""Short names of the pages and their addresses."""

START_SECONDS = 90.0


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class App:
    """A server process of the application.

    Attributes:
        folder: its library; `settings`: environment names and values; `arguments`: further words for the launcher.
    """

    served: ClassVar[set[str]] = set()
    """host:port of every server that was started."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log_file(self) -> Path:
        return self.folder.parent / f"{self.folder.name}.server.log"

    @property
    def log(self) -> str:
        """Everything that the server printed since the first start."""
        return self.log_file.read_text(encoding="utf-8", errors="replace") if self.log_file.exists() else ""

    def url(self, page: str = "home", /, **query: str | int) -> str:
        """The address of a page by its short name, with a query."""
        return self.base + PAGES[page] + (f"?{urllib.parse.urlencode(query)}" if query else "")

    def start(self) -> App:
        """Start and wait until it answers; on the same port when it was started before."""
        self.port = self.port or free_port()
        App.served.add(f"127.0.0.1:{self.port}")
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CORTEX_", "STREAMLIT_"))}
        command = [sys.executable, "Cortex_Suite.py", "--no-browser", "--port", str(self.port)]
        command += ["--data-dir", str(self.folder), *self.arguments]
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env={**kept, **self.settings}, stdout=log, stderr=log, start_new_session=True
            )
        self.wait_healthy()
        return self

    def wait_healthy(self, seconds: float = START_SECONDS) -> None:
        """Wait for the server's health answer; a process that ended meanwhile is told with its log."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process is not None
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log[-4000:]}")
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.base}/_stcore/health", timeout=2).close()
                return
            time.sleep(0.05)
        raise AssertionError(f"the server did not answer within {seconds:.0f} s:\n{self.log[-4000:]}")

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """kill -9 the server, and only the server: what it had started must find out by itself."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def restart(self) -> App:
        """Start again on the same port and library."""
        if self.alive:
            self.stop()
        return self.start()

    def stop(self, seconds: float = 30.0) -> int:
        """Ask it to end, as Ctrl-C does; returns its exit status. What is left of its session is killed."""
        if self.process is None:
            return 0
        if self.alive:
            self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.wait(10)

    def resident_bytes(self, children: bool = False) -> int:
        """Resident memory of the server process, with its children when wanted."""
        assert self.process is not None
        server = psutil.Process(self.process.pid)
        found = [server, *(server.children(recursive=True) if children else [])]
        total = 0
        for each in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                total += int(each.memory_info().rss)
        return total
