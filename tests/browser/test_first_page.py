"""The first page comes without the heavy libraries, and it comes before any model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
HEAVY = (
    "torch",
    "transformers",
    "sentence_transformers",
    "chromadb",
    "spacy",
    "llama_index",
    "pandas",
    "onnxruntime",
    "pyarrow",
)

_DRAW_HOME = """
import json, sys
sys.argv = ["Cortex_Suite.py"]
from pathlib import Path
from cortex_engine.config import load_config
from cortex_ui import session
session.start(load_config(Path(sys.stdin.readline().strip())), background=False)
from cortex_ui import launch  # the launcher with the HTTP API, as the server imports it
from cortex_ui import home, status
home.suite().counts()
home.suite().queue_progress()
home.suite().model_statuses()
after_import = sorted(set(sys.modules))
from streamlit.testing.v1 import AppTest
test = AppTest.from_file(str(Path("cortex_ui/main.py").resolve()), default_timeout=120)
harness = set(sys.modules)
test.run()
assert not test.exception, test.exception
assert any("own documents" in title.value for title in test.title), [title.value for title in test.title]
drawn = sorted(set(sys.modules) - harness)
session.stop()
print("MODULES" + json.dumps([after_import, drawn]))
"""


def _loaded(modules: list[str]) -> set[str]:
    return {name.split(".", maxsplit=1)[0] for name in modules} & set(HEAVY)


def test_launcher_and_home_import_no_heavy_library(tmp_path):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CORTEX_", "STREAMLIT_"))}
    done = subprocess.run(
        [sys.executable, "-c", _DRAW_HOME],
        check=False,
        cwd=ROOT,
        input=f"{tmp_path / 'library'}\n",
        env={**kept, "CORTEX_MIN_FREE_BYTES": "0"},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    line = next(line for line in done.stdout.splitlines() if line.startswith("MODULES"))
    imported, drawn = json.loads(line.removeprefix("MODULES"))
    assert _loaded(imported) == set()
    assert _loaded(drawn) == set()


def test_the_running_server_maps_no_torch_and_no_chromadb(app, page, ready):
    """What a process has mapped into its memory cannot be denied; the packaged model may be, once it warms up."""
    page.goto(app.url())
    ready(page)
    mapped = {Path(region.path).name for region in psutil.Process(app.process.pid).memory_maps()}
    assert not [name for name in mapped if name.startswith(("libtorch", "libc10", "chromadb_rust"))], sorted(mapped)
    assert app.resident_bytes() < 400_000_000
