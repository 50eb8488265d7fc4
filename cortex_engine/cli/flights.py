"""Commands on recorded searches, and the question why something did not come back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cortex_engine.cli.session import open_suite, parse_filters, print_json, write_new
from cortex_engine.cli.wording import clean, counted, shortened

if TYPE_CHECKING:
    from cortex_engine.core.flights import CandidatePlace, Flight, WhyNot
    from cortex_engine.core.search import Query, SearchResult

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
_SHOWN = 10


@click.group(invoke_without_command=True)
@click.pass_context
def flights(context: click.Context) -> None:
    """Recorded searches: what each stage saw."""
    if context.invoked_subcommand is None:
        context.invoke(list_flights, limit=20, as_json=False)


@flights.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@_json
@click.pass_context
def list_flights(context: click.Context, limit: int, as_json: bool) -> None:
    """The newest first."""
    with open_suite(context) as suite:
        rows, kept = suite.flights(limit), suite.config.flights
    if as_json:
        print_json({"flights": rows})
        return
    for row in rows:
        facts = f"{row.id}  {row.asked[:19].replace('T', ' ')}  {row.mode:<11} {counted(row.hits, 'result'):>11}"
        click.echo(f"{facts}  {row.milliseconds:7.0f} ms  {clean(row.text)}")
    if not rows:
        click.echo("No search is recorded." + ("" if kept else " The setting 'flights' is 0."))


@flights.command("show")
@click.argument("flight")
@click.option("--candidates", type=click.IntRange(0, 1000), default=_SHOWN, show_default=True, help="Of each stage.")
@click.pass_context
def show_flight(context: click.Context, flight: str, candidates: int) -> None:
    """What each stage saw; FLIGHT is an id, or how it begins."""
    with open_suite(context) as suite:
        found = suite.flight(flight)
        ids = [each.chunk_id for stage in found.stages for each in stage.candidates[:candidates]]
        _print_flight(found, suite.candidate_places(ids), candidates)


@flights.command("export")
@click.argument("flight")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.pass_context
def export_flight(context: click.Context, flight: str, file: Path | None) -> None:
    """All of it as JSON, into FILE or on the output."""
    with open_suite(context) as suite:
        text = suite.export_flight(flight)
    if file is None:
        click.echo(text, nl=False)
        return
    write_new(file, text)
    click.echo(f"Written to {clean(str(file))}.", err=True)


@flights.command("replay")
@click.argument("flight")
@click.pass_context
def replay_flight(context: click.Context, flight: str) -> None:
    """Ask it again, and tell what is different."""
    with open_suite(context) as suite:
        recorded, again = suite.flight(flight), suite.replay(flight)
        places = suite.candidate_places([*recorded.hits, *(hit.chunk_id for hit in again.hits)])
    click.echo("\n".join(_differences(recorded, again, places)) or "The same results in the same order.")


@flights.command("forget")
@click.argument("flight", default="")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.pass_context
def forget_flights(context: click.Context, flight: str, everything: bool) -> None:
    """Forget one, or all with --all."""
    if bool(flight) is everything:
        raise click.UsageError("Name one recorded search, or give --all.")
    with open_suite(context) as suite:
        suite.forget_flights(suite.flight(flight).id if flight else "")
    click.echo("Forgotten.")


@click.command()
@click.argument("query")
@click.argument("document")
@click.option("--page", type=click.IntRange(1), default=None, help="A page of the document.")
@click.option("--collection", "collections", multiple=True, help="As it was searched (may be repeated).")
@click.option(
    "--mode",
    type=click.Choice(["traditional", "lexical", "hybrid", "graphrag", "vector"]),
    default="hybrid",
    show_default=True,
)
@click.option("--top-k", type=int, default=10, show_default=True)
@click.option("--candidates", type=int, default=0, help="Of each way of searching (default: the setting).")
@click.option("--filter", "filters", multiple=True, metavar="KEY=VALUE", help="As for `cortex search`.")
@click.option("--group", is_flag=True, help="One result a document.")
@click.option("--rerank/--no-rerank", default=None)
@click.option("--miss-rate", type=click.FloatRange(0, 0.5), default=None, help="As for `cortex search`.")
@_json
@click.pass_context
def why(
    context: click.Context,
    /,
    query: str,
    document: str,
    page: int | None,
    collections: tuple[str, ...],
    mode: str,
    top_k: int,
    candidates: int,
    filters: tuple[str, ...],
    group: bool,
    rerank: bool | None,
    miss_rate: float | None,
    as_json: bool,
) -> None:
    """Why DOCUMENT (name, path or id) does not come back for QUERY, and what brings it back."""
    from cortex_engine.core.search import Query, SearchMode

    conditions = parse_filters(filters, collections)
    text, chosen = clean(query, lines=True), SearchMode(mode)
    asked = Query(text, chosen, top_k, conditions, group, candidates, rerank=rerank, miss_rate=miss_rate)
    with open_suite(context) as suite:
        answer = suite.why_not(asked, document, page or 0)
    if as_json:
        print_json(answer)
        return
    _print_answer(answer, asked)


def _print_answer(answer: WhyNot, asked: Query) -> None:
    click.secho(clean(answer.cause.value), bold=True)
    click.echo(clean(answer.sentence))
    for stage, (rank, score, needed) in answer.standings.items():
        place = f"rank {rank:,}" if rank else "no rank"
        enough = "" if needed is None else f", {needed:.3f} would have been enough"
        click.secho(f"  {stage:<12} {place:<12} score {score:.3f}{enough}", dim=True)
    for suggestion in answer.suggestions:
        click.echo(f"→ {clean(suggestion.title)}{_how(suggestion.query, asked)}")


def _how(query: Query | None, asked: Query) -> str:
    """What to add to `cortex search`, as far as its options say it."""
    if query is None or query == asked:
        return ""
    options = [f"--top-k {query.top_k}"] if query.top_k != asked.top_k else []
    options += [f"--candidates {query.candidates}"] if query.candidates != asked.candidates else []
    options += [f"--mode {query.mode.value}"] if query.mode is not asked.mode else []
    options += [f"--filter document={each}" for each in query.filters.documents if each not in asked.filters.documents]
    options += ["--miss-rate 0"] if query.miss_rate == 0 and asked.miss_rate != 0 else []
    options += ["--no-rerank"] if query.rerank is False and asked.rerank is not False else []
    return f" ({' '.join(options)})" if options else ""


def _print_flight(flight: Flight, places: dict[str, CandidatePlace], shown: int) -> None:
    query = flight.query
    click.secho(clean(query.text or "(a picture)"), bold=True)
    door = f" · by {flight.door}" if flight.door else ""
    click.echo(f"{flight.id} · {flight.asked} · {query.mode.value} · top {query.top_k}{door}")
    if flight.terms:
        click.echo(clean("words: " + ", ".join(f"{word} {weight:.2f}" for word, weight in flight.terms.items())))
    for model_id, name in flight.models.items():
        click.echo(clean(f"model {model_id}: {shortened(name, 90)}"))
    for step in flight.trace.steps:
        facts = ", ".join(f"{name}={value}" for name, value in step.facts.items())
        click.secho(clean(f"  {step.stage:<12} {step.milliseconds:8.1f} ms {step.candidates:6}  {facts}"), dim=True)
    for stage in flight.stages:
        click.secho(f"{stage.name}: {counted(stage.total, 'candidate')}", bold=True)
        for each in stage.candidates[:shown]:
            place = places.get(each.chunk_id)
            where = f"{place.document}, page {place.page}" if place else "(gone)"
            rank = f"{each.rank:>4}" if each.rank else "   –"
            share = f"  adds {each.share:+.3f}" if each.share else ""
            click.echo(clean(f"  {rank}  {each.score:9.4f}{share}  {where}"))
    if flight.gone:
        click.echo(f"{counted(flight.gone, 'candidate')} of it no longer in the library.")


def _differences(recorded: Flight, again: SearchResult, places: dict[str, CandidatePlace]) -> list[str]:
    """A line for each hit that came, went or moved."""
    before = {each: rank for rank, each in enumerate(recorded.hits, start=1)}
    now = {hit.chunk_id: hit.rank for hit in again.hits}

    def named(each: str) -> str:
        return f"{places[each].document}, page {places[each].page}" if each in places else "(gone)"

    lines = [f"+ {rank:>3}  {named(each)}" for each, rank in now.items() if each not in before]
    lines += [f"- {rank:>3}  {named(each)}" for each, rank in before.items() if each not in now]
    moved = [(each, before[each], rank) for each, rank in now.items() if before.get(each, rank) != rank]
    return [clean(line) for line in [*lines, *(f"  {old:>3} → {new}  {named(each)}" for each, old, new in moved)]]
