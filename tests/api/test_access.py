"""Who gets in: keys and scopes, this computer while there is no key, other origins never; refusals echo nothing."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest

MARK = "zz9marker"


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, str]:
    """The refusal, which is short and repeats nothing of the request."""
    assert answer.status_code == status, answer.text
    assert len(answer.content) < 600
    assert MARK not in answer.text
    assert set(answer.json()) == {"error"}
    error: dict[str, str] = answer.json()["error"]
    assert set(error) == {"code", "message", "id"}
    assert error["code"] == code
    assert re.fullmatch("[0-9a-f]{12}", error["id"])
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    return error


def test_without_a_key_nothing_but_health_is_answered(keyed: Any) -> None:
    with keyed.server.client() as client:
        answer = client.get("/v1/collections", params={"q": MARK})
        refused(answer, 401, "key_needed")
        assert answer.headers["www-authenticate"].startswith("Bearer")
        refused(client.get("/openapi.json"), 401, "key_needed")
        refused(client.get(f"/{MARK}"), 401, "key_needed")
        refused(client.post("/v1/search", json={"query": MARK}), 401, "key_needed")
        for path in ("/v1/health", "/v1/health/live", "/v1/health/ready"):
            assert client.get(path).status_code == 200


def test_health_tells_nothing_private(keyed: Any) -> None:
    with keyed.server.client() as client:
        found = client.get("/v1/health").json()
    assert set(found) == {"status", "live", "ready", "degraded", "models"}
    assert all(set(model) == {"role", "state"} for model in found["models"])
    assert str(keyed.server.folder) not in json.dumps(found)


@pytest.mark.parametrize("form", ["bearer", "header"])
def test_a_key_opens_the_door(keyed: Any, form: str) -> None:
    key = keyed.keys["read"]
    headers = {"authorization": f"bearer {key}"} if form == "bearer" else {"x-api-key": key}
    assert httpx.get(f"{keyed.server.url}/v1/collections", headers=headers).status_code == 200


def test_a_wrong_key_is_refused(keyed: Any) -> None:
    good, other = keyed.keys["read"], keyed.keys["write"]
    wrong = [
        "x",
        MARK,
        good[:-1],
        good[:-1] + ("a" if good[-1] != "a" else "b"),
        good[:17] + other[17:],  # the id of one with the secret of another
        good.upper(),
        f"{good} ",
        keyed.keys["revoked"],
        "ctx_" + "0" * 12 + "_" + "a" * 43,
        "ctx_" + "é" * 12 + "_" + "a" * 43,
        "' OR 1=1 --",
        "a" * 5000,
    ]
    with httpx.Client(base_url=keyed.server.url) as client:
        for text in wrong:
            if text.strip() == good:
                continue
            answer = client.get("/v1/collections", headers={"x-api-key": text.encode()})
            refused(answer, 401, "wrong_key")


def operations(schema: dict[str, Any]) -> list[tuple[str, str]]:
    return [(method.upper(), path) for path, each in schema["paths"].items() for method in each]


def filled(path: str) -> str:
    path = path.replace("{document_id}", "0" * 32).replace("{key_id}", "0" * 12)
    return re.sub(
        r"\{(number|file_id)\}", "1", re.sub(r"\{(collection_id|job_id|chunk_id|flight_id)\}", "0" * 16, path)
    )


WRITING = {"POST", "PUT", "PATCH", "DELETE"}
READING_POSTS = {
    "/v1/search",
    "/v1/search/pictures",
    "/v1/rerank",
    "/v1/why",
    "/v1/ask",
    "/v1/flights/{flight_id}/replay",
}


def test_every_operation_asks_for_its_scope(keyed: Any) -> None:
    """Walks the OpenAPI document: a key to read can change nothing, and one to write cannot administer."""
    admin = keyed.client("admin")
    schema = keyed.client("read").get("/openapi.json").json()
    assert len(operations(schema)) > 30
    for method, path in operations(schema):
        if path.startswith("/v1/health"):
            continue
        bare = httpx.request(method, keyed.server.url + filled(path))
        refused(bare, 401, "key_needed")
        reader = keyed.client("read").request(method, filled(path), json={} if method in WRITING else None)
        if (method in WRITING and path not in READING_POSTS) or path in {"/v1/keys", "/v1/metrics"}:
            refused(reader, 403, "scope")
        if path.startswith(("/v1/keys", "/v1/care")) or path == "/v1/metrics":
            refused(keyed.client("write").request(method, filled(path), json={}), 403, "scope")
    assert admin.get("/v1/keys").status_code == 200
    assert admin.get("/v1/metrics").status_code == 200
    refused(admin.get("/v1/collections"), 403, "scope")


VALID = [
    ("POST", "/v1/collections", {"name": MARK}),
    ("PATCH", "/v1/collections/" + "0" * 16, {"name": MARK}),
    ("DELETE", "/v1/documents/" + "0" * 32, None),
    ("PATCH", "/v1/documents/" + "0" * 32, {"title": MARK}),
    ("PUT", "/v1/documents/" + "0" * 32 + "/tags", {"tags": [MARK]}),
    ("POST", "/v1/keys", {"name": MARK, "scopes": ["admin"]}),
    ("POST", "/v1/care/rebuild", None),
    ("POST", "/v1/samples", None),
    ("POST", "/v1/jobs/" + "0" * 16 + "/cancel", None),
]


@pytest.mark.parametrize(("method", "path", "body"), VALID)
def test_a_key_without_the_scope_gets_403(keyed: Any, method: str, path: str, body: object) -> None:
    with keyed.client("read") as client:
        error = refused(client.request(method, path, json=body), 403, "scope")
    assert "scope" in error["message"]


def test_an_upload_without_the_scope_is_refused_before_it_is_read(keyed: Any) -> None:
    with keyed.server.socket() as line:
        head = (
            f"POST /api/v1/ingest HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {keyed.keys['read']}\r\n"
            "content-type: multipart/form-data; boundary=b\r\ncontent-length: 90000000\r\n\r\n"
        )
        line.sendall(head.encode())
        assert line.recv(1000).startswith(b"HTTP/1.1 403")


def test_the_first_key_closes_the_door_at_once_and_revoking_it_does_not_open_it(serve: Callable[..., Any]) -> None:
    server = serve("--no-work")
    with server.client() as client:
        assert client.get("/v1/collections").status_code == 200
        made = client.post("/v1/keys", json={"name": "first", "scopes": ["admin", "read"]})
        assert made.status_code == 201
        refused(client.get("/v1/collections"), 401, "key_needed")
    with server.client(made.json()["text"]) as client:
        assert client.get("/v1/collections").status_code == 200
        assert client.get("/v1/keys").json()["keys"][0]["last_used"] != ""
        assert client.delete(f"/v1/keys/{made.json()['key']['id']}").json()["revoked"] != ""
        refused(client.get("/v1/collections"), 401, "wrong_key")
    with server.client() as client:
        refused(client.get("/v1/collections"), 401, "key_needed")


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[::2]", "0.0.0.0"]
)
def test_a_name_that_was_rebound_to_this_computer_is_refused(open_server: Any, host: str) -> None:
    with open_server.client(host=f"{host}:{open_server.port}") as client:
        refused(client.get("/v1/collections"), 403, "host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_the_names_of_this_computer_are_answered(open_server: Any, host: str) -> None:
    with open_server.client(host=f"{host}:{open_server.port}") as client:
        assert client.get("/v1/collections").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:3000"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_pages_of_other_origins_can_send_nothing(open_server: Any, keyed: Any, headers: dict[str, str]) -> None:
    with open_server.client(**headers) as client:
        refused(client.post("/v1/collections", json={"name": MARK}), 403, "origin")
        refused(client.post("/v1/search", json={"query": MARK}), 403, "origin")
    with keyed.client("admin", **headers) as client:
        refused(client.post("/v1/collections", json={"name": MARK}), 403, "origin")


def test_without_a_key_other_origins_cannot_even_read(open_server: Any) -> None:
    with open_server.client(**{"sec-fetch-site": "cross-site"}) as client:
        refused(client.get("/v1/documents"), 403, "origin")


def test_the_same_origin_is_answered(open_server: Any) -> None:
    own = {"origin": f"http://127.0.0.1:{open_server.port}", "sec-fetch-site": "same-origin"}
    with open_server.client(**own) as client:
        assert client.post("/v1/search", json={"query": "tea"}).status_code == 200


@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded", "x-real-ip", "via"])
def test_what_a_proxy_passes_on_is_not_this_computer(open_server: Any, name: str) -> None:
    with open_server.client(**{name: "127.0.0.1"}) as client:
        refused(client.get("/v1/collections"), 401, "key_needed")


def own_address() -> str:
    """An address of this computer that is not a loopback one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this computer has no network")
        return str(probe.getsockname()[0])


def test_others_in_the_network_need_a_key(serve: Callable[..., Any]) -> None:
    address = own_address()
    server = serve("--no-work", "--address", "0.0.0.0")
    server.address = address
    for headers in ({}, {"host": "localhost"}, {"x-forwarded-for": "127.0.0.1", "host": "localhost"}):
        with server.client(**headers) as client:
            refused(client.get("/v1/collections"), 401, "key_needed")
            assert client.get("/v1/health").status_code == 200


def test_a_server_for_others_asks_everybody_for_a_key(serve: Callable[..., Any]) -> None:
    with serve("--no-work", "--behind", "0.0.0.0").client() as client:
        refused(client.get("/v1/collections"), 401, "key_needed")


def test_refusals_of_what_does_not_fit_echo_nothing(open_server: Any) -> None:
    with open_server.client() as client:
        refused(client.get(f"/v1/{MARK}"), 404, "not_found")
        refused(client.put("/v1/search", json={MARK: MARK}), 405, "method")
        refused(client.get(f"/v1/documents/{MARK}"), 422, "invalid")
        refused(client.get("/v1/documents", params={"order": MARK}), 422, "invalid")
        refused(client.get("/v1/documents", params={"collection": MARK}), 404, "not_found")
        refused(client.get("/v1/documents", params={"date_from": MARK}), 422, "usage")
        refused(client.get("/v1/documents/" + "ab" * 16), 404, "not_found")
        refused(client.get("/v1/passages/" + "ab" * 16), 404, "not_found")
        refused(client.post("/v1/search", json={"query": "x", MARK: MARK}), 422, "invalid")
        refused(client.post("/v1/search", json={"query": "x", "mode": MARK}), 422, "invalid")
        refused(client.post("/v1/search", json={"query": "x", "collections": [MARK]}), 404, "not_found")
        refused(client.post("/v1/search", json={"query": "x", "filters": {MARK: 1}}), 422, "invalid")
        refused(client.post("/v1/search", content=f'{{"{MARK}'.encode()), 422, "invalid")
        refused(client.post("/v1/search", content=b"\xff" + MARK.encode()), 422, "invalid")
        refused(client.post("/v1/collections", json={"name": f" {MARK}\x01"}), 422, "usage")
        refused(client.post("/v1/collections", json={"name": MARK + "x" * 900}), 422, "usage")


def test_a_suggestion_survives(open_server: Any) -> None:
    with open_server.client() as client:
        error = client.post("/v1/search", json={"query": "x", "collections": ["Paper"]}).json()["error"]
    assert "'Papers'" in error["message"]
    assert "'Paper'" not in error["message"]
