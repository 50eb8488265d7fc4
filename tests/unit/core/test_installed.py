"""Which version of a package is installed, asked while other threads change `sys.path`."""

from __future__ import annotations

import sys
import threading
from importlib.metadata import version

from cortex_engine.core.installed import version_of


def test_an_installed_package_is_found_while_another_thread_changes_the_path() -> None:
    done = threading.Event()

    def stir() -> None:
        while not done.is_set():
            sys.path.insert(0, "/nowhere")
            sys.path.remove("/nowhere")

    thread = threading.Thread(target=stir)
    before, pause = list(sys.path), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread.start()
    try:
        found = set()
        for _ in range(300):
            version_of.cache_clear()
            found.add(version_of("pytest"))
    finally:
        done.set()
        thread.join()
        sys.setswitchinterval(pause)
    assert found == {version("pytest")}
    assert sys.path == before


def test_a_package_that_is_not_there_has_no_version() -> None:
    assert version_of("no-such-package") is None
