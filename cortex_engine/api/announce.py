"""How the command line finds the application that owns a library: `locks/service.json`, readable by its owner alone."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

_token = secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Service:
    """A running application.

    Attributes:
        url: of the API, without "/v1" ("http://127.0.0.1:8501/api").
        token: stands for a key with all scopes as long as its process lives.
    """

    url: str
    pid: int
    token: str


def internal_token() -> str:
    """The token of this process; it is never stored but in the announcement."""
    return _token


def announce(data_dir: Path, url: str) -> None:
    """Tell the command line where this process serves the API. Call it when this process owns the library.

    Args:
        url: of the API as this computer reaches it, for example "http://127.0.0.1:8501/api".
    """
    for wildcard in ("0.0.0.0", "[::]"):  # noqa: S104  (only to be replaced)
        url = url.replace(f"//{wildcard}:", "//127.0.0.1:")
    file = _file(data_dir)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    # The mode is right from the first moment: nobody else may read the token in between.
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(json.dumps(asdict(Service(url, os.getpid(), _token))))
    part.replace(file)


def withdraw(data_dir: Path) -> None:
    """Take this process's announcement back; another's is left alone."""
    found = _read(data_dir)
    if found is not None and found.token == _token:
        _file(data_dir).unlink(missing_ok=True)


def running(data_dir: Path) -> Service | None:
    """The application that owns the library now; None when there is none, or only what a dead one left."""
    found = _read(data_dir)
    if found is None or not _owns(data_dir, found.pid):
        return None
    return found


def _owns(data_dir: Path, pid: int) -> bool:
    """Whether the lock of the library is held, and by this process as far as its note says.

    `OwnerLock.holder` says the same, but costs the command line the import of the whole catalog.
    """
    from filelock import FileLock, Timeout

    folder = data_dir / "locks"
    try:
        noted = json.loads((folder / "owner.json").read_text(encoding="utf-8")).get("pid")
    except (OSError, ValueError, AttributeError):
        return False
    if noted != pid or not (folder / "owner.lock").exists():
        return False
    probe = FileLock(folder / "owner.lock", mode=0o600, thread_local=False, fallback_to_soft=False)
    try:
        probe.acquire(timeout=0)
    except Timeout:
        return True
    probe.release()
    return False


def _file(data_dir: Path) -> Path:
    return data_dir / "locks" / "service.json"


def _read(data_dir: Path) -> Service | None:
    try:
        return Service(**json.loads(_file(data_dir).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        # None, or half a file, or one of a version that wrote another form: nobody can be reached through it.
        return None
