"""How long a process takes until it is useful, beside python itself and `import sentence_transformers`, in one run.

python scripts/benchmark_startup.py --write docs/benchmarks/startup.md
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

QUERY = (
    "from pathlib import Path\n"
    "from cortex_engine.embedding.packaged import PackagedEmbedder\n"
    "PackagedEmbedder(Path({cache!r})).embed_query('when was the march invoice paid')"
)
PLAIN = (
    "from sentence_transformers import SentenceTransformer\n"
    "from cortex_engine.embedding.minilm import model_folder\n"
    "SentenceTransformer(str(model_folder()), device='cpu').encode('when was the march invoice paid')"
)


def programs(cache: str) -> dict[str, list[str]]:
    """Arguments of python for each thing measured."""
    found = {
        "python itself": ["-c", "pass"],
        "import numpy": ["-c", "import numpy"],
        "import cortex_engine": ["-c", "import cortex_engine"],
        "packaged embedder: process start to first query vector": ["-c", QUERY.format(cache=cache)],
        "import onnxruntime": ["-c", "import onnxruntime"],
        "import torch": ["-c", "import torch"],
        "import sentence_transformers": ["-c", "import sentence_transformers"],
        "sentence-transformers: process start to first query vector": ["-c", PLAIN],
    }
    if (Path(__file__).parents[1] / "cortex_engine" / "__main__.py").is_file():
        found["python -m cortex_engine --help"] = ["-m", "cortex_engine", "--help"]
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
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        measured = programs(cache)
        first = seconds(measured["packaged embedder: process start to first query vector"])
        for arguments in measured.values():
            seconds(arguments)  # warms the disk cache
        times: dict[str, list[float]] = {name: [] for name in measured}
        for _ in range(options.rounds):
            for name, arguments in measured.items():
                times[name].append(seconds(arguments))
    base = min(times["python itself"])
    lines = [
        "# Start-up",
        "",
        "Warm disk, wall time of whole processes, rounds alternating; the machine was shared. Made by:",
        "",
    ]
    lines += [
        f"    python scripts/benchmark_startup.py --rounds {options.rounds} --write docs/benchmarks/startup.md",
        "",
    ]
    lines += ["| what | best ms | median ms | times python |", "|---|---|---|---|"]
    for name, values in times.items():
        best, middle = 1000 * min(values), 1000 * statistics.median(values)
        lines.append(f"| {name} | {best:.0f} | {middle:.0f} | {min(values) / base:.1f} |")
    lines += [
        "",
        f"The very first start, which also makes the graph from the weights: {1000 * first:.0f} ms, once.",
        "",
    ]
    text = "\n".join(lines)
    sys.stdout.write(text)
    if options.write:
        options.write.parent.mkdir(parents=True, exist_ok=True)
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
