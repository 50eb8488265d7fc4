"""Where the folders of models lie: a collection keeps only a model's name and content, so that its folder may be moved."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

logger = logging.getLogger(__name__)


def remember_folder(home: Path, folder: Path) -> None:
    """Note that a model lies in `folder`; a note is a small file below `home`, so that processes cannot disturb each other.

    A note that cannot be written is no failure: the setting names the folder still, and the log says so.
    """
    path = folder.expanduser().resolve()
    note = home / f"{hashlib.sha256(str(path).encode()).hexdigest()[:16]}.txt"
    if note.is_file():
        return
    try:
        home.mkdir(parents=True, exist_ok=True)
        draft = note.with_name(f"{note.name}.{os.getpid()}")
        draft.write_text(str(path), encoding="utf-8")
        draft.replace(note)
    except OSError as error:
        logger.warning("The folder %s of a model cannot be noted in %s: %s", path, home, error)


def remembered_folders(home: Path, name: str) -> list[Path]:
    """Folders called `name` that were noted, the latest first; they may be gone meanwhile."""
    notes = sorted(home.glob("*.txt"), key=lambda note: note.stat().st_mtime_ns, reverse=True)
    folders = [Path(note.read_text(encoding="utf-8")) for note in notes]
    return [folder for folder in folders if folder.name == name]
