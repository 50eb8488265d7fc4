"""Commands that keep a library healthy, and the settings."""

from __future__ import annotations

from pathlib import Path

import click

from cortex_engine.cli.remote import application
from cortex_engine.cli.session import NamedPath, open_suite, print_json, settings
from cortex_engine.cli.wording import clean

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.command()
@click.option("--fix", is_flag=True, help="Mend what can be mended without loss.")
@click.option("--full", is_flag=True, help="Compare every original, vector and index entry.")
@_json
@click.pass_context
def doctor(context: click.Context, fix: bool, full: bool, as_json: bool) -> None:
    """Examine the library. Exit status 1 when something is wrong and was not mended."""
    from cortex_engine.core.reports import Severity

    if running := application(context):
        findings = running.doctor(fix, full)
    else:
        with open_suite(context) as suite:
            findings = suite.doctor(fix, full)
    bad = [each for each in findings if each.severity is Severity.ERROR and not each.fixed]
    if as_json:
        print_json({"healthy": not bad, "findings": findings})
    else:
        marks = {Severity.OK: "✓", Severity.NOTE: "i", Severity.WARNING: "!", Severity.ERROR: "✗"}
        for each in findings:
            state = " Mended." if each.fixed else ""
            remedy = f" {each.remedy}" if each.remedy and not each.fixed else ""
            click.echo(clean(f"{marks[each.severity]} {each.check}: {each.message}{state}{remedy}"))
    if bad:
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("target", type=NamedPath())
@click.pass_context
def backup(context: click.Context, target: Path) -> None:
    """Write catalog and originals into an empty folder, with a manifest of hashes."""
    with open_suite(context) as suite:
        suite.backup(target)
    click.echo(f"The backup lies in {target}. `cortex --data-dir NEW restore {target}` makes a library from it.")


@click.command()
@click.argument("source", type=NamedPath())
@click.pass_context
def restore(context: click.Context, source: Path) -> None:
    """Make a library from a backup, in a data folder that holds none."""
    from cortex_engine.suite import CortexSuite

    folder = CortexSuite.restore(source, settings(context).config.data_dir)
    click.echo(f"The library is restored in {folder}; its indexes are built at the first search.")


@click.command()
@click.pass_context
def rebuild(context: click.Context) -> None:
    """Build all indexes anew from the catalog; nothing is parsed or embedded again."""
    if running := application(context):
        names = running.rebuild()
    else:
        with open_suite(context) as suite:
            names = suite.rebuild()
    click.echo(f"Built anew: {', '.join(names)}.")


@click.group(invoke_without_command=True)
@click.pass_context
def config(context: click.Context) -> None:
    """Show and change settings."""
    if context.invoked_subcommand is None:
        context.invoke(show_config, as_json=False)


@config.command("show")
@_json
@click.pass_context
def show_config(context: click.Context, as_json: bool) -> None:
    """All settings with their sources."""
    loaded = settings(context)
    if as_json:
        print_json({"file": str(loaded.file), "settings": loaded.states()})
        return
    click.echo(f"File: {loaded.file}{'' if loaded.file.is_file() else ' (does not exist)'}")
    group = ""
    for row in loaded.states():
        if row.group != group:
            group = row.group
            click.secho(f"\n{group}", bold=True)
        click.echo(f"  {row.key} = {row.value!s}  ({row.source}; {row.env})")


@config.command("set")
@click.argument("key")
@click.argument("value")
@click.pass_context
def set_config(context: click.Context, key: str, value: str) -> None:
    """Write a setting to the configuration file ("default" removes it)."""
    from cortex_engine.config import reset_setting, save_setting

    before = settings(context)
    loaded = reset_setting(before, key) if value == "default" else save_setting(before, key, value)
    click.echo(f"{key} = {getattr(loaded.config, key.lower(), value)} in {loaded.file}")


@config.command("reference")
def reference() -> None:
    """Print the reference page of all settings."""
    from cortex_engine.cli.settings_page import reference_markdown

    click.echo(reference_markdown(), nl=False)
