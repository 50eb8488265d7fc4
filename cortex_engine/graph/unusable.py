"""In place of an extractor that was asked for and cannot be used."""

from __future__ import annotations

from cortex_engine.core.errors import ModelUnavailableError
from cortex_engine.core.graph import DocumentGraph, WaitingGraph


class UnusableExtractor:
    """Implements `EntityExtractor` by saying why there is none: what was asked for is never silently replaced.

    Args:
        name: what was asked for.
        reason: one or two sentences, with the remedy.
    """

    def __init__(self, name: str, reason: str) -> None:
        self._name = name
        self._reason = reason

    @property
    def name(self) -> str:
        """For people."""
        return self._name

    @property
    def fingerprint(self) -> str:
        """Of no document."""
        return f"unusable:{self._name}"

    def extract(self, document: WaitingGraph) -> DocumentGraph:  # noqa: ARG002
        """Never returns.

        Raises:
            ModelUnavailableError: the reason.
        """
        raise ModelUnavailableError(self._reason)
