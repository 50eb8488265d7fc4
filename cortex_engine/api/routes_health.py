"""Whether the application lives and can answer: no key needed, and nothing private told."""

from __future__ import annotations

import threading
import time
from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from cortex_engine.core.errors import CortexError
from cortex_engine.suite import CortexSuite

router = APIRouter(prefix="/v1/health", tags=["health"])

_FRESH_SECONDS = 1.0


class ModelHealth(BaseModel):
    """Where a model stands, by what it is for."""

    role: str
    state: str


class Health(BaseModel):
    """The application's health.

    Attributes:
        degraded: parts that cannot do their work: "library", "queue", or the role of a model.
    """

    status: Literal["ready", "degraded", "unavailable"]
    live: bool
    ready: bool
    degraded: list[str]
    models: list[ModelHealth]


class Examination:
    """Asks the suite at most once a second, however often it is asked itself."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = -_FRESH_SECONDS
        self._health: Health | None = None

    def health(self, request: Request) -> Health:
        """The newest answer."""
        with self._lock:
            if self._health is None or time.monotonic() - self._asked >= _FRESH_SECONDS:
                self._health = _examine(request)
                self._asked = time.monotonic()
            return self._health


def _examine(request: Request) -> Health:
    try:
        suite: CortexSuite = request.app.state.suite_of()
        suite.collections()
    except CortexError:
        return Health(status="unavailable", live=True, ready=False, degraded=["library"], models=[])
    models = [ModelHealth(role=each.role, state=each.state.value) for each in suite.model_statuses()]
    degraded = list(dict.fromkeys(each.role for each in models if _cannot(each)))
    if suite.queue_progress().trouble:
        degraded.append("queue")
    return Health(status="degraded" if degraded else "ready", live=True, ready=True, degraded=degraded, models=models)


def _cannot(model: ModelHealth) -> bool:
    """Whether it was tried and does not work. A model that somebody switched on is absent only then; OCR may never be wanted."""
    return model.state == "unhealthy" or (model.state == "absent" and model.role != "ocr")


def _of(request: Request) -> Health:
    examination: Examination = request.app.state.examination
    return examination.health(request)


@router.get("")
def health(request: Request) -> Health:
    """The health of the application and its models."""
    return _of(request)


@router.get("/live")
async def live() -> dict[str, bool]:
    """The process answers."""
    return {"live": True}


@router.get("/ready", responses={503: {"description": "The library cannot be used."}})
def ready(request: Request) -> JSONResponse:
    """Searches can be answered; 503 when they cannot."""
    found = _of(request).ready
    return JSONResponse({"ready": found}, 200 if found else 503)
