"""The command line: `python -m cortex_engine …`, installed as `cortex`.

Nothing but click is imported until a command runs, so that `--help` answers at once.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import click

_COMMANDS = {
    "ingest": ("ingesting", "Take files and folders into a collection."),
    "sync": ("ingesting", "Make a collection follow a folder: additions, changes, deletions."),
    "samples": ("ingesting", "Sample documents to try things on."),
    "jobs": ("ingesting", "List, pause, resume, cancel and retry ingests."),
    "search": ("searching", "Find passages."),
    "evaluate": ("searching", "Measure retrieval on a data set in BEIR layout."),
    "collections": ("keeping", "List and change collections."),
    "documents": ("keeping", "List, show, open and delete documents."),
    "ledger": ("keeping", "The account of each document: nothing may be missing."),
    "doctor": ("caring", "Examine the library, and mend it."),
    "backup": ("caring", "Write a backup into an empty folder."),
    "restore": ("caring", "Make a library from a backup."),
    "rebuild": ("caring", "Build all indexes anew from the catalog."),
    "config": ("caring", "Show and change settings."),
}


class _Commands(click.Group):
    """Finds a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(import_module(f"cortex_engine.cli.{_COMMANDS[cmd_name][0]}"), cmd_name)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the library (environment: CORTEX_DATA_DIR).",
)
@click.option("-v", "--verbose", is_flag=True, help="Log what happens to the error output.")
@click.version_option(package_name="cortex-suite", prog_name="cortex")
@click.pass_context
def cortex(context: click.Context, data_dir: Path | None, verbose: bool) -> None:
    """Cortex Suite: put documents in, and find things in them by meaning and by word."""
    context.obj = {"data_dir": data_dir, "verbose": verbose}


def main() -> None:
    """Run a command; expected errors are one sentence on the error output.

    Exit status: 0 done, 1 an expected error, 2 wrong usage, 3 some files did not go in, 130 interrupted.
    """
    from cortex_engine.core.errors import CortexError, UsageError

    try:
        status = cortex(prog_name="cortex", standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped. What was queued stays queued; `cortex jobs resume` goes on with it.", err=True)
        sys.exit(130)
    except CortexError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
