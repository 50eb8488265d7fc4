"""A chat model behind an OpenAI-compatible endpoint (vLLM, RunPod, LM Studio, llama.cpp, Ollama, OpenAI)."""

from __future__ import annotations

import re
import threading
import time
import unicodedata
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from cortex_engine.core.answers import ChatMessage
from cortex_engine.core.errors import ConfigError, ModelUnavailableError
from cortex_engine.core.network import http_host
from cortex_engine.core.optional import require
from cortex_engine.generation.exchange import Endless, Exchange, Streamed, client
from cortex_engine.generation.thoughts import answered, without_thoughts

REST = 30.0
"""So many seconds an endpoint that failed is not asked again: nobody waits twice for the same failure."""
_CONNECT_SECONDS = 10.0
_LONGEST = 5.0
"""A whole answer may take so many times the longest silence."""
_TOKEN_CHARACTERS = 16
_SHORTEST_KEY = 4
_RESTING = frozenset({401, 403, 404, 408, 429, 500, 502, 503, 504})
"""Statuses that do not come from this question."""
_FOREIGN = ("openai-organization", "openai-project")
_KEPT_CONTROLS = frozenset("\n\t\u200c\u200d")


class OpenAICompatibleChat:
    """A model that writes (port `ChatModel`). What it is asked leaves this machine. Safe to use from several threads.

    Redirects are not followed, and neither the key nor the account of another service is sent along.

    Args:
        base: address of the endpoint, ending in `/v1`.
        model: its name there.
        key: sent as bearer token, never logged; "" for none.
        timeout: seconds of silence after which it is given up; the whole answer may take five times that.
        clock: how time passes.

    Raises:
        ConfigError: the address makes no sense.
    """

    def __init__(
        self,
        base: str,
        model: str,
        key: str = "",
        *,
        timeout: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        try:
            self._host = http_host(base)
        except ValueError as error:
            raise ConfigError(
                f"The address of the chat endpoint cannot be used: {error}. Set 'chat_api_base' (or RUNPOD_API_BASE) to "
                "something like https://api.example.com/v1."
            ) from error
        self._base = base.strip().rstrip("/")
        self._model = model
        self._key = key
        self._timeout = timeout
        self._clock = clock
        self._lock = threading.Lock()
        self._failed: tuple[float, str] | None = None
        self._answered = False
        self._client: Any = None
        self._left_out: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The model's name there, and the host."""
        return f"{self._model} at {self._host}"

    @property
    def trouble(self) -> str:
        """Why it failed the last time, as a sentence, "" when it did not."""
        with self._lock:
            return self._failed[1] if self._failed else ""

    @property
    def answered(self) -> bool:
        """Whether it has ever answered this process."""
        return self._answered

    def stream(self, messages: Sequence[ChatMessage], max_tokens: int, temperature: float = 0.0) -> Streamed:
        """The answer bit by bit, without the model's thoughts and control characters.

        `close` of what is returned hangs up, from any thread: whoever waits for the next piece then waits no longer.

        Raises:
            ModelUnavailableError: it cannot be reached, is too slow, breaks off, does not end, or answers nothing; what came
                before stands.
        """
        exchange = Exchange()
        return Streamed(self._told(exchange, messages, max_tokens, temperature), exchange)

    def complete(self, messages: Sequence[ChatMessage], max_tokens: int, temperature: float = 0.0) -> str:
        """The whole answer; raises as `stream`."""
        self._refuse_while_resting()
        try:
            answer = self._ask(Exchange(), messages, max_tokens, temperature, stream=False)
            told = self._whole(answer)
        except _Failure as error:
            self._remember(error)
            raise
        self._well()
        return told[: max_tokens * _TOKEN_CHARACTERS]

    def _told(
        self, exchange: Exchange, messages: Sequence[ChatMessage], max_tokens: int, temperature: float
    ) -> Generator[str]:
        self._refuse_while_resting()
        begun = False
        try:
            for piece in without_thoughts(self._pieces(exchange, messages, max_tokens, temperature)):
                if plain := _plain(piece):
                    begun = begun or not plain.isspace()
                    yield plain
            if not begun:
                raise self._complaint("gave an answer without any text", rest=False)
        except _Failure as error:
            if not exchange.hung_up:  # else it is no fault of the endpoint
                self._remember(error)
            raise
        self._well()

    def _whole(self, answer: Any) -> str:
        try:
            text = answer.choices[0].message.content
        except (AttributeError, IndexError, TypeError):
            text = None
        if not isinstance(text, str) or not text.strip():
            raise self._complaint("gave an answer that makes no sense")
        told = answered(_plain("".join(without_thoughts(iter([text]))))).strip()
        if not told:
            raise self._complaint("gave an answer without any text", rest=False)
        return told

    def _pieces(
        self, exchange: Exchange, messages: Sequence[ChatMessage], max_tokens: int, temperature: float
    ) -> Iterator[str]:
        openai = self._openai()
        stream = self._ask(exchange, messages, max_tokens, temperature, stream=True)
        size, ended = 0, ""
        try:
            for chunk in stream:
                piece, reason = _of_chunk(chunk)
                ended = reason or ended
                size += len(piece)
                if size > max_tokens * _TOKEN_CHARACTERS:
                    raise self._complaint("did not come to an end", rest=False)
                yield piece
        except Endless as error:
            raise self._complaint(str(error)) from error
        except openai.APITimeoutError as error:
            raise self._complaint(f"fell silent for {self._timeout:g} s") from error
        except openai.APIConnectionError as error:
            raise self._complaint("broke off in the middle") from error
        except (openai.APIError, *_NONSENSE) as error:
            raise self._complaint(f"broke off in the middle{self._quoted(error)}") from error
        finally:
            stream.close()
        if ended == "length":
            raise self._complaint(f"reached the limit of {max_tokens} tokens", rest=False, remedy=_LONGER)
        if size and not ended:
            raise self._complaint("broke off before its end", rest=False)

    def _ask(
        self, exchange: Exchange, messages: Sequence[ChatMessage], max_tokens: int, temperature: float, stream: bool
    ) -> Any:
        """The answer's object, or its stream. What an endpoint does not take is left out and remembered."""
        openai = self._openai()
        while True:
            try:
                with exchange.on_the_line():
                    return self._completions().create(
                        model=self._model,
                        messages=[{"role": each.role, "content": each.content} for each in messages],
                        stream=stream,
                        **_options(self._left_out, max_tokens, temperature),
                    )
            except Endless as error:
                raise self._complaint(str(error)) from error
            except openai.BadRequestError as error:
                refused = {name for name in ("max_tokens", "temperature") if name in str(error)} - self._left_out
                if not refused:
                    raise self._complaint(f"refused the question{self._quoted(error)}", rest=False) from error
                self._left_out |= refused
            except openai.APIStatusError as error:
                sentence = f"answered with status {error.status_code}{self._quoted(error)}"
                raise self._complaint(sentence, rest=error.status_code in _RESTING) from error
            except openai.APITimeoutError as error:
                raise self._complaint(f"did not answer within {self._timeout:g} s") from error
            except openai.APIConnectionError as error:
                if isinstance(error.__cause__, Endless):
                    raise self._complaint(str(error.__cause__)) from error
                raise self._complaint(f"cannot be reached{self._quoted(error.__cause__ or error)}") from error
            except (openai.APIError, *_NONSENSE) as error:
                raise self._complaint(f"gave an answer that makes no sense{self._quoted(error)}") from error

    def _openai(self) -> Any:
        return require("openai", f"for the chat model {self.name}", "pip install openai")

    def _completions(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = self._connected()
            return self._client.chat.completions

    def _connected(self) -> Any:
        openai = self._openai()
        httpx: Any = require("httpx2", f"for the chat model {self.name}", "pip install openai")
        timeout = httpx.Timeout(self._timeout, connect=min(_CONNECT_SECONDS, self._timeout))
        foreign = _FOREIGN if self._key else (*_FOREIGN, "authorization")
        return openai.OpenAI(
            api_key=self._key or "none",
            base_url=self._base,
            timeout=timeout,
            max_retries=0,
            http_client=client(httpx, foreign, timeout, self._clock, self._timeout * _LONGEST),
        )

    def _refuse_while_resting(self) -> None:
        with self._lock:
            if self._failed is not None and self._clock() - self._failed[0] < REST:
                raise ModelUnavailableError(self._failed[1])

    def _well(self) -> None:
        with self._lock:
            self._failed, self._answered = None, True

    def _remember(self, error: _Failure) -> None:
        if error.rest:
            with self._lock:
                self._failed = (self._clock(), str(error))

    def _complaint(self, what: str, rest: bool = True, remedy: str = "") -> _Failure:
        return _Failure(f"The chat model {self.name} {what}. {remedy or _CHECK}", rest)

    def _quoted(self, error: BaseException) -> str:
        """How an answer that refuses begins, on one line, without the key and what looks like one."""
        said = str(getattr(error, "message", "") or error)
        if len(self._key) >= _SHORTEST_KEY:
            said = said.replace(self._key, "…")
        said = re.sub(r"<[^>]{0,200}>", " ", " ".join(said.split()))
        said = " ".join(re.sub(r"\b(?:sk|rpa|hf|ctx)[-_][\w*-]{6,}", "…", _plain(said)).split())[:200]
        return f" ({said})" if said else ""


class _Failure(ModelUnavailableError):  # noqa: N818  (a complaint like any other to those who catch it)
    """A complaint; `rest`: the endpoint is left alone for a while."""

    def __init__(self, sentence: str, rest: bool) -> None:
        super().__init__(sentence)
        self.rest = rest


_CHECK = "See that it runs and that 'chat_api_base', 'chat_model' and the key are right."
_LONGER = "'answer_max_tokens' allows longer answers."
_NONSENSE = (ValueError, TypeError, RecursionError)
"""What comes of an answer that is no JSON, or one of ten thousand brackets."""


def _options(left_out: frozenset[str], max_tokens: int, temperature: float) -> dict[str, Any]:
    length = "max_completion_tokens" if "max_tokens" in left_out else "max_tokens"
    return {length: max_tokens} | ({} if "temperature" in left_out else {"temperature": temperature})


def _of_chunk(chunk: Any) -> tuple[str, str]:
    """The text of a part of a stream, and why the model ended with it ("" where it goes on)."""
    choices = getattr(chunk, "choices", None)
    if not isinstance(choices, list) or not choices:  # figures of use come without choices
        return "", ""
    text = getattr(getattr(choices[0], "delta", None), "content", None)
    reason = getattr(choices[0], "finish_reason", None)
    return text if isinstance(text, str) else "", reason if isinstance(reason, str) else ""


def _plain(text: str) -> str:
    """Without control characters, also those that turn the direction of text."""
    return "".join(
        character
        for character in text
        if character in _KEPT_CONTROLS or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co"}
    )
