"""Commands on the pictures of documents."""

from __future__ import annotations

import click

from cortex_engine.cli.session import open_suite
from cortex_engine.cli.wording import clean, counted


@click.group()
def pictures() -> None:
    """Have pictures described in words by a vision model."""


@pictures.command("describe")
@click.argument("documents", nargs=-1, required=True)
@click.pass_context
def describe(context: click.Context, documents: tuple[str, ...]) -> None:
    """Describe the pictures of documents (ids or names) that the vision model has not described yet.

    They are sent to the address in the setting `vision_api_base` (RUNPOD_API_BASE); its key is RUNPOD_API_KEY, or
    OPENAI_API_KEY where the address is OpenAI's own.
    """
    with open_suite(context) as suite:
        for name in documents:
            done = suite.describe_pictures(name)
            click.echo(clean(f"{counted(done, 'picture')} of '{name}' described."))
