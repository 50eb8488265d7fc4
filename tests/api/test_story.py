"""The whole story over HTTP: files in, job, search, passage, page, metadata, collections, deletion; no path is ever told."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families
from reportlab.pdfgen import canvas

from cortex_engine.api.routes_documents import disposition
from cortex_engine.api.uploads import safe_name
from tests.api.conftest import TEXTS


def pdf(*pages: str) -> bytes:
    target = io.BytesIO()
    drawing = canvas.Canvas(target, pagesize=(300, 200), invariant=1)
    for text in pages:
        drawing.drawString(40, 150, text)
        drawing.showPage()
    drawing.save()
    return target.getvalue()


class Recorder:
    """Notes every answer, to look through all of them at the end."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def __call__(self, answer: httpx.Response) -> None:
        answer.read()
        assert answer.status_code < 500, answer.text
        self.bodies.append(f"{answer.url} {dict(answer.headers)} {answer.text}")


@pytest.fixture
def recorded(serve: Callable[..., Any]) -> Any:
    server = serve()
    seen = Recorder()
    with server.client() as client:
        client.event_hooks["response"] = [seen]
        yield server, client
    for body in seen.bodies:
        assert str(server.folder) not in body
        assert str(server.folder.parent) not in body


def test_from_upload_to_deletion(recorded: Any) -> None:
    server, client = recorded
    content = pdf("The first page is about bees.", "The second page is about the puffin burrow.")
    files = [("files", ("report.pdf", content)), ("files", ("folder/sub/birds.txt", TEXTS["birds.txt"]))]
    answer = client.post(
        "/v1/ingest", files=[*files, ("files", ("broken.pdf", b"%PDF-1.4 no"))], data={"collection": "A"}
    )
    assert answer.status_code == 202
    job = server.wait(client, answer.json()["id"])
    states = {file["name"]: file["state"] for file in job["files"]}
    assert states["report.pdf"] == "done"
    assert states["broken.pdf"] == "failed"
    assert all("path" not in file for file in job["files"])
    failed = client.get(f"/v1/jobs/{job['job']['id']}", params={"state": "failed", "limit": 1}).json()
    assert failed["total"] == 1
    assert failed["files"][0]["message"]
    retried = client.post(f"/v1/jobs/files/{failed['files'][0]['id']}/retry")
    assert retried.status_code == 200
    server.wait(client, job["job"]["id"])

    found = client.post("/v1/search", json={"query": "puffin burrow", "collections": ["A"], "trace": True}).json()
    hit = next(hit for hit in found["hits"] if hit["document"] == "report.pdf")
    assert hit["page"] == 2 or hit["page_end"] == 2
    assert {"vector", "lexical"} <= set(hit["stages"])
    assert found["trace"]
    assert found["timings_ms"]["total"] > 0
    passage = client.get(f"/v1/passages/{hit['chunk_id']}").json()
    assert passage["text"] == hit["text"]
    document = f"/v1/documents/{hit['document_id']}"

    page = client.get(f"{document}/pages/2").json()
    assert (page["number"], page["last"]) == (2, 2)
    assert "puffin" in page["text"]
    place = {"char_start": hit["char_start"], "char_end": hit["char_end"], "query": "puffin", "width": 400}
    picture = client.get(f"{document}/pages/2.webp", params=place)
    assert picture.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(picture.content)).width == 400
    plain = client.get(f"{document}/pages/2.webp", params={"width": 400})
    assert plain.content != picture.content, "the marks are missing"
    small = client.get(f"{document}/thumbnail.webp", params={"width": 128})
    assert Image.open(io.BytesIO(small.content)).width <= 128
    assert client.get(f"{document}/pages/3").status_code == 404
    assert client.get(f"{document}/pages/3.webp").status_code == 404

    original = client.get(f"{document}/original")
    assert original.content == content
    assert original.headers["content-type"] == "application/octet-stream"
    assert original.headers["content-disposition"].startswith("attachment;")
    assert client.get(f"{document}/original", headers={"range": "bytes=0-3"}).content == b"%PDF"
    assert client.get(f"{document}/ledger").json()["balanced"] is True


def test_documents_are_listed_filtered_and_changed(recorded: Any) -> None:
    server, client = recorded
    files = [("files", (name, text)) for name, text in TEXTS.items()]
    server.wait(client, client.post("/v1/ingest", files=files, data={"collection": "A"}).json()["id"])
    page = client.get("/v1/documents", params={"limit": 1, "order": "size"}).json()
    assert (page["total"], len(page["documents"])) == (2, 1)
    (tea,) = client.get("/v1/documents", params={"type": "markdown"}).json()["documents"]
    assert tea["name"] == "tea.md"
    address = f"/v1/documents/{tea['id']}"

    changed = client.patch(address, json={"title": "On tea", "author": "A. Leaf", "date": "2024-03-01"}).json()
    assert (changed["title"], changed["author"]) == ("On tea", "A. Leaf")
    assert client.put(f"{address}/tags", json={"tags": ["green", "black"]}).json()["tags"] == ["black", "green"]
    assert client.patch(f"{address}/tags", json={"add": ["new"], "remove": ["green"]}).json()["tags"] == [
        "black",
        "new",
    ]
    assert client.get("/v1/documents", params={"tag": "new"}).json()["total"] == 1
    assert client.get("/v1/documents", params={"date_from": "2024-01-01", "date_to": "2024-12-31"}).json()["total"] == 1

    preview = client.get(f"{address}/removal").json()
    assert (preview["count"], preview["names"]) == (1, ["tea.md"])
    assert client.delete(address).json() == {"deleted": [tea["id"]]}
    assert client.get(address).status_code == 404
    hits = client.post("/v1/search", json={"query": "oxidised tea", "mode": "lexical"}).json()["hits"]
    assert "tea.md" not in [hit["document"] for hit in hits]


def test_collections_from_beginning_to_end(recorded: Any) -> None:
    server, client = recorded
    files = [("files", (name, text)) for name, text in TEXTS.items()]
    server.wait(client, client.post("/v1/ingest", files=files, data={"collection": "A"}).json()["id"])
    ids = [row["id"] for row in client.get("/v1/documents").json()["documents"]]
    made = client.post("/v1/collections", json={"name": "B/é 'x'", "description": "second"})
    assert made.status_code == 201
    second = f"/v1/collections/{made.json()['id']}"
    assert client.post("/v1/collections", json={"name": "B/é 'x'"}).status_code == 409
    assert client.patch(second, json={"name": "B", "description": "other"}).json()["description"] == "other"
    assert client.post(f"{second}/documents", json={"documents": ids[:1]}).json()["documents"] == 1
    (first,) = [row for row in client.get("/v1/collections").json()["collections"] if row["name"] == "A"]
    assert set(first["model"]) == {"id", "name", "dimension"}
    assert client.get(f"/v1/collections/{first['id']}/removal").json()["kept"] == 1
    moved = client.post(
        f"/v1/collections/{first['id']}/documents/move", json={"documents": ids[1:], "target": made.json()["id"]}
    )
    assert moved.json()["documents"] == 2
    assert client.post(f"{second}/documents/remove", json={"documents": ids[1:]}).json() == {"deleted": ids[1:]}
    assert client.post(f"{second}/merge", json={"sources": [first["id"]]}).json()["documents"] == 1
    assert client.get(f"/v1/collections/{first['id']}").status_code == 404
    assert client.delete(second).json() == {"deleted": ids[:1]}
    assert client.get("/v1/documents").json()["total"] == 0


def test_the_same_upload_twice_is_one_document(recorded: Any) -> None:
    server, client = recorded
    for expected in ("done", "already_here"):
        job = client.post("/v1/ingest", files={"files": ("tea.md", TEXTS["tea.md"])}).json()
        assert [file["state"] for file in server.wait(client, job["id"])["files"]] == [expected]
    assert client.get("/v1/documents").json()["total"] == 1


def test_jobs_are_paused_resumed_and_cancelled(serve: Callable[..., Any]) -> None:
    server = serve("--no-work")
    with server.client() as client:
        job = client.post("/v1/ingest", files={"files": ("tea.md", TEXTS["tea.md"])}).json()
        address = f"/v1/jobs/{job['id']}"
        states = [client.post(f"{address}/{step}").json()["state"] for step in ("pause", "resume", "cancel", "retry")]
        assert states == ["paused", "queued", "cancelled", "queued"]
        assert client.get("/v1/jobs", params={"active": True}).json()["total"] == 1


def test_samples_come_once(recorded: Any) -> None:
    server, client = recorded
    job = client.post("/v1/samples").json()["job"]
    assert server.wait(client, job["id"])["job"]["finished"] == job["total"]
    assert client.post("/v1/samples").json() == {"job": None}


def test_the_doctor_and_rebuild_run_in_the_owner(recorded: Any) -> None:
    server, client = recorded
    server.wait(client, client.post("/v1/ingest", files={"files": ("tea.md", TEXTS["tea.md"])}).json()["id"])
    assert client.post("/v1/care/doctor", json={"full": True}).json()["healthy"] is True
    assert "lexical" in client.post("/v1/care/rebuild").json()["indexes"]


HOSTILE = [
    "../../../etc/passwd",
    "..\\..\\windows\\system32\\evil.dll",
    "/etc/cron.d/evil",
    "C:\\evil.txt",
    "C:evil.txt",
    "a/../../b.txt",
    "....//....//c.txt",
    "nul\x00byte.txt",
    "line\r\nx-evil: 1.txt",
    'quote".txt',
    "<script>alert(1)</script>.html",
    "\u202egpj.exe",
    "~/.ssh/authorized_keys",
    "a" * 5000 + ".txt",
    "%2e%2e%2fescape.txt",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_leads_out_of_anything(name: str) -> None:
    steps = safe_name(name).split("/")
    assert all(step not in {"", ".", ".."} and len(step) <= 200 and step.isprintable() for step in steps)
    assert not safe_name(name).startswith("/")
    assert steps[0][1:2] != ":"
    header = disposition(name)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    assert "/" not in header
    assert "\\" not in header


def test_hostile_names_over_http(recorded: Any) -> None:
    server, client = recorded
    before = {path for path in server.folder.parent.rglob("*") if server.folder not in path.parents}
    for number, name in enumerate(HOSTILE):
        given = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        body = f'--b\r\ncontent-disposition: form-data; name="files"; filename="{given}"\r\n\r\ntext number {number}\r\n--b--\r\n'
        headers = {"content-type": "multipart/form-data; boundary=b"}
        answer = client.post("/v1/ingest", content=body.encode(), headers=headers)
        assert answer.status_code in {202, 422}, answer.text
    for job in client.get("/v1/jobs").json()["jobs"]:
        server.wait(client, job["id"])
    for row in client.get("/v1/documents").json()["documents"]:
        assert ".." not in row["name"].split("/")
        answer = client.get(f"/v1/documents/{row['id']}/original")
        assert answer.headers["content-disposition"].startswith("attachment; filename=")
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert {path for path in server.folder.parent.rglob("*") if server.folder not in path.parents} == before


BROKEN = [
    (b"", "multipart/form-data; boundary=b"),
    (b"--b\r\n", "multipart/form-data; boundary=b"),
    (
        b'--b\r\ncontent-disposition: form-data; name="files"; filename="a"\r\n\r\ncut off',
        "multipart/form-data; boundary=b",
    ),
    (
        b'--b\r\ncontent-disposition: form-data; name="files"; filename="a"\r\n\r\nwhole\r\n'
        b'--b\r\ncontent-disposition: form-data; name="files"; filename="b"\r\n\r\ncut off',
        "multipart/form-data; boundary=b",
    ),
    (b"no parts at all", "multipart/form-data; boundary=b"),
    (b"--b--\r\n", "multipart/form-data; boundary=b"),
    (b"--b--\r\n", "multipart/form-data"),
    (b"--b--\r\n", "multipart/form-data; boundary=" + "b" * 500),
    (b"{}", "application/json"),
    (
        b'--b\r\ncontent-disposition: form-data; name="collection"\r\n\r\nA\r\n--b--\r\n',
        "multipart/form-data; boundary=b",
    ),
    (b"--b\r\n" + b"x: " + b"y" * 20_000 + b"\r\n\r\nz\r\n--b--\r\n", "multipart/form-data; boundary=b"),
    (
        b'--b\r\ncontent-disposition: form-data; name="t"\r\n\r\n' + b"y" * 9_000 + b"\r\n--b--\r\n",
        "multipart/form-data; boundary=b",
    ),
]


@pytest.mark.parametrize(("body", "kind"), BROKEN)
def test_what_is_no_upload_is_refused(open_server: Any, body: bytes, kind: str) -> None:
    with open_server.client() as client:
        before = client.get("/v1/jobs").json()["total"]
        answer = client.post("/v1/ingest", content=body, headers={"content-type": kind})
        assert answer.status_code == 422, answer.text
        assert len(answer.content) < 400
        assert client.get("/v1/jobs").json()["total"] == before
    assert list((open_server.folder / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"unknown": "1"},
        {"ocr": "perhaps"},
        {"chunk_max_tokens": "-1"},
        {"chunk_max_tokens": "1e9"},
        {"collection": "a\x00"},
    ],
)
def test_fields_that_do_not_fit_are_refused(open_server: Any, fields: dict[str, str]) -> None:
    with open_server.client() as client:
        answer = client.post("/v1/ingest", files={"files": ("a.txt", "a")}, data=fields)
        assert answer.status_code == 422, answer.text


def test_metrics_can_be_read_by_prometheus(open_server: Any) -> None:
    with open_server.client() as client:
        client.get("/v1/no-such-place")
        client.get("/v1/documents/" + "0" * 32)
        answer = client.get("/v1/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    samples = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]
    values = {(sample.name, json.dumps(sample.labels, sort_keys=True)): sample.value for sample in samples}
    assert values["cortex_documents", "{}"] == 2
    missing = json.dumps({"method": "GET", "route": "/v1/documents/{document_id}", "status": "404"})
    assert values["cortex_http_requests_total", missing] >= 1
    routes = {sample.labels.get("route") for sample in samples} - {None}
    assert "unmatched" in routes
    assert not any("no-such-place" in str(route) for route in routes)


def test_what_scores_mean_is_told_and_measured_anew(open_server: Any) -> None:
    with open_server.client() as client:
        told = client.post("/v1/calibration", json={"collection": "Papers"}).json()
        assert told == client.get("/v1/calibration").json()
        assert told["miss_rate"] == 0.05
        (row,) = (each for each in told["collections"] if each["collection"] == "Papers")
        assert (row["passages"], row["questions"], row["cut"]) == (2, 0, None), "two passages say nothing"
        assert row["made"]
        assert not row["stale"]
        assert client.post("/v1/calibration", json={"collection": "Nowhere"}).status_code == 404
        (certificate,) = client.get("/v1/recall").json()["certificates"]
        assert (certificate["exact"], certificate["recall"], certificate["bound"]) == (True, 1.0, 0.95)
        page = client.get("/v1/metrics").text
        assert page.count("cortex_recall_at_10{") == 3
        found = client.post("/v1/search", json={"query": "puffin", "miss_rate": 0.1}).json()
        assert (found["abstained"], found["cut"]) == (False, None)
        assert found["evidence"] > 0
        assert {"closeness"} <= set(found["hits"][0])


def test_the_openapi_document_is_whole(open_server: Any) -> None:
    with open_server.client() as client:
        schema = client.get("/openapi.json").json()
        assert client.get("/docs").status_code == 404
        assert client.get("/redoc").status_code == 404
    assert schema["openapi"].startswith("3.1")
    assert all(path.startswith("/v1/") for path in schema["paths"])
    assert {"url": "/api"} in schema["servers"]
    operations = [each for path in schema["paths"].values() for each in path.values()]
    assert all(each.get("description") and each.get("tags") for each in operations)
    assert all(
        each["responses"]["422"]["content"]["application/json"]["schema"]["$ref"].endswith("/Refusal")
        for each in operations
    )
    assert "HTTPBearer" in schema["components"]["securitySchemes"]
