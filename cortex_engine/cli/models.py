"""Commands on models: where each stands, which can be chosen, what one would cost, choosing one for new collections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cortex_engine.cli.session import open_suite, print_json, settings
from cortex_engine.cli.wording import cells, clean, counted, padded

if TYPE_CHECKING:
    from cortex_engine.core.planning import ModelPlan

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group(invoke_without_command=True)
@click.pass_context
def models(context: click.Context) -> None:
    """Models: where each stands, which can be chosen, what one would cost."""
    if context.invoked_subcommand is None:
        context.invoke(show_states, load=False, as_json=False)


@models.command("states")
@click.option("--load", is_flag=True, help="Load and examine them first; that may take minutes.")
@_json
@click.pass_context
def show_states(context: click.Context, load: bool, as_json: bool) -> None:
    """Where each model stands, in a process that has loaded none unless --load is given."""
    with open_suite(context, create=True) as suite:
        if load:
            suite.load_models()
        rows = suite.model_statuses()
    if as_json:
        print_json({"models": rows})
        return
    wide = max(cells(row.role) for row in rows)
    for row in rows:
        click.echo(clean(f"{padded(row.role, wide)}  {row.state.value:<9}  {row.name}"))
        facts = "; ".join(f"{name}: {value}" for name, value in row.facts.items())
        for line in filter(None, (row.reason, facts)):
            click.echo(clean(f"{'':{wide}}  {line}"))


@models.command("verify")
@_json
@click.pass_context
def verify(context: click.Context, as_json: bool) -> None:
    """Load the models of all collections and compare each with its frozen probes. Ends with 1 when one is not fit."""
    with open_suite(context, create=True) as suite:
        rows = suite.verify_models()
        absent = [
            row for row in suite.model_statuses() if row.role.endswith("embedding") and row.state.value == "absent"
        ]
    if as_json:
        print_json({"reports": rows})
    else:
        for row in rows:
            click.echo(clean(f"{row.verdict.value:<15}  {row.sentence}"))
        for status in absent:
            click.echo(clean(f"{'absent':<15}  {status.reason}"))
    if absent or not all(row.verdict.usable for row in rows):
        context.exit(1)


@models.command("list")
@_json
@click.pass_context
def list_choices(context: click.Context, as_json: bool) -> None:
    """Embedding models that can be chosen. The first column is what `plan`, `choose` and `migrate` take."""
    with open_suite(context, create=True) as suite:
        rows = suite.model_choices()
    if as_json:
        print_json({"choices": rows})
        return
    wide = max(cells(row.target) for row in rows)
    for row in rows:
        click.echo(clean(f"{padded(row.target, wide)}  {'here' if row.here else '    '}  {row.note}"))


@models.command("plan")
@click.argument("target")
@click.option("--collection", default="", help="Only its passages and pictures count, not the whole library's.")
@click.option(
    "--measure", is_flag=True, help="Load the models of the settings first, so that the time can be measured."
)
@_json
@click.pass_context
def plan(context: click.Context, target: str, collection: str, measure: bool, as_json: bool) -> None:
    """What embedding with the model TARGET would cost here: bytes, memory, time. Nothing is fetched."""
    with open_suite(context, create=True) as suite:
        if measure:
            suite.load_models("embedding")
        found = suite.plan_model(target, collection)
    if as_json:
        print_json(found)
        return
    for name, value in _rows(found):
        click.echo(clean(f"{name:<15}{value}"))
    for note in found.notes:
        click.echo(clean(f"- {note}"))


@models.command("choose")
@click.argument("target")
@click.pass_context
def choose(context: click.Context, target: str) -> None:
    """Let new collections use the model TARGET (existing ones keep theirs; `migrate` moves one)."""
    from cortex_engine.config import save_setting
    from cortex_engine.core.model_targets import parse_target

    named = parse_target(target)
    values: dict[str, object] = {"embedding_backend": named.backend, "qwen3_vl_enabled": named.backend == "qwen3_vl"}
    if named.backend == "sentence_transformer" and named.model:
        values["embedding_model"] = named.model
    if named.backend == "qwen3_vl":
        values["qwen3_vl_mrl_dim"] = named.dimension
        if named.model:
            values["qwen3_vl_embedding_model"] = named.model
    loaded = settings(context)
    for key, value in values.items():
        if getattr(loaded.config, key) != value:
            loaded = save_setting(loaded, key, value)
    click.echo(
        clean(
            f"New collections use {named}, as {loaded.file} says. A running application follows when it is opened again."
        )
    )


def _rows(found: ModelPlan) -> list[tuple[str, str]]:
    contents = counted(found.passages, "passage") + (
        f", {counted(found.pictures, 'picture')}" if found.pictures else ""
    )
    return [
        ("Model", found.name),
        ("Dimensions", f"{found.dimension:,}" if found.dimension else "not known yet"),
        ("Download", _size(found.download_bytes) if found.download_bytes else "nothing"),
        (
            "Memory",
            f"{_size(found.memory_bytes)} on {found.device or 'no device'}, {'fits' if found.fits else 'does not fit'}",
        ),
        ("Vectors", f"{_size(found.disk_bytes)} on the disk for {contents}"),
        ("Time", _duration(found.seconds)),
        *found.facts.items(),
    ]


def _size(number: int) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 100_000_000 else f"{number / 1e6:.1f} MB"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "not known"
    if seconds < 90:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"
