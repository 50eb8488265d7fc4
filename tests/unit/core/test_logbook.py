"""The log: nothing secret in it, one line a record, private, bounded, and read back newest first."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from cortex_engine.core import logbook
from cortex_engine.core.logbook import open_logbook, read_log, redacted

SECRET = "Zq9XvT3mLw8RkP2y"

LEAKS = [
    f"Authorization: Bearer {SECRET}",
    f"authorization: bearer {SECRET}.{SECRET}",
    f"headers={{'Authorization': 'Bearer {SECRET}'}}",
    f"Authorization: Basic {SECRET}==",
    f'{{"authorization": "Basic {SECRET}"}}',
    f"Proxy-Authorization: Negotiate {SECRET}",
    f"GET https://anna:{SECRET}@example.org/x failed",
    f"postgresql+psycopg://user:{SECRET}@db:5432/x",
    f"https://{SECRET}@github.com/a/b.git",
    f"Cookie: session={SECRET}; theme=dark",
    f"set-cookie: id={SECRET}; HttpOnly",
    f"headers: {{'cookie': 'a={SECRET}'}}",
    f"api_key={SECRET}",
    f"OPENAI_API_KEY={SECRET} in the environment",
    f"x-api-key: {SECRET}",
    f'{{"apiKey": "{SECRET}"}}',
    f"password = '{SECRET} with space'",
    f"GET /api/v1/search?q=tea&access_token={SECRET}&x=1",
    f"client_secret: {SECRET}",
    f"connect(user='a', passwd=\"{SECRET}\")",
    f'{{\\"token\\": \\"{SECRET}\\"}}',
    f"the key sk-proj-{SECRET}{SECRET} was refused",
    f"hf_{SECRET}{SECRET}",
    f"ghp_{SECRET}{SECRET}",
    f"github_pat_11A_{SECRET}",
    f"glpat-{SECRET}",
    f"xoxb-12345-{SECRET}",
    f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIi{SECRET}.{SECRET}",
    f"ctx_0123456789ab_{SECRET}-{SECRET}_x was refused",
    f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
    f"-----BEGIN PRIVATE KEY-----\n{SECRET}",
]

HARMLESS = [
    "index exact-1234 built anew as generation 2: a write to it was not finished",
    "document 1f3a9c77 has 512 tokens in 3 passages",
    "GET http://127.0.0.1:8501/Maintenance?tab=Logs 200",
    "the tokenizer of all-MiniLM-L6-v2 is ready; max_tokens 512",
    "mail to anna@example.org was read: 2 attachments",
    "basic checks are done; the bearer of the lock is pid 12",
    "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
]


@pytest.fixture(autouse=True)
def undisturbed() -> Iterator[None]:
    """The handlers of the test run are as before."""
    root = logging.getLogger()
    before = list(root.handlers)
    levels = {name: logging.getLogger(name).level for name in ("cortex_engine", "cortex_ui")}
    yield
    for handler in [each for each in root.handlers if each not in before]:
        root.removeHandler(handler)
        handler.close()
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(False)


@pytest.fixture
def log(tmp_path: Path) -> logging.Logger:
    open_logbook(tmp_path, "debug", console=False)
    return logging.getLogger("cortex_engine.somewhere")


@pytest.mark.parametrize("leak", LEAKS)
def test_secrets_do_not_reach_the_file(leak: str, log: logging.Logger, tmp_path: Path) -> None:
    log.warning("it failed: %s", leak)
    log.warning(leak.replace("%", "%%"))
    try:
        raise ValueError(leak)
    except ValueError:
        log.exception("it failed")
    log.info("deeper", stack_info=True, extra={"ignored": leak})
    written = (tmp_path / "logs" / "cortex.log").read_text()
    assert SECRET not in written
    assert written.count("***") >= 3


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text


def test_what_stands_around_a_secret_stays() -> None:
    assert redacted(f"GET https://a:{SECRET}@h.org/x?token={SECRET}&q=tea") == "GET https://***@h.org/x?token=***&q=tea"


def test_redaction_of_hostile_text_is_quick() -> None:
    import time

    for text in (
        "a" * 200_000,
        "token=" * 30_000,
        "https://" * 30_000,
        "-" * 100_000,
        '\\"' * 100_000,
        "api_key" * 20_000,
        "a." * 100_000,
        "secret." * 20_000,
        'token="' * 20_000,
        "basic " * 30_000,
    ):
        started = time.process_time()
        redacted(text)
        assert time.process_time() - started < 1.0


def test_each_record_is_one_line_whatever_is_in_it(
    log: logging.Logger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # pytest would carry what it captured to another process, which half a character does not survive.
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [each for each in root.handlers if "_pytest" not in type(each).__module__])
    log.info('two\nlines and {"level": "ERROR"} \u2028 \ud800')
    (line,) = (tmp_path / "logs" / "cortex.log").read_text().splitlines()
    assert json.loads(line)["message"].startswith("two\nlines")
    assert json.loads(line)["level"] == "INFO"


def test_the_file_is_private(log: logging.Logger, tmp_path: Path) -> None:
    log.info("hello")
    assert (tmp_path / "logs" / "cortex.log").stat().st_mode & 0o777 == 0o600


def test_ours_from_the_level_on_and_libraries_from_warnings_on(log: logging.Logger, tmp_path: Path) -> None:
    log.debug("ours")
    logging.getLogger("some.library").info("chatter")
    logging.getLogger("some.library").warning("trouble")
    warnings.warn("soon gone", stacklevel=1)
    assert [line.message.splitlines()[0][-8:] for line in read_log(tmp_path, level="DEBUG")][1:] == ["trouble", "ours"]
    assert "soon gone" in read_log(tmp_path)[0].message


def test_lines_come_newest_first_by_level_text_and_number(log: logging.Logger, tmp_path: Path) -> None:
    for number in range(20):
        log.log(logging.ERROR if number % 5 == 0 else logging.INFO, "Step %d", number)
    assert [line.message for line in read_log(tmp_path, limit=2)] == ["Step 19", "Step 18"]
    assert [line.message for line in read_log(tmp_path, level="error")] == ["Step 15", "Step 10", "Step 5", "Step 0"]
    assert [line.message for line in read_log(tmp_path, contains="STEP 1")][-1] == "Step 1"
    assert len(read_log(tmp_path, contains="somewhere")) == 20
    assert read_log(tmp_path, contains="nothing like it") == []
    newest = read_log(tmp_path, limit=1)[0]
    assert newest.logger == "cortex_engine.somewhere"
    assert newest.time.endswith("+00:00")


def test_a_torn_line_is_shown_redacted(log: logging.Logger, tmp_path: Path) -> None:
    log.info("whole")
    with (tmp_path / "logs" / "cortex.log").open("a") as stream:
        stream.write(f'{{"time": "2026", "password": "{SECRET}')
    torn, whole = read_log(tmp_path)
    assert whole.message == "whole"
    assert SECRET not in torn.message


def test_no_log_yet_is_an_empty_list(tmp_path: Path) -> None:
    assert read_log(tmp_path) == []


def test_parts_rotate_and_are_read_together(
    log: logging.Logger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (handler,) = [each for each in logging.getLogger().handlers if isinstance(each, logbook._LogFile)]
    handler.maxBytes = 2000
    for number in range(200):
        log.info("Step %03d", number)
    parts = sorted(path.name for path in (tmp_path / "logs").iterdir())
    assert parts == ["cortex.log", *(f"cortex.log.{number}" for number in range(1, 6))]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in (tmp_path / "logs").iterdir())
    messages = [line.message for line in read_log(tmp_path, limit=10_000)]
    assert messages == [f"Step {number:03d}" for number in range(199, 199 - len(messages), -1)]
    assert len(messages) > 50


def test_opened_again_it_writes_once_and_elsewhere(log: logging.Logger, tmp_path: Path) -> None:
    open_logbook(tmp_path, console=False)
    open_logbook(tmp_path / "moved", console=False)
    log.info("here")
    assert [line.message for line in read_log(tmp_path / "moved")] == ["here"]
    assert read_log(tmp_path) == []


def test_the_console_shows_warnings_without_secrets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    open_logbook(tmp_path)
    logging.getLogger("cortex_ui.x").info("quiet")
    logging.getLogger("cortex_ui.x").warning("Bearer %s", SECRET)
    shown = capsys.readouterr().err
    assert "quiet" not in shown
    assert "Bearer ***" in shown


def test_a_log_that_cannot_be_written_shows_no_record(
    log: logging.Logger, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (handler,) = [each for each in logging.getLogger().handlers if isinstance(each, logbook._LogFile)]

    def full(record: logging.LogRecord) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(handler, "shouldRollover", full)
    log.error("about %s", SECRET)
    shown = capsys.readouterr().err
    assert "could not be written (OSError" in shown
    assert SECRET not in shown


def test_a_long_message_keeps_its_beginning_and_its_end(log: logging.Logger, tmp_path: Path) -> None:
    log.error("begin %s end", "x" * 50_000)
    (line,) = read_log(tmp_path)
    assert line.message.startswith("begin")
    assert line.message.endswith("end")
    assert len(line.message) < 9000
