"""Commands that move collections to another embedding model."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import click

from cortex_engine.cli.remote import application
from cortex_engine.cli.session import open_suite, print_json, stopping
from cortex_engine.cli.wording import clean, columns_wide, counted, shortened

if TYPE_CHECKING:
    import threading

    from cortex_engine.core.migration import Migration, ParityReport
    from cortex_engine.core.planning import ModelPlan

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
_POLL_SECONDS = 0.5
_SHOWN = 10
"""Documents lost and won that are listed."""


class _Mover(Protocol):
    """The application that runs, or the suite in this process."""

    def plan(self, collection: str, target: str) -> ModelPlan: ...
    def start(self, collection: str, target: str) -> Migration: ...
    def listed(self, open_only: bool) -> list[Migration]: ...
    def one(self, migration_id: str) -> Migration: ...
    def change(self, migration_id: str, action: str) -> Migration: ...
    def follow(self, migration_id: str, stop: threading.Event) -> Migration: ...


class _Here:
    """In this process."""

    def __init__(self, suite: Any, show: _Progress) -> None:
        self._suite = suite
        self._show = show

    def plan(self, collection: str, target: str) -> ModelPlan:
        plan: ModelPlan = self._suite.plan_migration(collection, target)
        return plan

    def start(self, collection: str, target: str) -> Migration:
        migration: Migration = self._suite.start_migration(collection, target)
        return migration

    def listed(self, open_only: bool) -> list[Migration]:
        found: list[Migration] = self._suite.migrations(open_only)
        return found

    def one(self, migration_id: str) -> Migration:
        migration: Migration = self._suite.migration(migration_id)
        return migration

    def change(self, migration_id: str, action: str) -> Migration:
        migration: Migration = getattr(self._suite, f"{action}_migration")(migration_id)
        return migration

    def follow(self, migration_id: str, stop: threading.Event) -> Migration:
        migration: Migration = self._suite.run_migration(migration_id, self._show, stop)
        self._show.end()
        return migration


class _There:
    """In the application that runs."""

    def __init__(self, service: Any, show: _Progress) -> None:
        self._service = service
        self._show = show

    def plan(self, collection: str, target: str) -> ModelPlan:
        from cortex_engine.core.planning import ModelPlan

        row = self._service.ask("POST", "/v1/migrations/plan", {"collection": collection, "target": target})
        return ModelPlan(**{**row, "notes": tuple(row["notes"])})

    def start(self, collection: str, target: str) -> Migration:
        return _from(self._service.ask("POST", "/v1/migrations", {"collection": collection, "target": target}))

    def listed(self, open_only: bool) -> list[Migration]:
        rows = self._service.ask("GET", f"/v1/migrations?open_only={str(open_only).lower()}")
        return [_from(row) for row in rows["migrations"]]

    def one(self, migration_id: str) -> Migration:
        return _from(self._service.ask("GET", f"/v1/migrations/{_hex(migration_id)}"))

    def change(self, migration_id: str, action: str) -> Migration:
        return _from(self._service.ask("POST", f"/v1/migrations/{_hex(migration_id)}/{action}"))

    def follow(self, migration_id: str, stop: threading.Event) -> Migration:
        while True:
            migration = self.one(migration_id)
            self._show(migration)
            if migration.state != "running" or stop.is_set():
                self._show.end()
                return migration
            time.sleep(_POLL_SECONDS)


class _Progress:
    """A line that says how far it is, on a terminal."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._shown = False

    def __call__(self, migration: Migration) -> None:
        if self._terminal and migration.state == "running":
            line = shortened(f"… {clean(migration.collection)}: {_standing(migration)}", columns_wide(True) - 1)
            click.echo(f"\r\033[K{line}", nl=False, err=True)
            self._shown = True

    def end(self) -> None:
        """Leave the line."""
        if self._shown:
            click.echo("", err=True)
            self._shown = False


@contextmanager
def _mover(context: click.Context) -> Iterator[_Mover]:
    show = _Progress()
    if running := application(context):
        yield _There(running, show)
        return
    with open_suite(context) as suite:
        yield _Here(suite, show)


@click.command()
@click.argument("collection")
@click.option(
    "--to",
    "target",
    required=True,
    metavar="MODEL",
    help="packaged, qwen3_vl, qwen3_vl:NAME-OR-FOLDER, qwen3_vl:NAME@1024, sentence_transformer:NAME-OR-FOLDER.",
)
@click.option("--switch", is_flag=True, help="Switch as soon as it is ready, whatever the report says.")
@click.option("--plan", is_flag=True, help="Only say what it entails; nothing is downloaded or changed.")
@_json
@click.pass_context
def migrate(context: click.Context, collection: str, target: str, switch: bool, plan: bool, as_json: bool) -> None:
    """Make vectors of another embedding model for a collection, while it is in use.

    Searches use the present model until you switch. Ctrl-C stops after the portion in work; `cortex migrations resume` goes
    on. While the application runs, it does the work, and Ctrl-C only stops watching.
    """
    with _mover(context) as mover, stopping(_STOPPING) as stop:
        if plan:
            _tell_plan(mover.plan(collection, target), as_json)
            return
        migration = mover.follow(mover.start(collection, target).id, stop)
        if switch and migration.state == "ready":
            migration = mover.change(migration.id, "switch")
    _tell(migration, as_json)
    if migration.state == "paused":
        raise click.exceptions.Exit(1)


@click.group(invoke_without_command=True)
@click.pass_context
def migrations(context: click.Context) -> None:
    """List moves to another model, and pause, resume, cancel, switch, roll back and purge them."""
    if context.invoked_subcommand is None:
        context.invoke(list_migrations, open_only=False, as_json=False)


@migrations.command("list")
@click.option("--open", "open_only", is_flag=True, help="Only those that have not ended.")
@_json
@click.pass_context
def list_migrations(context: click.Context, open_only: bool, as_json: bool) -> None:
    """All moves, newest first."""
    with _mover(context) as mover:
        found = mover.listed(open_only)
    if as_json:
        print_json({"migrations": found})
    elif not found:
        click.echo("No collection was moved to another model. `cortex migrate COLLECTION --to MODEL` begins.")
    else:
        for migration in found:
            click.echo(_line(migration))


@migrations.command("show")
@click.argument("migration")
@_json
@click.pass_context
def show_migration(context: click.Context, migration: str, as_json: bool) -> None:
    """One move, with its report."""
    with _mover(context) as mover:
        _tell(mover.one(migration), as_json)


@migrations.command("resume")
@click.argument("migration")
@_json
@click.pass_context
def resume_migration(context: click.Context, migration: str, as_json: bool) -> None:
    """Go on where it stopped (also after a crash), until it is ready."""
    with _mover(context) as mover, stopping(_STOPPING) as stop:
        _tell(mover.follow(mover.change(migration, "resume").id, stop), as_json)


_CHANGES = {
    "pause": "Stop after the portion in work; nothing that was made is lost.",
    "cancel": "Give a move up before it is switched, and remove what it made.",
    "switch": "Let searches use the new model from now on; the old vectors are kept, so that you can go back.",
    "rollback": "Let searches use the former model again.",
    "purge": "Remove the vectors of the model that is not used any more; then there is no way back.",
}
"""Commands that ask for one change and tell what it came to."""


def _add_change(action: str, says: str) -> None:
    @migrations.command(action, help=says)
    @click.argument("migration")
    @_json
    @click.pass_context
    def change(context: click.Context, migration: str, as_json: bool) -> None:
        with _mover(context) as mover:
            _tell(mover.change(migration, action), as_json)


for _action, _says in _CHANGES.items():
    _add_change(_action, _says)

_STOPPING = "Stopping after the portion in work (again to stop at once); `cortex migrations resume` goes on …"


def _tell(migration: Migration, as_json: bool) -> None:
    if as_json:
        print_json({"migration": migration})
        return
    click.echo(_line(migration))
    if migration.message:
        click.echo(clean(migration.message))
    if migration.report is not None and migration.state in {"ready", "switched", "rolled back"}:
        _tell_report(migration.report)
    if migration.state == "ready":
        click.echo(f"`cortex migrations switch {migration.id[:8]}` lets searches use it.")


def _tell_report(report: ParityReport) -> None:
    shares = ", ".join(f"{share:.0%} of the first {depth}" for depth, share in report.overlap.items())
    click.echo(f"Both models were asked {counted(report.questions, 'question')} by meaning: they share {shares}.")
    if report.rank_correlation is not None:
        click.echo(
            f"Order of the documents that both find: Kendall's tau {report.rank_correlation:.2f} (1 is the same)."
        )
    if report.ndcg_before is not None and report.ndcg_after is not None:
        judged = counted(report.judged, "judged question")
        click.echo(f"nDCG@10 over {judged}: {report.ndcg_before:.3f} before, {report.ndcg_after:.3f} after.")
    for word, changes in (("lost", report.lost), ("won", report.won)):
        for question, document in changes[:_SHOWN]:
            click.echo(clean(f"  {word}: {document}, for “{question}”"))
        if len(changes) > _SHOWN:
            click.echo(f"  … and {len(changes) - _SHOWN} more {word}")


def _tell_plan(plan: ModelPlan, as_json: bool) -> None:
    if as_json:
        print_json({"plan": plan})
        return
    click.echo(clean(f"{plan.name}: {plan.dimension or 'unknown'} dimensions, on {plan.device or 'no device'}"))
    inputs = f"{counted(plan.passages, 'passage')}, {counted(plan.pictures, 'picture')}"
    time_needed = "unknown until it was measured" if plan.seconds is None else _duration(plan.seconds)
    click.echo(f"{inputs}; {_bytes(plan.disk_bytes)} of vectors; time: {time_needed}")
    fits = "fits" if plan.fits else "does not fit"
    click.echo(f"download {_bytes(plan.download_bytes)}; memory {_bytes(plan.memory_bytes)} ({fits})")
    for note in plan.notes:
        click.echo(clean(note))


def _line(migration: Migration) -> str:
    models = f"{migration.source.model} → {migration.target.model}"
    return clean(f"{migration.id[:8]}  {migration.state:<11} {migration.collection}: {models}  {_standing(migration)}")


def _standing(migration: Migration) -> str:
    parts = [f"{migration.done:,} of {migration.total:,} vectors"]
    if migration.rate:
        parts.append(f"{migration.rate:,.1f} a second")
    if migration.seconds_left is not None:
        parts.append(f"{_duration(migration.seconds_left)} left")
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _bytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _hex(migration_id: str) -> str:
    from cortex_engine.core.errors import NotFoundError

    if not 4 <= len(migration_id) <= 32 or set(migration_id) - set("0123456789abcdef"):
        raise NotFoundError(f"'{migration_id}' is no id of a move. `cortex migrations list` shows all of them.")
    return migration_id


def _from(row: dict[str, Any]) -> Migration:
    from cortex_engine.core.collections import EmbeddingSpec
    from cortex_engine.core.migration import Migration, MigrationState, ParityReport

    report = row["report"]
    if report is not None:
        pairs = {name: tuple((each["question"], each["document"]) for each in report[name]) for name in ("lost", "won")}
        overlap = {int(depth): share for depth, share in report["overlap"].items()}
        report = ParityReport(**{**report, **pairs, "overlap": overlap})
    models = {name: EmbeddingSpec(**row[name]) for name in ("source", "target")}
    return Migration(**{**row, **models, "state": MigrationState(row["state"]), "report": report})
