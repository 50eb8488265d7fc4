"""What people say of documents: corrected metadata and tags, which outlive the versions of a file.

The corrected values stand in the row itself, where filters, lists and indexes read them; the table document_edit keeps
beside them what the file said.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Mapping, Sequence

from cortex_engine.catalog import rows
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.catalog.documents import one_document
from cortex_engine.catalog.filters import require_date, require_languages
from cortex_engine.catalog.set_aside import Said
from cortex_engine.core.curation import EDITABLE
from cortex_engine.core.documents import Document
from cortex_engine.core.errors import UsageError

_NAME_BYTES = 240
"""Most file systems take names of 255 bytes; copies of the original get a few more."""

_LONGEST = 1000
"""Characters of a title or an author."""

_ENDING = re.compile(r"\.[A-Za-z0-9]{1,8}$")


class MetadataRecords(CatalogPart):
    """The writing half of the port `DocumentCuration`."""

    def set_metadata(self, document_id: str, edits: Mapping[str, str]) -> Document:
        """Correct what is known of a document (`EDITABLE`); what the file itself said is kept.

        A value that equals the file's own takes the correction back. A name keeps the ending of the file's own name,
        which says what kind of file it is. Where something indexed changes, the document goes into the outbox.

        Raises:
            NotFoundError: no such id.
            UsageError: a field or value makes no sense; nothing was changed.
        """
        values = {field: _checked(field, value) for field, value in edits.items()}
        with self._database.write() as connection:
            key = rows.document_key(connection, document_id)
            if "name" in values:
                values["name"] = _with_ending(values["name"], _own(connection, key)["name"])
            if write_edits(connection, key, values):
                rows.announce(connection, "upsert", document_id)
            # What a person set to the file's own value is no correction any more; the next version may differ again.
            connection.executemany(
                "DELETE FROM document_edit WHERE document = ? AND field = ? AND edited = original",
                [(key, field) for field in values],
            )
            return one_document(connection, key)

    def metadata_edits(self, document_id: str) -> dict[str, str]:
        """Corrected fields -> what the file itself said.

        Raises:
            NotFoundError: no such id.
        """
        with self._database.read() as connection:
            key = rows.document_key(connection, document_id)
            found = connection.execute(
                "SELECT field, original FROM document_edit WHERE document = ? AND edited != original", (key,)
            )
            originals = dict(found.fetchall())
            return {field: originals[field] for field in EDITABLE if field in originals}

    def set_tags(self, document_id: str, tags: Sequence[str]) -> None:
        """Replace the tags (spaces around are cut, empty and repeated ones left out).

        Raises:
            NotFoundError: no such id.
            UsageError: a tag is longer than 200 characters or holds control characters.
        """
        names = _tag_names(tags)
        with self._database.write() as connection:
            key = rows.document_key(connection, document_id)
            connection.execute("DELETE FROM tag WHERE document = ?", (key,))
            connection.executemany("INSERT INTO tag VALUES (?, ?)", [(key, name) for name in names])

    def add_tags(self, document_ids: Sequence[str], tags: Sequence[str]) -> None:
        """Add tags to all of the documents.

        Raises:
            NotFoundError: a document is not there; nothing was changed.
            UsageError: a tag is longer than 200 characters or holds control characters.
        """
        self._change_tags("INSERT INTO tag VALUES (?, ?) ON CONFLICT DO NOTHING", document_ids, tags)

    def remove_tags(self, document_ids: Sequence[str], tags: Sequence[str]) -> None:
        """Take tags from all of the documents; errors as `add_tags`."""
        self._change_tags("DELETE FROM tag WHERE document = ? AND name = ?", document_ids, tags)

    def _change_tags(self, statement: str, document_ids: Sequence[str], tags: Sequence[str]) -> None:
        names = _tag_names(tags)
        with self._database.write() as connection:
            keys = [rows.document_key(connection, document_id) for document_id in document_ids]
            connection.executemany(statement, [(key, name) for key in keys for name in names])


def write_edits(connection: sqlite3.Connection, key: int, edits: Mapping[str, str]) -> bool:
    """Put corrections into the row and beside it what the file said; True when something indexed changed."""
    before = _row(connection, key)
    own = _own(connection, key)
    after = before | dict(edits)
    connection.executemany(
        "INSERT INTO document_edit VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET edited = excluded.edited",
        [(key, field, own[field], value) for field, value in edits.items()],
    )
    connection.execute(
        "UPDATE document SET name = :name, title = :title, author = :author, date = :date, language = :language, "
        "words = :words WHERE key = :key",
        {**after, "words": words_of(after["title"], after["name"]), "key": key},
    )
    return _indexed(before) != _indexed(after)


def write_edits_again(connection: sqlite3.Connection, key: int) -> None:
    """Another pipeline has read the file and put its values into the row: they are the file's own from now on."""
    found = connection.execute("SELECT field, edited FROM document_edit WHERE document = ? AND field != 'name'", (key,))
    edits = dict(found.fetchall())
    connection.execute("DELETE FROM document_edit WHERE document = ? AND field != 'name'", (key,))
    write_edits(connection, key, edits)


def hand_on(connection: sqlite3.Connection, said: Said, key: int) -> bool:
    """A new version of a file takes over what people said of the old one; True when something indexed changed.

    What they said of the new one itself goes before.
    """
    connection.executemany("INSERT INTO tag VALUES (?, ?) ON CONFLICT DO NOTHING", [(key, one) for one in said.tags])
    found = connection.execute("SELECT field FROM document_edit WHERE document = ?", (key,)).fetchall()
    mine = {field for (field,) in found}
    return write_edits(connection, key, {field: value for field, value in said.edits.items() if field not in mine})


def words_of(title: str, name: str) -> str:
    """What the filter `title` searches."""
    return f"{title}\n{name}".casefold()


def _row(connection: sqlite3.Connection, key: int) -> dict[str, str]:
    values = connection.execute(f"SELECT {', '.join(EDITABLE)} FROM document WHERE key = ?", (key,)).fetchone()
    return dict(zip(EDITABLE, values, strict=True))


def _own(connection: sqlite3.Connection, key: int) -> dict[str, str]:
    """What the file itself says."""
    originals = connection.execute("SELECT field, original FROM document_edit WHERE document = ?", (key,))
    return _row(connection, key) | dict(originals.fetchall())


def _indexed(values: Mapping[str, str]) -> tuple[str, str]:
    return values["title"] or values["name"], values["language"]


def _checked(field: str, value: str) -> str:
    if field not in EDITABLE:
        raise UsageError(f"'{field}' cannot be edited. What can: {', '.join(EDITABLE)}.")
    value = value.strip()
    what = f"The {field}"
    rows.require_storable(value, what, _LONGEST)
    if any(unicodedata.category(character) == "Cc" for character in value):
        raise UsageError(f"{what} may not hold line breaks or other control characters.")
    if field == "name" and not value:
        raise UsageError("A document needs a name that is not empty.")
    if field == "name" and len(value.encode()) > _NAME_BYTES:
        raise UsageError(f"The name of a document may have {_NAME_BYTES} bytes; this one has {len(value.encode())}.")
    if field == "date" and value:
        return require_date(value)
    if field == "language" and value:
        return require_languages((value,))[0]
    return value


def _with_ending(name: str, own: str) -> str:
    found = _ENDING.search(own)
    if found is None or name.casefold().endswith(found[0].casefold()):
        return name
    return f"{name}{found[0]}"


def _tag_names(tags: Sequence[str]) -> list[str]:
    names = sorted({tag.strip() for tag in tags} - {""})
    for name in names:
        rows.require_name(name, "tag")
    return names
