"""What leaves this computer under the settings in force, in a sentence: where nothing does, that nothing does."""

from __future__ import annotations

from urllib.parse import urlsplit

from cortex_engine.config import CortexConfig, chat_endpoint
from cortex_engine.core.errors import ConfigError
from cortex_engine.core.network import is_loopback


def sentence(config: CortexConfig) -> str:
    """ "Everything runs on this computer; nothing is sent to anyone.", or what is sent to whom."""
    sent = _sent(config)
    if not sent:
        return "Everything runs on this computer; nothing is sent to anyone."
    return f"Documents and indexes lie on this computer. Under the settings in force, {'; '.join(sent)}."


def _sent(config: CortexConfig) -> list[str]:
    found = []
    if config.describe_pictures and (host := _elsewhere(config.vision_api_base)):
        found.append(f"pictures are sent to {host} to be described")
    if config.reranker_in_use == "http" and (host := _elsewhere(config.reranker_url)):
        found.append(
            f"searches and the passages found are sent to {host} to be ordered, and others when you calibrate scores"
        )
    try:
        endpoint = chat_endpoint(config)
    except ConfigError:  # a key that cannot be used: nothing is sent with it
        return found
    if endpoint is not None and (host := _elsewhere(endpoint.base)):
        found.append(f"questions on the Ask page and the passages found for them are sent to {host}")
        if config.explain_hits:
            found.append(f"searches and their first passages are sent to {host} to be explained")
        if config.graph_enabled and config.entity_extractor == "llm":
            found.append(f"every passage is sent to {host} to find names in it")
    return found


def _elsewhere(address: str) -> str:
    """The host of an address, "" for none and for this computer."""
    try:
        host = urlsplit(address.strip()).hostname or ""
    except ValueError:
        return ""
    return "" if is_loopback(host) else host
