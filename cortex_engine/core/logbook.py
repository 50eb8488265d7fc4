"""The log of the application: one rotating file of JSON lines, readable by its owner only, without secrets.

What is logged names things by their ids; contents of documents and queries do not belong in it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from cortex_engine.core.app import LogLine

LOG_FILE = Path("logs") / "cortex.log"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_OURS = ("cortex_engine", "cortex_ui")
_FILE_BYTES, _FILES = 5_000_000, 5
_LONGEST = 8_000
_HIDDEN = "***"

_NAME = (
    r"[\w.-]{0,40}(?:api[_-]?key|access[_-]?key|secret|token|passwo?r?d|passwd|passphrase|credential|session[_-]?id|"
    r"private[_-]?key|signature)[\w-]{0,40}"
)
_VALUE = r"(?:\\?\"(?:[^\"\\]|\\.)*(?:\"|\Z)|\\?'(?:[^'\\]|\\.)*(?:'|\Z)|[^\s\"',;&)}\]]+)"
_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), _HIDDEN),
    (re.compile(r"(?i)\b((?:set-)?cookie\\?[\"']?\s*[:=]\s*)[^\r\n]+"), rf"\1{_HIDDEN}"),
    (re.compile(r"(?i)\b((?:proxy-)?authorization\\?[\"']?\s*[:=]\s*)[^\r\n]+"), rf"\1{_HIDDEN}"),
    (re.compile(r"\b((?i:bearer|basic|digest|negotiate)\s+)(?=\S*[A-Z0-9_=])[\w.~+/=:-]{6,}"), rf"\1{_HIDDEN}"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,30}://)[^\s/?#\"'<>]*@"), rf"\1{_HIDDEN}@"),
    (re.compile(rf"(?i)(?<![\w-])({_NAME}\\?[\"']?\s*(?:=>|[:=])\s*){_VALUE}"), rf"\1{_HIDDEN}"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?"), _HIDDEN),
    (
        re.compile(
            r"\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{12,}|\bhf_[A-Za-z0-9]{12,}|\bgh[pousr]_[A-Za-z0-9]{12,}|"
            r"\bgithub_pat_\w{12,}|\bglpat-[\w-]{12,}|\bxox[a-z]-[\w-]{8,}|\bAKIA[A-Z0-9]{12,}|\bASIA[A-Z0-9]{12,}|"
            r"\bAIza[\w-]{20,}|\bctx_[0-9a-f]{12}_[\w-]{16,}"
        ),
        _HIDDEN,
    ),
)
_lock = threading.Lock()


def redacted(text: str) -> str:
    """The text with keys, tokens, passwords, cookies and names in addresses replaced by `***`."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def open_logbook(data_dir: Path, level: str = "info", console: bool = True) -> Path:
    """Write what the application logs to `<data_dir>/logs/cortex.log`; called again, it moves there.

    Our own loggers write from `level` on, those of libraries from warnings on.

    Args:
        console: warnings also go to the standard error, in plain words.

    Raises:
        OSError: the file cannot be written.
    """
    path = data_dir / LOG_FILE
    for folder in (data_dir, path.parent):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _lock:
        root = logging.getLogger()
        for old in [each for each in root.handlers if isinstance(each, (_LogFile, _Console))]:
            root.removeHandler(old)
            old.close()
        root.addHandler(_LogFile(path))
        if console:
            root.addHandler(_Console())
        for name in _OURS:
            logging.getLogger(name).setLevel(level.upper())
        logging.captureWarnings(True)
    return path


def read_log(data_dir: Path, limit: int = 500, level: str = "INFO", contains: str = "") -> list[LogLine]:
    """Lines of the log, newest first.

    Args:
        level: lines of this level and above.
        contains: only lines with this text in message or logger, in either case.
    """
    least = LEVELS.index(level.upper()) if level.upper() in LEVELS else 0
    wanted = contains.strip().casefold()
    found: list[LogLine] = []
    for line in _lines(data_dir / LOG_FILE):
        if LEVELS.index(line.level) < least or wanted not in f"{line.logger} {line.message}".casefold():
            continue
        found.append(line)
        if len(found) >= limit:
            break
    return found


class _JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:
            message = f"{message}\n{self.formatException(record.exc_info)}"
        if record.stack_info:
            message = f"{message}\n{record.stack_info}"
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname if record.levelname in LEVELS else "INFO",
            "logger": record.name,
            "message": _shortened(redacted(message)),
        }
        return json.dumps(line)


class _PlainLines(logging.Formatter):
    """A record as people read it in a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


class _Quiet(logging.Handler):
    """A record that cannot be written is told in one line, without the record: it may hold what must not be shown."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (the name is logging's)
        error = sys.exc_info()[1]
        sys.stderr.write(f"A line of the log could not be written ({type(error).__name__}, logger {record.name}).\n")


class _LogFile(_Quiet, RotatingFileHandler):
    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=_FILE_BYTES, backupCount=_FILES, encoding="utf-8", delay=True)
        self.setFormatter(_JsonLines())

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, 0o600)
        return open(descriptor, "a", encoding="utf-8")  # noqa: PTH123


class _Console(_Quiet, logging.StreamHandler):  # type: ignore[type-arg]
    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.setLevel(logging.WARNING)
        self.setFormatter(_PlainLines("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S"))


def _shortened(text: str) -> str:
    """Long messages keep their beginning and their end, where a traceback says what happened."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 4]}\n…\n{text[-_LONGEST * 3 // 4 :]}"


def _lines(path: Path) -> Iterator[LogLine]:
    """Lines of all parts, newest first; a line that is torn is shown as it is."""
    for part in (path, *(path.with_name(f"{path.name}.{number}") for number in range(1, _FILES + 1))):
        try:
            text = part.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            continue
        yield from (_parsed(line) for line in reversed(text.split("\n")) if line.strip())


def _parsed(line: str) -> LogLine:
    try:
        values = json.loads(line)
        level = values["level"] if values["level"] in LEVELS else "INFO"
        message = str(values["message"]).encode("utf-8", "replace").decode("utf-8")
        return LogLine(str(values["time"]), level, str(values["logger"]), message)
    except (ValueError, KeyError, TypeError):
        return LogLine("", "WARNING", "", redacted(line))
