"""One exchange with an endpoint: what is sent and taken, within bounds, and hung up from any thread."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

LARGEST_ANSWER = 8_000_000
_current: ContextVar[Exchange | None] = ContextVar("exchange", default=None)
_TELLING = "x-stainless-"
"""Headers by which the openai package tells what computer this is."""
_CONNECTED = ("connect_tcp.complete", "start_tls.complete")


class Endless(Exception):  # noqa: N818  (caught in this package, never shown)
    """An answer of too many bytes, one that takes too long, or one that is packed."""


class Exchange:
    """A request and its answer, on a connection of their own. Any thread may hang up, also before the answer begins."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stream: Any = None
        self.hung_up = False

    @contextlib.contextmanager
    def on_the_line(self) -> Iterator[None]:
        """Requests that this thread sends inside belong to this exchange."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    def hang_up(self) -> None:
        """End it: whoever waits for the endpoint, waits no longer."""
        with self._lock:
            self.hung_up = True
            stream = self._stream
        if stream is not None:
            # Closing would not wake the thread that reads; the class's own method, as that of TLS does more than this.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(stream.get_extra_info("socket"), socket.SHUT_RDWR)

    def traced(self, event: str, facts: dict[str, Any]) -> None:
        """What httpcore tells of the connection (the extension "trace" of a request)."""
        if event.endswith(_CONNECTED):
            with self._lock:
                self._stream = facts["return_value"]
                late = self.hung_up
            if late:
                self.hang_up()


class Streamed(Iterator[str]):
    """The pieces of an answer; `close` hangs up, from any thread."""

    def __init__(self, pieces: Generator[str], exchange: Exchange) -> None:
        self._pieces = pieces
        self._exchange = exchange

    def __next__(self) -> str:
        return next(self._pieces)

    def close(self) -> None:
        """Hang up."""
        self._exchange.hang_up()
        with contextlib.suppress(ValueError):  # another thread is in it, and ends by itself now
            self._pieces.close()


def client(httpx: Any, unsent: Sequence[str], timeout: Any, clock: Callable[[], float], longest: float) -> Any:
    """An HTTP client for one endpoint: no redirects, a connection for each request, answers within bounds.

    Args:
        unsent: headers that belong to another service.
        longest: seconds that a whole answer may take.
    """

    def before(request: Any) -> None:
        for name in [name for name in request.headers if name.startswith(_TELLING) or name in unsent]:
            del request.headers[name]
        # What is packed small may be large.
        request.headers["accept-encoding"] = "identity"
        if (exchange := _current.get()) is not None:
            request.extensions = {**request.extensions, "trace": exchange.traced}

    return httpx.Client(
        follow_redirects=False,
        timeout=timeout,
        limits=httpx.Limits(max_keepalive_connections=0),
        event_hooks={"request": [before], "response": [_watching(httpx, clock, longest)]},
    )


def _watching(httpx: Any, clock: Callable[[], float], longest: float) -> Callable[[Any], None]:
    """A hook that limits the size of an answer and the time it may take as a whole, comments of a stream included."""

    class Watched(httpx.SyncByteStream):  # type: ignore[misc]
        def __init__(self, stream: Any) -> None:
            self._stream = stream

        def __iter__(self) -> Iterator[bytes]:
            begun, size = clock(), 0
            for part in self._stream:
                size += len(part)
                if size > LARGEST_ANSWER:
                    raise Endless(f"answered with more than {LARGEST_ANSWER:,} bytes")
                if clock() - begun > longest:
                    raise Endless(f"had not ended after {longest:g} s")
                yield part

        def close(self) -> None:
            self._stream.close()

    def watch(response: Any) -> None:
        response.stream = Watched(response.stream)
        packed = response.headers.pop("content-encoding", "identity")
        if packed.strip().lower() not in {"", "identity"}:
            raise Endless("sent a packed answer, though it was asked for a plain one")

    return watch
