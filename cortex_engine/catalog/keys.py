"""Keys of the HTTP API: `ctx_<id>_<secret>`, of which only a hash of the secret is kept."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from cortex_engine.catalog import rows
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.core.app import ApiKey, Scope
from cortex_engine.core.errors import LibraryLockedError, NotFoundError, StorageFullError, UsageError

_log = logging.getLogger(__name__)

_FORM = re.compile(r"ctx_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)
_COLUMNS = "id, name, scopes, created, last_used, revoked"
_NAME_LENGTH = 100
_NOTED_SECONDS = 60.0
"""Use of a key is written at most this often: not every request may become a write."""

_NO_SECRET = hashlib.sha256(b"").hexdigest()


def _key(row: tuple[Any, ...]) -> ApiKey:
    key_id, name, scopes, created, last_used, revoked = row
    return ApiKey(key_id, name, tuple(Scope(word) for word in scopes.split()), created, last_used, revoked)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


class KeyRecords(CatalogPart):
    """Keys, their scopes, and when they were used."""

    def create_key(self, name: str, scopes: Sequence[Scope]) -> tuple[ApiKey, str]:
        """Make a key; returns it with its text, which is known at this moment only.

        Raises:
            UsageError: no name, or no scope.
        """
        name = " ".join(name.split())
        if not name or len(name) > _NAME_LENGTH or not name.isprintable():
            raise UsageError(f"A key needs a name of 1 to {_NAME_LENGTH} printable characters.")
        if not scopes:
            raise UsageError(f"A key needs at least one scope: {', '.join(Scope)}.")
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        words = " ".join(scope.value for scope in Scope if scope in scopes)
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO api_key (id, name, secret_sha256, scopes, created) VALUES (?, ?, ?, ?, ?)",
                (key_id, name, _digest(secret), words, rows.now()),
            )
        return self.key(key_id), f"ctx_{key_id}_{secret}"

    def keys(self) -> list[ApiKey]:
        """All keys, revoked ones too, newest first."""
        with self._database.read() as connection:
            return [_key(row) for row in connection.execute(f"SELECT {_COLUMNS} FROM api_key ORDER BY key DESC")]

    def has_keys(self) -> bool:
        """Whether a key was ever made. Revoking the last one must not open the door to those who have none."""
        with self._database.read() as connection:
            return connection.execute("SELECT 1 FROM api_key LIMIT 1").fetchone() is not None

    def key(self, key_id: str) -> ApiKey:
        """One key.

        Raises:
            NotFoundError: no such id.
        """
        with self._database.read() as connection:
            row = connection.execute(f"SELECT {_COLUMNS} FROM api_key WHERE id = ?", (key_id,)).fetchone()
        if row is None:
            raise NotFoundError(f"There is no key '{key_id}'. `cortex keys list` shows all of them.")
        return _key(row)

    def revoke_key(self, key_id: str) -> ApiKey:
        """End a key's use, at once and for good; it stays in the list.

        Raises:
            NotFoundError: no such id.
        """
        with self._database.write() as connection:
            connection.execute("UPDATE api_key SET revoked = ? WHERE id = ? AND revoked = ''", (rows.now(), key_id))
        return self.key(key_id)

    def check_key(self, text: str) -> ApiKey | None:
        """The key that this text is, None when it is none, or was revoked. Notes the use, once a minute at most."""
        form = _FORM.fullmatch(text)
        if form is None:
            return None
        key_id, secret = form.groups()
        with self._database.read() as connection:
            row = connection.execute(
                f"SELECT {_COLUMNS}, secret_sha256 FROM api_key WHERE id = ?", (key_id,)
            ).fetchone()
        # An unknown id is compared too, so that it takes as long as a wrong secret.
        known = row[-1] if row is not None else _NO_SECRET
        if not hmac.compare_digest(_digest(secret).encode(), known.encode()) or row is None:
            return None
        key = _key(row[:-1])
        if key.revoked:
            return None
        if _seconds_since(key.last_used) >= _NOTED_SECONDS:
            self._note_use(key_id)
        return key

    def _note_use(self, key_id: str) -> None:
        try:
            with self._database.write() as connection:
                connection.execute("UPDATE api_key SET last_used = ? WHERE id = ?", (rows.now(), key_id))
        except (StorageFullError, LibraryLockedError) as error:
            # Reading must go on when nothing can be written; the note is for people.
            _log.warning("the use of key %s was not noted: %s", key_id, error)


def _seconds_since(moment: str) -> float:
    return time.time() - datetime.fromisoformat(moment).astimezone(UTC).timestamp() if moment else float("inf")
