"""What stands in front of the routes, as plain ASGI: faults, bodies, numbers."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cortex_engine.api import answers
from cortex_engine.core.errors import CortexError

_HEADERS = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
}


class Faults:
    """Outermost: every answer gets its safety headers, and a failure of anything inside becomes a small answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except CortexError as error:
            if begun:
                raise
            await answers.explained(error, scope)(scope, receive, send_with_headers)
        # A defect must neither end in a traceback for the caller nor be lost.
        except Exception as error:
            if begun:
                raise
            await answers.unexpected(error)(scope, receive, send_with_headers)
