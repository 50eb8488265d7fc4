"""Refusals as small JSON objects that repeat nothing of the request."""

from __future__ import annotations

import json
import logging
import re
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from cortex_engine.core.errors import CortexError

_log = logging.getLogger(__name__)

_STATUS = {
    "usage": 422,
    "config": 500,
    "not_found": 404,
    "already_exists": 409,
    "library_locked": 503,
    "catalog": 503,
    "storage_full": 507,
    "parse": 422,
    "model_unavailable": 503,
    "model_unhealthy": 503,
    "model_mismatch": 409,
    "index_unavailable": 503,
}

_SENTENCES = {
    "usage": "What was asked for does not make sense as it stands.",
    "config": "A setting of the application cannot be used. Its log says which.",
    "not_found": "There is nothing of this name or id.",
    "already_exists": "The name is taken.",
    "library_locked": "Another process is using the library. Try again when it is done.",
    "catalog": "The catalog cannot be used. `cortex doctor` says more.",
    "storage_full": "The disk has too little room; nothing was written.",
    "parse": "The file cannot be read or drawn.",
    "model_unavailable": "A model cannot be loaded. The application's log gives cause and remedy.",
    "model_unhealthy": "What a model gives means nothing, so it is not used. The application's log says more.",
    "model_mismatch": "These documents and this collection have different embedding models.",
    "index_unavailable": "An index cannot answer. `cortex rebuild` makes it anew.",
    "error": "This did not work. The application's log says why.",
}

_SPOKEN = frozenset({"usage", "not_found", "already_exists", "model_mismatch", "parse"})
"""Codes whose own sentences speak of the request, not of this computer."""

_LONGEST = 400

_FIXED = frozenset(
    {"picture", "description", "text", "lexical", "vector", "traditional", "hybrid", "graphrag", "rerank"}
)
"""Words of the API itself (fields and choices of a search): a sentence that holds one repeats nothing of the request."""

_QUOTED = re.compile(r"'([^']*)'")


class Fault(BaseModel):
    """Why a request was refused: a word for machines, a sentence for people, and the id under which the log has it."""

    code: str
    message: str
    id: str


class Refusal(BaseModel):
    """The form of every refusal."""

    error: Fault


class Refused(HTTPException):
    """A request that is turned down, with a word for machines and a sentence for people."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, message, headers)
        self.code = code

    def answer(self) -> JSONResponse:
        """The refusal as a response."""
        return refusal(self.status_code, self.code, self.detail, self.headers)


def refusal(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None, identifier: str = ""
) -> JSONResponse:
    """The one form of every refusal."""
    error = {"code": code, "message": message, "id": identifier or new_error_id()}
    return JSONResponse({"error": error}, status, dict(headers or {}))


def new_error_id() -> str:
    """What the log and the answer have in common."""
    return secrets.token_hex(6)


def unexpected(error: Exception) -> JSONResponse:
    """The answer to a defect; the log has its traceback under the same id."""
    identifier = new_error_id()
    _log.error("unexpected failure %s", identifier, exc_info=error)
    return refusal(
        500, "unexpected", "Something unexpected went wrong; the log has it under this id.", identifier=identifier
    )


def explained(error: CortexError, scope: Mapping[str, Any]) -> JSONResponse:
    """The answer to an expected failure.

    Args:
        scope: of the request, with its small body under "cortex.body"; where "cortex.internal" is set, the caller is the
            command line on this computer, and gets the sentence as it is.
    """
    status, identifier = _STATUS.get(error.code, 500), new_error_id()
    if status >= 500:
        _log.warning("refused %s: %s", identifier, error, exc_info=status == 500)
    general = _SENTENCES.get(error.code, _SENTENCES["error"])
    sentence = str(error)
    if not scope.get("cortex.internal", False):
        sentence = _without_echo(sentence, scope) or general if error.code in _SPOKEN else general
    headers = {"retry-after": "5"} if status == 503 else {}
    return refusal(status, error.code, sentence, headers, identifier)


def _without_echo(sentence: str, scope: Mapping[str, Any]) -> str:
    """The sentence without what the request brought in, or "" where that cannot be taken out."""
    asked = {text for text in _texts_of(scope) if text.strip() and text not in _FIXED}
    for text in sorted(asked, key=len, reverse=True):
        sentence = sentence.replace(f"'{text}'", "'…'")
    # A name that was asked for may be quoted in another case or shortened; what else is quoted are names of the library.
    bare = {_bare(text) for text in asked}
    sentence = _QUOTED.sub(
        lambda found: "'…'" if any(text.startswith(_bare(found[1])) for text in bare) else found[0], sentence
    )
    # What fixed words have in common with the request by chance is short.
    rest = _bare(_QUOTED.sub("", sentence))
    if any(len(text) > 3 and text in rest for text in bare) or len(sentence) > _LONGEST:
        return ""
    return "" if re.search(r"(^|\s|')(/|[A-Za-z]:\\)", sentence) else sentence


def _bare(text: str) -> str:
    return "".join(text.split()).casefold()


def _texts_of(scope: Mapping[str, Any]) -> Iterator[str]:
    from urllib.parse import parse_qsl

    yield from (str(value) for value in scope.get("path_params", {}).values())
    yield from (value for _, value in parse_qsl(scope.get("query_string", b"").decode("latin-1")))
    try:
        waiting = [json.loads(scope.get("cortex.body", b"") or b"null")]
    except (ValueError, RecursionError):
        return
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += [*value, *value.values()]
