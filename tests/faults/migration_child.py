"""A process that moves the collection "Papers" to the packaged model: `python migration_child.py LIBRARY begin|run|switch|rollback|purge`."""

from __future__ import annotations

import sys
from pathlib import Path

from cortex_engine.suite import CortexSuite


def main() -> None:
    library, command = sys.argv[1:]
    with CortexSuite.open(data_dir=Path(library)) as suite:
        found = suite.migrations(open_only=True)
        if command == "begin" and not found:
            suite.start_migration("Papers", "packaged")
        elif command == "run":
            print(suite.run_migration(found[0].id).state, flush=True)
        elif found:
            getattr(suite, f"{command}_migration")(found[0].id)


if __name__ == "__main__":
    main()
