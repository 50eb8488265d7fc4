"""The contract of the port `ChatModel`, against a server that misbehaves in every way that is known."""

from __future__ import annotations

import contextlib
import gzip
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cortex_engine import backends
from cortex_engine.config import ChatEndpoint as Endpoint
from cortex_engine.config import CortexConfig, chat_endpoint
from cortex_engine.core.answers import ChatMessage, ChatModel
from cortex_engine.core.errors import ConfigError, ModelUnavailableError
from cortex_engine.generation import exchange
from cortex_engine.generation.chat import REST, OpenAICompatibleChat
from tests.chat_endpoint import ChatEndpoint

ASKED = [ChatMessage("system", "Be brief."), ChatMessage("user", "Where do puffins live?")]
CAME = "Puffins dig burrows [1]. Then "
SILENCE = 0.3
Start = Callable[..., ChatEndpoint]
_BACKENDS: dict[str, Callable[[str], ChatModel]] = {
    "openai": lambda address: OpenAICompatibleChat(address, "tiny", timeout=SILENCE)
}


@pytest.fixture
def endpoint() -> Iterator[Start]:
    started: list[ChatEndpoint] = []

    def start(*answers: str | int | bytes) -> ChatEndpoint:
        started.append(ChatEndpoint(*answers))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture(params=_BACKENDS)
def model_at(request: pytest.FixtureRequest) -> Callable[[str], ChatModel]:
    return _BACKENDS[request.param]


def told(model: ChatModel, max_tokens: int = 100) -> tuple[str, str]:
    """What came, and why no more of it."""
    text = ""
    try:
        for piece in model.stream(ASKED, max_tokens):
            text += piece
    except ModelUnavailableError as error:
        return text, str(error)
    return text, ""


def test_it_answers_bit_by_bit_and_whole(endpoint: Start, model_at: Callable[[str], ChatModel]) -> None:
    server = endpoint("<think>Let me see [9].</think>In burrows\u202e\x07 on cliffs [1].")
    model = model_at(f"{server.address}/")
    assert model.name == "tiny at 127.0.0.1"
    pieces = list(model.stream(ASKED, 77, 0.25))
    assert len(pieces) > 1
    assert "".join(pieces) == "In burrows on cliffs [1]."
    assert model.complete(ASKED, 77, 0.25) == "In burrows on cliffs [1]."
    for asked in server.asked:
        assert (asked["path"], asked["model"], asked["max_tokens"]) == ("/v1/chat/completions", "tiny", 77)
        assert asked["temperature"] == 0.25
        assert asked["messages"] == [{"role": each.role, "content": each.content} for each in ASKED]


@pytest.mark.parametrize(
    ("answer", "came", "why"),
    [
        ("hang", "", "did not answer within"),
        ("silence", CAME, "fell silent"),
        ("cut", CAME, "broke off"),
        ("unfinished", CAME, "broke off before its end"),
        ("error", CAME, "out of memory"),
        ("broken", CAME, "broke off in the middle"),
        ("long", CAME, "answer_max_tokens"),
        ("empty", " \n", "without any text"),
        ("comments", "", "had not ended after"),
        (b"<html>welcome to the proxy</html>", "", "without any text"),
        *((status, "", f"status {status}") for status in (301, 307, 401, 403, 404, 429, 500, 503)),
        (400, "", "refused the question"),
    ],
)
def test_what_fails_is_told_and_what_came_before_stands(
    endpoint: Start, model_at: Callable[[str], ChatModel], answer: str | int | bytes, came: str, why: str
) -> None:
    server = endpoint(answer)
    text, failure = told(model_at(server.address))
    assert text == came
    assert why in failure
    assert "tiny at 127.0.0.1" in failure
    assert "sk-abcdefgh123456" not in failure
    assert len(server.asked) == 1, "neither asked again, nor followed elsewhere"


@pytest.mark.parametrize("answer", ["hang", "empty", b"<html>", b'{"choices": []}', b"[]", 401, 500])
def test_a_whole_answer_fails_as_clearly(
    endpoint: Start, model_at: Callable[[str], ChatModel], answer: str | int | bytes
) -> None:
    with pytest.raises(ModelUnavailableError, match="tiny at 127.0.0.1"):
        model_at(endpoint(answer).address).complete(ASKED, 50)


def test_an_answer_that_never_ends_is_cut(endpoint: Start, model_at: Callable[[str], ChatModel]) -> None:
    server = endpoint("endless")
    text, failure = told(model_at(server.address), 50)
    assert 0 < len(text) <= 50 * 16
    assert "did not come to an end" in failure


def test_nobody_listens(endpoint: Start, model_at: Callable[[str], ChatModel]) -> None:
    server = endpoint("x")
    server.close()
    assert "cannot be reached" in told(model_at(server.address))[1]


def test_closing_the_iterator_hangs_up(endpoint: Start, model_at: Callable[[str], ChatModel]) -> None:
    server = endpoint("endless")
    pieces = model_at(server.address).stream(ASKED, 100_000)
    assert next(pieces)
    pieces.close()
    assert server.hung_up.wait(10)


@pytest.mark.parametrize("answer", ["hang", "silence"])
def test_closing_from_another_thread_ends_the_wait_at_once(
    endpoint: Start, model_at: Callable[[str], ChatModel], answer: str
) -> None:
    """Also where not even the head of the answer has come; and the endpoint is not blamed for it."""
    server = endpoint(answer, "Yes.")
    model = OpenAICompatibleChat(server.address, "tiny", timeout=30)
    pieces, ended = model.stream(ASKED, 50), threading.Event()

    def read() -> None:
        with contextlib.suppress(ModelUnavailableError):
            list(pieces)
        ended.set()

    threading.Thread(target=read, daemon=True).start()
    while not server.asked:
        time.sleep(0.01)
    pieces.close()
    assert ended.wait(15)
    assert model.trouble == ""
    assert told(model) == ("Yes.", "")


def test_an_endpoint_that_failed_is_left_alone_for_a_while(endpoint: Start) -> None:
    server, now = endpoint(503, "Again."), [0.0]
    model = OpenAICompatibleChat(server.address, "tiny", timeout=SILENCE, clock=lambda: now[0])
    first = told(model)[1]
    assert model.trouble == first
    now[0] = REST - 1
    assert told(model) == ("", first)
    with pytest.raises(ModelUnavailableError):
        model.complete(ASKED, 10)
    assert len(server.asked) == 1
    now[0] = REST + 1
    assert told(model) == ("Again.", "")
    assert (model.trouble, model.answered) == ("", True)


def test_what_an_endpoint_does_not_take_is_left_out(endpoint: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = b'{"error": {"message": "Unsupported parameter: max_tokens. Use max_completion_tokens."}}'
    server = endpoint(refusal, "Yes.")
    original = server._send
    monkeypatch.setattr(
        server, "_send", lambda request, _status, body, _kind: original(request, 400, body, "application/json")
    )
    model = OpenAICompatibleChat(server.address, "new", timeout=SILENCE)
    assert told(model) == ("Yes.", "")
    assert ["max_tokens" in asked for asked in server.asked] == [True, False]
    assert server.asked[1]["max_completion_tokens"] == 100


def test_no_key_and_no_account_of_another_service_is_sent(endpoint: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "sk-of-another-service")
    server = endpoint("Yes.")
    told(OpenAICompatibleChat(server.address, "tiny", timeout=SILENCE))
    told(OpenAICompatibleChat(server.address, "tiny", "own-key", timeout=SILENCE))
    assert "authorization" not in server.headers[0]
    assert server.headers[1]["authorization"] == "Bearer own-key"
    assert not any("sk-of-another-service" in str(headers) for headers in server.headers)
    assert not any(name.startswith("x-stainless") for headers in server.headers for name in headers)


def test_addresses_that_make_no_sense_are_refused() -> None:
    for wrong in (
        "localhost:8000/v1",
        "ftp://x/v1",
        "http://",
        "http://x/v1?key=1",
        "http://[x/v1",
        "http://x:abc/v1",
        "http://x y/v1",
        "http://℀/v1",
        "https://api.openai.com@evil.io/v1",
        "http://me:hunter2@x/v1",
        "",
    ):
        with pytest.raises(ConfigError, match="chat_api_base") as refused:
            OpenAICompatibleChat(wrong, "tiny")
        assert "hunter2" not in str(refused.value) and "key=1" not in str(refused.value)
        if wrong:
            with pytest.raises(ConfigError, match="chat_api_base"):
                chat_endpoint(CortexConfig(chat_api_base=wrong), {})
    broken = CortexConfig(chat_api_base="https://x.io/v1", vision_api_base="http://[x/v1")
    found = chat_endpoint(broken, {"RUNPOD_API_KEY": "r"})
    assert found is not None and found.key_name == ""


KEYS = {"OPENAI_API_KEY": "o", "RUNPOD_API_KEY": "r", "CORTEX_CHAT_API_KEY": "c"}


@pytest.mark.parametrize(
    ("settings", "keys", "expected"),
    [
        ({}, KEYS, None),
        ({"chat_model": "gpt"}, {}, None),
        ({"chat_model": "gpt"}, KEYS, Endpoint("https://api.openai.com/v1", "gpt", "OPENAI_API_KEY")),
        (
            {"vision_api_base": "https://r.io/v1", "vision_model": "vl"},
            KEYS,
            Endpoint("https://r.io/v1", "vl", "RUNPOD_API_KEY"),
        ),
        ({"chat_api_base": "https://x.io/v1"}, KEYS | {"CORTEX_CHAT_API_KEY": ""}, ""),
        ({"chat_api_base": "https://x.io/v1"}, KEYS, "CORTEX_CHAT_API_KEY"),
        ({"chat_api_base": "https://API.openai.com:443/v1"}, {"OPENAI_API_KEY": "o"}, "OPENAI_API_KEY"),
        ({"chat_api_base": "https://api.openai.com.evil.io/v1"}, {"OPENAI_API_KEY": "o"}, ""),
        (
            {"chat_api_base": "https://api.openai.com/v1", "vision_api_base": "https://api.openai.com/v1"},
            {"RUNPOD_API_KEY": "r"},
            "RUNPOD_API_KEY",
        ),
        ({"chat_api_base": "http://api.openai.com/v1"}, {"OPENAI_API_KEY": "o"}, ""),
        (
            {"chat_api_base": "https://r.io/other", "vision_api_base": "https://r.io/v1"},
            {"RUNPOD_API_KEY": "r"},
            "RUNPOD_API_KEY",
        ),
        ({"chat_api_base": "https://x.io/v1", "vision_api_base": "https://r.io/v1"}, {"RUNPOD_API_KEY": "r"}, ""),
    ],
)
def test_a_key_goes_only_to_the_host_it_belongs_to(
    settings: dict[str, str], keys: dict[str, str], expected: Endpoint | str | None
) -> None:
    found = chat_endpoint(CortexConfig(**settings), keys)
    assert (found.key_name if found and isinstance(expected, str) else found) == expected


def test_descriptions_and_answers_come_from_the_endpoint_of_runpod(
    endpoint: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S0-01 and S0-02: one address, one key, for both."""
    server = endpoint("A boat.")
    monkeypatch.setenv("RUNPOD_API_KEY", "rpa_secret")
    config = CortexConfig(vision_api_base=server.address, vision_model="qwen")
    describer, model = backends.build_describer(config), backends.build_chat_model(config)
    assert describer is not None and model is not None
    assert describer.describe(b"p", "image/png") == "A boat."
    assert model.complete(ASKED, 50) == "A boat."
    assert [headers["authorization"] for headers in server.headers] == ["Bearer rpa_secret"] * 2
    assert [asked["model"] for asked in server.asked] == ["qwen"] * 2
    assert backends.build_chat_model(CortexConfig()) is None
    assert "No chat endpoint is set" in backends.chat_absence(CortexConfig())


def test_too_many_bytes_are_refused(endpoint: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "LARGEST_ANSWER", 2_000)
    failure = told(OpenAICompatibleChat(endpoint("endless").address, "tiny", timeout=5), 100_000)[1]
    assert "more than 2,000 bytes" in failure


def test_what_is_packed_is_refused_and_the_key_is_never_repeated(
    endpoint: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A packed answer of a megabyte may be one of gigabytes; a gateway may quote the key in its refusal."""
    server = endpoint("x")

    def packed(request: Any, _status: int, _body: bytes, _kind: str) -> None:
        data = gzip.compress(b"{" * 1_000_000)
        request.send_response(200)
        request.send_header("Content-Encoding", "gzip")
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    monkeypatch.setattr(server, "_send", packed)
    with pytest.raises(ModelUnavailableError, match="packed"):
        OpenAICompatibleChat(server.address, "tiny", timeout=5).complete(ASKED, 10)
    assert server.headers[0]["accept-encoding"] == "identity"
    monkeypatch.undo()
    original, said = server._send, b'{"error": {"message": "Incorrect key: my-own-key-1"}}'
    monkeypatch.setattr(server, "_send", lambda request, *_: original(request, 401, said, "application/json"))
    with pytest.raises(ModelUnavailableError, match=r"Incorrect key: …\)") as refused:
        OpenAICompatibleChat(server.address, "tiny", "my-own-key-1", timeout=5).complete(ASKED, 10)
    assert "my-own-key" not in str(refused.value)


def test_brackets_without_end_are_no_answer(endpoint: Start) -> None:
    model = OpenAICompatibleChat(endpoint(b"data: " + b"[" * 100_000 + b"\n\n").address, "tiny", timeout=5)
    assert "broke off in the middle" in told(model)[1]


def test_thoughts_of_which_only_the_end_is_marked_are_no_answer(endpoint: Start) -> None:
    server = endpoint("Hm, burrows [9]?</think>In burrows [1].")
    assert OpenAICompatibleChat(server.address, "tiny", timeout=5).complete(ASKED, 50) == "In burrows [1]."
