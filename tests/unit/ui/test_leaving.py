"""The line on the first page about what leaves this computer is true for the settings in force."""

from __future__ import annotations

import pytest

from cortex_engine.config import CortexConfig
from cortex_ui.leaving import sentence

HERE = "Everything runs on this computer; nothing is sent to anyone."


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"chat_model": "gpt"},
        {"chat_api_base": "http://localhost:8000/v1", "explain_hits": True},
        {"vision_api_base": "http://127.0.0.1:8000/v1", "describe_pictures": True},
        {"reranker": "http", "reranker_url": "http://[::1]:8000/rerank"},
        {"reranker_url": "https://rank.example/v1"},
    ],
)
def test_nothing_is_sent(settings: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert sentence(CortexConfig(**settings)) == HERE  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        ({"chat_api_base": "https://chat.example/v1"}, ["questions on the Ask page", "chat.example"]),
        ({"vision_api_base": "https://pod.example/v1"}, ["questions on the Ask page", "pod.example"]),
        (
            {"vision_api_base": "https://pod.example/v1", "describe_pictures": True},
            ["pictures are sent to pod.example"],
        ),
        ({"chat_api_base": "https://a.io/v1", "explain_hits": True}, ["first passages are sent to a.io"]),
        ({"chat_api_base": "https://a.io/v1", "entity_extractor": "llm"}, ["every passage is sent to a.io"]),
        ({"reranker": "http", "reranker_url": "https://rank.example/v1"}, ["sent to rank.example to be ordered"]),
    ],
)
def test_what_is_sent_is_said(settings: dict[str, object], sent: list[str]) -> None:
    told = sentence(CortexConfig(**settings))  # type: ignore[arg-type]
    assert HERE not in told and all(part in told for part in sent), told


def test_a_key_of_openai_alone_sends_nothing_but_with_a_model_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    assert sentence(CortexConfig()) == HERE
    assert "api.openai.com" in sentence(CortexConfig(chat_model="gpt"))
