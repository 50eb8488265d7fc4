"""Kept pictures: drawn once, bounded, damaged ones drawn anew, gone with their document."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from cortex_engine.catalog.pictures import PictureCache
from cortex_engine.core.documents import PagePicture
from cortex_engine.core.errors import ParseError

SHA = "ab" * 32
OTHER = "cd" * 32


class Drawing:
    """Counts how often it draws; each picture has `size` bytes."""

    def __init__(self, size: int = 1000, seconds: float = 0.0) -> None:
        self.count, self.size, self.seconds = 0, size, seconds
        self.guard = threading.Lock()

    def __call__(self) -> PagePicture:
        with self.guard:
            self.count += 1
        time.sleep(self.seconds)
        return PagePicture(os.urandom(self.size), "image/webp", 320, 200)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_picture_is_drawn_once_and_outlives_the_process(tmp_path: Path) -> None:
    draw = Drawing()
    first = PictureCache(tmp_path / "pages").picture(SHA, 3, 320, draw)
    again = PictureCache(tmp_path / "pages").picture(SHA, 3, 320, draw)
    assert again == first
    assert draw.count == 1
    (kept,) = files(tmp_path)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700
    PictureCache(tmp_path / "pages").picture(SHA, 4, 320, draw)
    PictureCache(tmp_path / "pages").picture(SHA, 3, 640, draw)
    assert draw.count == 3


@pytest.mark.parametrize("damage", ["empty", "cut", "bit", "header", "other"])
def test_a_damaged_picture_is_drawn_anew(tmp_path: Path, damage: str) -> None:
    draw = Drawing()
    cache = PictureCache(tmp_path)
    cache.picture(SHA, 1, 320, draw)
    (place,) = files(tmp_path)
    data = bytearray(place.read_bytes())
    data[-1 if damage == "bit" else 0] ^= 1
    spoiled = {
        "empty": b"",
        "cut": bytes(data[1:-7]),
        "bit": bytes(data),
        "header": bytes(data),
        "other": b"<svg>" * 99,
    }
    place.write_bytes(spoiled[damage])
    second = cache.picture(SHA, 1, 320, draw)
    assert draw.count == 2
    assert cache.picture(SHA, 1, 320, draw) == second
    assert draw.count == 2


def test_threads_that_ask_at_once_get_one_drawing(tmp_path: Path) -> None:
    draw, other = Drawing(seconds=0.1), Drawing(seconds=0.1)
    cache = PictureCache(tmp_path)
    start = threading.Barrier(16)
    seen: list[PagePicture] = []

    def look(number: int) -> None:
        start.wait()
        drawing = (draw, other)[number % 2]
        seen.append(cache.picture((SHA, OTHER)[number % 2], 1, 320, drawing))
        cache.marked(SHA, "terms", draw)

    threads = [threading.Thread(target=look, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 2
    assert (draw.count, other.count) == (2, 1)  # once for the page, once for its marks
    assert cache._in_work == {}


def test_a_failure_is_told_to_all_and_kept_by_none(tmp_path: Path) -> None:
    cache = PictureCache(tmp_path)

    def fail() -> PagePicture:
        raise ParseError("'a.pdf' is damaged.")

    for _ in range(2):
        with pytest.raises(ParseError, match="damaged"):
            cache.picture(SHA, 1, 320, fail)
        with pytest.raises(ParseError, match="damaged"):
            cache.marked(SHA, "terms", fail)
    assert files(tmp_path) == []
    draw = Drawing()
    with pytest.raises(ParseError, match="damaged"):
        cache.picture(SHA, 1, 320, draw, patience=60.0)
    assert draw.count == 0
    assert cache.picture(SHA, 1, 320, draw).width == 320
    assert cache.picture(SHA, 1, 320, draw, patience=60.0).width == 320
    assert draw.count == 1


def test_the_folder_is_bounded_and_the_longest_unseen_go_first(tmp_path: Path) -> None:
    cache = PictureCache(tmp_path, most_bytes=20_000)
    draw = Drawing()
    for page in range(1, 19):
        cache.picture(SHA, page, 320, draw)
        place = tmp_path / "ab" / f"{SHA}-{page}-320"
        os.utime(place, (page, page))
    cache.picture(SHA, 1, 320, draw)  # looked at again: now the newest
    for page in range(19, 23):
        cache.picture(SHA, page, 320, draw)
    count, size = cache.size()
    assert size <= 20_000
    assert count >= 16
    assert cache.holds(SHA, 1, 320)
    assert not cache.holds(SHA, 2, 320)
    assert cache.holds(SHA, 22, 320)
    # Another process starts with what lies there.
    later = PictureCache(tmp_path, most_bytes=5_000)
    later.picture(OTHER, 1, 320, draw)
    assert later.size()[1] <= 5_000
    assert later.holds(OTHER, 1, 320)


def test_memory_is_bounded(tmp_path: Path) -> None:
    cache, draw = PictureCache(tmp_path, remembered=3), Drawing()
    for key in "abcdabcd":
        cache.marked(SHA, key, draw)
    assert draw.count == 8
    cache.marked(SHA, "d", draw)
    assert draw.count == 8
    assert len(cache._memory) == 3


def test_pictures_go_with_their_documents(tmp_path: Path) -> None:
    cache, draw = PictureCache(tmp_path), Drawing()
    for sha256 in (SHA, OTHER):
        cache.picture(sha256, 1, 320, draw)
        cache.picture(sha256, 2, 1024, draw)
        cache.marked(sha256, "terms", draw)
    cache.forget({SHA, "../../etc/passwd"})
    assert [path.name for path in files(tmp_path)] == [f"{OTHER}-1-320", f"{OTHER}-2-1024"]
    assert {key[0] for key in cache._memory} == {OTHER}
    stale = tmp_path / "cd" / "tmp-1-abc"
    fresh = tmp_path / "cd" / "tmp-2-abc"
    for path in (stale, fresh):
        path.write_bytes(b"half")
    os.utime(stale, (1, 1))
    cache.keep_only([SHA])
    assert files(tmp_path) == [fresh]
    cache.clear()


def test_no_room_and_no_rights_still_show_the_picture(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    full = PictureCache(tmp_path / "full", keep_free=1 << 60)
    assert full.picture(SHA, 1, 320, Drawing()).width == 320
    assert files(tmp_path) == []
    (tmp_path / "file").write_text("not a folder")
    assert PictureCache(tmp_path / "file").picture(SHA, 1, 320, Drawing()).width == 320
    assert "could not be kept" in caplog.text


def test_only_hashes_name_files(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        PictureCache(tmp_path).picture("../x", 1, 320, Drawing())


def test_a_kill_in_the_middle_leaves_nothing_that_is_taken_for_a_picture(tmp_path: Path) -> None:
    code = f"""
        import os, sys
        from pathlib import Path
        from cortex_engine.catalog.pictures import PictureCache
        from cortex_engine.core.documents import PagePicture
        cache = PictureCache(Path({str(tmp_path)!r}))
        print("go", flush=True)
        number = 0
        while True:
            number += 1
            cache.picture({SHA!r}, number, 320, lambda: PagePicture(bytes([number % 251]) * 3_000_000, "image/webp", 1, 1))
    """
    for _ in range(3):
        child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(0.15)
        child.kill()
        child.wait()
        child.stdout.close()
        cache = PictureCache(tmp_path)
        for path in [path for path in files(tmp_path) if not path.name.startswith("tmp-")]:
            number = int(path.name.split("-")[1])
            kept = cache.picture(SHA, number, 320, Drawing())
            assert kept.data == bytes([number % 251]) * 3_000_000
        cache.keep_only([])
