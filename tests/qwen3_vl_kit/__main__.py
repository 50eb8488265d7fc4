"""`python -m tests.qwen3_vl_kit OUT` writes the tiny checkpoints into OUT."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.qwen3_vl_kit.checkpoints import write_checkpoints

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Usage: python -m tests.qwen3_vl_kit OUT")
    print(write_checkpoints(Path(sys.argv[1])))
