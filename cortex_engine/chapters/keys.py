"""Keys of the HTTP API."""

from __future__ import annotations

from collections.abc import Sequence

from cortex_engine.chapters.base import Chapter
from cortex_engine.core.app import ApiKey, Scope


class KeysChapter(Chapter):
    """Keys of the HTTP API."""

    def create_key(self, name: str, scopes: Sequence[Scope]) -> tuple[ApiKey, str]:
        """Make a key; returns it with its text `ctx_…`, which is shown this once and kept nowhere.

        Raises:
            UsageError: no name, or no scope.
        """
        return self._library.catalog.create_key(name, scopes)

    def keys(self) -> list[ApiKey]:
        """All keys, revoked ones too, newest first."""
        return self._library.catalog.keys()

    def needs_key(self) -> bool:
        """Whether a key was ever made: from then on every request needs one."""
        return self._library.catalog.has_keys()

    def revoke_key(self, id: str) -> ApiKey:
        """End a key's use, at once and for good.

        Raises:
            NotFoundError: no such id.
        """
        return self._library.catalog.revoke_key(id)

    def check_key(self, text: str) -> ApiKey | None:
        """The key that this text is; None when it is none, or was revoked."""
        return self._library.catalog.check_key(text)
