"""What keeps a library healthy, done by the process that owns it; and figures for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from cortex_engine.api.calls import ADMIN, Asked, Suite
from cortex_engine.api.metrics import CONTENT_TYPE
from cortex_engine.core.reports import Severity

router = APIRouter(prefix="/v1", tags=["care"])


class DoctorAsked(Asked):
    """What the doctor is to do."""

    fix: bool = False
    full: bool = False


class Finding(BaseModel):
    """One answer of the doctor."""

    check: str
    severity: Severity
    message: str
    remedy: str
    fixable: bool
    fixed: bool


class Findings(BaseModel):
    """All answers; healthy when nothing is wrong that was not mended."""

    healthy: bool
    findings: list[Finding]


class Rebuilt(BaseModel):
    """Names of the indexes that were built anew."""

    indexes: list[str]


@router.post("/care/doctor", dependencies=ADMIN)
def doctor(asked: DoctorAsked, request: Request, suite: Suite) -> Findings:
    """Examine the library, and mend it when asked to."""
    folder, told = str(suite.config.data_dir), request.scope.get("cortex.internal", False)
    rows = [
        Finding(
            check=each.check,
            severity=each.severity,
            message=each.message if told else each.message.replace(folder, "the library"),
            remedy=each.remedy if told else each.remedy.replace(folder, "the library"),
            fixable=each.fixable,
            fixed=each.fixed,
        )
        for each in suite.doctor(asked.fix, asked.full)
    ]
    bad = any(each.severity is Severity.ERROR and not each.fixed for each in rows)
    return Findings(healthy=not bad, findings=rows)


@router.post("/care/rebuild", dependencies=ADMIN)
def rebuild(suite: Suite) -> Rebuilt:
    """Build all indexes anew from the catalog; nothing is parsed or embedded again."""
    return Rebuilt(indexes=suite.rebuild())


@router.get("/metrics", dependencies=ADMIN, response_class=Response)
def metrics(request: Request, suite: Suite) -> Response:
    """Figures in Prometheus' text format."""
    return Response(request.app.state.figures.page(suite), media_type=CONTENT_TYPE)
