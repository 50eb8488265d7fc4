"""What people said of contained documents, set aside while a new version of their container is taken in.

The new container is committed first, and with it what only the old one contained goes; what the new one contains comes
after, one by one. In between, tags and corrections wait in the table meta under the container and the contained name.
What never comes again waits until the container itself goes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from cortex_engine.catalog import rows

_OWN_NAME = "coalesce((SELECT original FROM document_edit e WHERE e.document = d.key AND e.field = 'name'), d.name)"

_SAID = f"""
    SELECT d.key, {_OWN_NAME},
        (SELECT json_group_array(name) FROM tag t WHERE t.document = d.key),
        (SELECT json_group_object(field, edited) FROM document_edit e WHERE e.document = d.key)
    FROM document d WHERE d.key IN (SELECT value FROM json_each(?1))
        AND (EXISTS (SELECT 1 FROM tag t WHERE t.document = d.key)
            OR EXISTS (SELECT 1 FROM document_edit e WHERE e.document = d.key))
"""

_ABOVE = """
    WITH RECURSIVE up (document) AS (
        SELECT parent FROM parent WHERE child = ?
        UNION
        SELECT parent.parent FROM up JOIN parent ON parent.child = up.document
    )
    SELECT m.name, m.value FROM up JOIN document d ON d.key = up.document
    JOIN meta m ON m.name = 'said ' || d.id || ' ' || ?
"""


@dataclass(frozen=True, slots=True)
class Said:
    """Tags and corrected fields of a document whose file has this name."""

    name: str
    tags: Sequence[str]
    edits: Mapping[str, str]


def said_of(connection: sqlite3.Connection, keys: Iterable[int]) -> dict[int, Said]:
    """What people said of these documents; those of which they said nothing are left out."""
    found = connection.execute(_SAID, (rows.array(keys),))
    return {key: Said(name, json.loads(tags), json.loads(edits)) for key, name, tags, edits in found}


def own_names(connection: sqlite3.Connection, keys: Iterable[int]) -> dict[str, int]:
    """What the files of these documents are called -> key."""
    query = f"SELECT {_OWN_NAME}, d.key FROM document d WHERE d.key IN (SELECT value FROM json_each(?))"
    return dict(connection.execute(query, (rows.array(keys),)).fetchall())


def set_aside(connection: sqlite3.Connection, container: str, said: Said) -> None:
    """Let what was said of a document that is gone wait for what its container's new version contains."""
    connection.execute(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        (f"{_first(container)}{said.name}", json.dumps(asdict(said))),
    )


def move_aside(connection: sqlite3.Connection, old: str, new: str) -> None:
    """What still waits for the old version of a container waits for the new one."""
    connection.execute(
        "UPDATE OR REPLACE meta SET name = ? || substr(name, ?) WHERE name >= ? AND name < ?",
        (_first(new), len(_first(old)) + 1, _first(old), _end(old)),
    )


def take_up(connection: sqlite3.Connection, key: int, name: str) -> list[Said]:
    """What waits for a document of this name in the containers that hold it; it waits no longer."""
    found = connection.execute(_ABOVE, (key, name)).fetchall()
    connection.executemany("DELETE FROM meta WHERE name = ?", [(place,) for place, _ in found])
    return [Said(**json.loads(value)) for _, value in found]


def forget(connection: sqlite3.Connection, containers: Iterable[str]) -> None:
    """These documents are gone, and what waited for them with them."""
    connection.executemany(
        "DELETE FROM meta WHERE name >= ? AND name < ?", [(_first(one), _end(one)) for one in containers]
    )


def _first(container: str) -> str:
    return f"said {container} "


def _end(container: str) -> str:
    return f"said {container}!"  # "!" is the character after the space
