"""A rerank service on this machine that speaks the dialects of Cohere, vLLM and TEI, and misbehaves on demand."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

KEY = "secret-of-the-service"
_STOP = frozenset(
    ["how", "is", "the", "a", "of", "was", "for", "what", "do", "and", "in", "it", "by", "with", "to", "its", "made"]
)


def relevance(query: str, document: str) -> float:
    """Between 0 and 1: shared words, and a trace of the document's own hash, so that different documents differ."""
    asked, said = ({*re.findall(r"\w+", text.lower())} - _STOP for text in (query, document))
    trace = sum(map(ord, document)) % 997 / 1e6
    return min(len(asked & said) / (len(asked) or 1), 1) * 0.9 + 0.01 + trace


@dataclass
class Service:
    """What the service did, and what it is to do wrong."""

    address: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    mishaps: list[str] = field(default_factory=list)
    """For the next calls, in order: a status ("500"), "hang", "text", "range", "twice", "less", "nan", "null", "shape",
    "equal", "redirect", "huge", "deep", "vast", "packed"."""
    forever: str = ""
    """A mishap for each call."""
    released: threading.Event = field(default_factory=threading.Event)
    """What hangs goes on when this is set."""


def application(service: Service) -> FastAPI:
    app = FastAPI()

    async def cohere(request: Request) -> Response:
        body = await request.json()
        service.bodies.append(body)
        service.keys.append(request.headers.get("authorization", ""))
        if "documents" not in body:
            return JSONResponse({"message": "field documents is missing"}, 422)
        texts, key = body["documents"], "relevance_score"
        rows = [{"index": i, key: relevance(body["query"], text)} for i, text in enumerate(texts)]
        rows.sort(key=lambda row: -row[key])
        return await _mishap(service, rows, key) or JSONResponse({"id": "1", "results": rows})

    async def tei(request: Request) -> Response:
        body = await request.json()
        service.bodies.append(body)
        if "texts" not in body:
            return JSONResponse({"error": "missing field `texts`", "error_type": "Validation"}, 422)
        if len(body["texts"]) > 32:
            return JSONResponse(
                {"error": "batch size > maximum allowed batch size 32", "error_type": "Validation"}, 413
            )
        rows = [{"index": i, "score": relevance(body["query"], text)} for i, text in enumerate(body["texts"])]
        rows.sort(key=lambda row: -row["score"])
        return await _mishap(service, rows, "score") or JSONResponse(rows)

    for path in ("/v1/rerank", "/v2/rerank", "/vllm/rerank"):
        app.post(path)(cohere)
    app.post("/tei/rerank")(tei)
    return app


async def _mishap(service: Service, rows: list[dict[str, Any]], key: str) -> Response | None:
    what = service.mishaps.pop(0) if service.mishaps else service.forever
    while what == "hang" and not service.released.is_set():
        await asyncio.sleep(0.02)
    if what.isdigit():
        return JSONResponse({"message": "not now"}, int(what), headers={"retry-after": "1"})
    if what == "redirect":
        return Response(status_code=307, headers={"location": "http://127.0.0.1:9/"})
    if what in {"text", "null", "shape", "huge", "deep"}:
        said = {
            "text": "<html>",
            "null": "null",
            "shape": '{"results": 5}',
            "huge": " " * 10_000_001,
            "deep": "[" * 200_000,
        }
        return Response(said[what], media_type="application/json")
    if what == "packed":
        return Response("not gzip", headers={"content-encoding": "gzip"})
    changes: dict[str, dict[str, Any]] = {
        "range": {"index": len(rows)},
        "twice": {"index": rows[-1]["index"]},
        "nan": {key: "NaN"},
        "vast": {key: 10**400},
    }
    rows[0].update(changes.get(what, {}))
    if what == "less":
        rows.pop()
    if what == "equal":
        for row in rows:
            row[key] = 0.5
    return None


@contextmanager
def serving() -> Iterator[Service]:
    """The service, listening on a free port until the end of the block."""
    service = Service()
    server = uvicorn.Server(uvicorn.Config(application(service), port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    service.address = f"http://127.0.0.1:{port}"
    try:
        yield service
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)
