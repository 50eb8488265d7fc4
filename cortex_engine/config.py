"""Settings: defaults, then `cortex_config.json`, then the environment. The only reader of either.

`docs/reference/configuration.md` is generated from this class (`python -m cortex_engine config reference`).
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cortex_engine.core import failpoints
from cortex_engine.core.errors import ConfigError
from cortex_engine.core.options import ChunkOptions, ParseOptions, SearchOptions

CONFIG_FILE = "cortex_config.json"
DEFAULT_DATA_DIR = Path.home() / ".cortex-suite"


def _setting(default: Any, description: str, group: str, env: str, cost: str = "", **bounds: Any) -> Any:
    """A field with what the reference and the Settings page say of it."""
    extra: dict[str, Any] = {"group": group, "env": env, "cost": cost}
    return Field(default, description=description, json_schema_extra=extra, **bounds)


class CortexConfig(BaseModel):
    """All settings, frozen. Field names are the keys of `cortex_config.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    data_dir: Path = _setting(
        DEFAULT_DATA_DIR, "Folder of the library: catalog, originals, indexes.", "Library", "CORTEX_DATA_DIR"
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
        source: "default", "file" or "environment".
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
    config = _validate({**from_file, **from_environment}, file)
    resolved = config.model_copy(update={"data_dir": config.data_dir.expanduser().absolute()})
    return LoadedConfig(resolved, file, sources)


def config_file(environ: Mapping[str, str], data_dir: Path) -> Path:
    """Where `cortex_config.json` is read and written: `CORTEX_CONFIG`, the working folder, else the data folder."""
    if named := environ.get("CORTEX_CONFIG"):
        return Path(named).expanduser()
    here = Path.cwd() / CONFIG_FILE
    return here if here.is_file() else data_dir.expanduser() / CONFIG_FILE


def save_setting(loaded: LoadedConfig, key: str, value: str) -> LoadedConfig:
    """Write one setting to the configuration file (atomically) and read everything again.

    Args:
        loaded: where the file is.
        key: name of a setting.
        value: JSON, or plain text for text settings; "null" or "default" removes it from the file.

    Raises:
        ConfigError: unknown key or unfit value; the file is left as it was.
    """
    key = _known_key(key)
    if loaded.sources.get(key) == "environment":
        raise ConfigError(
            f"'{key}' is set by the environment variable {setting_facts(key)['env']}, which wins over the file. Change it there."
        )
    values = _file_values(loaded.file)
    if value == "default":
        values.pop(key, None)
    else:
        values[key] = _parse_value(key, value)
    _validate(values, loaded.file)
    loaded.file.parent.mkdir(parents=True, exist_ok=True)
    draft = loaded.file.with_suffix(".tmp")
    draft.write_text(json.dumps(values, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
    draft.replace(loaded.file)
    return load_config(loaded.config.data_dir)


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
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"The configuration file {file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"The configuration file {file} is not in UTF-8. Correct or remove it.") from error
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"The configuration file {file} is not valid JSON (line {error.lineno}: {error.msg}). Correct or remove it."
        ) from error
    if not isinstance(values, dict):
        raise ConfigError(f'The configuration file {file} must hold one JSON object, like {{"ocr": false}}.')
    return {_known_key(key, file): value for key, value in values.items()}


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
        raise ConfigError(
            f"The setting '{key}' (file {file} or variable {setting_facts(key)['env']}) cannot be used: {first['msg']}."
        ) from error
