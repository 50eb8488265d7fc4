"""Frames of a video as Qwen3-VL reads them: one a second, an even number of them, 64 at most, small enough for the model.

The rule of the official code (`src/models/qwen3_vl_embedding.py` with qwen-vl-utils' `fetch_video`, Apache-2.0).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cortex_engine.checkpoints.qwen3_vl import INSTALL
from cortex_engine.checkpoints.scaling import scaled_picture
from cortex_engine.core.errors import UsageError
from cortex_engine.core.optional import require
from cortex_engine.embedding.fast_tokenizer import FastTokenizer
from cortex_engine.embedding.qwen3_vl_inputs import rendered

FRAMES_A_SECOND = 1.0
MOST_FRAMES = 64
FEWEST_FRAMES = 4
_TOGETHER = 2
"""Two frames make one layer of tokens."""
_TOTAL_PIXELS = 10 * 768 * 32 * 32
_FEWEST_PIXELS, _MOST_PIXELS = 128 * 32 * 32, 768 * 32 * 32
"""Of one frame."""
LONGEST_SECONDS = 2 * 3600
MOST_READ = 500_000
LARGEST_FRAME = 8192 * 4320
"""What is decoded at most, as it happens in this process: each frame up to the last chosen one, of so many pixels."""


@dataclass(frozen=True, slots=True)
class Frames:
    """Chosen frames of a video.

    Attributes:
        pictures: uint8 `(height, width, 3)` each, RGB, scaled.
        indices: which of the video's frames they are.
        rate: frames a second of the video.
        total: number of frames in the video.
    """

    pictures: list[NDArray[np.uint8]]
    indices: list[int]
    rate: float
    total: int


def chosen_frames(total: int, rate: float) -> list[int]:
    """Which of `total` frames at `rate` frames a second are looked at.

    >>> chosen_frames(100, 25.0)
    [0, 33, 66, 99]
    """
    wanted = min(max(total / rate * FRAMES_A_SECOND, FEWEST_FRAMES), MOST_FRAMES, total)
    number = max(1, math.floor(wanted / _TOGETHER) * _TOGETHER)
    return [int(index) for index in np.linspace(0, total - 1, number).round()]


def video_message(path: Path, max_pixels: int, room: int, tokens: FastTokenizer) -> dict[str, Any]:
    """The dict that sentence-transformers takes for a video.

    Args:
        path: a video file.
        max_pixels: of a frame at most; the official limits hold too.
        room: tokens that the video may take with its template.
        tokens: to count the marks of time between frames.

    Raises:
        UsageError: the file is not there, is no video that can be read, or is too long or too large.
        ModelUnavailableError: no decoder is installed.
    """

    def most_pixels(number: int, seconds: float) -> int:
        """Of each of `number` frames: the official budget, the setting, and what the model can read."""
        layers = math.ceil(number / _TOGETHER)
        stamps = tokens.lengths([rendered("", "") + f"<{seconds:.1f} seconds>" * layers])[0] + 2 * layers
        fitting = max(4, (room - stamps) // layers) * 32 * 32
        share = max(min(_MOST_PIXELS, _TOTAL_PIXELS * _TOGETHER // number), int(_FEWEST_PIXELS * 1.05))
        return min(share, max_pixels, fitting)

    frames = read_frames(path, most_pixels)
    facts = {"fps": frames.rate, "frames_indices": frames.indices, "total_num_frames": frames.total}
    return {"video": {"array": np.stack(frames.pictures).transpose(0, 3, 1, 2), "video_metadata": facts}}


def read_frames(path: Path, most_pixels: Callable[[int, float], int]) -> Frames:
    """Decode the chosen frames of a video file.

    Args:
        path: a file.
        most_pixels: (number of frames, length in seconds) -> pixels that a frame may have.

    Raises:
        UsageError, ModelUnavailableError: as `video_message`.
    """
    if not path.is_file():
        raise UsageError(f"There is no file {path}.")
    library: Any = require("cv2", "to read videos", INSTALL)
    # Of this kind of decoder and by absolute path only: others would follow addresses and patterns of names.
    opened = library.VideoCapture(str(path.resolve()), library.CAP_FFMPEG)
    try:
        total = int(opened.get(library.CAP_PROP_FRAME_COUNT))
        rate = float(opened.get(library.CAP_PROP_FPS))
        if not opened.isOpened() or total < 1 or not 0 < rate < 1000:
            raise UsageError(f"The file {path} cannot be read as a video. Convert it to MP4.")
        sides = (int(opened.get(side)) for side in (library.CAP_PROP_FRAME_WIDTH, library.CAP_PROP_FRAME_HEIGHT))
        _refuse_excess(path, math.prod(sides), total, rate)
        wanted = chosen_frames(total, rate)
        found = _decode(library, opened, set(wanted), most_pixels(len(wanted), total / rate))
    finally:
        opened.release()
    if not found:
        raise UsageError(f"No frame of the video {path} can be decoded. Convert it to MP4.")
    indices = [index for index in wanted if index in found]
    return Frames([found[index] for index in indices], indices, rate, total)


def _refuse_excess(path: Path, pixels: int, total: int, rate: float) -> None:
    if total / rate > LONGEST_SECONDS or total > MOST_READ:
        raise UsageError(
            f"The video {path} has {total:,} frames and lasts {total / rate / 3600:.1f} hours; up to {MOST_READ:,} frames and "
            f"{LONGEST_SECONDS // 3600} hours are read. Cut it into parts."
        )
    if pixels > LARGEST_FRAME:
        raise UsageError(
            f"The frames of the video {path} have {pixels:,} pixels; up to {LARGEST_FRAME:,} are read. Convert it to a smaller "
            "size."
        )


def _decode(library: Any, opened: Any, wanted: set[int], most: int) -> dict[int, NDArray[np.uint8]]:
    """Frames by number, each scaled at once: 64 large ones would fill the memory."""
    pictures: Any = require("PIL.Image", "to scale frames", "pip install pillow")
    found: dict[int, NDArray[np.uint8]] = {}
    for index in range(max(wanted) + 1):
        if not opened.grab():
            break  # containers may announce more frames than they hold
        decoded, picture = opened.retrieve() if index in wanted else (False, None)
        if decoded:
            frame = pictures.fromarray(library.cvtColor(picture, library.COLOR_BGR2RGB))
            found[index] = np.asarray(scaled_picture(frame, min(_FEWEST_PIXELS, most), most))
    return found
