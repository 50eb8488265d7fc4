"""Commands on what scores mean: calibrated collections, measured recall."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cortex_engine.cli.session import open_suite, print_json
from cortex_engine.cli.wording import cells, clean, padded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortex_engine.core.calibration import Calibration, CalibrationState, RecallCertificate
    from cortex_engine.suite import CortexSuite

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group(invoke_without_command=True)
@click.pass_context
def calibrate(context: click.Context) -> None:
    """What scores mean in each collection: closeness among unrelated passages, and from where on nothing was found."""
    if context.invoked_subcommand is None:
        context.invoke(show, as_json=False)


@calibrate.command("show")
@_json
@click.pass_context
def show(context: click.Context, as_json: bool) -> None:
    """Show which collections are calibrated, by what, and the cut-off that follows."""
    with open_suite(context) as suite:
        _show(suite, as_json)


@calibrate.command("run")
@click.argument("collection", default="")
@_json
@click.pass_context
def run(context: click.Context, collection: str, as_json: bool) -> None:
    """Calibrate a collection, or all of them, now. A running application does it by itself after an ingest.

    The reranker of the settings is asked too, about 390 pairs of texts for each collection; where it is a service, these
    are sent to it. A running application asks only one that is loaded in its own memory and quick.
    """
    with open_suite(context) as suite:
        suite.calibrate(collection, lambda text: click.echo(clean(text), err=True))
        _show(suite, as_json)


@click.command()
@_json
@click.pass_context
def recall(context: click.Context, as_json: bool) -> None:
    """The recall certificate: how many of the truly nearest ten passages approximate searches find, as measured."""
    with open_suite(context) as suite:
        rows = suite.recall_certificates()
    if as_json:
        print_json({"certificates": rows})
        return
    if not rows:
        click.echo("There is no collection yet, so no model searches.")
    for row in rows:
        click.echo(clean(f"{row.model}: {told(row)}"))


def told(row: RecallCertificate) -> str:
    """A certificate as a sentence."""
    if row.exact:
        return "every search scans all vectors, which finds the nearest ones exactly."
    if not row.widening:
        return (
            f"the index lost too many (bound {row.bound:.2f}), so every search scans all vectors; {row.samples} probes."
        )
    if not row.samples:
        since = f" since they ask for {row.widening:g} times as many candidates" if row.widening > 1 else ""
        return f"no approximate search has been compared with the exact scan yet{since}."
    wide = f"; searches ask for {row.widening:g} times as many candidates" if row.widening > 1 else ""
    return (
        f"recall@{row.k} {row.recall:.3f} (95 % interval {row.low:.3f} to {row.high:.3f}) over {row.samples} searches, "
        f"bound {row.bound:.2f}{wide}."
    )


def _show(suite: CortexSuite, as_json: bool) -> None:
    states, calibrations, rate = suite.calibration_states(), suite.calibrations(), suite.config.miss_rate
    rows = [_row(state, calibrations, rate) for state in states]
    if as_json:
        print_json({"miss_rate": rate, "collections": rows})
        return
    if not rows:
        click.echo("There is no collection yet.")
        return
    wide = max(cells(str(row["collection"])) for row in rows)
    for state, row in zip(states, rows, strict=True):
        told = _with_rerankers(state, calibrations, _sentence(row, rate))
        click.echo(clean(f"{padded(str(row['collection']), wide)}  {told}"))


def _row(state: CalibrationState, calibrations: Sequence[Calibration], rate: float) -> dict[str, object]:
    """One collection for `show`."""
    from cortex_engine.core.calibration import FUSION_STAGE, MEANING_STAGE, conformal_cut

    own = {each.stage: each for each in calibrations if each.collection == state.collection}
    hybrid, meaning = own.get(FUSION_STAGE), own.get(MEANING_STAGE)
    return {
        "collection": state.collection,
        "model_id": state.model_id,
        "passages": state.passages,
        "calibrated_passages": state.calibrated,
        "made": hybrid.made if hybrid else "",
        "stale": state.stale,
        "pairs": meaning.pairs if meaning else 0,
        "questions": len(hybrid.related) if hybrid else 0,
        "judged": hybrid.judged if hybrid else 0,
        "cut": conformal_cut([(hybrid.related, 1.0)], rate) if hybrid else None,
        "rerankers": [
            {"reranker": each.reranker, "pairs": each.pairs, "passages": each.passages, "made": each.made}
            for each in own.values()
            if each.reranker
        ],
    }


def _with_rerankers(state: CalibrationState, calibrations: Sequence[Calibration], sentence: str) -> str:
    """The sentence, and how many pairs each reranker was measured by."""
    own = [each for each in calibrations if each.reranker and each.pairs and each.collection == state.collection]
    return "; ".join([sentence, *(f"reranker {each.reranker}: {each.pairs:,} unrelated pairs" for each in own)])


def _sentence(row: dict[str, object], rate: float) -> str:
    if not row["passages"]:
        return "holds nothing that could be calibrated"
    if not row["made"]:
        return "not calibrated yet"
    if not row["questions"]:
        return "too few passages to say what is unusual"
    cut = row["cut"]
    limit = (
        f"nothing found below {cut:.3f} (miss rate {rate:g})"
        if isinstance(cut, float)
        else "no cut-off at this miss rate"
    )
    judged = f", {row['judged']} of them judged by people" if row["judged"] else ""
    stale = "; changed much since" if row["stale"] else ""
    return f"{row['questions']} questions{judged}, {row['pairs']:,} unrelated pairs: {limit}{stale}"
