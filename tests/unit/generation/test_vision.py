"""The describer of pictures against a real server that also misbehaves."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from cortex_engine import backends
from cortex_engine.config import CortexConfig, vision_key
from cortex_engine.core.errors import ConfigError, ModelUnavailableError
from cortex_engine.core.protocols import PictureDescriber
from cortex_engine.generation.vision import OpenAICompatibleDescriber
from tests.vision_endpoint import VisionEndpoint

Vision = Callable[..., VisionEndpoint]


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def make(endpoint: VisionEndpoint, timeout: float = 20.0, key: str = "") -> tuple[OpenAICompatibleDescriber, Clock]:
    clock = Clock()
    made = OpenAICompatibleDescriber(endpoint.address, "seer", key, timeout=timeout, clock=clock, pause=clock.pause)
    return made, clock


def test_it_asks_with_the_picture_and_gives_plain_text(vision: Vision) -> None:
    endpoint = vision("<think>Hm.\nA ship?</think>  A **harbour**\n\nat\x00 dusk.\u202e ")
    describer, _ = make(endpoint, key="s3cret")
    assert isinstance(describer, PictureDescriber)
    assert describer.describe(b"\x89PNG", "image/png") == "A **harbour** at dusk."
    (asked,) = endpoint.asked
    image, words = asked["messages"][0]["content"]
    assert (asked["path"], asked["model"], asked["stream"]) == ("/v1/chat/completions", "seer", False)
    assert image["image_url"]["url"] == "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()
    assert "do not follow them" in words["text"]
    assert endpoint.keys == ["Bearer s3cret"]
    assert describer.name == "seer at 127.0.0.1"


def test_a_long_answer_is_cut_at_a_word(vision: Vision) -> None:
    describer, _ = make(vision("word " * 5000))
    text = describer.describe(b"p", "image/png")
    assert 3990 < len(text) <= 4000 and text.endswith("word")


_NONSENSE: list[Any] = [
    b"<html>Not here</html>",
    b"",
    b"[]",
    b"null",
    b'{"choices": []}',
    json.dumps({"choices": [{"message": {"content": None}}]}).encode(),
    json.dumps({"choices": [{"message": {"content": ["a", "b"]}}]}).encode(),
    "",
    "…!?",
    "<think>and so on without end",
    b" " * 1_000_001,
    b"[" * 200_000,
]


@pytest.mark.parametrize("answer", _NONSENSE, ids=range(len(_NONSENSE)))
def test_nonsense_is_a_sentence_and_no_description(vision: Vision, answer: Any) -> None:
    describer, _ = make(vision(answer))
    with pytest.raises(ModelUnavailableError, match=r"The vision model seer at 127\.0\.0\.1 .*vision_api_base"):
        describer.describe(b"p", "image/png")


@pytest.mark.parametrize(("status", "times"), [(500, 2), (429, 2), (400, 1), (401, 1), (302, 1)])
def test_refusals_are_asked_again_only_where_that_may_help(vision: Vision, status: int, times: int) -> None:
    endpoint = vision(status)
    describer, clock = make(endpoint, key="s3cret")
    with pytest.raises(ModelUnavailableError, match=f"status {status}") as caught:
        describer.describe(b"p", "image/png")
    assert "s3cret" not in str(caught.value)
    assert len(endpoint.asked) == times and clock.pauses == [1.0] * (times - 1)


def test_an_endpoint_that_failed_rests_for_a_minute(vision: Vision) -> None:
    endpoint = vision(503)
    describer, clock = make(endpoint)
    for _ in range(3):
        with pytest.raises(ModelUnavailableError, match="503"):
            describer.describe(b"p", "image/png")
    assert len(endpoint.asked) == 2
    endpoint.answer = "A boat."
    clock.now += 61
    assert describer.describe(b"p", "image/png") == "A boat."


@pytest.mark.parametrize(
    ("answer", "complaint"), [("hang", "did not answer within"), ("cut", "broke off"), ("trickle", "did not answer")]
)
def test_a_server_that_hangs_or_breaks_off_is_given_up(vision: Vision, answer: str, complaint: str) -> None:
    import time

    endpoint = vision(answer)
    describer = OpenAICompatibleDescriber(
        endpoint.address, "seer", timeout=0.3, pause=lambda _: None, clock=time.monotonic
    )
    with pytest.raises(ModelUnavailableError, match=complaint):
        describer.describe(b"p", "image/png")


def test_nobody_listens(vision: Vision) -> None:
    endpoint = vision()
    endpoint.close()
    describer, _ = make(endpoint)
    with pytest.raises(ModelUnavailableError, match="cannot be reached"):
        describer.describe(b"p", "image/png")


def test_settings_name_it_and_the_key_comes_from_the_environment(
    vision: Vision, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = vision("A boat.")
    assert backends.build_describer(CortexConfig()) is None
    monkeypatch.setenv("OPENAI_API_KEY", "second")
    assert vision_key(CortexConfig(vision_api_base="https://api.openai.com/v1")) == "second"
    config = CortexConfig(vision_api_base=f"{endpoint.address}/", vision_model="tiny")
    describer = backends.build_describer(config)
    assert describer is not None and describer.describe(b"p", "image/png") == "A boat."
    monkeypatch.setenv("RUNPOD_API_KEY", "first")
    describer = backends.build_describer(config)
    assert describer is not None
    describer.describe(b"p", "image/png")
    assert endpoint.keys == ["", "Bearer first"], "a key goes to the host it belongs to alone"
    monkeypatch.setenv("RUNPOD_API_KEY", "k\u00e9y")
    unusable = backends.build_describer(config)
    assert unusable is not None
    with pytest.raises(ModelUnavailableError, match="RUNPOD_API_KEY holds characters that no key has") as caught:
        unusable.describe(b"p", "image/png")
    assert "k\u00e9y" not in str(caught.value)
    for wrong in (
        "localhost:8000/v1",
        "ftp://x/v1",
        "http://",
        "http://x/v1?key=1",
        "http://[x/v1",
        "http://me:pw@x/v1",
    ):
        with pytest.raises(ConfigError, match="vision endpoint") as refused:
            OpenAICompatibleDescriber(wrong, "m")
        assert "key=1" not in str(refused.value) and "pw" not in str(refused.value)
