"""The engine pins no numpy: it works with 1.26 as with 2.x (S2-K3)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

STORY = """
import sys
from pathlib import Path
import numpy
from cortex_engine.suite import CortexSuite
folder = Path(sys.argv[1])
with CortexSuite.open(data_dir=folder / "library") as suite:
    report = suite.ingest([folder / "birds.txt"], "Papers")
    assert report.failed == [], report.failed
    assert suite.search("seabird that digs a burrow").hits[0].stages["vector"].score > 0.3
print(numpy.__version__)
"""


@pytest.mark.slow
def test_ingest_and_search_with_numpy_1_26(tmp_path: Path) -> None:
    old = tmp_path / "numpy126"
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-compile",
        "--target",
        str(old),
        "numpy==1.26.4",
    ]
    if subprocess.run(install, capture_output=True, check=False).returncode != 0:
        pytest.skip("numpy 1.26.4 cannot be fetched here")
    (tmp_path / "birds.txt").write_text("The kittiwake nests on cliffs. The puffin digs a burrow.\n")
    environ = {**os.environ, "PYTHONPATH": str(old), "CORTEX_MIN_FREE_BYTES": "0"}
    done = subprocess.run(
        [sys.executable, "-c", STORY, str(tmp_path)], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "1.26.4"
