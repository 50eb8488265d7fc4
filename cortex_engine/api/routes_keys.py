"""Keys, for those whose key has the scope `admin`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from cortex_engine.api.calls import ADMIN, Asked, Name, Suite
from cortex_engine.api.shapes import Key, NewKey
from cortex_engine.core.app import Scope

router = APIRouter(prefix="/v1/keys", tags=["keys"])

KeyId = Annotated[str, Path(pattern="^[0-9a-f]{12}$")]


class Keys(BaseModel):
    """All keys, revoked ones too, newest first."""

    keys: list[Key]


class KeyAsked(Asked):
    """A key to make."""

    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=3)]


@router.get("", dependencies=ADMIN)
def list_keys(suite: Suite) -> Keys:
    """All keys."""
    return Keys(keys=[Key.of(key) for key in suite.keys()])  # noqa: SIM118  (a suite is no dictionary)


@router.post("", status_code=201, dependencies=ADMIN)
def create_key(asked: KeyAsked, suite: Suite) -> NewKey:
    """Make a key. Its text is told this once; from the first key on every request needs one."""
    key, text = suite.create_key(asked.name, asked.scopes)
    return NewKey(key=Key.of(key), text=text)


@router.delete("/{key_id}", dependencies=ADMIN)
def revoke_key(key_id: KeyId, suite: Suite) -> Key:
    """End a key's use, at once and for good."""
    return Key.of(suite.revoke_key(key_id))
