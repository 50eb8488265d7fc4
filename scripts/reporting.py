"""What every page of figures states: the command, the day, the machine, and how busy it was."""

from __future__ import annotations

import datetime
import os
import platform
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "benchmarks"
DATA = Path(os.environ.get("CORTEX_TEST_DATA", ROOT / ".." / "shared" / "data"))
QUIET_LOAD = 1.0


class Page:
    """A page under construction: what is added is printed too.

    Args:
        title: its heading.
        command: how it is made.
    """

    def __init__(self, title: str, command: str) -> None:
        self._load_before = os.getloadavg()[0]
        self._title = title
        self._command = command
        self._lines: list[str] = []

    def add(self, *lines: str) -> None:
        """Add lines."""
        self._lines += lines
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()

    def table(self, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Add a table."""
        self.add("| " + " | ".join(header) + " |", "|" + "---|" * len(header))
        self.add(*("| " + " | ".join(_cell(value) for value in row) + " |" for row in rows), "")

    def goals(self, goals: Iterable[tuple[str, bool, str]]) -> None:
        """Add goals: what, whether it is met, the figure."""
        self.table(
            ["goal", "met", "measured"], [(what, "yes" if met else "**no**", found) for what, met, found in goals]
        )

    def write(self, path: Path) -> None:
        """Write the page with its head."""
        busy = self._load_before > QUIET_LOAD
        state = "other work kept it busy: trust ratios and CPU time, not wall time" if busy else "nothing else ran"
        head = [
            f"# {self._title}",
            "",
            f"Made by `{self._command}` on {datetime.date.today().isoformat()}: {processor()}, {os.cpu_count()} cores, "
            f"Python {platform.python_version()}. Load when it began: {self._load_before:.1f} ({state}).",
            "",
        ]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([*head, *self._lines]).rstrip() + "\n", encoding="utf-8")


def _cell(value: object) -> str:
    text = f"{value:,.2f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
    return " ".join(text.replace("|", "\\|").split())


def processor() -> str:
    """The processor's name, as the kernel gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown processor"


def listed(folder: Path) -> list[Path]:
    """The files that the manifest of a data folder lists.

    Raises:
        SystemExit: the folder is not there.
    """
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        sys.exit(f"{manifest} is not there; set CORTEX_TEST_DATA or give --data.")
    import csv

    with manifest.open(encoding="utf-8", newline="") as lines:
        return [folder / row["file"] for row in csv.DictReader(lines)]
