"""How long a process takes until it is useful, beside python itself and `import sentence_transformers`, in one run.

    python scripts/benchmark_startup.py [--rounds N]

Writes docs/benchmarks/startup.md.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time

from reporting import PAGES, Page

HELP = "python -m cortex_engine --help"
HELP_SECONDS = 0.3
LIBRARY_WORDS = "when does the ferry leave in winter?"
QUERY = (
    "from pathlib import Path\n"
    "from cortex_engine.embedding.packaged import PackagedEmbedder\n"
    "PackagedEmbedder(Path({cache!r})).embed_query('when was the march invoice paid')"
)
FITTING = "from cortex_engine.checkpoints.torchvision_guard import ensure_torchvision; ensure_torchvision()\n"
"""Before each import of sentence_transformers, as torchvision may be of another build than torch (it imports torch too)."""
PLAIN = (
    f"{FITTING}from sentence_transformers import SentenceTransformer\n"
    "from cortex_engine.embedding.minilm import model_folder\n"
    "SentenceTransformer(str(model_folder()), device='cpu').encode('when was the march invoice paid')"
)


def programs(cache: str) -> dict[str, list[str]]:
    """Arguments of python for each thing measured."""
    found = {
        "python itself": ["-c", "pass"],
        "import click": ["-c", "import click"],
        "import numpy": ["-c", "import numpy"],
        "import cortex_engine": ["-c", "import cortex_engine"],
        "packaged embedder: process start to first query vector": ["-c", QUERY.format(cache=cache)],
        "import onnxruntime": ["-c", "import onnxruntime"],
        "import torch": ["-c", "import torch"],
        "import sentence_transformers": ["-c", f"{FITTING}import sentence_transformers"],
        "sentence-transformers: process start to first query vector": ["-c", PLAIN],
    }
    command = ["-m", "cortex_engine", "--data-dir", f"{cache}/library"]
    found[HELP] = ["-m", "cortex_engine", "--help"]
    found["one search of the samples, lexical"] = [*command, "search", LIBRARY_WORDS, "--mode", "lexical"]
    found["one search of the samples, hybrid"] = [*command, "search", LIBRARY_WORDS]
    return found


def seconds(arguments: list[str]) -> float:
    """Wall time of one process."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Run and print, or write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    page = Page("Start-up", f"python scripts/benchmark_startup.py --rounds {options.rounds}")
    with tempfile.TemporaryDirectory() as cache:
        measured = programs(cache)
        samples = seconds(["-m", "cortex_engine", "--data-dir", f"{cache}/library", "samples", "load"])
        first = seconds(measured["one search of the samples, hybrid"])
        for arguments in measured.values():
            seconds(arguments)  # warms the disk cache
        times: dict[str, list[float]] = {name: [] for name in measured}
        for _ in range(options.rounds):
            for name, arguments in measured.items():
                times[name].append(seconds(arguments))
    base = min(times["python itself"])
    page.add("Warm disk, wall time of whole processes from start to end, rounds alternating.", "")
    reached = min(times[HELP])
    page.goals([(f"`{HELP}` under {HELP_SECONDS} s", reached < HELP_SECONDS, f"{1000 * reached:.0f} ms (best)")])
    page.table(
        ["what", "best ms", "median ms", "times python"],
        [
            (name, f"{1000 * min(each):,.0f}", f"{1000 * statistics.median(each):,.0f}", f"{min(each) / base:.1f}")
            for name, each in times.items()
        ],
    )
    page.add(
        f"Once: `samples load` into a new library {samples:.1f} s; the first hybrid search after it, which also makes the",
        f"model's graph from its weights, {first:.1f} s.",
    )
    page.write(PAGES / "startup.md")


if __name__ == "__main__":
    main()
