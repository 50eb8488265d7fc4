"""Commands on the keys of the HTTP API."""

from __future__ import annotations

import click

from cortex_engine.cli.session import open_suite, print_json
from cortex_engine.cli.wording import cells, clean, padded

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group(invoke_without_command=True)
@click.pass_context
def keys(context: click.Context) -> None:
    """Keys of the HTTP API."""
    if context.invoked_subcommand is None:
        context.invoke(list_keys, as_json=False)


@keys.command("create")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(["read", "write", "admin"]),
    multiple=True,
    default=("read",),
    show_default=True,
    help="What the key may do; may be repeated.",
)
@_json
@click.pass_context
def create_key(context: click.Context, name: str, scopes: tuple[str, ...], as_json: bool) -> None:
    """Make a key. From the first one on, every request to the API needs a key."""
    from cortex_engine.core.app import Scope

    with open_suite(context, create=True) as suite:
        key, text = suite.create_key(name, [Scope(scope) for scope in scopes])
    if as_json:
        print_json({"key": key, "text": text})
        return
    click.echo(text)
    click.echo("Keep it: it is shown this once, and only a hash of it is stored.", err=True)


@keys.command("list")
@_json
@click.pass_context
def list_keys(context: click.Context, as_json: bool) -> None:
    """All keys, revoked ones too."""
    with open_suite(context) as suite:
        rows = suite.keys()
    if as_json:
        print_json({"keys": rows})
        return
    wide = max((cells(row.name) for row in rows), default=0)
    for row in rows:
        state = f"revoked {row.revoked}" if row.revoked else f"used {row.last_used}" if row.last_used else "never used"
        click.echo(clean(f"{row.id}  {padded(row.name, wide)}  {' '.join(row.scopes):<16}  {row.created}  {state}"))
    if not rows:
        click.echo("There are no keys: programs on this computer may use the API, others may not.")


@keys.command("revoke")
@click.argument("key")
@click.pass_context
def revoke_key(context: click.Context, key: str) -> None:
    """End a key's use, at once and for good."""
    with open_suite(context) as suite:
        row = suite.revoke_key(key)
    click.echo(clean(f"The key '{row.name}' ({row.id}) is revoked."))
