"""What every command needs: the open suite, logging, JSON and filters."""

from __future__ import annotations

import json
import logging
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from cortex_engine.config import LoadedConfig
    from cortex_engine.core.search import Filters
    from cortex_engine.suite import CortexSuite

_FILTER_KEYS = {
    "type": "types",
    "language": "languages",
    "tag": "tags",
    "document": "documents",
    "collection": "collections",
}
_SINGLE_KEYS = {"title": "title", "from": "date_from", "to": "date_to"}


def settings(context: click.Context) -> LoadedConfig:
    """Read the settings and set up logging."""
    from cortex_engine.config import load_config

    options = context.find_root().obj
    loaded = load_config(options["data_dir"])
    level = (
        "info" if options["verbose"] else "warning" if loaded.config.log_level == "info" else loaded.config.log_level
    )
    logging.basicConfig(
        level=level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    return loaded


def write_new(path: Path, content: str | bytes) -> None:
    """Write a file, never over one that is there; what cannot be written whole is taken away again.

    Raises:
        FileExistsError: it is there already.
        OSError: it cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    with path.open("xb") as stream:
        try:
            stream.write(data)
            stream.flush()
        except OSError:
            path.unlink(missing_ok=True)
            raise


class NamedPath(click.Path):
    """A path as an argument; "" (a variable that was never set) would mean the working folder, and is refused."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, readable=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See `click.Path`."""
        if value == "":
            self.fail("An empty name is no file or folder.", param, ctx)
        return super().convert(value, param, ctx)


@contextmanager
def open_suite(context: click.Context, create: bool = False) -> Iterator[CortexSuite]:
    """The suite of the settings, closed at the end of the command."""
    from cortex_engine.suite import CortexSuite

    with CortexSuite.open(loaded=settings(context), create=create, command=f"cortex {context.info_name}") as suite:
        yield suite


@contextmanager
def stopping(sentence: str) -> Iterator[threading.Event]:
    """Ctrl-C says `sentence` and lets what is in work be finished; a second one stops at once."""
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        click.echo(sentence, err=True)

    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def print_json(value: object) -> None:
    """One JSON document on the output."""
    click.echo(json.dumps(plain(value), ensure_ascii=False, indent=2))


def plain(value: object) -> Any:
    """Dataclasses, enumerations, paths and tuples as JSON knows them."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(each) for each in value]
    if isinstance(value, StrEnum):
        return value.value
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def parse_filters(pairs: Sequence[str], collections: Sequence[str] = ()) -> Filters:
    """`KEY=VALUE` pairs; the same key several times means any of the values.

    Raises:
        UsageError: an unknown key, or no "=".
    """
    from cortex_engine.core.errors import UsageError
    from cortex_engine.core.search import Filters

    many: dict[str, list[str]] = {"collections": list(collections)}
    single: dict[str, str] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not value:
            raise UsageError(f"The filter '{pair}' is not of the form KEY=VALUE.")
        if key in _FILTER_KEYS:
            many.setdefault(_FILTER_KEYS[key], []).append(value)
        elif key in _SINGLE_KEYS:
            single[_SINGLE_KEYS[key]] = value
        else:
            known = ", ".join([*_FILTER_KEYS, *_SINGLE_KEYS])
            raise UsageError(f"There is no filter '{key}'. Known filters: {known}.")
    return Filters(**{name: tuple(values) for name, values in many.items()}, **single)  # type: ignore[arg-type]
