"""Calibrating the scores of collections: made in the background, looked up by searches.

Questions are made from the passages themselves, so that the answer to each is known to be there: some informative words of one
sentence, of which about a third give way to words from elsewhere in the collection. That share is what people do: of the words
that somebody asks with, 30 to 40 % do not stand in a relevant document (Zhao and Callan, "Term necessity prediction", CIKM 2010;
Furnas et al., "The vocabulary problem", CACM 1987). Made without it, questions are far easier to find than real ones.
"""

from __future__ import annotations

import logging
import math
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from cortex_engine import searching
from cortex_engine.core.app import ModelState
from cortex_engine.core.calibration import (
    ENOUGH_JUDGED,
    FUSION_STAGE,
    LEAST_PASSAGES,
    MAX_RELATED,
    MEANING_STAGE,
    QUANTILES,
    Calibration,
    CalibrationState,
    rerank_stage,
)
from cortex_engine.core.errors import (
    CortexError,
    ModelUnavailableError,
    ModelUnhealthyError,
    NotFoundError,
    StorageFullError,
    UsageError,
)
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.protocols import Reranker
from cortex_engine.core.reranking import Candidate, Judgement
from cortex_engine.core.search import Filters, Query, SearchMode
from cortex_engine.library import Library

_log = logging.getLogger(__name__)

QUESTIONS = 300
"""Made for one collection: enough for a miss rate of 1 % (99 are needed), in some seconds."""
MISMATCH = 0.35
_FEWEST, _MOST = 4, 10
"""Words of a made question, as people's questions have without their function words."""
_SOURCES = 600
_UNRELATED = 150
_COMPARED = 500
"""So many questions are compared with so many passages of other documents for the distribution of unrelated pairs."""
RERANKED, BESIDE = 30, 12
"""So many made questions are judged by the reranker, each with its own passage and with so many of other documents."""
_AT_ONCE = 3
"""Pairs in a call that nobody waits for: no search waits for more than these, and equal scores of so few are no fault."""
_SLOW = 0.25
"""Seconds for a pair from which on a reranker is only asked when somebody wants it."""
_PORTION_SECONDS = 0.25
_LATER = 60.0
_QUIET = 5.0
"""Seconds without a change of the library before its scores are calibrated."""

_WORD = re.compile(r"\w[\w'’-]*")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


class _LeftAloneError(CortexError):
    """A reranker is not asked any more, unless somebody wants it."""


class Calibrating:
    """Calibrates collections of an open library that need it, a portion at a time."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._work: Iterator[None] | None = None
        self._seen: tuple[object, ...] = ()
        self._since = 0.0
        self._done: tuple[object, ...] | None = None
        self._left_alone: Reranker | None = None
        self._next = self._again = 0.0
        self._name, self._put_off = "", set[str]()

    def step(self) -> bool:
        """Do a portion; whether there is more to do at once. Nothing while it is switched off or the library changes, or
        after a failure.
        """
        if not self._library.config.calibration:
            return False
        now = time.monotonic()
        moment = (self._library.catalog.last_seq(), tuple(self._loaded()), self._judge())
        if moment != self._seen:
            self._seen, self._since, self._work = moment, now, None
        if now < self._next or now - self._since < _QUIET or (moment == self._done and now < self._again):
            return False
        try:
            return self._portion(moment)
        except StorageFullError:
            raise
        except _LeftAloneError as error:
            _log.warning("%s", error)
            self._work, self._left_alone = None, self._library.rerankers.made
            return True
        except CortexError as error:
            _log.warning("scores of '%s' are calibrated later: %s", self._name, error)
            self._put_off.add(self._name)  # the others come first then
            self._work, self._next = None, now + _LATER
            return False

    def _portion(self, moment: tuple[object, ...]) -> bool:
        if self._work is None:
            self._work = self._waiting()
            if self._work is None:
                # What people judged meanwhile is no change of the library.
                self._done, self._again = moment, time.monotonic() + _LATER
                return False
        until = time.monotonic() + _PORTION_SECONDS
        while time.monotonic() < until:
            if next(self._work, self) is self:
                self._work = None
                break
        return True

    def _waiting(self) -> Iterator[None] | None:
        """What is to be calibrated next: the search first, then the reranker."""
        library, loaded = self._library, self._loaded()
        states = library.catalog.calibration_states()
        if stale := [each for each in states if each.stale and each.model_id in loaded]:
            chosen = min(stale, key=lambda each: each.collection in self._put_off)
            self._name = chosen.collection
            return _calibrate(library, chosen)
        reranker = library.rerankers.at_hand if self._judge() is not None else None
        if reranker is None:
            return None
        of = {each.collection: each for each in library.catalog.calibrations() if each.reranker == reranker.name}
        for state in states:
            row = of.get(state.collection)
            if state.passages and not state.stale and (row is None or state.changed_since(row.passages)):
                self._name = state.collection
                return _calibrate_reranker(library, state, reranker, patient=False)
        return None

    def _judge(self) -> Reranker | None:
        """The reranker that may be asked although nobody waits for it; another one when it was loaded anew."""
        rerankers = self._library.rerankers
        made = rerankers.made if rerankers.at_hand is not None else None
        return made if made is not self._left_alone else None

    def _loaded(self) -> list[str]:
        library = self._library
        return sorted(each for each in library.models() if library.shelf.state(each)[0] is ModelState.HEALTHY)


def calibrate(
    library: Library, collection: str = "", on_progress: Callable[[str], None] = lambda _: None
) -> list[Calibration]:
    """See `CortexSuite.calibrate`."""
    states = [each for each in library.catalog.calibration_states() if collection in ("", each.collection)]
    if not states:
        library.catalog.collection(collection) if collection else None
    for state in states:
        on_progress(f"{state.collection}: {state.passages:,} passages")
        if state.passages:
            library.embedder(library.catalog.spec(state.model_id)).load()
        for _ in _calibrate(library, state):
            pass
    reranker = library.reranker() if any(state.passages for state in states) else None
    for state in states:
        if reranker is not None and state.passages:
            on_progress(f"{state.collection}: the reranker {reranker.name}")
            for _ in _calibrate_reranker(library, state, reranker, patient=True):
                pass
    return [each for each in library.catalog.calibrations() if collection in ("", each.collection)]


def made_questions(texts: Sequence[str], count: int, seed: int = 0) -> list[tuple[str, int]]:
    """Questions that passages with these texts answer, as people might ask them, each with the number of its text.

    See the head of this module. Fewer than `count` where the texts have too few sentences with enough words.
    """
    from cortex_engine.chunking.sentences import sentences

    draw = random.Random(seed)  # noqa: S311 - no secret
    pool = [unit for text in texts for unit in dict.fromkeys(_units(text))]
    made: list[tuple[str, int]] = []
    for _ in range(count * 20):
        if len(made) == count or not texts:
            break
        number = draw.randrange(len(texts))
        text = texts[number]
        start, end = draw.choice(sentences(text, 0, len(text)) or [(0, 0)])
        sentence = text[start:end]
        units = list(dict.fromkeys(_units(sentence)))
        if len(units) < _FEWEST:
            continue
        places = sorted(draw.sample(range(len(units)), min(draw.randint(_FEWEST, _MOST), len(units))))
        kept = [draw.choice(pool) if draw.random() < MISMATCH else units[place] for place in places]
        made.append((("" if _UNSPACED.search(sentence) else " ").join(kept), number))
    return made


def _units(text: str) -> list[str]:
    """Informative words; pairs of characters in scripts without spaces."""
    from cortex_engine.retrieval.function_words import without_function_words

    found: list[str] = []
    for word in _WORD.findall(without_function_words(" ".join(text.split()))):
        if _UNSPACED.search(word):
            found += [word[start : start + 2] for start in range(0, len(word), 2)]
        else:
            found.append(word)
    return found


def _calibrate(library: Library, state: CalibrationState) -> Iterator[None]:
    """Calibrate one collection; comes back after each question."""
    catalog = library.catalog
    drawn = catalog.sample_passages(state.collection, _SOURCES, seed=state.passages)
    asked: list[str] = []
    judged: list[str] = []
    meanings: list[float] = []
    evidence: list[float] = []
    scores: list[float] = []
    if state.passages >= LEAST_PASSAGES:
        judged = catalog.judged_questions(state.collection)[:MAX_RELATED]
        made = made_questions([text for _, _, text in drawn], QUESTIONS, seed=state.passages)
        # The distribution of unrelated pairs always comes from made questions, whose own document is known.
        for question, source in made[:_UNRELATED]:
            document = drawn[source][1]
            scores += _unrelated(library, state, question, [each for each, owner, _ in drawn if owner != document])
            yield
        asked = judged if len(judged) >= ENOUGH_JUDGED else [*judged, *(question for question, _ in made)]
        for question in asked:
            found = _evidence(library, state, question)
            if found is not None:
                meanings.append(found[0])
                evidence.append(found[1])
            yield
    known = {"judged": len(judged), "made": "", "passages": state.passages}
    quantiles = _quantiles(scores)
    catalog.keep_calibrations(
        [
            Calibration(
                state.model_id,
                state.collection,
                stage,
                values,
                tuple(sorted(related)[:MAX_RELATED]),
                pairs=len(scores) if values else 0,
                **known,  # type: ignore[arg-type]
            )
            for stage, values, related in ((MEANING_STAGE, quantiles, meanings), (FUSION_STAGE, (), evidence))
        ]
    )


def _calibrate_reranker(library: Library, state: CalibrationState, reranker: Reranker, patient: bool) -> Iterator[None]:
    """Measure the reranker's scores of unrelated pairs of one collection, without a prior; comes back after each call.

    Args:
        patient: somebody wants it: calls are as large and take as long as they do.

    Raises:
        _LeftAloneError: when not `patient`, it is slow or cannot judge.
        ModelUnavailableError, ModelUnhealthyError: when `patient`, it cannot judge.
    """
    catalog, calls = library.catalog, 0
    related: list[float] = []
    unrelated: list[float] = []
    drawn = catalog.sample_passages(state.collection, _SOURCES, seed=state.passages)
    draw = random.Random(state.passages)  # noqa: S311 - no secret
    enough = state.passages >= LEAST_PASSAGES
    made = made_questions([text for _, _, text in drawn], RERANKED, seed=state.passages) if enough else []
    for question, source in made:
        own, document, _ = drawn[source]
        others = [each for each, owner, _ in drawn if owner != document]
        asked = [own, *draw.sample(others, min(BESIDE, len(others)))]
        known = catalog.lookup(asked)
        waiting = [Candidate(each, ModelInput(known[each].chunk.embedded_text)) for each in asked if each in known]
        while waiting:
            # The first two calls are of one pair, by which a slow model shows itself; what it does once costs the first.
            pairs = len(waiting) if patient else _AT_ONCE if calls > 1 else 1
            now, waiting, calls = waiting[:pairs], waiting[pairs:], calls + 1
            for each in _judged(reranker, question, now, _SLOW if calls == 2 and not patient else math.inf, patient):
                (related if each.id == own else unrelated).append(each.own)
            yield
    values = _quantiles(unrelated)
    row = Calibration(state.model_id, state.collection, rerank_stage(reranker.name), values, tuple(sorted(related)))
    catalog.keep_calibrations([replace(row, pairs=len(unrelated), passages=state.passages)])


def _judged(
    reranker: Reranker, question: str, candidates: Sequence[Candidate], longest: float, patient: bool
) -> list[Judgement]:
    """See `_calibrate_reranker`; `longest`: seconds."""
    begun = time.monotonic()
    try:
        judged = reranker.rerank(ModelInput(question), candidates)
    except (ModelUnavailableError, ModelUnhealthyError) as error:
        if patient:
            raise
        raise _LeftAloneError(f"The scores of the reranker are not calibrated: {error}") from error
    if time.monotonic() - begun > longest:
        raise _LeftAloneError(
            f"The reranker {reranker.name} is too slow to be calibrated beside other work; 'cortex calibrate run' does it."
        )
    return [each for each in judged if math.isfinite(each.raw)]


def _evidence(library: Library, state: CalibrationState, question: str) -> tuple[float, float] | None:
    """Of a question's search in the collection: its meaning alone, and the whole evidence; None where it was not judged."""
    whole = state.passages >= library.catalog.passage_count(None)  # without a filter a search of everything is quicker
    filters = Filters() if whole else Filters(collections=(state.collection,))
    query = Query(question, SearchMode.HYBRID, filters=filters, rerank=False, miss_rate=0.0)
    try:
        result = searching.search(library, query, live=False)
    except (UsageError, NotFoundError):  # a question that cannot be asked, or a collection that was deleted meanwhile
        return None
    facts = {name: value for step in result.trace.steps for name, value in step.facts.items()}
    if result.evidence is None or "meaning" not in facts:
        return None
    return float(facts["meaning"]), result.evidence


def _unrelated(library: Library, state: CalibrationState, question: str, passages: Sequence[str]) -> list[float]:
    """Standard scores of a question with passages of other documents than its own."""
    vector = library.embedder(library.catalog.spec(state.model_id)).embed_query(question)
    store = library.exact_store(state.model_id)
    moments = store.moments(vector)
    if not moments.deviation > 0:
        return []
    found = store.scores(vector, passages[:_COMPARED])
    return [(score - moments.mean) / moments.deviation for score in found.values()]


def _quantiles(scores: Sequence[float]) -> tuple[float, ...]:
    import numpy as np

    if not scores:
        return ()
    return tuple(np.quantile(scores, np.linspace(0.0, 1.0, QUANTILES)).tolist())


__all__ = ["Calibrating", "calibrate", "made_questions"]
