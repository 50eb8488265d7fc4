"""The command line: `python -m cortex_engine …`, installed as `cortex`.

Nothing but click is imported until a command runs, so that `--help` answers at once.
"""

from __future__ import annotations

import os
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
    "flights": ("flights", "Recorded searches: what each stage saw; replay, export, forget."),
    "why": ("flights", "Why a document did not come back, and what brings it back."),
    "ask": ("asking", "Answer a question, each sentence with its proof."),
    "conversations": ("asking", "List, show, export and delete conversations."),
    "evaluate": ("searching", "Measure retrieval on a data set in BEIR layout."),
    "collections": ("keeping", "List and change collections."),
    "documents": ("keeping", "List, show, open and delete documents."),
    "pictures": ("pictures", "Have pictures described in words by a vision model."),
    "graph": ("graph", "What documents name, and what that connects."),
    "ledger": ("keeping", "The account of each document: nothing may be missing."),
    "migrate": ("migrating", "Move a collection to another embedding model while it is in use."),
    "migrations": ("migrating", "List moves to another model; pause, switch, roll back."),
    "doctor": ("caring", "Examine the library, and mend it."),
    "backup": ("caring", "Write a backup into an empty folder."),
    "restore": ("caring", "Make a library from a backup."),
    "rebuild": ("caring", "Build all indexes anew from the catalog."),
    "calibrate": ("calibration", "What scores mean: closeness, and from where on nothing was found."),
    "recall": ("calibration", "How many of the nearest passages approximate searches find, as measured."),
    "models": ("models", "Models: where each stands, which can be chosen, what one would cost."),
    "keys": ("keys", "Make, list and revoke keys of the HTTP API."),
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
@click.option("--no-server", is_flag=True, help="Do not ask a running application; do it in this process.")
@click.option("-v", "--verbose", is_flag=True, help="Log what happens to the error output.")
@click.option(
    "--no-color", is_flag=False, flag_value="1", default="", envvar="NO_COLOR", metavar="", help="Plain text."
)
@click.version_option(package_name="cortex-suite", prog_name="cortex")
@click.pass_context
def cortex(context: click.Context, data_dir: Path | None, no_server: bool, verbose: bool, no_color: str) -> None:
    """Cortex Suite: put documents in, and find things in them by meaning and by word."""
    if no_color:
        context.color = False
    context.obj = {"data_dir": data_dir, "no_server": no_server, "verbose": verbose}


def main() -> None:
    """Run a command; expected errors are one sentence on the error output.

    Exit status: 0 done, 1 an expected error, 2 wrong usage, 3 some files did not go in, 130 interrupted.
    """
    from cortex_engine.cli.wording import tolerant_streams

    tolerant_streams()
    try:
        status = cortex(prog_name="cortex", standalone_mode=False)
        sys.stdout.flush()
        sys.exit(status if isinstance(status, int) else 0)
    except click.ClickException as error:
        error.show()
        if isinstance(error, click.NoSuchOption):
            click.echo("Names and words that begin with a dash go behind `--`.", err=True)
        sys.exit(2)
    except click.Abort:
        click.echo("Nothing was changed. (`--yes` answers the question beforehand.)", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        click.echo("Stopped. What was queued stays queued; `cortex jobs resume` goes on with it.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader (`| head`) has enough. What Python still holds for it goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    # A defect of ours must not end in a page of program text; `--verbose` shows where it happened.
    except Exception as error:  # noqa: BLE001
        sys.exit(_explain(error))


def _explain(error: Exception) -> int:
    """Say what happened in a sentence; the exit status."""
    from cortex_engine.core.errors import CortexError, UsageError

    if isinstance(error, CortexError):
        _say(f"Error: {error}")
        return 2 if isinstance(error, UsageError) else 1
    if isinstance(error, UnicodeEncodeError):
        _say("Error: A name or text in the command holds bytes that are no characters (no UTF-8).")
        return 2
    if isinstance(error, OSError):
        name = f"'{os.fsdecode(error.filename)}': " if error.filename else ""
        cause = error.strerror or error
        _say(f"Error: {name}{cause}. Check that it exists, that you may use it, and that the disk has room.")
        return 1
    if "-v" in sys.argv or "--verbose" in sys.argv:
        raise error
    _say(f"Error: {type(error).__name__}: {error}. This is a defect; `cortex --verbose …` shows where it happened.")
    return 1


def _say(sentence: str) -> None:
    from cortex_engine.cli.wording import clean

    click.echo(clean(sentence, lines=True), err=True)
