"""Commands that find, and that measure how well."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cortex_engine.cli.remote import application
from cortex_engine.cli.session import NamedPath, open_suite, parse_filters, plain, print_json, settings
from cortex_engine.cli.wording import (
    asked_words,
    clean,
    columns_wide,
    counted,
    emphasised,
    ordinal,
    pattern_of,
    percent,
    shortened,
    snippet,
    wrapped,
)
from cortex_engine.core.graph import in_words

if TYPE_CHECKING:
    from cortex_engine.core.reports import EvaluationReport
    from cortex_engine.core.search import Query, SearchHit, SearchResult, StageStanding

_WITHOUT_PAGES = frozenset(
    {"text", "markdown", "html", "csv", "tsv", "json", "xml", "email", "zip", "rtf", "odt", "docx"}
)
"""Media types that are one long page: its number says nothing."""

_PAGE_NUMBER = re.compile(r"\d+|[ivxlcdm]+", re.IGNORECASE)

_REFERENCE = re.compile(r"[0-9a-f]{64}|[0-9a-f]{32}(:[1-9][0-9]{0,6})?")

_LOOKS = {"picture": "look", "description": "description"}
"""Stage -> by what a picture was found."""

_MODES = click.Choice(["hybrid", "traditional", "lexical", "graphrag", "vector"])
"""As `SearchMode`; "vector" is another name of "traditional"."""


@click.command()
@click.argument("query", default="")
@click.option(
    "--picture", metavar="FILE|ID", help="Find what looks like this: a picture file, or the id of a picture hit."
)
@click.option("--kind", "kinds", type=click.Choice(["text", "picture"]), multiple=True, help="Only hits of this kind.")
@click.option(
    "--rerank/--no-rerank", default=None, help="Let the reranker order the best results (default: the setting)."
)
@click.option("--rerank-candidates", type=int, default=0, help="How many the reranker looks at (default: the setting).")
@click.option("--rerank-top-k", type=int, default=0, help="How many it puts in front (default: the setting).")
@click.option(
    "--prefetch",
    type=click.Choice(["picture", "description", "both"]),
    default="both",
    show_default=True,
    callback=lambda _context, _option, value: "" if value == "both" else value,
    help="By which of their vectors pictures are found.",
)
@click.option(
    "--picture-weight", type=float, default=None, help="Share of a picture's own vector in its score, 0 to 1."
)
@click.option("--collection", "collections", multiple=True, help="Search in this collection only (may be repeated).")
@click.option("--mode", type=_MODES, default="hybrid", show_default=True)
@click.option("--top-k", type=int, default=10, show_default=True, help="How many results.")
@click.option("--candidates", type=int, default=0, help="Of each way of searching (default: the setting).")
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="KEY=VALUE",
    help="type, language, tag, document, title, from, to (dates); may be repeated.",
)
@click.option(
    "--miss-rate",
    type=click.FloatRange(0, 0.5),
    default=None,
    help='Share of answered questions for which "nothing" may be said wrongly; 0 never says it (default: the setting).',
)
@click.option("--group", is_flag=True, help="One result a document.")
@click.option("--trace", is_flag=True, help="Show what each stage did.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def search(
    context: click.Context,
    /,
    query: str,
    collections: tuple[str, ...],
    mode: str,
    top_k: int,
    filters: tuple[str, ...],
    group: bool,
    trace: bool,
    as_json: bool,
    picture: str | None,
    kinds: tuple[str, ...],
    **looks: Any,
) -> None:
    """Find passages and pictures. "Phrases in quotes" must occur, -words must not; a picture needs no words."""
    from cortex_engine.core.search import HitKind, Query, SearchMode

    conditions = parse_filters(filters, collections)
    question = Query(clean(query, lines=True), SearchMode(mode), top_k, conditions, group, **looks)
    question = replace(question, kinds=tuple(HitKind(kind) for kind in kinds))
    if running := application(context):
        result = running.search(_with_picture(question, picture, running.keep_picture))
    else:
        with open_suite(context) as suite:
            result = suite.search(_with_picture(question, picture, suite.keep_picture), "command line")
    if as_json:
        print_json(result_json(result, trace))
    else:
        _print_result(result, trace)


def _with_picture(question: Query, picture: str | None, keep: Callable[[bytes, str], str]) -> Query:
    """The question with its picture: a file, or else a reference."""
    if not picture:
        return question
    file = Path(picture).expanduser()
    if not file.is_file():
        if _REFERENCE.fullmatch(picture):
            return replace(question, picture=picture)
        raise click.BadParameter(f"There is no file '{clean(picture)}'.", param_hint="--picture")
    try:
        data = file.read_bytes()
    except OSError as error:
        raise click.BadParameter(
            f"'{clean(picture)}' cannot be read: {error.strerror}.", param_hint="--picture"
        ) from error
    return replace(question, picture=keep(data, file.name))


def result_json(result: SearchResult, trace: bool = False) -> dict[str, object]:
    """The object that `search --json` prints."""
    found: dict[str, object] = {
        "query": result.query.text,
        "mode": result.query.mode.value,
        "hits": [_hit_json(hit) for hit in result.hits],
        "timings_ms": {stage: round(value, 3) for stage, value in result.timings_ms.items()},
        "degraded": list(result.degraded),
        "warnings": list(result.warnings),
        "abstained": result.abstained,
        "evidence": result.evidence,
        "cut": result.cut,
        "flight_id": result.flight_id,
    }
    if trace:
        found["trace"] = plain(result.trace.steps)
    return found


def _hit_json(hit: SearchHit) -> dict[str, object]:
    return {
        "rank": hit.rank,
        "score": hit.score,
        "document_id": hit.document_id,
        "document": hit.document,
        "collection": list(hit.collections),
        "page": hit.page,
        "chunk_id": hit.chunk_id,
        "text": hit.text,
        "char_start": hit.char_start,
        "char_end": hit.char_end,
        "stages": {name: _standing_json(each) for name, each in hit.stages.items()},
        "context": hit.context,
        "title": hit.title,
        "type": hit.media_type,
        "page_end": hit.page_end,
        "page_label": hit.page_label,
        "more": hit.more,
        "kind": hit.kind.value,
        "relevance": hit.relevance,
        "closeness": hit.closeness,
        "relevance_share": hit.relevance_share,
        "path": plain(hit.path),
    }


def _standing_json(standing: StageStanding) -> dict[str, object]:
    told: dict[str, object] = {"rank": standing.rank, "score": standing.score}
    return told if standing.standard is None else {**told, "standard": standing.standard}


def _print_result(result: SearchResult, trace: bool) -> None:
    for warning in result.warnings:
        click.secho(f"Note: {warning}", fg="yellow", err=True)
    pattern = pattern_of(asked_words(result.query.text))
    if result.abstained:
        where = "in the library" if result.query.filters.empty else "that was searched"
        click.secho(f"Nothing {where} answers this. The nearest misses:", bold=True)
        click.echo()
    for hit in result.hits:
        _print_hit(hit, pattern)
    if not result.hits:
        click.echo("Nothing was found." + _advice(result))
    else:
        total = result.timings_ms["total"]
        click.secho(f"{counted(len(result.hits), 'result')} in {total:.0f} ms", dim=True, err=True)
    if trace:
        _print_trace(result)


def _print_hit(hit: SearchHit, pattern: re.Pattern[str] | None) -> None:
    width = columns_wide(sys.stdout.isatty())
    click.secho(f"{hit.rank:>2}. {clean(hit.document)}", bold=True, nl=False)
    kind = "picture" if hit.kind.value == "picture" else ""
    facts = [kind, _place(hit), ", ".join(hit.collections), f"{hit.more} more in it" if hit.more else ""]
    click.echo("".join(f" · {clean(fact)}" for fact in facts if fact))
    if hit.context:
        click.secho(f"    {shortened(clean(hit.context), width - 4)}", dim=True)
    for line in wrapped(snippet(hit.text, pattern, 4 * (width - 4)), width, "    "):
        click.echo(emphasised(line, pattern))
    if hit.path:
        click.secho(f"    via {clean(in_words(hit.path))}", dim=True)
    if hit.closeness is not None:
        click.secho(f"    closer than {percent(hit.closeness)} of unrelated passages", dim=True)
    if hit.relevance_share is not None:
        click.secho(f"    more relevant than {percent(hit.relevance_share)} of unrelated passages", dim=True)
    if why := [text for name, standing in hit.stages.items() if (text := _standing(name, standing))]:
        click.secho(f"    {' · '.join(why)}", dim=True)
    click.echo()


def _place(hit: SearchHit) -> str:
    """Where in its document: what is printed on the page, and which sheet of the file it is when that differs."""
    if hit.media_type in _WITHOUT_PAGES:
        return ""
    label = hit.page_label.strip()
    if not label or label == str(hit.page):
        return f"page {hit.page}"
    return f"page {label} (sheet {hit.page})" if _PAGE_NUMBER.fullmatch(label) else label


def _standing(stage: str, standing: StageStanding) -> str:
    """How a recaller saw the hit, in words, with its figure."""
    rank = f"{ordinal(standing.rank)} " if standing.rank else ""
    if stage == "vector":
        return f"{rank}by meaning (cosine {standing.score:.2f})"
    if stage == "lexical":
        return f"{rank}by words (BM25 {standing.score:.1f})" if standing.score > 0 else "none of the words"
    if stage in _LOOKS:
        return f"{rank}by {_LOOKS[stage]} (cosine {standing.score:.2f})"
    if stage == "graph":
        return f"{rank}by the knowledge graph" if rank else ""
    if stage == "rerank":
        above = "" if standing.standard is None else f", {standing.standard:+.1f} deviations from unrelated ones"
        return f"{rank}by the reranker ({standing.score:.2f}{above})"
    return ""


def _advice(result: SearchResult) -> str:
    """What to try when nothing was found."""
    if result.query.picture or result.query.kinds:
        return ""
    filters = result.query.filters
    if any((filters.documents, filters.types, filters.languages, filters.tags, filters.title, filters.date_from)):
        return " Try fewer filters; `cortex documents list --filter KEY=VALUE` shows what one lets through."
    if result.query.mode.value == "lexical":
        return " No passage holds these words; the modes hybrid and traditional search by meaning too."
    return ""


def _print_trace(result: SearchResult) -> None:
    for step in result.trace.steps:
        facts = ", ".join(f"{name}={value}" for name, value in step.facts.items())
        words = f"{facts} {step.warning}".strip()
        click.echo(
            clean(f"  {step.stage:<12} {step.milliseconds:8.1f} ms {step.candidates:6} candidates  {words}".rstrip())
        )


@click.command()
@click.argument("dataset", type=NamedPath())
@click.option("--mode", "modes", type=_MODES, multiple=True, help="May be repeated; default: all.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def evaluate(context: click.Context, dataset: Path, modes: tuple[str, ...], as_json: bool) -> None:
    """Measure retrieval on a folder in BEIR layout (corpus.jsonl, queries.jsonl, qrels/*.tsv).

    The documents go into a temporary library, through the same lines that searches use; your library is not touched.
    """
    from cortex_engine.core.search import SearchMode
    from cortex_engine.suite import CortexSuite

    chosen = [SearchMode(mode) for mode in modes] or list(SearchMode)
    report = CortexSuite.evaluate(settings(context), dataset, chosen, lambda text: click.echo(text, err=True))
    if as_json:
        print_json(report_json(report))
    else:
        _print_report(report)


def report_json(report: EvaluationReport) -> dict[str, object]:
    """The object that `evaluate --json` prints; `<metric>_interval` is the 95 % bootstrap interval."""
    modes = {}
    for name, mode in report.modes.items():
        figures: dict[str, object] = {metric: round(each.value, 5) for metric, each in mode.metrics.items()}
        figures |= {
            f"{metric}_interval": [round(each.low, 5), round(each.high, 5)] for metric, each in mode.metrics.items()
        }
        modes[name] = figures | {"p50_ms": round(mode.p50_ms, 2), "p95_ms": round(mode.p95_ms, 2)}
    return {"dataset": report.dataset, "queries": report.queries, "documents": report.documents, "modes": modes}


def _print_report(report: EvaluationReport) -> None:
    click.echo(f"{report.dataset}: {report.queries:,} judged queries, {counted(report.documents, 'document')}")
    for name, mode in report.modes.items():
        figures = "  ".join(
            f"{metric} {each.value:.3f} [{each.low:.3f}, {each.high:.3f}]" for metric, each in mode.metrics.items()
        )
        click.echo(f"  {name:<11} {figures}  p50 {mode.p50_ms:.1f} ms  p95 {mode.p95_ms:.1f} ms")
