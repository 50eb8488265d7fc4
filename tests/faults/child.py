"""A process of its own that works on a library and can be killed: `python child.py LIBRARY ingest|delete|rebuild|work|search …`.

It prints a line for each thing that it acknowledges, at the moment it does.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from cortex_engine.core.reports import FileState, IngestEvent
from cortex_engine.suite import CortexSuite, query_of


def acknowledge(event: IngestEvent) -> None:
    if event.state in {FileState.DONE, FileState.ALREADY_HERE}:
        print("IN", event.document_id, Path(event.file).name, flush=True)
    elif event.state.final:
        print("FAILED", event.file, event.message, flush=True)


def search(suite: CortexSuite, until: Path) -> None:
    """Ask again and again in every mode until a file appears (or the test is gone); count the answers."""
    count, end = 0, time.monotonic() + 120
    while not until.exists() and time.monotonic() < end:
        for mode in ("vector", "lexical", "hybrid"):
            for hit in suite.search(query_of("wind from the west", mode, 5)).hits:
                assert "wind" in hit.text
        count += 1
    print("SEARCHED", count, flush=True)


def main() -> None:
    library, command, *rest = sys.argv[1:]
    print("READY", flush=True)
    with CortexSuite.open(data_dir=Path(library)) as suite:
        if command == "ingest":
            suite.ingest([Path(each) for each in rest], "Papers", recursive=True, on_event=acknowledge)
        elif command == "delete":
            for name in rest:
                for document_id in suite.delete_documents([name]):
                    print("OUT", document_id, name, flush=True)
        elif command == "work":
            suite.work()
        elif command == "search":
            search(suite, Path(rest[0]))
        elif command == "rebuild":
            suite.rebuild()
            print("REBUILT", flush=True)


if __name__ == "__main__":
    main()
