"""What stands in front of the routes, as plain ASGI: faults, bodies that are too large or too slow, too many at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cortex_engine.api import answers
from cortex_engine.api.answers import Refused
from cortex_engine.config import CortexConfig
from cortex_engine.core.errors import CortexError

SMALL_BODY = 1_000_000
"""Bytes of a body that is not an upload."""

UPLOADS = frozenset({"/v1/ingest", "/v1/search/pictures"})
"""Addresses that stream their body themselves."""

_AT_ONCE = 64
_UPLOADS_AT_ONCE = 8
_BODIES_AT_ONCE = 256
"""Small bodies that are on their way: they take memory, but no place of those that are worked on."""
_SEND_SECONDS = 60.0
_PACE_BYTES = 16_384
"""An upload must bring so much within `api_body_seconds`."""
_DRAIN_BYTES, _DRAIN_SECONDS = 8_000_000, 2.0

_HEADERS = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
}
_TOO_LARGE = Refused(413, "too_large", "The body is too large.", {"connection": "close"})
_TOO_SLOW = Refused(408, "too_slow", "The body came too slowly.", {"connection": "close"})
_BUSY = Refused(503, "busy", "Too many requests at once. Try again in a moment.", {"retry-after": "1"})


def route_path(scope: Scope) -> str:
    """The path below the place where the application is mounted."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


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
            async with asyncio.timeout(_SEND_SECONDS):
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


class Places:
    """So many requests at once, uploads fewer; the rest is asked to come again."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._taken = {True: 0, False: 0}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        upload = route_path(scope) in UPLOADS
        if self._taken[upload] >= (_UPLOADS_AT_ONCE if upload else _AT_ONCE):
            await _BUSY.answer()(scope, receive, send)
            return
        self._taken[upload] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._taken[upload] -= 1


class Bodies:
    """Refuses bodies that are too large (early, when they say so) or too slow; small ones are read before the route runs."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._reading = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        headers = Headers(scope=scope) if scope["type"] == "http" else {}
        if "content-length" not in headers and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        config: CortexConfig = scope.get("cortex.config") or CortexConfig()
        upload = route_path(scope) in UPLOADS
        limit = config.api_upload_bytes if upload else SMALL_BODY
        try:
            if int(headers.get("content-length", "0")) > limit:
                raise _TOO_LARGE
            if upload:
                receive = _paced(receive, limit, config.api_body_seconds)
            else:
                body = await self._read(receive, limit, config.api_body_seconds)
                scope["cortex.body"], receive = body, _replay(body, receive)
        except Refused as refused:
            await _refuse_and_drain(refused, receive, send)
            return
        except ConnectionError:
            return
        await self._app(scope, receive, send)

    async def _read(self, receive: Receive, limit: int, seconds: float) -> bytes:
        if self._reading >= _BODIES_AT_ONCE:
            raise _BUSY
        self._reading += 1
        try:
            return await _read(receive, limit, seconds)
        finally:
            self._reading -= 1


async def _read(receive: Receive, limit: int, seconds: float) -> bytes:
    """A whole small body.

    Raises:
        Refused: (413, 408) it is larger than it may be, or not here within `seconds`.
        ConnectionError: the caller has gone.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for part in _parts(receive):
                body += part
                if len(body) > limit:
                    raise _TOO_LARGE
    except TimeoutError:
        raise _TOO_SLOW from None
    return bytes(body)


async def _parts(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ConnectionError
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting = [body]

    async def again() -> Message:
        return {"type": "http.request", "body": waiting.pop(), "more_body": False} if waiting else await receive()

    return again


def _paced(receive: Receive, limit: int, seconds: float) -> Receive:
    """The same messages, refused (413, 408) when they are too many or too slow."""
    total, window, begun = 0, 0, time.monotonic()

    async def next_part() -> Message:
        nonlocal total, window, begun
        try:
            async with asyncio.timeout(seconds):
                message = await receive()
        except TimeoutError:
            raise _TOO_SLOW from None
        size = len(message.get("body", b""))
        total, window = total + size, window + size
        if total > limit:
            raise _TOO_LARGE
        if time.monotonic() - begun > seconds:
            if window < _PACE_BYTES and message.get("more_body", False):
                raise _TOO_SLOW
            window, begun = 0, time.monotonic()
        return message

    return next_part


async def _refuse_and_drain(refused: Refused, receive: Receive, send: Send) -> None:
    """Answer at once, then read a little on: a caller that is still sending would otherwise lose the answer."""
    response = refused.answer()
    await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
    await send({"type": "http.response.body", "body": response.body, "more_body": True})
    drained = 0
    with suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for part in _parts(receive):
                drained += len(part)
                if drained > _DRAIN_BYTES:
                    break
    await send({"type": "http.response.body", "body": b""})
