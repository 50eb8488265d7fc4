"""Why the first results of a search fit, by the chat model in the background."""

from __future__ import annotations

import threading
from collections.abc import Callable
from weakref import WeakKeyDictionary

from cortex_engine.answering.model import chat_model
from cortex_engine.core.later import Later
from cortex_engine.core.search import Filters, HitKind, SearchResult
from cortex_engine.generation.hit_explaining import HitExplainer
from cortex_engine.library import Library

EXPLAINED = 5
_made: WeakKeyDictionary[Library, tuple[HitExplainer, int]] = WeakKeyDictionary()
_guard = threading.Lock()


def explanations(library: Library, result: SearchResult) -> dict[str, str]:
    """See `CortexSuite.explanations`."""
    if not library.config.explain_hits or not result.query.text.strip():
        return {}
    model, _ = chat_model(library)
    if model is None:
        return {}
    moment = library.catalog.last_seq()
    with _guard:
        explainer, seen = _made.get(library, (None, -1))
        if explainer is None:
            explainer = HitExplainer(model, _open(library.later))
        if seen != moment:  # something was added or deleted since
            _forget_deleted(library, explainer)
        _made[library] = explainer, moment
    texts = [hit for hit in result.hits if hit.kind is HitKind.TEXT][:EXPLAINED]
    return explainer.explanations(result.query.text, [(hit.chunk_id, hit.document_id, hit.text) for hit in texts])


def _open(later: Later) -> Callable[[], bool]:
    """Whether the library is open, told without holding it: it is the key of what is kept here."""
    return lambda: not later.closed


def _forget_deleted(library: Library, explainer: HitExplainer) -> None:
    if known := explainer.documents:
        there = library.catalog.documents(Filters(documents=tuple(sorted(known))), len(known))
        explainer.keep_only({document.id for document in there})
