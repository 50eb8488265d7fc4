"""What routes ask of a request: the suite, a scope, texts that can be stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request
from fastapi.security import HTTPBearer
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from cortex_engine.api.access import Caller
from cortex_engine.api.answers import Refused
from cortex_engine.core import app as nouns
from cortex_engine.suite import CortexSuite

_bearer = HTTPBearer(auto_error=False, description="A key `ctx_…`; not needed on this computer while there is none.")


def _suite(request: Request) -> CortexSuite:
    suite: CortexSuite = request.app.state.suite_of()
    return suite


def _need(wanted: nouns.Scope) -> Callable[..., None]:
    def check(request: Request) -> None:
        caller: Caller = request.scope["cortex.caller"]
        if wanted not in caller.scopes:
            raise Refused(403, "scope", f"This key does not have the scope '{wanted.value}'.")

    return check


Suite = Annotated[CortexSuite, Depends(_suite)]
READ: Any = [Depends(_need(nouns.Scope.READ)), Depends(_bearer)]
WRITE: Any = [Depends(_need(nouns.Scope.WRITE)), Depends(_bearer)]
ADMIN: Any = [Depends(_need(nouns.Scope.ADMIN)), Depends(_bearer)]


def _storable(text: str) -> str:
    if any(character == "\x00" or "\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("it holds characters that cannot be stored")
    return text


_Storable = AfterValidator(_storable)
Text = Annotated[str, StringConstraints(max_length=10_000), _Storable]
Name = Annotated[str, StringConstraints(min_length=1, max_length=1_000), _Storable]
DocumentId = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
HexId = Annotated[str, Path(pattern="^[0-9a-f]{4,32}$")]
PathName = Annotated[str, Path(max_length=1_000), _Storable]
PageNumber = Annotated[int, Path(ge=1, le=1_000_000)]
Limit = Annotated[int, Query(ge=1, le=500)]
Offset = Annotated[int, Query(ge=0, le=1_000_000_000)]


class Asked(BaseModel):
    """What a body holds: fields that are not known are refused, not overlooked."""

    model_config = ConfigDict(extra="forbid")
