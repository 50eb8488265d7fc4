"""The box itself, with functions that do everything a parser must not do."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cortex_engine.core.errors import CortexError, ParseError
from cortex_engine.parsing.limits import Limits
from cortex_engine.parsing.sandbox import Reply, Sandbox

EVIL = """
import os, signal, socket, subprocess, sys, time
from cortex_engine.core.errors import ParseError

def echo(source, arguments):
    return {"text": os.read(source, 100).decode(), **arguments}, b"blob"

def allocate(source, arguments):
    blocks = []
    while True:
        blocks.append(bytearray(50_000_000))

def spin(source, arguments):
    while True:
        pass

def sleep(source, arguments):
    time.sleep(600)

def fork(source, arguments):
    pids = []
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            os.setsid()
            if os.fork():
                os._exit(0)
            time.sleep(600)
        os.waitpid(pid, 0)
    return {"mine": os.getpid()}, b""

def fork_many(source, arguments):
    count = 0
    try:
        while count < 300:
            if os.fork() == 0:
                time.sleep(600)
            count += 1
        time.sleep(600)
    except OSError as error:
        return {"count": count, "error": type(error).__name__}, b""

def connect(source, arguments):
    found = {}
    for address in (("1.1.1.1", 53), ("127.0.0.1", arguments["port"])):
        try:
            socket.create_connection(address, timeout=2).close()
            found[address[0]] = "connected"
        except OSError as error:
            found[address[0]] = type(error).__name__
    return found, b""

def write_file(source, arguments):
    with open(arguments["target"], "wb") as stream:
        for _ in range(1000):
            stream.write(bytes(1_000_000))
    return {}, b""

def crash(source, arguments):
    os.kill(os.getpid(), signal.SIGSEGV)

def leave(source, arguments):
    os._exit(0)

def flood(source, arguments):
    return {"text": "x" * 30_000_000}, b""

def raw(source, arguments):
    import gc
    from cortex_engine.parsing.zygote import HEADER
    descriptor = max(int(name) for name in os.listdir("/proc/self/fd") if "pipe" in _link(name))
    data = arguments["json"].encode()
    os.write(descriptor, HEADER.pack(len(data), 0) + data)
    os._exit(0)

def _link(name):
    try:
        return os.readlink("/proc/self/fd/" + name)
    except OSError:
        return ""

def refuse(source, arguments):
    raise ParseError("That is not for reading.", "forbidden")

def recurse(source, arguments):
    return recurse(source, arguments)

def environment(source, arguments):
    return {"environment": dict(os.environ), "descriptors": len(os.listdir("/proc/self/fd"))}, b""
"""

LIMITS = Limits(
    memory_bytes=600_000_000,
    cpu_seconds=1,
    cpu_seconds_hard=1,
    wall_seconds=8,
    output_bytes=1_000_000,
    blob_bytes=1_000_000,
)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("evil")
    (folder / "evil_family.py").write_text(EVIL)
    box = Sandbox(preload=("evil_family",), path=(str(folder),))
    yield box
    box.close()


def call(sandbox: Sandbox, function: str, limits: Limits = LIMITS, **arguments: object) -> Reply:
    with Path(__file__).open("rb") as stream:
        return sandbox.call(f"evil_family:{function}", stream.fileno(), {"name": "f.bin", **arguments}, limits, "f.bin")


def failure(sandbox: Sandbox, function: str, limits: Limits = LIMITS, **arguments: object) -> ParseError:
    with pytest.raises(ParseError) as caught:
        call(sandbox, function, limits, **arguments)
    assert "f.bin" in str(caught.value) or function == "refuse"
    assert str(caught.value).endswith(".")
    return caught.value


def test_a_function_gets_the_file_and_gives_json_and_bytes(sandbox: Sandbox) -> None:
    reply = call(sandbox, "echo", word="ü")
    assert reply.value["text"].startswith('"""The box itself')
    assert reply.value["word"] == "ü"
    assert reply.blob == b"blob"


def test_too_much_memory(sandbox: Sandbox) -> None:
    assert failure(sandbox, "allocate").reason == "limit_memory"


def test_endless_computing_and_endless_waiting(sandbox: Sandbox) -> None:
    assert failure(sandbox, "spin").reason == "limit_time"
    short = Limits(600_000_000, 5, 5, 0.3, 1000, 1000)
    assert failure(sandbox, "sleep", short).reason == "limit_time"


def test_processes_left_behind_are_ended(sandbox: Sandbox) -> None:
    call(sandbox, "fork")
    zygote = psutil.Process(sandbox.pid)
    for _ in range(100):
        if not zygote.children(recursive=True):
            break
        call(sandbox, "echo")
        time.sleep(0.02)
    assert zygote.children(recursive=True) == []


def test_a_swarm_of_processes_is_ended(sandbox: Sandbox) -> None:
    try:  # the kernel holds everybody but root to the limit of processes; the limit of time holds root too
        assert call(sandbox, "fork_many", Limits(600_000_000, 5, 5, 2, 1000, 1000)).value["count"] < 100
    except ParseError as error:
        assert error.reason == "limit_time"
    for _ in range(200):
        if not psutil.Process(sandbox.pid).children(recursive=True):
            return
        time.sleep(0.02)
    pytest.fail("processes were left behind")


def test_no_network(sandbox: Sandbox) -> None:
    import socket

    if sandbox.network_refusal:
        pytest.skip(f"this system does not let the network be given up: {sandbox.network_refusal}")
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = call(sandbox, "connect", port=server.getsockname()[1]).value
    assert "connected" not in found.values()


def test_large_files_cannot_be_written(sandbox: Sandbox, tmp_path: Path) -> None:
    target = tmp_path / "large"
    failure(sandbox, "write_file", target=str(target))
    assert target.stat().st_size <= LIMITS.written_bytes


def test_crash_and_silence(sandbox: Sandbox) -> None:
    error = failure(sandbox, "crash")
    assert error.reason == "crashed"
    assert "signal 11" in str(error)
    assert failure(sandbox, "leave").reason == "crashed"


def test_too_much_output(sandbox: Sandbox) -> None:
    assert failure(sandbox, "flood").reason == "limit_output"


@pytest.mark.parametrize("answer", ["[]", "{", '{"value": ' + "[" * 100_000 + "}", "nonsense", "{}", '{"reason": 1}'])
def test_an_answer_that_makes_no_sense(sandbox: Sandbox, answer: str) -> None:
    assert failure(sandbox, "raw", json=answer).reason == "crashed"


def test_an_expected_failure_comes_through(sandbox: Sandbox) -> None:
    error = failure(sandbox, "refuse")
    assert (error.reason, str(error)) == ("forbidden", "That is not for reading.")


def test_endless_recursion(sandbox: Sandbox) -> None:
    assert failure(sandbox, "recurse").reason == "damaged"


def test_nothing_of_the_parent_is_handed_on(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "1234")
    sandbox.close()
    found = call(sandbox, "environment").value
    assert "SECRET_KEY" not in found["environment"]
    assert found["descriptors"] <= 7


def test_a_zygote_that_died_is_started_again(sandbox: Sandbox) -> None:
    first = sandbox.pid
    os.kill(first, signal.SIGKILL)
    assert call(sandbox, "echo").blob == b"blob"
    assert sandbox.pid != first


def test_a_zygote_that_dies_during_a_request(sandbox: Sandbox) -> None:
    limits = Limits(600_000_000, 5, 5, 2, 1000, 1000)
    first = sandbox.pid
    timer = threading.Timer(0.3, os.kill, (first, signal.SIGKILL))
    timer.start()
    assert failure(sandbox, "sleep", limits).reason == "limit_time"
    assert sandbox.pid != first


def test_the_zygote_goes_when_its_parent_closes_it(sandbox: Sandbox) -> None:
    process = psutil.Process(sandbox.pid)
    sandbox.close()
    assert not process.is_running()


def test_many_threads_at_once(sandbox: Sandbox) -> None:
    results: list[int] = []

    def work(number: int) -> None:
        for _ in range(10):
            reply = call(sandbox, "echo", number=number)
            assert reply.value["number"] == number
            results.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 60


def test_a_box_that_cannot_start_says_why() -> None:
    box = Sandbox(warm="no_such_module:load")
    with pytest.raises(CortexError, match="no_such_module"):
        call(box, "echo")
