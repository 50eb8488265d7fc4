"""The configuration file on disk, and in plain words why a value cannot be used."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cortex_engine.core.errors import ConfigError, StorageFullError

_NO_ROOM = 28


def read_values(file: Path) -> dict[str, Any]:
    """The keys and values of the file; none where there is no file.

    Raises:
        ConfigError: it cannot be read, or holds no JSON object.
    """
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"The configuration file {file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"The configuration file {file} is not in UTF-8. Correct or remove it.") from error
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"The configuration file {file} is not valid JSON (line {error.lineno}: {error.msg}). Correct or remove it."
        ) from error
    if not isinstance(values, dict):
        raise ConfigError(f'The configuration file {file} must hold one JSON object, like {{"ocr": false}}.')
    return values


def write_values(file: Path, values: Mapping[str, Any]) -> None:
    """Replace the file in one step: it holds either the old values or the new ones.

    Raises:
        ConfigError: it cannot be written.
        StorageFullError: the disk is full. In both cases the old file is still there.
    """
    text = json.dumps(dict(values), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    draft = file.with_suffix(".tmp")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        if error.errno == _NO_ROOM:
            raise StorageFullError(f"The disk is full; the configuration file {file} was left as it was.") from error
        raise ConfigError(
            f"The configuration file {file} cannot be written: {error.strerror}. It was left as it was."
        ) from error


def why_unfit(kind: str, facts: Mapping[str, Any]) -> str:
    """Why a value does not fit, as a sentence; `kind` and `facts` as the schema's validator reports them.

    The value itself is not repeated: somebody may have pasted a password into the wrong field.
    """
    words = _WORDS.get(kind, "It has a value that does not fit.")
    return words.format(**{name: _figure(value) for name, value in facts.items()})


def _figure(value: object) -> str:
    """Limits with thousands apart; the rest as it is."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value).replace("'", '"')


_WHOLE, _NUMBER = "It must be a whole number.", "It must be a number."
_SWITCH, _TEXT = "It must be true or false.", "It must be text."
_WORDS = {
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": "It is far too large a number.",
    "int_from_float": "It must be a whole number, without a fraction.",
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "It must be a number with an end: infinity and NaN are none.",
    "bool_type": _SWITCH,
    "bool_parsing": _SWITCH,
    "string_type": _TEXT,
    "string_unicode": "It holds characters that cannot be stored.",
    "string_too_short": "It must not be empty.",
    "string_too_long": "It must have at most {max_length} characters.",
    "string_pattern_mismatch": "It is not written as this setting needs it.",
    "path_type": "It must be the path of a folder.",
    "greater_than": "It must be more than {gt}.",
    "greater_than_equal": "It must be at least {ge}.",
    "less_than": "It must be less than {lt}.",
    "less_than_equal": "It must be at most {le}.",
    "literal_error": "It must be one of {expected}.",
    "value_error": "{error}",
}
