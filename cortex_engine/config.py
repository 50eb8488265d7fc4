"""Settings: defaults, then `cortex_config.json`, then `.env`, then the environment. The only reader of all three.

`docs/reference/configuration.md` is generated from this class (`python -m cortex_engine config reference`).
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any, get_args
from urllib.parse import urlsplit

from pydantic import ConfigDict, ValidationError

from cortex_engine.core import failpoints
from cortex_engine.core.errors import ConfigError
from cortex_engine.core.network import http_host
from cortex_engine.core.options import ChunkOptions, ParseOptions, SearchOptions
from cortex_engine.core.settings_file import read_values, why_unfit, write_values
from cortex_engine.settings.finding import EmbeddingSettings, SearchSettings
from cortex_engine.settings.knowledge import AnswerSettings, GraphSettings
from cortex_engine.settings.library import DEFAULT_DATA_DIR, IngestSettings, LibrarySettings, LogSettings
from cortex_engine.settings.qwen3_vl import Qwen3VLSettings
from cortex_engine.settings.serving import ServerSettings
from cortex_engine.settings.vision import PictureSettings, RerankingSettings

CONFIG_FILE = "cortex_config.json"
ENV_FILE = ".env"
COMMAND_LINE = "command line"
SECRETS = ("CORTEX_RERANKER_API_KEY", "CORTEX_CHAT_API_KEY", "RUNPOD_API_KEY", "OPENAI_API_KEY")
"""Environment variables that hold keys: no settings, never written anywhere."""
OPENAI_BASE = "https://api.openai.com/v1"


# Fields come in the order of the last base first; the pages and the reference show them so.
class CortexConfig(
    ServerSettings,
    LogSettings,
    AnswerSettings,
    PictureSettings,
    RerankingSettings,
    Qwen3VLSettings,
    IngestSettings,
    GraphSettings,
    SearchSettings,
    EmbeddingSettings,
    LibrarySettings,
):
    """All settings, frozen. Field names are the keys of `cortex_config.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    @property
    def new_collection_backend(self) -> str:
        """The backend of new collections: `embedding_backend`, unless that is the packaged one and Qwen3-VL is enabled."""
        if self.qwen3_vl_enabled and self.embedding_backend == CortexConfig.model_fields["embedding_backend"].default:
            return "qwen3_vl"
        return self.embedding_backend

    @property
    def reranker_in_use(self) -> str:
        """`reranker`, unless that is "none" and `qwen3_vl_reranker_enabled` asks for Qwen3-VL."""
        return "qwen3_vl" if self.reranker == "none" and self.qwen3_vl_reranker_enabled else self.reranker

    def parse_options(self) -> ParseOptions:
        """The settings that the parse box takes."""
        return ParseOptions(
            ocr=self.ocr,
            memory_bytes=self.parse_memory_bytes,
            wall_seconds=self.parse_wall_seconds,
            file_bytes=self.parse_file_bytes,
        )

    def chunk_options(self) -> ChunkOptions:
        """The settings that the chunker takes."""
        return ChunkOptions(max_tokens=self.chunk_max_tokens)

    def search_options(self) -> SearchOptions:
        """The settings that the query line takes."""
        return SearchOptions(
            candidates=self.candidates,
            exact_below=self.exact_below,
            fusion=self.fusion,
            max_per_document=self.max_per_document,
            rerank=self.reranker_in_use != "none",
            rerank_candidates=self.qwen3_vl_reranker_candidates,
            rerank_top_k=self.qwen3_vl_reranker_top_k,
            picture_weight=self.picture_weight,
        )


@dataclass(frozen=True, slots=True)
class SettingState:
    """A setting as `config show` and the Settings page present it.

    Attributes:
        source: "default", "file", "environment", or "command line" (`--data-dir`).
        cost: what changing it entails, "" for nothing.
    """

    key: str
    value: object
    default: object
    source: str
    env: str
    group: str
    description: str
    cost: str


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """The settings with their origin."""

    config: CortexConfig
    file: Path
    sources: Mapping[str, str]

    def states(self) -> list[SettingState]:
        """Every setting in the order of the class."""
        rows = []
        for key, info in CortexConfig.model_fields.items():
            extra = setting_facts(key)
            rows.append(
                SettingState(
                    key=key,
                    value=getattr(self.config, key),
                    default=info.default,
                    source=self.sources.get(key, "default"),
                    env=extra["env"],
                    group=extra["group"],
                    description=info.description or "",
                    cost=extra["cost"],
                )
            )
        return rows


def load_config(data_dir: Path | None = None, environ: Mapping[str, str] | None = None) -> LoadedConfig:
    """Read the settings.

    Args:
        data_dir: overrides every other source (the command line's `--data-dir`).
        environ: for tests; `environment()` otherwise.

    Raises:
        ConfigError: an unknown key (the nearest known one is named) or a value that does not fit.
    """
    environ = environment() if environ is None else environ
    failpoints.activate(environ.get("CORTEX_FAILPOINT", ""))
    from_environment = _environment_values(environ)
    if data_dir is not None:
        from_environment["data_dir"] = data_dir
    file = config_file(environ, Path(str(from_environment.get("data_dir", DEFAULT_DATA_DIR))))
    from_file = _file_values(file)
    sources = dict.fromkeys(from_file, "file") | dict.fromkeys(from_environment, "environment")
    if data_dir is not None:
        sources["data_dir"] = COMMAND_LINE
    config = _validate({**from_file, **from_environment}, file)
    resolved = config.model_copy(update={"data_dir": config.data_dir.expanduser().absolute()})
    return LoadedConfig(resolved, file, sources)


def environment() -> Mapping[str, str]:
    """The process's environment, and below it what a file `.env` in the working folder says.

    A variable that is set to nothing counts as set. The file's values never enter the environment of other programs.
    """
    file = Path.cwd() / ENV_FILE
    if not file.is_file():
        return os.environ
    from dotenv import dotenv_values

    try:
        said = dotenv_values(file, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The file {file} cannot be read ({error}). Mend it, or take it away.") from error
    return {**{name: value for name, value in said.items() if value is not None}, **os.environ}


def secret(name: str, environ: Mapping[str, str] | None = None) -> str:
    """A key from the environment, "" where it is not set. Never logged, never written, never shown.

    Args:
        name: one of `SECRETS`.
        environ: for tests; `environment()` otherwise.

    Raises:
        ConfigError: no secret of this name is known, or it holds characters that no key has.
    """
    if name not in SECRETS:
        raise ConfigError(f"There is no secret called '{name}'. Known ones: {', '.join(SECRETS)}.")
    key = (environment() if environ is None else environ).get(name, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"The environment variable {name} holds characters that no key has. Copy the key again.")
    return key


@dataclass(frozen=True, slots=True)
class ChatEndpoint:
    """What writes answers: address, model, and the name of the secret that belongs to that host ("" for none)."""

    base: str
    model: str
    key_name: str


def chat_endpoint(config: CortexConfig, environ: Mapping[str, str] | None = None) -> ChatEndpoint | None:
    """The endpoint that counts: `chat_api_base`, else the one that describes pictures, else OpenAI's own; None without any.

    OpenAI's own counts only where its key and `chat_model` are set: nothing is sent there because a key happens to lie in the
    environment. A key goes only to the host it belongs to: `OPENAI_API_KEY` to OpenAI, `RUNPOD_API_KEY` to `RUNPOD_API_BASE`,
    `CORTEX_CHAT_API_KEY` to `chat_api_base`.

    Raises:
        ConfigError: the address is none, or a key holds characters that no key has.
    """
    base = config.chat_api_base or config.vision_api_base
    if not base:
        if not (config.chat_model and secret("OPENAI_API_KEY", environ)):
            return None
        base = OPENAI_BASE
    try:
        http_host(base)
    except ValueError as error:
        raise ConfigError(
            f"The address of the chat endpoint cannot be used: {error}. Set 'chat_api_base' (or RUNPOD_API_BASE) to something "
            "like https://api.example.com/v1."
        ) from error
    place, runpod = _origin(base), _origin(config.vision_api_base)
    if config.chat_api_base and secret("CORTEX_CHAT_API_KEY", environ):
        key_name = "CORTEX_CHAT_API_KEY"
    elif place == _origin(OPENAI_BASE) and (place != runpod or secret("OPENAI_API_KEY", environ)):
        key_name = "OPENAI_API_KEY"
    else:
        key_name = "RUNPOD_API_KEY" if place == runpod else ""
    return ChatEndpoint(base, config.chat_model or config.vision_model, key_name)


def vision_key(config: CortexConfig, environ: Mapping[str, str] | None = None) -> str:
    """The key for the endpoint that describes pictures: `RUNPOD_API_KEY`, else OpenAI's where the address is OpenAI's own.

    Raises:
        ConfigError: it holds characters that no key has.
    """
    key = secret("RUNPOD_API_KEY", environ)
    if key or _origin(config.vision_api_base) != _origin(OPENAI_BASE):
        return key
    return secret("OPENAI_API_KEY", environ)


def _origin(address: str) -> tuple[str, str]:
    """Scheme, host and port; twice "" for what is no address."""
    try:
        http_host(address)
    except ValueError:
        return "", ""
    parts = urlsplit(address.strip().lower())
    return parts.scheme, parts.netloc.removesuffix(":443" if parts.scheme == "https" else ":80")


def config_file(environ: Mapping[str, str], data_dir: Path) -> Path:
    """Where `cortex_config.json` is read and written: `CORTEX_CONFIG`, the working folder, else the data folder."""
    if named := environ.get("CORTEX_CONFIG"):
        return Path(named).expanduser()
    here = Path.cwd() / CONFIG_FILE
    return here if here.is_file() else data_dir.expanduser() / CONFIG_FILE


def save_setting(loaded: LoadedConfig, key: str, value: object) -> LoadedConfig:
    """Write one setting to the configuration file (atomically) and read everything again.

    Args:
        loaded: where the file is.
        key: name of a setting.
        value: of the setting's own type, None for null, or text as it stands in an environment variable. The file gets
            JSON of the right type either way: numbers as numbers, switches as true and false.

    Raises:
        ConfigError: unknown key, unfit value, or a setting that the environment decides; the file is left as it was.
    """
    key = _changeable(loaded, key)
    values = _file_values(loaded.file)
    values[key] = _parse_value(key, value) if isinstance(value, str) else value
    return _write(loaded, values)


def reset_setting(loaded: LoadedConfig, key: str) -> LoadedConfig:
    """Take one setting out of the configuration file, so that its default holds; errors as `save_setting`."""
    key = _changeable(loaded, key)
    values = _file_values(loaded.file)
    values.pop(key, None)
    return _write(loaded, values)


def _changeable(loaded: LoadedConfig, key: str) -> str:
    key = _known_key(key)
    source, variable = loaded.sources.get(key), setting_facts(key)["env"]
    if source == COMMAND_LINE:
        raise ConfigError(f"'{key}' was given when the program was started, which wins over the file. Change it there.")
    if source == "environment":
        named = variable if variable in environment() or key != "offline" else "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE"
        raise ConfigError(
            f"'{key}' is set by the environment variable {named}, which wins over the file. Change it there."
        )
    return key


def _write(loaded: LoadedConfig, values: dict[str, Any]) -> LoadedConfig:
    plain = _validate(values, loaded.file).model_dump(mode="json")
    write_values(loaded.file, {key: plain[key] for key in values})
    return load_config(loaded.config.data_dir if loaded.sources.get("data_dir") == COMMAND_LINE else None)


def setting_facts(key: str) -> dict[str, str]:
    """What the reference says of a setting: "group", "env" (its variable) and "cost" (what changing it entails)."""
    extra = CortexConfig.model_fields[key].json_schema_extra
    assert isinstance(extra, dict)  # noqa: S101  (`setting` puts it there; this is for the type checker)
    return {name: str(value) for name, value in extra.items()}


def _environment_values(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key in CortexConfig.model_fields:
        name = setting_facts(key)["env"]
        if name in environ and (environ[name] != "" or CortexConfig.model_fields[key].annotation is str):
            values[key] = _parse_value(key, environ[name])
    switches = [environ.get(name, "").lower() for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")]
    if "offline" not in values and any(switch in {"1", "true", "yes", "on"} for switch in switches):
        values["offline"] = True
    return values


def _parse_value(key: str, raw: str) -> Any:
    kinds = get_args(CortexConfig.model_fields[key].annotation)
    nothing = {"null"} if str in kinds else {"null", "none"}
    return None if NoneType in kinds and raw.lower() in nothing else raw


def _file_values(file: Path) -> dict[str, Any]:
    return {_known_key(key, file): value for key, value in read_values(file).items()}


def _known_key(key: str, file: Path | None = None) -> str:
    """The field of this name, or of this environment variable's name (the mission's documents write both)."""
    by_env = {setting_facts(name)["env"]: name for name in CortexConfig.model_fields}
    if key in CortexConfig.model_fields or key in by_env:
        return by_env.get(key, key)
    near = difflib.get_close_matches(key.lower(), list(CortexConfig.model_fields), n=1, cutoff=0.5)
    hint = f" Did you mean '{near[0]}'?" if near else " `config show` lists all settings."
    where = f" in {file}" if file else ""
    raise ConfigError(f"There is no setting called '{key}'{where}.{hint}")


def _validate(values: dict[str, Any], file: Path) -> CortexConfig:
    try:
        return CortexConfig(**values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = str(first["loc"][0])
        reason = why_unfit(first["type"], first.get("ctx", {}))
        raise ConfigError(
            f"The setting '{key}' (file {file} or variable {setting_facts(key)['env']}) cannot be used. {reason}"
        ) from None
