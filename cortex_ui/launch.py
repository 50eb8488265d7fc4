"""Starting the application: settings, log, library, API, server."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
import webbrowser
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from starlette.routing import Mount

from cortex_engine.config import LoadedConfig, load_config
from cortex_engine.core.errors import CortexError
from cortex_engine.core.network import is_loopback
from cortex_ui import session

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_log = logging.getLogger(__name__)
_MAIN = Path(__file__).parent / "main.py"
_FIRST_PAGE_SECONDS = 3.0
_ending = threading.Event()
_options = argparse.Namespace(data_dir=None, samples=False, no_browser=True)


class _Api:
    """The HTTP API, built when it is first asked or when the start is over: the first page does not wait for it."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        app = await asyncio.to_thread(self.build) if self._app is None else self._app
        await app(scope, receive, send)

    def build(self) -> ASGIApp:
        """Import the web framework and make the routes, once."""
        with self._lock:
            if self._app is None:
                from cortex_engine.api import create_app

                self._app = create_app(session.suite, behind=_address)
            return self._app


_api = _Api()


@contextlib.asynccontextmanager
async def _lifespan(_: st.App) -> AsyncIterator[dict[str, object]]:
    """Open the library while the server begins to answer, close it when the server ends."""
    loaded = load_config(_options.data_dir)
    session.prepare(loaded)
    starting = asyncio.create_task(asyncio.to_thread(_start, loaded, _address(), int(st.get_option("server.port"))))
    try:
        yield {}
    finally:
        _ending.set()
        await starting
        await asyncio.to_thread(_end, loaded)


def _address() -> str:
    """The address that the server listens on; Streamlit takes every one when none is set."""
    return str(st.get_option("server.address") or "0.0.0.0")  # noqa: S104


def _start(loaded: LoadedConfig, address: str, port: int) -> None:
    """Open the library and tell other programs of it. A library that cannot be opened is told on the page."""
    from cortex_engine.api.announce import announce
    from cortex_engine.core.logbook import open_logbook

    try:
        open_logbook(loaded.config.data_dir, loaded.config.log_level)
        suite = session.start(loaded)
        announce(loaded.config.data_dir, f"http://{'127.0.0.1' if is_loopback(address) else address}:{port}/api")
        if _options.samples and suite.counts().documents == 0:
            suite.submit_samples()
    except CortexError as error:
        _log.error("%s", error)
    if not _ending.wait(_FIRST_PAGE_SECONDS):
        _api.build()


def _end(loaded: LoadedConfig) -> None:
    from cortex_engine.api.announce import withdraw

    withdraw(loaded.config.data_dir)
    session.stop()


def _require_doorkeeper(loaded: LoadedConfig, address: str) -> None:
    """End the program when others could reach it and nobody could sign in."""
    if is_loopback(address):
        return
    from cortex_engine.suite import CortexSuite
    from cortex_ui import gate

    with CortexSuite.open(loaded=loaded, command="the application") as suite:
        known = any(not key.revoked for key in suite.keys())  # noqa: SIM118
    if not known and not gate.sign_in_service():
        raise SystemExit(
            f"The server was to listen on {address}, where others can reach it, but nobody could sign in. Make a key first "
            "(`cortex keys create NAME --scope admin`), or configure OpenID Connect (docs/how-to/serve-others.md)."
        )


def _unexpected(error: Exception) -> bool:
    """A defect: its traceback goes to the log under a number that the person can tell."""
    number = uuid.uuid4().hex[:8]
    _log.error("unexpected failure %s in a page", number, exc_info=error)
    st.error(
        f"Something unexpected happened while this page was drawn (number {number}). Nothing of yours is lost. Reload the "
        "page; if it happens again, Maintenance › Logs has the details under that number.",
        icon=":material/error:",
    )
    return True


app = st.App(
    str(_MAIN),
    lifespan=_lifespan,
    routes=[Mount("/api", app=_api)],
    on_script_error=_unexpected,
)


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="Cortex_Suite.py", description="Serve the application on this computer.")
    parser.add_argument("--port", type=int, help="port to listen on (default: the setting server_port)")
    parser.add_argument("--address", help="address to listen on (default: the setting server_address)")
    parser.add_argument("--data-dir", type=Path, help="folder of the library (default: the setting data_dir)")
    parser.add_argument("--samples", action="store_true", help="load the sample documents into an empty library")
    parser.add_argument("--no-browser", action="store_true", help="do not open the browser")
    return parser.parse_args(words)


def main() -> None:
    """Serve until interrupted."""
    global _options
    _options = _arguments(sys.argv[1:])
    sys.argv = sys.argv[:1]
    try:
        loaded = load_config(_options.data_dir)
        config = loaded.config
        address, port = _options.address or config.server_address, _options.port or config.server_port
        _require_doorkeeper(loaded, address)
    except CortexError as error:
        raise SystemExit(str(error)) from error
    where = f"http://{'localhost' if is_loopback(address) else address}:{port}"
    print(f"Cortex Suite is at {where} (the library: {config.data_dir}). Stop it with Ctrl-C.", flush=True)  # noqa: T201
    if not _options.no_browser:
        threading.Thread(target=_show, args=(where,), daemon=True).start()
    # uvicorn believes X-Forwarded-For of any program on this machine; the API has its own setting for that (server_proxy).
    os.environ["FORWARDED_ALLOW_IPS"] = ""  # noqa: TID251
    with contextlib.suppress(KeyboardInterrupt):
        app.run(
            config={
                "server.address": address,
                "server.port": port,
                "server.headless": True,
                # Without a name of its own Streamlit asks a host on the internet for the outer address, to print it.
                "browser.serverAddress": "localhost" if is_loopback(address) else socket.gethostname(),
                "server.maxUploadSize": max(1, config.parse_file_bytes // 1_000_000),
            }
        )


def _show(where: str) -> None:
    """Open the browser when the server answers."""
    for _ in range(100):
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(f"{where}/_stcore/health", timeout=2).close()  # noqa: S310
            webbrowser.open(where)
            return
        time.sleep(0.1)
