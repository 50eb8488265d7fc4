"""One page of a document, without reading the others."""

from __future__ import annotations

from cortex_engine.catalog import rows
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.catalog.pages import COLUMNS, page_from
from cortex_engine.core.documents import PAGE_BREAK, Page
from cortex_engine.core.errors import NotFoundError


class SinglePages(CatalogPart):
    """Pages one by one."""

    def page(self, document_id: str, number: int) -> tuple[Page, int]:
        """A page, and where its text begins in the document text.

        Raises:
            NotFoundError: no such document, or no such page.
        """
        with self._database.read() as connection:
            key = rows.document_key(connection, document_id)
            row = connection.execute(
                f"SELECT {COLUMNS} FROM page WHERE document = ? AND number = ?", (key, number)
            ).fetchone()
            if row is None:
                query = "SELECT d.name, (SELECT max(number) FROM page WHERE document = d.key) FROM document d WHERE d.key = ?"
                name, last = connection.execute(query, (key,)).fetchone()
                raise NotFoundError(f"'{name}' has no page {number}; its last is page {last or 0}.")
            (before, pages) = connection.execute(
                "SELECT total(length(text)), count(*) FROM page WHERE document = ? AND number < ?", (key, number)
            ).fetchone()
            return page_from(row), int(before) + pages * len(PAGE_BREAK)

    def beginning(self, document_id: str, characters: int) -> str:
        """The first characters of the first page that has text; "" where no page has."""
        with self._database.read() as connection:
            key = rows.document_key(connection, document_id)
            row = connection.execute(
                "SELECT substr(text, 1, ?) FROM page WHERE document = ? AND text != '' ORDER BY number LIMIT 1",
                (characters, key),
            ).fetchone()
            return str(row[0]) if row else ""
