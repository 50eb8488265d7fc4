"""Checks the files of a tantivy index against the checksums that tantivy writes into their footers.

tantivy itself reads footers but compares no checksum when it opens an index, so that a flipped bit would give wrong
answers, or a panic, some queries later.
"""

from __future__ import annotations

import json
import mmap
import struct
import zlib
from pathlib import Path

_FOOTER_MAGIC = 1337
_PARTS = ("idx", "pos", "term", "store", "fast", "fieldnorm")
_STEP = 1 << 22


def stamp(folder: Path) -> tuple[int, int, int]:
    """Changes with every commit of whichever process: identity, time and size of the list of segments.

    Raises:
        OSError: there is no index.
    """
    status = (folder / "meta.json").stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def segment_files(folder: Path) -> list[Path]:
    """Every file that the last commit consists of, besides the list of segments itself.

    Raises:
        OSError: the list of segments cannot be read.
        ValueError: it makes no sense.
    """
    try:
        segments = json.loads((folder / "meta.json").read_bytes())["segments"]
        names = []
        for segment in segments:
            stem = segment["segment_id"].replace("-", "")
            names += [f"{stem}.{part}" for part in _PARTS]
            if segment.get("deletes"):
                names.append(f"{stem}.{segment['deletes']['opstamp']}.del")
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"the list of segments, meta.json, makes no sense ({error!r})") from error
    return [folder / name for name in names]


def damage(path: Path) -> str:
    """What is wrong with one file, as the end of a sentence, or ""."""
    try:
        size = path.stat().st_size
        if size < 8:
            return f"{path.name} is cut off"
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _damage_of(data, path.name)
    except FileNotFoundError:
        return f"{path.name} is missing"
    except OSError as error:
        return f"{path.name} cannot be read ({error.strerror})"


def _damage_of(data: mmap.mmap, name: str) -> str:
    length, magic = struct.unpack("<II", data[-8:])
    end = len(data) - 8 - length
    if magic != _FOOTER_MAGIC or end < 0:
        return f"{name} is cut off or overwritten"
    try:
        expected = json.loads(data[end:-8])["crc"]
    except (ValueError, KeyError, TypeError):
        return f"{name} is damaged at its end"
    checksum = 0
    for start in range(0, end, _STEP):
        checksum = zlib.crc32(data[start : min(start + _STEP, end)], checksum)
    return "" if checksum == expected else f"{name} does not match its checksum"
