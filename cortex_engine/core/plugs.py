"""Backends by name: built in, or from another package through an entry point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any

from cortex_engine.core.errors import ConfigError


def find_plug(group: str, built_in: Mapping[str, Callable[..., Any]], name: str) -> Callable[..., Any]:
    """The builder called `name`: one of `built_in`, else from the entry points `cortex_engine.<group>`.

    Raises:
        ConfigError: there is none of this name.
    """
    if name in built_in:
        return built_in[name]
    found = {point.name: point for point in entry_points(group=f"cortex_engine.{group}")}
    if name not in found:
        known = ", ".join(sorted({*built_in, *found}))
        raise ConfigError(f"There is no backend '{name}' among the {group.replace('_', ' ')}. Known ones: {known}.")
    builder: Callable[..., Any] = found[name].load()
    return builder
