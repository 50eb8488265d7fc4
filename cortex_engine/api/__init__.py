"""The HTTP API under `/v1`: the same suite, for programs. Importing this package loads no web framework."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

    from cortex_engine.suite import CortexSuite


def create_app(suite_of: Callable[[], CortexSuite], *, behind: str | Callable[[], str] = "127.0.0.1") -> FastAPI:
    """The API as an ASGI application, to be mounted (under `/api`) or served by itself.

    Args:
        suite_of: gives the open suite; called in a thread for each request, so it may take its time.
        behind: the address that the server listens on, or what tells it once the server runs. While there is no key,
            only programs on this computer are served, and none at all when the server listens for others.
    """
    from cortex_engine.api.application import build

    return build(suite_of, (lambda: behind) if isinstance(behind, str) else behind)
