"""The chat model of a library: made once, and where it stands."""

from __future__ import annotations

import threading
from weakref import WeakKeyDictionary

from cortex_engine import backends
from cortex_engine.core.answers import ChatModel
from cortex_engine.core.app import ModelState, ModelStatus
from cortex_engine.core.errors import ConfigError
from cortex_engine.library import Library

_made: WeakKeyDictionary[Library, tuple[ChatModel | None, str]] = WeakKeyDictionary()
_guard = threading.Lock()


def chat_model(library: Library) -> tuple[ChatModel | None, str]:
    """What writes answers for this library, or None and the sentence why."""
    with _guard:
        if library not in _made:
            try:
                _made[library] = backends.build_chat_model(library.config), backends.chat_absence(library.config)
            except ConfigError as error:
                _made[library] = None, str(error)
        return _made[library]


def chat_status(library: Library) -> ModelStatus:
    """See `CortexSuite.chat_status`."""
    model, fault = chat_model(library)
    if model is None:
        try:
            state = ModelState.OFF if backends.chat_absence(library.config) else ModelState.UNHEALTHY
        except ConfigError:  # the key cannot be used
            state = ModelState.UNHEALTHY
        return ModelStatus("chat", "", state, fault)
    trouble = str(getattr(model, "trouble", ""))
    answered = bool(getattr(model, "answered", True))
    state = ModelState.UNHEALTHY if trouble else ModelState.HEALTHY if answered else ModelState.IDLE
    facts = {"Writes": "answers", "Is sent": "the question and the passages found for it"}
    return ModelStatus("chat", model.name, state, trouble, facts)
