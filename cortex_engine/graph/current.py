"""The newest finished view of the graph: made off the query path, served until the next one is whole."""

from __future__ import annotations

import threading
from collections.abc import Callable

from cortex_engine.core.graph_records import GraphRecords
from cortex_engine.core.optional import require
from cortex_engine.graph.view import GraphView


class CurrentGraph:
    """Keeps the newest view.

    Args:
        records: the catalog.
        enabled: whether there is to be a graph.
        attended: whether somebody refreshes it in the background; else whoever asks waits for the newest one.
    """

    def __init__(self, records: GraphRecords, enabled: bool, attended: Callable[[], bool]) -> None:
        self._records = records
        self._enabled = enabled
        self._attended = attended
        self._view: GraphView | None = None
        self._making = threading.Lock()

    def view(self) -> GraphView | None:
        """The newest finished view; None where there is none: `state` says why.

        Raises:
            ModelUnavailableError: a package that it needs is not installed.
        """
        if not self._attended():
            self.refresh()
        view = self.newest
        return view if view is not None and view.rows.entity_ids else None

    @property
    def newest(self) -> GraphView | None:
        """The newest finished view, also an empty one; nothing is made for it."""
        return self._view if self._enabled else None

    def state(self) -> str:
        """Why there is no view, as a sentence; "" where there is one."""
        if not self._enabled:
            return "The knowledge graph is switched off (setting 'graph_enabled')."
        if self._view is None:
            return "The knowledge graph is being made ready; ask again in a moment."
        if not self._view.rows.entity_ids:
            return "The knowledge graph is empty: no document names anything yet, or none has been read for it."
        return ""

    def refresh(self) -> bool:
        """Make a new view where the graph was changed since; whether there is a new one.

        Raises:
            ModelUnavailableError: a package that it needs is not installed.
        """
        if not self.stale():
            return False
        with self._making:
            if not self.stale():
                return False
            require("scipy.sparse", "for the knowledge graph", "pip install -r requirements.txt")
            from cortex_engine.graph.ranking import WalkTables

            view = GraphView.of(self._records.graph_rows())
            if view.rows.entity_ids:
                WalkTables.of(view)  # no search waits for them
            self._view = view
        return True

    def stale(self) -> bool:
        """Whether the graph was changed since the newest view was made."""
        view = self._view
        return self._enabled and (view is None or view.moment != self._records.graph_moment())

    def behind(self) -> bool:
        """Whether somebody has yet to refresh it in the background: until then it is served as it was."""
        return self._attended() and self.stale()
