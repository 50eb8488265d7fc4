"""Pictures that searches are asked by: those that people hand over, kept for a while, and those of the library.

What is handed over is drawn anew in the parse box, as a hostile file would be, and only the drawing is kept:
`queries/<SHA-256 of the drawing>.png` in the data folder. The folder may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import re
import secrets
import tempfile
import time
from pathlib import Path

from cortex_engine.core.documents import PagePicture
from cortex_engine.core.errors import NotFoundError, UsageError
from cortex_engine.core.identifiers import content_hash, picture_id
from cortex_engine.library import Library

_log = logging.getLogger(__name__)

FOLDER = "queries"
MOST_BYTES = 20_000_000
"""Of a picture that is handed over."""
_MOST_KEPT = 200
_MOST_BYTES_KEPT = 300_000_000
_DAYS_KEPT = 30
_WIDTH = 1_600
_LARGEST = 4_000_000
"""Pixels along a side, and of all; more than the models look at."""

_KEPT = re.compile(r"[0-9a-f]{64}")
_PICTURE = re.compile(r"[0-9a-f]{32}")
_PAGE = re.compile(r"([0-9a-f]{32}):([1-9][0-9]{0,6})")


def keep_picture(library: Library, data: bytes, name: str) -> str:
    """See `CortexSuite.keep_picture`."""
    if len(data) > MOST_BYTES:
        size, most = len(data) / 1e6, MOST_BYTES / 1e6
        raise UsageError(f"The picture has {size:.1f} MB; pictures of up to {most:g} MB can be searched by.")
    library.require_room()
    drawing = _drawn(library, data, name or "picture")
    reference = content_hash(drawing.data)
    folder = library.folder / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    place = folder / f"{reference}.png"
    if place.exists():
        os.utime(place)
        return reference
    part = folder / f"tmp-{os.getpid()}-{secrets.token_hex(6)}"
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(drawing.data)
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)
    _clear(folder, place)
    return reference


def query_picture(library: Library, reference: str) -> PagePicture:
    """See `CortexSuite.query_picture`."""
    if _KEPT.fullmatch(reference):
        return _kept(library, reference)
    found = place_of(library, reference)
    if found is None:
        raise UsageError(
            "What the query names as its picture is neither a picture that was handed over, nor the id of one of the library, "
            "nor DOCUMENT_ID:PAGE."
        )
    document_id, page = found
    document = library.catalog.document(document_id)
    known = library.catalog.lookup_pictures([picture_id(document_id, page)])
    width = next((each.picture.width for each in known.values()), _WIDTH)
    return library.parser.render(library.blobs.path(document.sha256), document.name, page, (), width, lossless=True)


def place_of(library: Library, reference: str) -> tuple[str, int] | None:
    """Document id and page of a reference to a picture of the library, None for another reference.

    Raises:
        NotFoundError: there is no picture with this id.
    """
    if page := _PAGE.fullmatch(reference):
        return page[1], int(page[2])
    if not _PICTURE.fullmatch(reference):
        return None
    known = library.catalog.lookup_pictures([reference])
    if reference not in known:
        raise NotFoundError(
            "The picture that others shall be like is gone; its document may have been deleted or replaced."
        )
    picture = known[reference].picture
    return picture.document_id, picture.page


def _drawn(library: Library, data: bytes, name: str) -> PagePicture:
    folder = library.folder / "tmp"
    folder.mkdir(mode=0o700, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix="query-") as file:
        file.write(data)
        file.flush()
        drawing = library.parser.render(Path(file.name), name, 1, (), _WIDTH, lossless=True)
        if (area := drawing.width * drawing.height) > _LARGEST:  # of a tall picture a hundred megabytes would be kept
            width = int(drawing.width * math.sqrt(_LARGEST / area))
            drawing = library.parser.render(Path(file.name), name, 1, (), width, lossless=True)
        return drawing


def _kept(library: Library, reference: str) -> PagePicture:
    place = library.folder / FOLDER / f"{reference}.png"
    try:
        data = place.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(
            f"The picture of this search is kept no longer (the newest {_MOST_KEPT} are, for {_DAYS_KEPT} days). Choose it again."
        ) from None
    if content_hash(data) != reference:
        place.unlink(missing_ok=True)
        raise NotFoundError("The picture of this search was damaged on the disk. Choose it again.")
    with contextlib.suppress(OSError):  # a folder that cannot be written is read all the same
        os.utime(place)
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")  # PNG's first chunk
    return PagePicture(data, "image/png", width, height)


def _clear(folder: Path, newest: Path) -> None:
    """Remove what is too old or too much; what was used last stays."""
    now, total = time.time(), 0
    found = []
    for place in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            status = place.stat()
            found.append((status.st_mtime, status.st_size, place))
    for number, (changed, size, place) in enumerate(sorted(found, key=lambda file: -file[0]), start=1):
        total += size
        old = now - changed > _DAYS_KEPT * 86_400
        if place != newest and (old or number > _MOST_KEPT or total > _MOST_BYTES_KEPT):
            try:
                place.unlink(missing_ok=True)
            except OSError as error:
                _log.warning("a picture of a former search could not be removed: %s", error)
