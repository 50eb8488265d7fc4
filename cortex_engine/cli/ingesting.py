"""Commands that bring documents in."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cortex_engine.cli.session import NamedPath, open_suite, plain, print_json, stopping
from cortex_engine.cli.wording import clean, columns_wide, counted, shortened

if TYPE_CHECKING:
    from cortex_engine.core.reports import IngestEvent, Job
    from cortex_engine.working import IngestReport

_STATES = {
    "done": "taken in",
    "already_here": "already here",
    "failed": "failed",
    "quarantined": "in quarantine",
    "cancelled": "cancelled",
    "queued": "waiting",
    "parsing": "being read",
    "embedding": "being embedded",
    "indexing": "being indexed",
}
"""What a person reads for a `FileState`."""

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.command()
@click.argument("paths", nargs=-1, required=True, type=NamedPath())
@click.option("--collection", default="", help="Collection (made if it is not there); default from the settings.")
@click.option("--recursive", "-r", is_flag=True, help="Go into subfolders.")
@_json
@click.pass_context
def ingest(context: click.Context, paths: tuple[Path, ...], collection: str, recursive: bool, as_json: bool) -> None:
    """Take files and folders into a collection.

    Exit status: 0 all went in, 3 some failed (each with its reason), 2 wrong usage.
    """
    with open_suite(context, create=True) as suite, stopping(_STOPPING) as stop:
        report = suite.ingest(paths, collection, recursive, _progress(as_json), stop)
        _finish(report, as_json, stop)
    if not (report.files or report.unreadable or as_json):
        click.echo("No files were found." + ("" if recursive else " Subfolders are read with --recursive."), err=True)


@click.command()
@click.argument("folder", type=NamedPath())
@click.option("--collection", default="", help="Collection that follows the folder.")
@_json
@click.pass_context
def sync(context: click.Context, folder: Path, collection: str, as_json: bool) -> None:
    """Make a collection follow a folder: additions, changes and deletions."""
    with open_suite(context, create=True) as suite, stopping(_STOPPING) as stop:
        report = suite.sync_folder(folder, collection, _progress(as_json), stop)
        _finish(report, as_json, stop)


@click.group()
def samples() -> None:
    """Sample documents to try things on."""


@samples.command("load")
@_json
@click.pass_context
def load_samples(context: click.Context, as_json: bool) -> None:
    """Bring the sample documents in (collection "Samples")."""
    with open_suite(context, create=True) as suite:
        _finish(suite.load_samples(_progress(as_json)), as_json)


@click.group(invoke_without_command=True)
@click.pass_context
def jobs(context: click.Context) -> None:
    """List, pause, resume, cancel and retry ingests."""
    if context.invoked_subcommand is None:
        context.invoke(list_jobs, job="", as_json=False)


@jobs.command("list")
@click.argument("job", default="")
@_json
@click.pass_context
def list_jobs(context: click.Context, job: str, as_json: bool) -> None:
    """All jobs, or the files of one."""
    with open_suite(context) as suite:
        if job:
            one, files = suite.job(job)
            if as_json:
                print_json({"job": one, "files": files})
                return
            click.echo(_job_line(one))
            for file in files:
                click.echo(clean(f"  {_STATES[file.state]:<13} {file.name}  {file.message}".rstrip()))
            return
        rows = suite.jobs()
    if as_json:
        print_json({"jobs": rows})
    elif not rows:
        click.echo("There are no jobs.")
    else:
        for row in rows:
            click.echo(_job_line(row))


def _job_line(job: Job) -> str:
    counts = ", ".join(f"{count} {_STATES[state]}" for state, count in job.counts.items())
    return clean(f"{job.id}  {job.state:<9} {job.kind:<7} {job.collection}: {counts or 'no files'}  {job.created}")


@jobs.command("pause")
@click.argument("job")
@click.pass_context
def pause_job(context: click.Context, job: str) -> None:
    """Begin no further file of a job."""
    with open_suite(context) as suite:
        click.echo(_job_line(suite.pause_job(job)))


@jobs.command("resume")
@click.argument("job", default="")
@click.pass_context
def resume_job(context: click.Context, job: str) -> None:
    """Let a paused job go on; without a job, work on everything that waits."""
    with open_suite(context) as suite, stopping(_STOPPING) as stop:
        if job:
            suite.resume_job(job)
        _work(context, suite.work, stop)


@jobs.command("cancel")
@click.argument("job")
@click.pass_context
def cancel_job(context: click.Context, job: str) -> None:
    """Drop the files of a job that have not been begun."""
    with open_suite(context) as suite:
        click.echo(_job_line(suite.cancel_job(job)))


@jobs.command("retry")
@click.argument("job")
@click.pass_context
def retry_job(context: click.Context, job: str) -> None:
    """Try failed, cancelled and quarantined files again."""
    with open_suite(context) as suite, stopping(_STOPPING) as stop:
        suite.retry_job(job)
        _work(context, suite.work, stop)


def _work(context: click.Context, work: Callable[..., None], stop: threading.Event) -> None:
    from cortex_engine.core.errors import LibraryLockedError

    try:
        work(_progress(False), stop)
    except LibraryLockedError as error:
        click.echo(f"{error} It goes on with the queue.", err=True)
        context.exit(0)


_STOPPING = "Stopping after the files in work (again to stop at once) …"


def _progress(as_json: bool) -> Callable[[IngestEvent], None]:
    """Lines for finished files; on a terminal also a line that shows what is in work."""
    terminal = sys.stderr.isatty()

    def show(event: IngestEvent) -> None:
        name = clean(Path(event.file).name)
        counter = f"[{event.done}/{event.total}] " if event.total else ""
        if event.state.final:
            mark = {"done": "✓", "already_here": "=", "cancelled": "-"}.get(event.state, "✗")
            text = event.message or (counted(event.pages, "page") if event.pages > 1 else "")
            line = f"{mark} {counter}{name}  {clean(text)}".rstrip()
            click.echo(f"\r\033[K{line}" if terminal else line, err=True)
        elif terminal:
            line = shortened(f"… {counter}{name}: {_STATES[event.state]}", columns_wide(terminal) - 1)
            click.echo(f"\r\033[K{line}", nl=False, err=True)

    return _silent if as_json and not terminal else show


def _silent(event: IngestEvent) -> None:
    """The JSON object at the end says everything."""


def _finish(report: IngestReport, as_json: bool, stop: threading.Event | None = None) -> None:
    if as_json:
        print_json(_report_json(report))
    else:
        _print_report(report)
    if stop is not None and stop.is_set():
        raise click.exceptions.Exit(130)
    if report.failed:
        raise click.exceptions.Exit(3)


def _report_json(report: IngestReport) -> dict[str, object]:
    files = [
        {
            "file": file.path or file.name,
            "state": file.state.value,
            "document_id": file.document_id,
            "message": file.message,
            "pages": file.pages,
            "seconds": round(file.seconds, 3),
        }
        for file in report.files
    ]
    files += [{"file": each.file, "state": "failed", "message": each.message} for each in report.unreadable]
    return {
        "job": report.job.id,
        "state": report.job.state.value,
        "collection": report.job.collection,
        "counts": plain(dict(report.job.counts)),
        "files": files,
        "removed": list(report.removed),
        "unchanged": report.unchanged,
    }


def _print_report(report: IngestReport) -> None:
    counts = dict(report.job.counts)
    parts = [f"{count:,} {_STATES[state]}" for state, count in counts.items()]
    if report.unreadable:
        parts.append(f"{len(report.unreadable)} could not be read")
    if report.unchanged:
        parts.append(f"{report.unchanged} unchanged")
    if report.removed:
        parts.append(f"{len(report.removed)} removed")
    click.echo(clean(f"{report.job.collection}: {', '.join(parts) or 'nothing to do'}."))
    if report.job.state.value != "paused" and report.job.finished < report.job.total:
        click.echo("What waits stays queued; `cortex jobs resume` goes on with it.")
    if report.job.state.value == "paused":
        click.echo(f"The job is paused; `cortex jobs resume {report.job.id}` goes on with it.")
