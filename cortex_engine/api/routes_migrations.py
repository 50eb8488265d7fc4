"""Moving collections to another embedding model while they are in use."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from cortex_engine.api.calls import ADMIN, READ, Asked, HexId, Name, Suite
from cortex_engine.core import migration as nouns
from cortex_engine.core.migration import MigrationState
from cortex_engine.suite import CortexSuite

router = APIRouter(prefix="/v1", tags=["migrations"])


class MoveAsked(Asked):
    """Which collection is to move to which model.

    `target`: "packaged", "qwen3_vl", "qwen3_vl:FOLDER-OR-HUB-NAME@1024", "sentence_transformer:FOLDER-OR-HUB-NAME".
    """

    collection: Name
    target: Name


class Action(StrEnum):
    """What is to happen to a move."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    SWITCH = "switch"
    ROLLBACK = "rollback"
    PURGE = "purge"


class Model(BaseModel):
    """The identity of an embedding model."""

    backend: str
    model: str
    revision: str
    dimension: int
    pooling: str
    normalised: bool
    max_tokens: int
    query_instruction: str
    document_instruction: str
    truncated_from: int
    min_pixels: int
    max_pixels: int


class Change(BaseModel):
    """A document that one model finds for a question, and the other does not."""

    question: str
    document: str


class Parity(BaseModel):
    """How the new model answers compared with the old one. `overlap`: depth -> mean share of documents that both have."""

    questions: int
    overlap: dict[int, float]
    rank_correlation: float | None
    ndcg_before: float | None
    ndcg_after: float | None
    judged: int
    lost: list[Change]
    won: list[Change]


class Migration(BaseModel):
    """A move. `done` of `total` inputs have vectors; `rate`: inputs a second; `seconds_left`: none while unknown."""

    id: str
    collection: str
    source: Model
    target: Model
    state: MigrationState
    done: int
    total: int
    rate: float
    seconds_left: float | None
    message: str
    created: str
    updated: str
    report: Parity | None

    @classmethod
    def of(cls, migration: nouns.Migration, told: bool, folder: Path) -> Migration:
        """From the engine's noun.

        Args:
            told: the caller is the command line on this computer, and may read paths.
            folder: of the library.
        """
        report = migration.report
        message = migration.message if told else _without_paths(migration.message, folder)
        return cls(
            id=migration.id,
            collection=migration.collection,
            source=Model.model_validate(migration.source, from_attributes=True),
            target=Model.model_validate(migration.target, from_attributes=True),
            state=migration.state,
            done=migration.done,
            total=migration.total,
            rate=migration.rate,
            seconds_left=migration.seconds_left,
            message=message,
            created=migration.created,
            updated=migration.updated,
            report=None if report is None else _parity(report),
        )


class Migrations(BaseModel):
    """Moves, newest first."""

    migrations: list[Migration]


class Plan(BaseModel):
    """What a move entails; bytes, and seconds where something was measured to estimate from."""

    target: str
    name: str
    dimension: int
    download_bytes: int
    disk_bytes: int
    memory_bytes: int
    device: str
    fits: bool
    seconds: float | None
    passages: int
    pictures: int
    notes: list[str]
    facts: dict[str, str]


@router.post("/migrations", status_code=202, dependencies=ADMIN)
def start_migration(asked: MoveAsked, request: Request, suite: Suite) -> Migration:
    """Begin to make vectors of another model; searches use the present one until the move is switched."""
    return _shown(request, suite, suite.start_migration(asked.collection, asked.target))


@router.post("/migrations/plan", dependencies=ADMIN)
def plan_migration(asked: MoveAsked, request: Request, suite: Suite) -> Plan:
    """What the move would entail; nothing is downloaded and nothing changes."""
    plan = suite.plan_migration(asked.collection, asked.target)
    fields: dict[str, Any] = {name: getattr(plan, name) for name in Plan.model_fields}
    told = _told(request)
    notes = [note if told else _without_paths(note, suite.config.data_dir) for note in plan.notes]
    return Plan(**{**fields, "notes": notes, "facts": dict(plan.facts) if told else {}})


@router.get("/migrations", dependencies=READ)
def list_migrations(request: Request, suite: Suite, open_only: bool = False) -> Migrations:
    """All moves, or those that have not ended."""
    return Migrations(migrations=[_shown(request, suite, each) for each in suite.migrations(open_only)])


@router.get("/migrations/{migration_id}", dependencies=READ)
def get_migration(migration_id: HexId, request: Request, suite: Suite) -> Migration:
    """One move."""
    return _shown(request, suite, suite.migration(migration_id))


@router.post("/migrations/{migration_id}/{action}", dependencies=ADMIN)
def change_migration(migration_id: HexId, action: Action, request: Request, suite: Suite) -> Migration:
    """Pause, resume or cancel a move; switch to its model, roll back to the former one, purge what is not used any more."""
    changes = {
        Action.PAUSE: suite.pause_migration,
        Action.RESUME: suite.resume_migration,
        Action.CANCEL: suite.cancel_migration,
        Action.SWITCH: suite.switch_migration,
        Action.ROLLBACK: suite.rollback_migration,
        Action.PURGE: suite.purge_migration,
    }
    return _shown(request, suite, changes[action](migration_id))


def _shown(request: Request, suite: CortexSuite, migration: nouns.Migration) -> Migration:
    return Migration.of(migration, _told(request), suite.config.data_dir)


def _told(request: Request) -> bool:
    return bool(request.scope.get("cortex.internal", False))


def _without_paths(sentence: str, folder: Path) -> str:
    """The sentence for callers elsewhere; one that speaks of another place on this computer is left to the log."""
    sentence = sentence.replace(str(folder), "the library")
    spoken = any(word.strip("'\"(").startswith(("/", "~/")) or ":\\" in word for word in sentence.split())
    return "It needs attention; the application's log says why." if spoken else sentence


def _parity(report: nouns.ParityReport) -> Parity:
    lost, won = (
        [Change(question=question, document=document) for question, document in pairs]
        for pairs in (report.lost, report.won)
    )
    return Parity(
        questions=report.questions,
        overlap=dict(report.overlap),
        rank_correlation=report.rank_correlation,
        ndcg_before=report.ndcg_before,
        ndcg_after=report.ndcg_after,
        judged=report.judged,
        lost=lost,
        won=won,
    )
