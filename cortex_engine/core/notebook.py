"""The port of what people keep of their searches: history, saved searches, judgements; and a query as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, fields
from typing import Any, Protocol

from cortex_engine.core.app import HistoryEntry, Judgement, SavedSearch
from cortex_engine.core.search import Filters, HitKind, Query, SearchMode

_MOST_MISSED = 0.5

HISTORY_LENGTH = 200
"""Distinct searches that are remembered."""


class Notebook(Protocol):
    """What people keep of their searches; it stays when documents and collections go."""

    def remember_search(self, query: Query, hits: int) -> None:
        """Put a search at the top of the history; the same query asked again moves up. The newest 200 are kept.

        Raises:
            UsageError: the query has neither words nor a picture.
        """
        ...

    def history(self, limit: int = 20) -> list[HistoryEntry]:
        """The newest searches first."""
        ...

    def forget_history(self, entry_id: int | None = None) -> None:
        """Forget one entry, or all of them; an entry that is gone already is no error."""
        ...

    def save_search(self, name: str, query: Query) -> SavedSearch:
        """Keep a search under a name.

        Raises:
            AlreadyExistsError: the name is taken.
            UsageError: the name is empty, too long or holds control characters, or the query has neither words nor a picture.
        """
        ...

    def saved_searches(self) -> list[SavedSearch]:
        """All of them by name."""
        ...

    def rename_saved_search(self, search_id: int, name: str) -> SavedSearch:
        """Give a saved search another name.

        Raises:
            NotFoundError, AlreadyExistsError, UsageError: no such search; otherwise as `save_search`.
        """
        ...

    def delete_saved_search(self, search_id: int) -> None:
        """Forget a saved search.

        Raises:
            NotFoundError: there is none with this id.
        """
        ...

    def judge(self, query_text: str, chunk_id: str, value: int) -> None:
        """Keep a person's word on a passage for a query: 1 it answers, -1 it does not, 0 takes the word back.

        Raises:
            NotFoundError: there is no such passage (a word on one that is gone can still be taken back).
            UsageError: another value, or no query.
        """
        ...

    def judgements(self, query_text: str | None = None) -> list[Judgement]:
        """All judgements, or those for one query; the newest first."""
        ...


_ALWAYS = frozenset({"text", "mode", "top_k", "filters", "group", "candidates"})
"""Fields of every line; the later ones only where they were set, so that lines of older versions are the same."""


def query_to_json(query: Query) -> str:
    """A query as one line of JSON: equal queries give equal lines."""
    values, plain = asdict(query), asdict(Query(""))
    return json.dumps(
        {name: value for name, value in values.items() if name in _ALWAYS or value != plain[name]}, sort_keys=True
    )


def query_from_json(text: str) -> Query:
    """The query that `query_to_json` wrote, also of a newer version: what this version does not know is left out.

    Values of another kind than expected count as unknown, and what is missing has its default.

    Raises:
        ValueError: the text is no JSON object.
    """
    stored = json.loads(text)
    if not isinstance(stored, dict):
        raise ValueError("A stored query has to be a JSON object.")
    values = _known(stored, Query("", filters=Filters()))
    with suppress(ValueError):  # a mode that only a newer version knows
        values["mode"] = SearchMode(str(stored.get("mode")))
    if isinstance(stored.get("filters"), dict):
        values["filters"] = Filters(**_known(stored["filters"], Filters()))
    if "kinds" in values:
        values["kinds"] = tuple(HitKind(kind) for kind in values["kinds"] if kind in tuple(HitKind))
    if isinstance(stored.get("rerank"), bool):
        values["rerank"] = stored["rerank"]
    weight = stored.get("picture_weight")
    if isinstance(weight, (int, float)) and not isinstance(weight, bool) and 0 <= weight <= 1:
        values["picture_weight"] = float(weight)
    rate = stored.get("miss_rate")
    if isinstance(rate, (int, float)) and not isinstance(rate, bool) and 0 <= rate <= _MOST_MISSED:
        values["miss_rate"] = float(rate)
    return Query(**{"text": "", **values})


def _known(stored: Mapping[str, Any], default: Query | Filters) -> dict[str, Any]:
    """Plain values of `stored` that `default` has a field of the same kind for."""
    values: dict[str, Any] = {}
    for field in fields(default):
        value, kind = stored.get(field.name), type(getattr(default, field.name))
        if kind is tuple and isinstance(value, list):
            values[field.name] = tuple(each for each in value if isinstance(each, str))
        elif kind in (str, int, bool) and type(value) is kind:
            values[field.name] = value
    return values
