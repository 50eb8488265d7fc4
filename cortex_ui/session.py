"""The one open library of the process, and how expected errors are told.

The launcher opens it and starts the background work; a script run, an API request and a test find the same one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from cortex_engine.config import COMMAND_LINE, LoadedConfig, load_config
from cortex_engine.core.errors import CortexError
from cortex_ui import safe

if TYPE_CHECKING:
    from cortex_engine.suite import CortexSuite

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_open: CortexSuite | None = None
_settings: LoadedConfig | None = None
"""What the launcher was told. Whoever is first to ask, a page or the launcher's own thread, opens this library and no other."""


def prepare(loaded: LoadedConfig) -> None:
    """These are the settings of the process."""
    global _settings
    _settings = loaded


def suite() -> CortexSuite:
    """The open library; opened by the first who asks.

    Raises:
        CortexError: it cannot be opened (a damaged catalog, a setting that cannot be used).
    """
    return _open or start()


def start(loaded: LoadedConfig | None = None, background: bool = True) -> CortexSuite:
    """Open the library, and begin the background work."""
    global _open
    with _lock:
        if _open is None:
            _open = _opened(loaded or _settings, background)
        return _open


def _opened(loaded: LoadedConfig | None, background: bool) -> CortexSuite:
    from cortex_engine.suite import CortexSuite  # numpy and the rooms: the server answers before they are imported

    opened = CortexSuite.open(loaded=loaded, command="the application")
    if background:
        opened.start_background()
    return opened


def stop() -> None:
    """End the background work and close the library; what is queued stays queued."""
    global _open, _settings
    with _lock:
        opened, _open, _settings = _open, None, None
    if opened is not None:
        opened.stop_background()
        opened.close()


def reopen() -> CortexSuite:
    """Close and open again, so that changed settings hold; the same folder, whatever the settings say of it by now.

    Other sessions wait meanwhile.

    Raises:
        ConfigError: a setting cannot be used; the library stays open as it was.
    """
    global _open, _settings
    before = suite()
    folder = before.config.data_dir
    again = load_config(folder if before.loaded.sources.get("data_dir") == COMMAND_LINE else None)
    again = replace(again, config=again.config.model_copy(update={"data_dir": folder}))
    with _lock:
        _open, _settings = None, again
        before.stop_background()
        before.close()
        _open = _opened(again, background=True)
        return _open


@contextmanager
def told() -> Iterator[None]:
    """Show an expected error as its sentence, and go on after the block."""
    try:
        yield
    except CortexError as error:
        _log.warning("%s: %s", error.code, error)
        st.error(safe.label(str(error)), icon=":material/error:")
