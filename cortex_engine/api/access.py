"""Who may ask: keys, programs on this computer while there is no key, and pages of other origins never."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from cortex_engine.api.announce import internal_token
from cortex_engine.api.answers import Refused
from cortex_engine.api.guards import route_path
from cortex_engine.api.rates import Rates, neighbourhood
from cortex_engine.config import CortexConfig
from cortex_engine.core import app as nouns
from cortex_engine.core.network import is_loopback
from cortex_engine.suite import CortexSuite

_PUBLIC = "/v1/health"
_PUBLIC_PER_MINUTE = 600
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_RELAYED = ("x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded", "via")
"""Headers that show that the peer only passes on what somebody else asks."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        key: id of the key, "" without one.
        internal: the command line on this computer, with the token that only the owner of the library can read.
    """

    key: str
    scopes: frozenset[nouns.Scope]
    internal: bool = False


class Access:
    """Lets a request through with its `Caller` under "cortex.caller", or refuses it before its body is read."""

    def __init__(self, app: ASGIApp, suite_of: Callable[[], CortexSuite], behind: Callable[[], str]) -> None:
        self._app = app
        self._suite_of = suite_of
        self._behind = behind
        self._rates = Rates()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] == "http":
            try:
                await self._admit(scope)
            except Refused as refused:
                await refused.answer()(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _admit(self, scope: Scope) -> None:
        headers, peer = Headers(scope=scope), (scope.get("client") or ("",))[0]
        path = route_path(scope)
        if path == _PUBLIC or path.startswith(f"{_PUBLIC}/"):
            self._rates.require(_PUBLIC_PER_MINUTE, "health", neighbourhood(peer))
            return
        refuse_other_origins(scope["method"], headers)
        text = key_text(headers)
        if hmac.compare_digest(text.encode("utf-8", "replace"), internal_token().encode()):
            scope["cortex.caller"] = Caller("", frozenset(nouns.Scope), internal=True)
            scope["cortex.internal"] = True
            scope["cortex.config"] = (await anyio.to_thread.run_sync(self._suite_of)).config
            return
        config, needed = await anyio.to_thread.run_sync(self._facts)
        scope["cortex.config"] = config
        address = neighbourhood(address_of(peer, headers, config.server_proxy))
        self._rates.require(config.api_requests_per_minute, "address", address)
        caller = await anyio.to_thread.run_sync(self._caller, text) if text else None
        if caller is not None:
            self._rates.require(config.api_requests_per_minute, "key", caller.key)
        elif not needed and is_loopback(self._behind()) and not text:
            caller = _neighbour(peer, headers)
        scope["cortex.caller"] = caller or _refuse(bool(text))

    def _facts(self) -> tuple[CortexConfig, bool]:
        suite = self._suite_of()
        return suite.config, suite.needs_key()

    def _caller(self, text: str) -> Caller | None:
        key = self._suite_of().check_key(text)
        return Caller(key.id, frozenset(key.scopes)) if key else None


def _refuse(wrong: bool) -> Caller:
    sentence = (
        "This key is not known, or was revoked."
        if wrong
        else "A key is needed: `Authorization: Bearer ctx_…`. `cortex keys create` makes one."
    )
    raise Refused(401, "wrong_key" if wrong else "key_needed", sentence, {"www-authenticate": 'Bearer realm="cortex"'})


def _neighbour(peer: str, headers: Headers) -> Caller | None:
    """A program on this computer, while there is no key; None for anybody else.

    Raises:
        Refused: (403) the name in the request is not this computer's own (a page that was rebound to this address), or
            a page of another origin asks.
    """
    if not is_loopback(peer) or any(name in headers for name in _RELAYED):
        return None
    if not is_loopback(host_of(headers.get("host", ""))):
        raise Refused(403, "host", "Without a key, only requests to localhost are answered.")
    if headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        raise Refused(403, "origin", "Pages of other origins may not use this API.")
    return Caller("", frozenset(nouns.Scope))


def refuse_other_origins(method: str, headers: Headers) -> None:
    """Refuse what a page of another origin sends in a browser's name.

    Raises:
        Refused: (403) an unsafe method, and the browser says that it comes from elsewhere.
    """
    if method in _SAFE:
        return
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
    elsewhere = origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    if elsewhere or site not in {"same-origin", "none"}:
        raise Refused(403, "origin", "Pages of other origins may not use this API.")


def key_text(headers: Headers) -> str:
    """The key that a request brings, "" for none."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")


def host_of(header: str) -> str:
    """The name in a Host header, without the port."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.rpartition(":")[0] if ":" in header else header


def address_of(peer: str, headers: Headers, proxy: str) -> str:
    """The address that asks; what a proxy reports counts only when that proxy is configured."""
    known = {each.strip() for each in proxy.split(",") if each.strip()}
    if peer not in known:
        return peer
    chain = [each.strip() for line in headers.getlist("x-forwarded-for") for each in line.split(",")]
    return next((each for each in reversed(chain) if each and each not in known), peer)
