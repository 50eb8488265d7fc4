"""The newest finished view of the graph: made off the query path, served until the next one is whole."""

from __future__ import annotations

import threading
from collections.abc import Callable

from cortex_engine.core.graph_records import GraphRecords
from cortex_engine.graph.view import GraphView


class CurrentGraph:
    """Keeps the newest view.

    Args:
        records: the catalog.
        attended: whether somebody refreshes it in the background; else whoever asks waits for the newest one.
    """

    def __init__(self, records: GraphRecords, attended: Callable[[], bool]) -> None:
        self._records = records
        self._attended = attended
        self._view: GraphView | None = None
        self._making = threading.Lock()

    def view(self) -> GraphView | None:
        """The newest finished view; None where the graph is empty, or the background has not made the first one yet.

        Raises:
            ModuleNotFoundError: scipy is not installed.
        """
        if not self._attended():
            self.refresh()
        view = self._view
        return view if view is not None and view.rows.entity_ids else None

    def refresh(self) -> bool:
        """Make a new view where the graph was changed since; whether there is a new one."""
        if not self.stale():
            return False
        with self._making:
            if not self.stale():
                return False
            self._view = GraphView.of(self._records.graph_rows())
        return True

    def stale(self) -> bool:
        """Whether the graph was changed since the newest view was made."""
        view = self._view
        return view is None or view.moment != self._records.graph_moment()
