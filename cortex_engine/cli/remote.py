"""Asking the application that owns the library, where one runs: its models are warm, and it alone may write indexes."""

from __future__ import annotations

import http.client
import json
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from cortex_engine.cli.session import settings

if TYPE_CHECKING:
    from cortex_engine.api.announce import Service
    from cortex_engine.core.answers import Answer, Question
    from cortex_engine.core.errors import CortexError
    from cortex_engine.core.reports import Finding
    from cortex_engine.core.search import Filters, Query, SearchResult

_HELLO_SECONDS = 10.0
_SEARCH_SECONDS = 150.0
_ANSWER_SECONDS = 3600.0
"""More than any endpoint is given: the application gives it up before."""
_MOST_DOCUMENTS = 1000
"""In one request."""


def application(context: click.Context) -> Application | None:
    """The running application of this library; None without one, or with `--no-server`."""
    if context.find_root().obj["no_server"]:
        return None
    from cortex_engine.api.announce import running

    service = running(settings(context).config.data_dir)
    if service is None:
        return None
    found = Application(service)
    try:
        found.ask("GET", "/v1/health/live", seconds=_HELLO_SECONDS)
    except (OSError, http.client.HTTPException, ValueError) as error:
        click.echo(
            f"Note: the application (process {service.pid}) does not answer ({error or type(error).__name__}); "
            "this is done without it.",
            err=True,
        )
        return None
    return found


class Application:
    """An application that runs, with one method for each thing it does for the command line."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def search(self, query: Query) -> SearchResult:
        """See `CortexSuite.search`."""
        asked = {
            "query": query.text,
            "mode": query.mode.value,
            **_conditions(query.filters),
            "top_k": query.top_k,
            "group": query.group,
            "candidates": query.candidates,
            "trace": True,
            "picture": query.picture,
            "kinds": query.kinds,
            "rerank": query.rerank,
            "rerank_candidates": query.rerank_candidates,
            "rerank_top_k": query.rerank_top_k,
            "prefetch": query.prefetch,
            "picture_weight": query.picture_weight,
            "miss_rate": query.miss_rate,
        }
        return _result(query, self.ask("POST", "/v1/search", asked, _SEARCH_SECONDS))

    def answer(self, question: Question) -> Answer:
        """See `CortexSuite.answer`."""
        asked = {
            "question": question.text,
            **_conditions(question.filters),
            "conversation_id": question.conversation_id,
            "mode": question.mode.value,
            "sources": question.sources,
            "extractive": question.extractive,
        }
        return _answer(self.ask("POST", "/v1/ask", asked, _ANSWER_SECONDS))

    def keep_picture(self, data: bytes, name: str) -> str:
        """See `CortexSuite.keep_picture`."""
        boundary = secrets.token_hex(16)
        plain = "".join(each for each in name if each.isprintable() and each not in '"\\')
        head = f'--{boundary}\r\ncontent-disposition: form-data; name="files"; filename="{plain}"\r\n\r\n'
        body = head.encode("utf-8", "replace") + data + f"\r\n--{boundary}--\r\n".encode()
        kind = f"multipart/form-data; boundary={boundary}"
        kept: str = self._send("POST", "/v1/search/pictures", body, kind, _SEARCH_SECONDS)["picture"]
        return kept

    def doctor(self, fix: bool, full: bool) -> list[Finding]:
        """See `CortexSuite.doctor`."""
        from cortex_engine.core.reports import Finding, Severity

        rows = self.ask("POST", "/v1/care/doctor", {"fix": fix, "full": full})["findings"]
        return [Finding(**{**row, "severity": Severity(row["severity"])}) for row in rows]

    def rebuild(self) -> list[str]:
        """See `CortexSuite.rebuild`."""
        names: list[str] = self.ask("POST", "/v1/care/rebuild", {})["indexes"]
        return names

    def add_to_collection(self, collection_id: str, documents: list[str]) -> None:
        """See `CortexSuite.add_to_collection`; ids on both sides."""
        for start in range(0, len(documents), _MOST_DOCUMENTS):
            some = documents[start : start + _MOST_DOCUMENTS]
            self.ask("POST", f"/v1/collections/{collection_id}/documents", {"documents": some})

    def ask(self, method: str, path: str, body: object = None, seconds: float | None = None) -> dict[str, Any]:
        """One request; `seconds` None waits as long as it takes.

        Raises:
            CortexError: what the application refused, as the engine would have raised it here.
            OSError: it cannot be reached.
        """
        data = None if body is None else json.dumps(body).encode()
        return self._send(method, path, data, "application/json", seconds)

    def _send(self, method: str, path: str, data: bytes | None, kind: str, seconds: float | None) -> dict[str, Any]:
        where = urlsplit(self._service.url)
        connection = http.client.HTTPConnection(where.hostname or "127.0.0.1", where.port, timeout=seconds)
        try:
            headers = {"authorization": f"Bearer {self._service.token}"}
            if data is not None:
                headers["content-type"] = kind
            connection.request(method, where.path + path, data, headers)
            answer = connection.getresponse()
            content = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status >= 400:
            raise _error(content["error"])
        return dict(content)


def _conditions(filters: Filters) -> dict[str, object]:
    return {
        "collections": filters.collections,
        "filters": {
            "documents": filters.documents,
            "types": filters.types,
            "languages": filters.languages,
            "tags": filters.tags,
            "title": filters.title,
            "date_from": filters.date_from,
            "date_to": filters.date_to,
        },
    }


def _answer(found: dict[str, Any]) -> Answer:
    from cortex_engine.core.answers import Answer, AnswerSentence, CitedSource, Proof

    sentences = [
        AnswerSentence(
            **{
                **row,
                "citations": tuple(row["citations"]),
                "proof": Proof(row["proof"]),
                "proved_by": tuple(row["proved_by"]),
            }
        )
        for row in found["sentences"]
    ]
    sources = tuple(CitedSource(**row) for row in found["sources"])
    return Answer(**{**found, "sentences": tuple(sentences), "sources": sources, "notes": tuple(found["notes"])})


def _error(told: dict[str, str]) -> CortexError:
    from cortex_engine.core import errors

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.CortexError)]
    by_code: dict[str, type[CortexError]] = {kind.code: kind for kind in kinds}
    kind = by_code.get(told["code"], errors.UsageError if told["code"] == "invalid" else errors.CortexError)
    return kind(told["message"])


def _result(query: Query, found: dict[str, Any]) -> SearchResult:
    from cortex_engine.core.graph import PathStep
    from cortex_engine.core.search import HitKind, SearchHit, SearchResult, SearchTrace, StageStanding, TraceStep

    hits = []
    for row in found["hits"]:
        fields = {
            name: value
            for name, value in row.items()
            if name not in {"boxes", "type", "collection", "stages", "kind", "path"}
        }
        fields["path"] = tuple(PathStep(**step) for step in row["path"])
        fields["kind"] = HitKind(row["kind"])
        stages = {name: StageStanding(**standing) for name, standing in row["stages"].items()}
        hits.append(SearchHit(**fields, media_type=row["type"], collections=tuple(row["collection"]), stages=stages))
    trace = SearchTrace(tuple(TraceStep(**step) for step in found["trace"]))
    judged = {name: found[name] for name in ("abstained", "evidence", "cut", "flight_id")}
    return SearchResult(query, tuple(hits), trace, tuple(found["degraded"]), tuple(found["warnings"]), **judged)
