"""Rerank services over HTTP: Cohere and whatever speaks its protocol, vLLM, text-embeddings-inference."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from cortex_engine.core.errors import ModelUnavailableError
from cortex_engine.core.optional import require
from cortex_engine.core.pictures import ModelInput
from cortex_engine.reranking.scoring import Scores, ScoringReranker
from cortex_engine.reranking.wire import LARGEST_CALL, Dialect, Endpoint, WireError, endpoint_of, question, scores_of

logger = logging.getLogger(__name__)

_TRIES = 3
_PAUSES = (0.5, 2.0)
"""Seconds before the second and third try; a service that asks for more waiting gets at most `_LONGEST_PAUSE`."""
_LONGEST_PAUSE = 10.0
_AGAIN = frozenset({429, 500, 502, 503, 504})
_OTHER_DIALECT = frozenset({400, 422})
"""What services answer to a body that they do not understand."""
_LARGEST_ANSWER = 10_000_000


class HttpReranker(ScoringReranker):
    """A rerank service. It reads text only; the text of queries and candidates is sent to it.

    Its scores rank as they are; an instruction is not part of these protocols and changes nothing.
    """

    one_at_a_time = False

    def __init__(
        self,
        address: str,
        *,
        model: str = "",
        key: str = "",
        timeout: float = 30.0,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Store the settings.

        Args:
            address: of the service, as `endpoint_of` understands it.
            model: its name for the model, "" where it has only one.
            key: sent as bearer token; never logged.
            timeout: seconds for connecting, and for each wait for data; the whole call may take three times that.
            pause: waits between tries.

        Raises:
            ConfigError: the address makes no sense.
        """
        super().__init__()
        self._endpoint: Endpoint = endpoint_of(address)
        self._model = model
        self._key = key
        self._timeout = timeout
        self._pause = pause
        self._dialect: Dialect | None = None
        self._client: Any = None

    @property
    def name(self) -> str:
        """The model's name there, and the host."""
        host = urlsplit(self._endpoint.url).netloc
        return f"{self._model} at {host}" if self._model else host

    @property
    def sees(self) -> bool:
        """False: only text is sent."""
        return False

    def _open(self) -> None:
        httpx: Any = require("httpx", f"for the rerank service {self.name}", "pip install httpx")
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        self._client = httpx.Client(headers=headers, timeout=self._timeout, follow_redirects=False)

    def _close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _shown(self, raw: Scores) -> Scores:
        inside = raw.size == 0 or (float(raw.min()) >= 0 and float(raw.max()) <= 1)
        return raw if inside else super()._shown(raw)

    def _scores(self, query: ModelInput, contents: Sequence[ModelInput], instruction: str | None) -> Scores:  # noqa: ARG002
        texts = [_sendable(content.text) for content in contents]
        dialects = (self._dialect,) if self._dialect else self._endpoint.dialects
        for dialect in dialects:
            step = LARGEST_CALL[dialect]
            parts = (texts[start : start + step] for start in range(0, len(texts), step))
            try:
                scores = [score for part in parts for score in self._called(dialect, _sendable(query.text), part)]
            except WireError as error:
                if dialect is dialects[-1]:
                    raise ModelUnavailableError(self._complaint(f"answered with {error}")) from error
                continue
            self._dialect = dialect
            return np.asarray(scores, np.float64)
        raise AssertionError("the last dialect returns or raises")

    def _called(self, dialect: Dialect, query: str, texts: list[str]) -> list[float]:
        """The scores of one call; WireError also where the service does not understand the dialect."""
        status, content = self._ask(question(dialect, self._model, query, texts))
        if status in _OTHER_DIALECT:
            raise WireError(f"status {status}{_reason(content)}")
        if status != 200:
            raise ModelUnavailableError(self._complaint(f"answered with status {status}{_reason(content)}"))
        return scores_of(dialect, _json(content), len(texts))

    def _ask(self, body: dict[str, object]) -> tuple[int, bytes]:
        """Status and content of the answer; tried again only where that may help."""
        import httpx

        for turn in range(_TRIES):
            last = turn == _TRIES - 1
            try:
                status, content, wait = self._once(body)
            except httpx.TimeoutException as error:
                raise ModelUnavailableError(self._complaint(f"did not answer within {self._timeout:g} s")) from error
            except httpx.TransportError as error:
                if last:
                    raise ModelUnavailableError(self._complaint(f"cannot be reached ({error})")) from error
                wait, status = _PAUSES[turn], 0
            except httpx.RequestError as error:  # packed otherwise than it says
                raise ModelUnavailableError(self._complaint(f"answered with what cannot be read ({error})")) from error
            if status and (last or status not in _AGAIN):
                return status, content
            seconds = min(max(wait, _PAUSES[turn]), _LONGEST_PAUSE)
            logger.info("The rerank service %s is asked again in %g s.", self.name, seconds)
            self._pause(seconds)
        raise AssertionError("the last try returns or raises")

    def _once(self, body: dict[str, object]) -> tuple[int, bytes, float]:
        import httpx

        client = self._client
        if client is None or client.is_closed:
            raise ModelUnavailableError(f"The rerank service {self.name} was let go this moment. Search again.")
        begun = time.monotonic()
        parts: list[bytes] = []
        with client.stream("POST", self._endpoint.url, json=body) as answer:
            length = 0
            for part in answer.iter_bytes():
                parts.append(part)
                length += len(part)
                if length > _LARGEST_ANSWER:
                    raise ModelUnavailableError(self._complaint(f"answered with more than {_LARGEST_ANSWER} bytes"))
                if time.monotonic() - begun > 3 * self._timeout:
                    raise httpx.ReadTimeout("the answer came too slowly")
            return answer.status_code, b"".join(parts), _seconds(answer.headers.get("retry-after", ""))

    def _complaint(self, what: str) -> str:
        url = self._endpoint.url.partition("?")[0]  # there may be a key behind it
        return (
            f"The rerank service {url} {what}. See that it runs and that 'reranker_url', 'reranker_model' and "
            "CORTEX_RERANKER_API_KEY are right."
        )


def _sendable(text: str) -> str:
    """Lone surrogates, which no UTF-8 holds, become "?"; an empty text, which services refuse, a space."""
    return text.encode("utf-8", "replace").decode("utf-8") or " "


def _json(content: bytes) -> object:
    try:
        value: object = json.loads(content)
    except (ValueError, RecursionError) as error:  # brackets within brackets without end
        raise WireError("something that is no JSON") from error
    return value


def _reason(content: bytes) -> str:
    """The beginning of what a service says of a refusal."""
    said = " ".join(content[:300].decode("utf-8", "replace").split())
    return f" ({said})" if said else ""


def _seconds(header: str) -> float:
    return float(header) if header.isascii() and header.isdigit() else 0.0
