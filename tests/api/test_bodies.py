"""Too large, too slow, too deep, too often: refused early, with flat memory, while others are served."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from starlette.datastructures import Headers

from cortex_engine.api.access import address_of
from cortex_engine.api.answers import Refused
from cortex_engine.api.rates import Rates, neighbourhood
from tests.api.test_access import MARK, refused

BOUND = "xx17xx"


def part(name: str, length: int) -> tuple[bytes, bytes]:
    """What stands before and behind the bytes of one uploaded file."""
    head = f'--{BOUND}\r\ncontent-disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    return head.encode(), f"\r\n--{BOUND}--\r\n".encode()


def stream(size: int, block: bytes) -> Iterator[bytes]:
    head, tail = part("large.txt", size)
    yield head
    for _ in range(size // len(block)):
        yield block
    yield tail


MULTIPART = {"content-type": f"multipart/form-data; boundary={BOUND}"}


def head(path: str, length: int | str, content_type: str = "application/json") -> bytes:
    framing = f"content-length: {length}" if isinstance(length, int) else length
    return f"POST /api{path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {content_type}\r\n{framing}\r\n\r\n".encode()


def answer_of(line: socket.socket) -> tuple[int, bytes]:
    received = b""
    while block := line.recv(65536):
        received += block
    return int(received.split()[1]), received


def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes(open_server: Any) -> None:
    with open_server.socket() as line:
        line.sendall(head("/v1/search", 2_000_000))
        begun = time.monotonic()
        first = line.recv(1000)
        assert time.monotonic() - begun < 5
    assert first.startswith(b"HTTP/1.1 413")
    with open_server.client() as client:
        refused(client.post("/v1/search", json={"query": MARK * 200_000}), 413, "too_large")


def test_a_body_that_does_not_say_so_is_refused_when_it_is(open_server: Any) -> None:
    with open_server.client() as client:
        block = MARK.encode() * 1000
        refused(client.post("/v1/search", content=(block for _ in range(200))), 413, "too_large")


@pytest.mark.parametrize("said", [True, False])
def test_200_megabytes_are_refused_with_flat_memory(open_server: Any, said: bool) -> None:
    before, most = open_server.rss(), 0
    block = b"x" * 1_000_000
    headers = {"content-length": "200000000"} if said else {}
    with open_server.client() as client:
        try:
            answer = client.post("/v1/search", content=(block for _ in range(200)), headers=headers)
            refused(answer, 413, "too_large")
        except httpx.WriteError:
            # The connection was closed while this side was still sending: as early as can be.
            pass
        most = open_server.rss()
        assert client.get("/v1/health/live").status_code == 200
    assert most - before < 20_000_000


def test_an_upload_above_the_limit_is_refused(serve: Callable[..., Any]) -> None:
    server = serve("--no-work", CORTEX_API_UPLOAD_BYTES="3000000")
    with server.client() as client:
        refused(
            client.post("/v1/ingest", content=stream(5_000_000, b"x" * 50_000), headers=MULTIPART), 413, "too_large"
        )
        assert client.get("/v1/jobs").json()["total"] == 0
        assert client.get("/v1/documents").json()["total"] == 0
    assert list((server.folder / "tmp").iterdir()) == []


def test_60_megabytes_are_taken_in_without_being_held_in_memory(serve: Callable[..., Any]) -> None:
    server = serve("--no-work")
    with server.client() as client:
        client.post("/v1/ingest", files={"files": ("warm.txt", "warm")})
        before = server.rss()
        most = [before]
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(0.02):
                most.append(server.rss())

        watcher = threading.Thread(target=watch)
        watcher.start()
        line = b"The puffin digs a burrow in the cliff, and the tea is steamed.\n" * 1000
        answer = client.post("/v1/ingest", content=stream(60_000_000, line), headers=MULTIPART)
        ended.set()
        watcher.join()
        assert answer.status_code == 202, answer.text
        files = client.get(f"/v1/jobs/{answer.json()['id']}").json()["files"]
    assert [(file["name"], file["bytes"]) for file in files] == [("large.txt", 60_000_000 // len(line) * len(line))]
    assert max(most) - before < 25_000_000


def test_a_body_that_stands_still_is_given_up(serve: Callable[..., Any]) -> None:
    server = serve("--no-work", CORTEX_API_BODY_SECONDS="1")
    cases = [
        head("/v1/search", 100) + b'{"query',
        head("/v1/search", "transfer-encoding: chunked") + b"5\r\n{" + b'"que\r\n',
        head("/v1/ingest", 5000, MULTIPART["content-type"]) + part("slow.txt", 0)[0],
    ]
    for sent in cases:
        with server.socket() as line:
            begun = time.monotonic()
            line.sendall(sent)
            status, received = answer_of(line)
            assert status == 408
            assert 0.9 < time.monotonic() - begun < 10
            assert len(received) < 900
            assert json.loads(received.rpartition(b"\r\n\r\n")[2].split(b"\r\n")[-1])["error"]["code"] == "too_slow"


def test_a_body_that_drips_is_given_up_too(serve: Callable[..., Any]) -> None:
    server = serve("--no-work", CORTEX_API_BODY_SECONDS="1")
    for path, kind in (("/v1/search", "application/json"), ("/v1/ingest", MULTIPART["content-type"])):
        with server.socket() as line:
            line.sendall(head(path, 5000, kind))
            line.settimeout(0.2)
            begun = time.monotonic()
            received = b""
            while not received and time.monotonic() - begun < 20:
                try:
                    line.sendall(b"x")
                    received = line.recv(1000)
                except TimeoutError:
                    continue
            assert received.startswith(b"HTTP/1.1 408"), received


def test_a_hundred_slow_callers_hinder_nobody(serve: Callable[..., Any]) -> None:
    server = serve("--no-work", CORTEX_API_BODY_SECONDS="6")
    lines = [server.socket() for _ in range(100)]
    try:
        for number, line in enumerate(lines):
            upload = number % 5 == 0
            path, kind = ("/v1/ingest", MULTIPART["content-type"]) if upload else ("/v1/search", "application/json")
            line.sendall(head(path, 900_000, kind) + b"{")
        with server.client() as client:
            begun = time.monotonic()
            for _ in range(5):
                assert client.post("/v1/search", json={"query": "tea", "mode": "lexical"}).status_code == 200
            assert time.monotonic() - begun < 5, "the slow ones were waited for"
        statuses = [answer_of(line)[0] for line in lines]
    finally:
        for line in lines:
            line.close()
    # Uploads have fewer places than there were callers: the others were told so at once.
    assert set(statuses) <= {408, 503}
    assert statuses.count(408) >= 80
    with server.client() as client:
        assert client.post("/v1/ingest", files={"files": ("a.txt", "a")}).status_code == 202


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deep_json_is_refused(open_server: Any, opening: str) -> None:
    with open_server.client() as client:
        depth = 900_000 // len(opening)
        answer = client.post("/v1/search", content=opening * depth, headers={"content-type": "application/json"})
        assert answer.status_code in {400, 422}
        assert len(answer.content) < 600
        nested: Any = MARK
        for _ in range(500):
            nested = [nested]
        refused(client.post("/v1/search", json={"query": nested}), 422, "invalid")


def test_numbers_that_no_machine_holds_are_refused(open_server: Any) -> None:
    with open_server.client() as client:
        for text in ("1e999", "NaN", "-Infinity", "1" * 5000, "9" * 30):
            answer = client.post(
                "/v1/search",
                content=f'{{"query": "x", "top_k": {text}}}',
                headers={"content-type": "application/json"},
            )
            assert answer.status_code in {400, 422}
            assert len(answer.content) < 600


def test_too_often_gets_429(serve: Callable[..., Any]) -> None:
    server = serve("--no-work", CORTEX_API_REQUESTS_PER_MINUTE="5")
    with server.client() as client:
        statuses = [client.get("/v1/collections").status_code for _ in range(8)]
        assert statuses == [200] * 5 + [429] * 3
        answer = client.get("/v1/collections", params={"q": MARK})
        refused(answer, 429, "too_often")
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        # Who is refused for asking too often learns nothing about keys either, and health is still told.
        refused(client.get("/v1/collections", headers={"x-api-key": "x"}), 429, "too_often")
        assert client.get("/v1/health").status_code == 200


def test_one_key_is_counted_whatever_the_address_and_one_network_whatever_its_addresses() -> None:
    rates = Rates()
    rates.require(2, "key", "a")
    rates.require(2, "key", "a")
    rates.require(2, "key", "b")
    rates.require(2, "address", "a")
    with pytest.raises(Refused) as caught:
        rates.require(2, "key", "a")
    assert caught.value.status_code == 429
    assert neighbourhood("2001:db8::1") == neighbourhood("2001:db8::ffff:1") != neighbourhood("2001:db8:0:1::1")
    assert neighbourhood("192.0.2.1") != neighbourhood("192.0.2.2")


def test_a_proxy_that_is_configured_is_believed_and_no_other() -> None:
    given = Headers({"x-forwarded-for": "198.51.100.1, 203.0.113.9"})
    assert address_of("127.0.0.1", given, "") == "127.0.0.1"
    assert address_of("127.0.0.1", given, "127.0.0.1") == "203.0.113.9"
    assert address_of("127.0.0.1", given, "127.0.0.1, 203.0.113.9") == "198.51.100.1"
    assert address_of("192.0.2.7", given, "127.0.0.1") == "192.0.2.7"
    assert address_of("127.0.0.1", Headers({}), "127.0.0.1") == "127.0.0.1"
