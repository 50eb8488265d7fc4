"""Commands on the knowledge graph. They read and write the catalog only, so a running application is not asked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cortex_engine.cli.session import NamedPath, open_suite, print_json, write_new
from cortex_engine.cli.wording import clean, columns_wide, counted, shortened

if TYPE_CHECKING:
    from cortex_engine.core.graph import GraphEntity, GraphStats, MentionPlace

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
_KINDS = ("person", "organisation", "place", "work", "event", "product", "abbreviation", "e-mail", "date", "amount")
_BESIDE = 15


@click.group(invoke_without_command=True)
@click.pass_context
def graph(context: click.Context) -> None:
    """What documents name, and what that connects."""
    if context.invoked_subcommand is None:
        context.invoke(stats, as_json=False)


@graph.command("stats")
@_json
@click.pass_context
def stats(context: click.Context, as_json: bool) -> None:
    """Sizes, what extracts, and what waits."""
    with open_suite(context) as suite:
        found = suite.graph_stats()
    if as_json:
        print_json(found)
        return
    for line in _sizes(found):
        click.echo(clean(line))


@graph.command("entities")
@click.argument("text", default="")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(_KINDS), help="Only entities of this kind.")
@click.option("--hidden", is_flag=True, help="Only those that were hidden by hand.")
@click.option("--merged", is_flag=True, help="Only those that others were merged into by hand.")
@click.option("-n", "--limit", default=30, type=click.IntRange(1, 1000), show_default=True)
@_json
@click.pass_context
def entities(
    context: click.Context, text: str, kinds: tuple[str, ...], hidden: bool, merged: bool, limit: int, as_json: bool
) -> None:
    """Entities whose name or alias holds TEXT, or the most mentioned ones."""
    from cortex_engine.core.graph import EntityKind

    if merged and (text or kinds or hidden):
        raise click.UsageError("--merged lists all of them: it goes with no TEXT, --kind or --hidden.")
    with open_suite(context) as suite:
        if merged:
            found = suite.merged_entities()[:limit]
        else:
            found = suite.find_entities(text, limit, [EntityKind(kind) for kind in kinds], hidden)
    if as_json:
        print_json({"entities": found})
        return
    for entity in found:
        click.echo(_line(entity))
    if not found:
        click.echo("There are none.")


@graph.command("entity")
@click.argument("name")
@click.option("-n", "--limit", default=10, type=click.IntRange(1, 1000), show_default=True, help="Places shown.")
@_json
@click.pass_context
def entity(context: click.Context, name: str, limit: int, as_json: bool) -> None:
    """One entity by name, alias or (beginning of an) id: where documents name it, and what stands beside it."""
    with open_suite(context) as suite:
        found = suite.entity(name)
        places = suite.entity_mentions(found.id, limit)
        beside = suite.entity_neighbours(found.id, _BESIDE)
    if as_json:
        print_json({"entity": found, "mentions": places, "neighbours": beside})
        return
    click.echo(_line(found))
    if found.aliases:
        click.echo(clean(f"  also: {', '.join(found.aliases)}"))
    if beside:
        click.echo(clean(f"  beside: {', '.join(f'{each.entity.name} ({each.weight:.0f})' for each in beside)}"))
    for place in places:
        click.echo(_place(place))


@graph.command("merge")
@click.argument("source")
@click.argument("target")
@_json
@click.pass_context
def merge(context: click.Context, source: str, target: str, as_json: bool) -> None:
    """SOURCE and TARGET are one, to be called TARGET. Kept when documents are read again; `split` takes it back."""
    with open_suite(context) as suite:
        one, other = suite.entity(source), suite.entity(target)
        suite.merge_entities(one.id, other.id)
        _tell(suite.entity(other.id), as_json)


@graph.command("split")
@click.argument("name")
@_json
@click.pass_context
def split(context: click.Context, name: str, as_json: bool) -> None:
    """Take back all merges into an entity."""
    with open_suite(context) as suite:
        found = suite.entity(name)
        suite.split_entity(found.id)
        _tell(suite.entity(found.id), as_json)


@graph.command("hide")
@click.argument("name")
@_json
@click.pass_context
def hide(context: click.Context, name: str, as_json: bool) -> None:
    """This is noise: searches and pictures leave it out. `unhide` takes it back."""
    with open_suite(context) as suite:
        found = suite.entity(name)
        suite.hide_entity(found.id)
        _tell(suite.entity(found.id), as_json)


@graph.command("unhide")
@click.argument("name")
@_json
@click.pass_context
def unhide(context: click.Context, name: str, as_json: bool) -> None:
    """Let an entity that was hidden be seen again."""
    with open_suite(context) as suite:
        found = suite.entity(name)
        suite.hide_entity(found.id, False)
        _tell(suite.entity(found.id), as_json)


@graph.command("export")
@click.option("--format", "form", type=click.Choice(("graphml", "json")), default="graphml", show_default=True)
@click.option("-c", "--collection", "collections", multiple=True, help="Only what this collection names (repeatable).")
@click.option("-o", "--output", type=NamedPath(), help="Write into this file (a new one); else to the output.")
@click.pass_context
def export(context: click.Context, form: str, collections: tuple[str, ...], output: Path | None) -> None:
    """The graph as GraphML (Gephi, yEd, networkx) or as JSON (node-link)."""
    with open_suite(context) as suite:
        data = suite.export_graph(form, collections)
    if output is None:
        sys.stdout.buffer.write(data)
        return
    write_new(output, data)
    click.echo(clean(f"{len(data):,} bytes written to {output}."))


@graph.command("extract")
@_json
@click.pass_context
def extract(context: click.Context, as_json: bool) -> None:
    """Read all documents that wait for the graph now, also those that could not be read before."""
    terminal = sys.stderr.isatty()

    def show(done: int, waiting: int) -> None:
        if terminal:
            click.echo(f"\r\033[K… {counted(done, 'document')} read, {waiting:,} wait", nl=False, err=True)

    with open_suite(context) as suite:
        done = suite.extract_graph(show)
        found = suite.graph_stats()
    if terminal and done:
        click.echo("", err=True)
    if as_json:
        print_json({"read": done, "stats": found})
        return
    click.echo(f"{counted(done, 'document')} read.")
    for line in _sizes(found):
        click.echo(clean(line))


@graph.command("communities")
@click.option("-n", "--limit", default=20, type=click.IntRange(1, 1000), show_default=True)
@_json
@click.pass_context
def communities(context: click.Context, limit: int, as_json: bool) -> None:
    """Groups of documents that name the same rare things."""
    with open_suite(context) as suite:
        found = suite.communities()[:limit]
        names = {id: suite.document(id).name for group in found for id in group.document_ids[:_BESIDE]}
    if as_json:
        print_json({"communities": found})
        return
    for group in found:
        click.echo(clean(f"{group.name}: {counted(len(group.document_ids), 'document')}"))
        for document_id in group.document_ids[:_BESIDE]:
            click.echo(clean(f"  {names[document_id]}"))
    if not found:
        click.echo("There are none: no two documents name the same rare things.")


def _sizes(found: GraphStats) -> list[str]:
    lines = [
        f"{found.entities:,} entities, {counted(found.mentions, 'mention')}, {counted(found.relations, 'relation')} in "
        f"{counted(found.documents, 'document')}",
        ", ".join(
            f"{kind or 'unknown'} {count:,}" for kind, count in sorted(found.kinds.items(), key=lambda row: -row[1])
        ),
        f"merged by hand: {found.merged:,}, hidden: {found.hidden:,}",
        f"extracted by: {found.extractor or '-'}. {found.extractor_note}",
        f"{counted(found.waiting, 'document')} waiting (`cortex graph extract` reads them now)"
        if found.waiting
        else "",
        f"{counted(found.failed, 'document')} could not be read; {found.failure}" if found.failed else "",
    ]
    return [line for line in lines if line]


def _line(entity: GraphEntity) -> str:
    kind = f" ({entity.kind.value})" if entity.kind else ""
    hidden = ", hidden" if entity.hidden else ""
    name = shortened(clean(entity.name), columns_wide(sys.stdout.isatty()) // 2)
    counts = f"{counted(entity.mentions, 'mention')} in {counted(entity.documents, 'document')}"
    return f"{name}{kind}: {counts}{hidden}  [{entity.id[:12]}]"


def _place(place: MentionPlace) -> str:
    dated = f", {place.date}" if place.date else ""
    return clean(f"  {place.document}, page {place.page}{dated}: {place.snippet}")


def _tell(found: GraphEntity, as_json: bool) -> None:
    if as_json:
        print_json({"entity": found})
    else:
        click.echo(_line(found))
