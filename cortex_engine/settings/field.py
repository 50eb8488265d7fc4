"""A setting: a field that carries what the reference and the Settings page say of it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

DOWNLOAD = "Its weights must be on this machine, or are fetched with the first use unless `offline` is set."
NEW_COLLECTIONS = "Applies to new collections; existing ones keep their model."
NEW_DOCUMENTS = "Applies to documents ingested from now on."


def setting(default: Any, description: str, group: str, env: str, cost: str = "", **bounds: Any) -> Any:
    """A field of a settings class.

    Args:
        description: what it does, one or two sentences.
        group: heading under which it is shown.
        env: its environment variable.
        cost: what changing it entails, "" for nothing.
        bounds: limits as pydantic's `Field` takes them.
    """
    extra: dict[str, Any] = {"group": group, "env": env, "cost": cost}
    return Field(default, description=description, json_schema_extra=extra, **bounds)
