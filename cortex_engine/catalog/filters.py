"""From conditions on documents to SQL: every value is a bound parameter."""

from __future__ import annotations

import re
import sqlite3
from datetime import date

from cortex_engine.catalog import rows
from cortex_engine.core.errors import UsageError
from cortex_engine.core.search import Filters

_IN = "IN (SELECT value FROM json_each(?))"
_LANGUAGE = re.compile(r"[a-z]{2,3}")


def require_date(text: str) -> str:
    """A date as year-month-day.

    Raises:
        UsageError: it is none.
    """
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise UsageError(f"'{text}' is no date; write it as year-month-day, for example 2024-03-01.") from None


def require_languages(codes: tuple[str, ...]) -> list[str]:
    """Language codes in small letters.

    Raises:
        UsageError: one is none.
    """
    wanted = [code.casefold() for code in codes]
    for code in wanted:
        if not _LANGUAGE.fullmatch(code):
            raise UsageError(f"'{code}' is no language code; write two letters, for example 'en' or 'de'.")
    return wanted


def where(connection: sqlite3.Connection, filters: Filters) -> tuple[str, list[str]]:
    """The condition on the table document (named `d`) and its parameters; "1" when no filter is set.

    Raises:
        NotFoundError: a named collection does not exist.
        UsageError: a date is no ISO date, a language no code.
    """
    terms, values = ["1"], []
    if filters.collections:
        keys = [rows.collection_key(connection, name) for name in filters.collections]
        terms.append(f"d.key IN (SELECT document FROM membership WHERE collection {_IN})")
        values.append(rows.array(keys))
    if filters.documents:
        terms.append(f"(d.id {_IN} OR d.name {_IN})")
        values += [rows.array(filters.documents)] * 2
    if filters.types:
        terms.append(f"d.media_type {_IN}")
        values.append(rows.array(one.casefold() for one in filters.types))
    if filters.languages:
        terms.append(f"d.language {_IN}")
        values.append(rows.array(require_languages(filters.languages)))
    if filters.tags:
        terms.append(f"d.key IN (SELECT document FROM tag WHERE name {_IN})")
        values.append(rows.array(filters.tags))
    for word in filters.title.casefold().split():
        terms.append("instr(d.words, ?) > 0")
        values.append(word)
    if filters.date_from:
        terms.append("d.date >= ?")
        values.append(require_date(filters.date_from))
    if filters.date_to:
        terms.append("d.date != '' AND d.date <= ?")
        values.append(require_date(filters.date_to))
    return " AND ".join(terms), values
