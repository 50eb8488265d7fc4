"""The recall certificate: live approximate searches compared with the exact scan, and searches that widen themselves by it."""

from __future__ import annotations

import logging

from cortex_engine.catalog.rows import now
from cortex_engine.core.calibration import (
    RecallCertificate,
    RecallSample,
    next_widening,
    recall_interval,
)
from cortex_engine.core.errors import CortexError, StorageFullError
from cortex_engine.library import Library
from cortex_engine.retrieval.scoped import within
from cortex_engine.retrieval.watching import NEIGHBOURS, Answered

_log = logging.getLogger(__name__)


def step(library: Library) -> bool:
    """Compare one of the answers that wait; whether there was one. Called in the background, never by a search."""
    answered = library.watch.take()
    if answered is None:
        return False
    try:
        sample = _compared(library, answered)
    except StorageFullError:
        raise
    except CortexError as error:
        _log.info("a search was not compared with the exact scan: %s", error)
        return True
    if sample is not None:
        library.catalog.keep_recall_sample(sample)
        review(library, sample.model_id)
    return True


def review(library: Library, model_id: str) -> None:
    """Let searches of a model ask as wide as its samples say."""
    factor = next_widening(library.catalog.recall_samples(model_id), library.config.recall_bound)
    if factor != library.watch.widening(model_id):
        _log.warning(
            "searches of the model %s %s: measured recall against the bound of %.2f",
            model_id,
            f"ask for {factor:g} times as many candidates" if factor else "scan all vectors",
            library.config.recall_bound,
        )
        library.watch.widen(model_id, factor)


def certificates(library: Library) -> list[RecallCertificate]:
    """See `CortexSuite.recall_certificates`."""
    found = []
    exact = library.config.vector_store == "exact" or library.catalog.passage_count(None) <= library.config.exact_below
    for model_id, spec in sorted(library.models().items()):
        samples = library.catalog.recall_samples(model_id)
        factor = next_widening(samples, library.config.recall_bound)
        now_valid = [each for each in samples if each.widening == factor]
        mean, low, high = (1.0, 1.0, 1.0) if exact or not factor else recall_interval(now_valid)
        found.append(
            RecallCertificate(
                model_id,
                spec.model,
                NEIGHBOURS,
                mean,
                low,
                high,
                len(now_valid) if factor else len(samples),
                exact,
                library.config.recall_bound,
                factor,
            )
        )
    return found


def _compared(library: Library, answered: Answered) -> RecallSample | None:
    """How many of the nearest were found; None where the library changed meanwhile, or has too few passages to tell."""
    catalog, model_id = library.catalog, answered.model_id
    members = catalog.members(model_id)
    exact = within(library.exact_store(model_id), members, catalog.documents_of)
    nearest = exact.nearest(answered.vector, NEIGHBOURS, answered.documents)
    answer = answered.answer
    if answer is None:
        large = library.large_store(model_id)
        if large is None:
            return None
        store = within(large, members, catalog.documents_of)
        answer = frozenset(item.chunk_id for item in store.nearest(answered.vector, answered.asked, answered.documents))
    if len(nearest) < NEIGHBOURS or catalog.last_seq() != answered.moment:
        return None
    # As near as the tenth counts as found: of equal ones either is right.
    last = nearest.items[-1].score
    lost = [item for item in nearest if item.chunk_id not in answer]
    equal = sum(item.score == last for item in lost)
    if equal:
        others = exact.scores(answered.vector, sorted(answer - {item.chunk_id for item in nearest}))
        equal = min(equal, sum(score >= last for score in others.values()))
    found = NEIGHBOURS - len(lost) + equal
    return RecallSample(model_id, NEIGHBOURS, found, answered.asked, now(), answered.widening)


__all__ = ["certificates", "review", "step"]
