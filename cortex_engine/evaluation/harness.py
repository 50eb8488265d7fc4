"""Runs the queries of a data set through the search line that users use, and measures what comes back."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

import numpy as np

from cortex_engine.core.errors import UsageError
from cortex_engine.core.reports import EvaluationReport, ModeReport
from cortex_engine.core.search import Query, SearchMode, SearchResult
from cortex_engine.evaluation.datasets import EvaluationDataset
from cortex_engine.evaluation.metrics import estimate, measures

DEPTH = 100

_MAY_BE_EMPTY = frozenset({"graph"})
"""A corpus that names nothing has an empty graph: GraphRAG is Hybrid there."""

_QUOTES = re.compile(r"[\"“”„«»「」『』]")
_EXCLUDING = re.compile(r"(?<!\S)-+(?=\S)")


def evaluate(
    dataset: EvaluationDataset,
    retrieve: Callable[[Query], SearchResult],
    modes: Sequence[SearchMode] = tuple(SearchMode),
    depth: int = DEPTH,
) -> EvaluationReport:
    """Measure search modes on a data set whose corpus is already in the library that `retrieve` searches.

    Results are grouped by document; a hit counts for the corpus id that is its document's name. Queries of a data set
    were not written in our query language (their quotation marks quote, they do not demand) and are asked without
    operators. Queries that the data set has no relevant document for are left out of the means (as `trec_eval` does)
    and counted as unjudged.

    Args:
        depth: how many documents are asked for; at least 100 for recall@100.

    Raises:
        UsageError: no query is judged, or a search was degraded (figures of half a search would mislead).
    """
    judged = [query for query in dataset.queries if any(g > 0 for g in dataset.judgements.get(query, {}).values())]
    if not judged:
        raise UsageError(f"No query of '{dataset.name}' has a relevant document in its judgements.")
    documents = sum(1 for _ in dataset.corpus())
    reports = {mode.value: _mode(dataset, retrieve, mode, judged, depth) for mode in modes}
    return EvaluationReport(dataset.name, len(judged), documents, reports, len(dataset.queries) - len(judged))


def _mode(
    dataset: EvaluationDataset,
    retrieve: Callable[[Query], SearchResult],
    mode: SearchMode,
    judged: Sequence[str],
    depth: int,
) -> ModeReport:
    values: dict[str, list[float]] = {}
    seconds: list[float] = []
    for query in judged:
        start = time.perf_counter()
        result = retrieve(Query(without_operators(dataset.queries[query]), mode, top_k=depth, group=True))
        seconds.append(time.perf_counter() - start)
        if set(result.degraded) - _MAY_BE_EMPTY:
            raise UsageError(
                f"The {mode.value} search was degraded ({', '.join(result.degraded)}), so its figures would mislead: "
                f"{' '.join(result.warnings)}"
            )
        ranking = list(dict.fromkeys(hit.document for hit in result.hits))
        for name, value in measures(ranking, dataset.judgements[query]).items():
            values.setdefault(name, []).append(value)
    p50, p95 = (float(np.percentile(seconds, share) * 1000) for share in (50, 95))
    return ModeReport(mode.value, {name: estimate(each) for name, each in values.items()}, p50, p95)


def without_operators(text: str) -> str:
    """The words of a query: no phrase is demanded and nothing is excluded."""
    return _EXCLUDING.sub(" ", _QUOTES.sub(" ", text))
