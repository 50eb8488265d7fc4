"""A child process that serves a library as the application does: mounted under /api, announced, with its background work.

    python serve.py FOLDER [--address A] [--behind B] [--no-work]

The first line of its output is the port.
"""

from __future__ import annotations

import argparse
import socket
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from cortex_engine.api import create_app
from cortex_engine.api.announce import announce, withdraw
from cortex_engine.suite import CortexSuite


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--behind", default="127.0.0.1")
    parser.add_argument("--no-work", action="store_true")
    options = parser.parse_args()
    suite = CortexSuite.open(options.folder)
    if not options.no_work:
        suite.start_background()
    listener = socket.socket()
    listener.bind((options.address, 0))
    port = listener.getsockname()[1]
    announce(suite.config.data_dir, f"http://{options.address}:{port}/api")
    app = Starlette(routes=[Mount("/api", app=create_app(lambda: suite, behind=options.behind))])
    print(port, flush=True)
    try:
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
    finally:
        withdraw(suite.config.data_dir)
        if not options.no_work:
            suite.stop_background()
        suite.close()


if __name__ == "__main__":
    main()
