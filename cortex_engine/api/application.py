"""The FastAPI application put together: routes, what stands guard in front of them, and how errors are answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from cortex_engine.api import (
    answers,
    routes_answers,
    routes_calibration,
    routes_care,
    routes_collections,
    routes_documents,
    routes_flights,
    routes_graph,
    routes_health,
    routes_jobs,
    routes_keys,
    routes_migrations,
    routes_search,
)
from cortex_engine.api.access import Access
from cortex_engine.api.guards import Bodies, Faults, Places
from cortex_engine.api.metrics import Figures, Measuring
from cortex_engine.core.errors import CortexError
from cortex_engine.suite import CortexSuite

_ROUTES = (
    routes_health,
    routes_search,
    routes_flights,
    routes_jobs,
    routes_collections,
    routes_documents,
    routes_keys,
    routes_care,
    routes_calibration,
    routes_migrations,
    routes_graph,
    routes_answers,
)

_DESCRIPTION = (
    "Search, answers, documents, pages and ingest. Send `Authorization: Bearer ctx_…` (or `X-API-Key`) once a key "
    "exists; before that only programs on this computer are served. Every refusal is a small object: "
    '`{"error": {"code", "message", "id"}}`.'
)

_REFUSALS: dict[int | str, str] = {
    401: "No key, or one that is not known.",
    403: "The key lacks the scope, or a foreign page asks.",
    404: "It is not there.",
    413: "The body is too large.",
    422: "The request does not fit, or makes no sense.",
    429: "Too many requests.",
    503: "It cannot be done now.",
}

_CODES = {
    400: ("bad_request", "The request cannot be read."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method", "This address does not take this method."),
    408: ("too_slow", "The body came too slowly."),
    413: ("too_large", "The body is too large."),
    422: ("invalid", "The request does not fit."),
}


def build(suite_of: Callable[[], CortexSuite], behind: Callable[[], str]) -> FastAPI:
    """See `cortex_engine.api.create_app`."""
    app = FastAPI(
        title="Cortex Suite",
        version="1",
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses={status: {"model": answers.Refusal, "description": text} for status, text in _REFUSALS.items()},
    )
    app.state.suite_of = suite_of
    app.state.figures = Figures()
    app.state.search_places = routes_search.places()
    app.state.answer_places = routes_answers.places()
    app.state.examination = routes_health.Examination()
    for routes in _ROUTES:
        app.include_router(routes.router)
    app.add_exception_handler(CortexError, _on_expected)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    # The last one added stands outermost: faults, figures, who asks, how much, how many.
    app.add_middleware(Places)
    app.add_middleware(Bodies)
    app.add_middleware(Access, suite_of=suite_of, behind=behind)
    app.add_middleware(Measuring, figures=app.state.figures)
    app.add_middleware(Faults)
    return app


async def _on_expected(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, CortexError)  # noqa: S101  (registered for nothing else)
    return answers.explained(error, request.scope)


async def _on_http(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
    assert isinstance(error, HTTPException)  # noqa: S101
    code, message = _CODES.get(error.status_code, ("refused", "The request was refused."))
    # Only our own sentences are passed on; what a library says might repeat the request.
    if isinstance(error, answers.Refused):
        code, message = error.code, error.detail
    return answers.refusal(error.status_code, code, message, error.headers)


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
    assert isinstance(error, RequestValidationError)  # noqa: S101
    return answers.refusal(422, "invalid", _first_fault(error.errors()))


def _first_fault(faults: Any) -> str:
    """What does not fit, by the names of our own fields; a name that only the request knows is left out."""
    first = faults[0]
    place = [str(part) for part in first["loc"][1:]]
    if first["type"] == "extra_forbidden":
        place, words = place[:-1], "a field here is not known"
    elif first["type"] == "json_invalid":
        place, words = [], "the body is not valid JSON"
    elif first["type"] == "missing":
        words = "this is required"
    else:
        words = str(first["msg"])
    where = " ".join([str(first["loc"][0]), ".".join(place)]).strip()
    return f"The request does not fit ({where}): {words}."[:400]
