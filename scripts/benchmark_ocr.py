"""Measure OCR on receipt scans: how many of the words that people copied are found, and how long a page takes.

Usage: python scripts/benchmark_ocr.py [--data FOLDER] [--output docs/benchmarks/ocr.md]
FOLDER holds `images/receipts.jsonl`, one receipt a line with `file` and `text_lines`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path

from cortex_engine.core.options import ParseOptions
from cortex_engine.parsing.box import ParseBox

ROOT = Path(__file__).parents[1]
WORD = re.compile(r"\w+")


def words(text: str) -> Counter[str]:
    """Runs of letters and digits, without regard to case, with how often they stand in the text."""
    return Counter(WORD.findall(text.casefold()))


def lost_characters(gold: str, read: str) -> float:
    """Share of the letters and digits that are missing, whatever their spaces and order."""
    wanted, found = (Counter("".join(WORD.findall(text.casefold()))) for text in (gold, read))
    return sum((wanted - found).values()) / max(1, sum(wanted.values()))


def measure(data: Path) -> list[dict[str, float]]:
    """Figures of each receipt."""
    rows = []
    receipts = [json.loads(line) for line in (data / "images" / "receipts.jsonl").read_text().splitlines()]
    with ParseBox(ParseOptions()) as box:
        box.processes  # noqa: B018 - start both zygotes, so that the first receipt does not pay for the models
        for receipt in receipts:
            path = data / "images" / receipt["file"]
            begin = time.perf_counter()
            parsed = box.parse(path, path.name)
            seconds = time.perf_counter() - begin
            gold = " ".join(receipt["text_lines"])
            wanted, found = words(gold), words(parsed.text)
            rows.append(
                {
                    "words": wanted.total(),
                    "hits": (wanted & found).total(),
                    "read": found.total(),
                    "lost": lost_characters(gold, parsed.text),
                    "total": float(receipt["fields"]["total"].replace(",", "") in parsed.text.replace(",", "")),
                    "seconds": seconds,
                    "cpu": sum(value for _, value in parsed.seconds),
                }
            )
    return rows


def report(rows: list[dict[str, float]]) -> str:
    """The page for `docs/benchmarks`."""
    wanted, hits, read = (sum(row[key] for row in rows) for key in ("words", "hits", "read"))
    lines = [
        "# OCR",
        "",
        f"{len(rows)} receipt scans with the lines that people copied from them, read through the parse box "
        f"(rapidocr {version('rapidocr')}, onnxruntime {version('onnxruntime')}, one thread a page).",
        "A word counts as found when the same letters and digits stand in the page's text, without regard to case.",
        "",
        "| measure | value |",
        "|---|---|",
        f"| words in the gold lines | {wanted:.0f} |",
        f"| recall of words | {hits / wanted:.3f} |",
        f"| precision of words | {hits / read:.3f} |",
        f"| median recall of a receipt | {statistics.median(row['hits'] / row['words'] for row in rows):.3f} |",
        f"| lowest recall of a receipt | {min(row['hits'] / row['words'] for row in rows):.3f} |",
        f"| letters and digits missing, whatever the word boundaries | {statistics.mean(row['lost'] for row in rows):.3f} |",
        f"| receipts whose total is found | {sum(row['total'] for row in rows):.0f} of {len(rows)} |",
        f"| CPU seconds a page, median | {statistics.median(row['cpu'] for row in rows):.2f} |",
        f"| CPU seconds a page, highest | {max(row['cpu'] for row in rows):.2f} |",
        "",
        "Made by `python scripts/benchmark_ocr.py`.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("CORTEX_TEST_DATA", ROOT / ".." / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "benchmarks" / "ocr.md")
    arguments = parser.parse_args()
    text = report(measure(arguments.data))
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
