"""Keys as the catalog keeps them."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cortex_engine.catalog.connection import Database
from cortex_engine.core.app import Scope
from cortex_engine.core.errors import LibraryLockedError, NotFoundError, UsageError
from cortex_engine.suite import CortexSuite


@pytest.fixture
def suite(tmp_path: Path) -> Iterator[CortexSuite]:
    with CortexSuite.open(tmp_path / "library") as opened:
        yield opened


def used(suite: CortexSuite, ago: timedelta) -> None:
    moment = (datetime.now(UTC) - ago).isoformat(timespec="seconds")
    with sqlite3.connect(suite.config.data_dir / "catalog.db") as connection:
        connection.execute("UPDATE api_key SET last_used = ?", (moment,))


def test_a_key_is_shown_once_and_only_its_hash_is_kept(suite: CortexSuite) -> None:
    assert not suite.needs_key()
    key, text = suite.create_key("laptop", [Scope.WRITE, Scope.READ, Scope.READ])
    prefix, identifier, secret = text.split("_", 2)
    assert (prefix, identifier, len(secret)) == ("ctx", key.id, 43)
    assert key.scopes == (Scope.READ, Scope.WRITE)
    assert suite.needs_key()
    with sqlite3.connect(suite.config.data_dir / "catalog.db") as connection:
        row = connection.execute("SELECT * FROM api_key").fetchone()
    assert hashlib.sha256(secret.encode()).hexdigest() in row
    assert not any(secret in str(value) for value in row)


def test_only_the_whole_key_is_accepted(suite: CortexSuite) -> None:
    key, text = suite.create_key("a", [Scope.READ])
    other = suite.create_key("b", [Scope.ADMIN])[1]
    found = suite.check_key(text)
    assert found is not None
    assert (found.id, found.scopes) == (key.id, (Scope.READ,))
    swapped = text[:17] + other[17:]
    for wrong in (
        "",
        text[:-1],
        text + "a",
        text.upper(),
        swapped,
        "ctx_é",
        text.replace("ctx", "ctz"),
        f"{text}\n",
        "ctx__",
    ):
        assert suite.check_key(wrong) is None


def test_a_revoked_key_is_worth_nothing_and_stays_in_the_list(suite: CortexSuite) -> None:
    key, text = suite.create_key("a", [Scope.READ])
    first = suite.revoke_key(key.id).revoked
    assert first
    assert suite.check_key(text) is None
    assert suite.keys()[0].id == key.id
    assert suite.needs_key(), "revoking the last key must not let everybody in"
    with pytest.raises(NotFoundError, match="no key"):
        suite.revoke_key("0" * 12)


def test_use_is_noted_once_a_minute_at_most(suite: CortexSuite) -> None:
    _, text = suite.create_key("a", [Scope.READ])
    suite.check_key(text)
    noted = suite.keys()[0].last_used
    assert noted
    used(suite, timedelta(seconds=30))
    before = suite.keys()[0].last_used
    suite.check_key(text)
    assert suite.keys()[0].last_used == before
    used(suite, timedelta(seconds=90))
    suite.check_key(text)
    assert suite.keys()[0].last_used > before


def test_a_library_that_cannot_be_written_still_knows_its_keys(
    suite: CortexSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, text = suite.create_key("a", [Scope.READ])

    def locked(self: Database) -> None:
        raise LibraryLockedError("Another process writes.")

    monkeypatch.setattr(Database, "write", locked)
    assert suite.check_key(text) is not None


@pytest.mark.parametrize(("name", "scopes"), [("", [Scope.READ]), ("  ", [Scope.READ]), ("a" * 101, [Scope.READ]), ("a", []),
                                              ("a\u202e", [Scope.READ])])  # fmt: skip
def test_a_key_needs_a_name_and_a_scope(suite: CortexSuite, name: str, scopes: list[Scope]) -> None:
    with pytest.raises(UsageError):
        suite.create_key(name, scopes)
