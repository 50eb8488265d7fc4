"""Settings: defaults, then `cortex_config.json`, then the environment. The only reader of either.

`docs/reference/configuration.md` is generated from this class (`python -m cortex_engine config reference`).
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cortex_engine.core import failpoints
from cortex_engine.core.errors import ConfigError
from cortex_engine.core.options import ChunkOptions, ParseOptions, SearchOptions
from cortex_engine.core.settings_file import read_values, why_unfit, write_values

CONFIG_FILE = "cortex_config.json"
COMMAND_LINE = "command line"
DEFAULT_DATA_DIR = Path.home() / ".cortex-suite"


def _setting(default: Any, description: str, group: str, env: str, cost: str = "", **bounds: Any) -> Any:
    """A field with what the reference and the Settings page say of it."""
    extra: dict[str, Any] = {"group": group, "env": env, "cost": cost}
    return Field(default, description=description, json_schema_extra=extra, **bounds)


class CortexConfig(BaseModel):
    """All settings, frozen. Field names are the keys of `cortex_config.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    data_dir: Path = _setting(
        DEFAULT_DATA_DIR,
        "Folder of the library: catalog, originals, indexes.",
        "Library",
        "CORTEX_DATA_DIR",
        "Opens another library: nothing is moved.",
    )
    default_collection: str = _setting(
        "Library",
        "Collection that documents go to when none is named.",
        "Library",
        "CORTEX_DEFAULT_COLLECTION",
        min_length=1,
    )
    min_free_bytes: int = _setting(
        2_000_000_000,
        "Ingest is refused when less than this (or than 5 % of the disk, if that is smaller) would stay free.",
        "Library",
        "CORTEX_MIN_FREE_BYTES",
        ge=0,
    )
    embedding_backend: Literal["packaged", "sentence_transformer", "hashing"] = _setting(
        "packaged",
        "How text becomes vectors: the packaged all-MiniLM-L6-v2 (nothing to download), any sentence-transformers model "
        "(`embedding_model`), or hashed words (for tests).",
        "Embedding",
        "CORTEX_EMBEDDING_BACKEND",
        "Applies to new collections; existing ones keep their model.",
    )
    embedding_model: str = _setting(
        "",
        'Hub name or folder of a sentence-transformers model, for example "BAAI/bge-base-en-v1.5".',
        "Embedding",
        "CORTEX_EMBEDDING_MODEL",
        "Applies to new collections; existing ones keep their model.",
    )
    embedding_query_instruction: str | None = _setting(
        None,
        "Text put before queries; null for what the model's card asks for.",
        "Embedding",
        "CORTEX_EMBEDDING_QUERY_INSTRUCTION",
        "Part of the model's identity: applies to new collections.",
    )
    embedding_document_instruction: str | None = _setting(
        None,
        "Text put before passages; null for what the model's card asks for.",
        "Embedding",
        "CORTEX_EMBEDDING_DOCUMENT_INSTRUCTION",
        "Part of the model's identity: applies to new collections.",
    )
    embedding_device: str = _setting(
        "", 'Device for sentence-transformers models ("cpu", "cuda"), "" to choose.', "Embedding", "CORTEX_DEVICE"
    )
    embedding_batch_size: int = _setting(
        32,
        "Passages a step for sentence-transformers models.",
        "Embedding",
        "CORTEX_EMBEDDING_BATCH_SIZE",
        ge=1,
        le=4096,
    )
    offline: bool = _setting(
        False,
        "Never ask a model hub; models must be on this machine. `HF_HUB_OFFLINE` and `TRANSFORMERS_OFFLINE` set it too.",
        "Embedding",
        "CORTEX_OFFLINE",
    )
    vector_store: Literal["chroma", "exact"] = _setting(
        "chroma",
        "Store for large collections; small, filtered and degraded searches scan exactly whatever is set here.",
        "Search",
        "CORTEX_VECTOR_STORE",
        "The index is built from the kept vectors at the next start.",
    )
    exact_below: int = _setting(
        50_000,
        "Up to this many passages in scope the vectors are scanned exactly.",
        "Search",
        "CORTEX_EXACT_BELOW",
        ge=0,
    )
    candidates: int = _setting(
        200, "Passages that each recaller gives to fusion.", "Search", "CORTEX_CANDIDATES", ge=10, le=5000
    )
    fusion: Literal["standardised", "reciprocal_rank"] = _setting(
        "standardised",
        "How the rankings become one (docs/explanation/fusion.md).",
        "Search",
        "CORTEX_FUSION",
    )
    max_per_document: int = _setting(
        0, "Most passages of one document in a result, 0 for no limit.", "Search", "CORTEX_MAX_PER_DOCUMENT", ge=0
    )
    chunk_max_tokens: int = _setting(
        0,
        "Longest passage in the model's tokens; 0 for the model's own limit.",
        "Ingest",
        "CORTEX_CHUNK_MAX_TOKENS",
        "Applies to documents ingested from now on.",
        ge=0,
    )
    ocr: bool = _setting(
        True, "Read pages without a text layer, and pictures.", "Ingest", "CORTEX_OCR", "New documents only."
    )
    parse_workers: int = _setting(2, "Files read at the same time.", "Ingest", "CORTEX_PARSE_WORKERS", ge=1, le=64)
    parse_memory_bytes: int = _setting(
        1_500_000_000, "Memory that reading one file may take.", "Ingest", "CORTEX_PARSE_MEMORY_BYTES", ge=200_000_000
    )
    parse_wall_seconds: float = _setting(
        60.0, "Time that reading one file may take, without OCR.", "Ingest", "CORTEX_PARSE_WALL_SECONDS", gt=0
    )
    parse_file_bytes: int = _setting(
        100_000_000, "Largest file that is taken in.", "Ingest", "CORTEX_PARSE_FILE_BYTES", ge=1
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "info", "How much is logged.", "Logs", "CORTEX_LOG_LEVEL"
    )
    qwen3_vl_enabled: bool = _setting(False, "Use Qwen3-VL embeddings.", "Qwen3-VL", "QWEN3_VL_ENABLED")
    qwen3_vl_model_size: Literal["auto", "2B", "8B"] = _setting(
        "auto", "Size of the embedding model.", "Qwen3-VL", "QWEN3_VL_MODEL_SIZE"
    )
    qwen3_vl_mrl_dim: int | None = _setting(
        None, "Matryoshka dimension; null for the full one.", "Qwen3-VL", "QWEN3_VL_MRL_DIM", ge=16, le=8192
    )
    qwen3_vl_reranker_enabled: bool = _setting(False, "Rerank with Qwen3-VL.", "Qwen3-VL", "QWEN3_VL_RERANKER_ENABLED")
    qwen3_vl_reranker_size: Literal["auto", "2B", "8B"] = _setting(
        "auto", "Size of the reranker.", "Qwen3-VL", "QWEN3_VL_RERANKER_SIZE"
    )
    qwen3_vl_reranker_top_k: int = _setting(
        5, "Results that leave the reranker.", "Qwen3-VL", "QWEN3_VL_RERANKER_TOP_K", ge=1, le=1000
    )
    qwen3_vl_reranker_candidates: int = _setting(
        20, "Candidates that enter the reranker.", "Qwen3-VL", "QWEN3_VL_RERANKER_CANDIDATES", ge=1, le=1000
    )
    qwen3_vl_use_flash_attention: bool = _setting(
        True, "Use flash attention where it is installed.", "Qwen3-VL", "QWEN3_VL_USE_FLASH_ATTENTION"
    )
    qwen3_vl_embed_batch_size: int = _setting(
        8, "Inputs a step of the embedder.", "Qwen3-VL", "QWEN3_VL_EMBED_BATCH_SIZE", ge=1, le=1024
    )
    qwen3_vl_rerank_batch_size: int = _setting(
        4, "Pairs a step of the reranker.", "Qwen3-VL", "QWEN3_VL_RERANK_BATCH_SIZE", ge=1, le=1024
    )
    api_requests_per_minute: int = _setting(
        600, "Requests a minute of one key, and of one address.", "API", "CORTEX_API_REQUESTS_PER_MINUTE", ge=1
    )
    api_upload_bytes: int = _setting(
        500_000_000, "Largest upload over HTTP, all its files together.", "API", "CORTEX_API_UPLOAD_BYTES", ge=1
    )
    api_body_seconds: float = _setting(
        15.0, "So long a request's body may stand still.", "API", "CORTEX_API_BODY_SECONDS", gt=0, le=3600
    )
    server_address: str = _setting(
        "127.0.0.1", "Address that the application listens on.", "API", "CORTEX_SERVER_ADDRESS", "At the next start."
    )
    server_port: int = _setting(
        8501, "Port of pages and API.", "API", "CORTEX_SERVER_PORT", "At the next start.", ge=1, le=65535
    )
    server_proxy: str = _setting(
        "", "Address of a reverse proxy whose X-Forwarded-For counts; none by default.", "API", "CORTEX_SERVER_PROXY"
    )

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
        environ: for tests; the process's environment otherwise.

    Raises:
        ConfigError: an unknown key (the nearest known one is named) or a value that does not fit.
    """
    environ = os.environ if environ is None else environ
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
        named = variable if variable in os.environ or key != "offline" else "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE"
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
    assert isinstance(extra, dict)  # noqa: S101  (`_setting` puts it there; this is for the type checker)
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
    annotation = CortexConfig.model_fields[key].annotation
    if annotation in {str, Path} or (annotation == str | None and raw != "null"):
        return raw
    return None if raw.lower() in {"null", "none"} else raw


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
