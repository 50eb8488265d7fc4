"""What scores mean: calibrated collections, and the measured recall of approximate searches."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from cortex_engine.api.calls import READ, WRITE, Asked, Name, Suite
from cortex_engine.core.calibration import FUSION_STAGE, MEANING_STAGE, conformal_cut
from cortex_engine.suite import CortexSuite

router = APIRouter(prefix="/v1", tags=["calibration"])


class CalibrateAsked(Asked):
    """Which collection is to be calibrated; all of them without a name."""

    collection: Name | None = None


class Reranked(BaseModel):
    """A reranker whose scores were compared with those of so many unrelated `pairs`, when the collection had so many passages."""

    reranker: str
    pairs: int
    passages: int
    made: str


class Calibrated(BaseModel):
    """One collection. `questions`: right answers behind the cuts, `judged` of them people's; `pairs`: unrelated ones.

    `cut`: evidence below it counts as nothing found; none where nothing is calibrated, or for too few questions at this miss
    rate. `stale`: it will be made anew.
    """

    collection: str
    model_id: str
    passages: int
    calibrated_passages: int
    stale: bool
    made: str
    questions: int
    judged: int
    pairs: int
    cut: float | None
    rerankers: list[Reranked] = []


class Calibrations(BaseModel):
    """All collections, at the miss rate of the settings."""

    miss_rate: float
    collections: list[Calibrated]


class Certificate(BaseModel):
    """Measured recall under one model. `low`, `high`: 95 % interval; `exact`: every search scans all vectors.

    `widening`: factor by which searches ask for more candidates than they need, 0 where they scan all vectors instead.
    """

    model_id: str
    model: str
    k: int
    recall: float
    low: float
    high: float
    samples: int
    exact: bool
    bound: float
    widening: float


class Certificates(BaseModel):
    """Of all models in use."""

    certificates: list[Certificate]


@router.get("/calibration", dependencies=READ)
def calibration(suite: Suite) -> Calibrations:
    """Which collections are calibrated, and the cut-offs that follow."""
    return _calibrations(suite)


@router.post("/calibration", dependencies=WRITE)
def calibrate(asked: CalibrateAsked, suite: Suite) -> Calibrations:
    """Calibrate a collection, or all of them, now; some seconds for each, and the reranker's time for 390 pairs of texts.

    Where the reranker of the settings is a service, these are sent to it.
    """
    suite.calibrate(asked.collection or "")
    return _calibrations(suite)


@router.get("/recall", dependencies=READ)
def recall(suite: Suite) -> Certificates:
    """The recall certificate of every model in use."""
    rows = [
        Certificate(
            model_id=each.model_id,
            model=each.model,
            k=each.k,
            recall=each.recall,
            low=each.low,
            high=each.high,
            samples=each.samples,
            exact=each.exact,
            bound=each.bound,
            widening=each.widening,
        )
        for each in suite.recall_certificates()
    ]
    return Certificates(certificates=rows)


def _calibrations(suite: CortexSuite) -> Calibrations:
    rate, calibrated = suite.config.miss_rate, suite.calibrations()
    known = {(each.collection, each.stage): each for each in calibrated}
    rows = []
    for state in suite.calibration_states():
        hybrid, meaning = (known.get((state.collection, stage)) for stage in (FUSION_STAGE, MEANING_STAGE))
        rows.append(
            Calibrated(
                collection=state.collection,
                model_id=state.model_id,
                passages=state.passages,
                calibrated_passages=state.calibrated,
                stale=state.stale,
                made=hybrid.made if hybrid else "",
                questions=len(hybrid.related) if hybrid else 0,
                judged=hybrid.judged if hybrid else 0,
                pairs=meaning.pairs if meaning else 0,
                cut=conformal_cut([(hybrid.related, 1.0)], rate) if hybrid else None,
                rerankers=[
                    Reranked(reranker=each.reranker, pairs=each.pairs, passages=each.passages, made=each.made)
                    for each in calibrated
                    if each.reranker and each.collection == state.collection
                ],
            )
        )
    return Calibrations(miss_rate=rate, collections=rows)
