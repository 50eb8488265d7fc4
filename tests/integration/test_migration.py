"""Moving a collection to another model while it is in use: searches, parity, switch, rollback, trouble, the bridge."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cortex_engine import backends, migrating
from cortex_engine.core.calibration import FUSION_STAGE, MEANING_STAGE, Calibration
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import (
    ModelMismatchError,
    ModelUnavailableError,
    NotFoundError,
    StorageFullError,
    UsageError,
)
from cortex_engine.core.migration import Migration
from cortex_engine.core.migration import MigrationState as State
from cortex_engine.core.protocols import Vectors
from cortex_engine.core.reports import Severity
from cortex_engine.core.search import Filters, Query, SearchMode
from cortex_engine.embedding.hashing import HashingEmbedder
from cortex_engine.suite import CortexSuite, query_of

OLD = HashingEmbedder(64)
OpenSuite = Callable[..., CortexSuite]
Answers = list[list[tuple[str, float]]]


def _write(folder: Path, word: str, passages: int = 12) -> Path:
    folder.mkdir(exist_ok=True)
    lines = [
        f"Entry {line} of the {word} log: {WEATHER[line % 5]} from the {WINDS[line % 4]}." for line in range(passages)
    ]
    path = folder / f"{word}.txt"
    path.write_text("\n\n".join(lines))
    return path


WEATHER = ("heavy rain and thunder", "a gentle breeze", "snow drifts", "fog on the harbour", "bright sunshine")
WINDS = ("north", "east", "south", "west")


@pytest.fixture
def suite(open_suite: OpenSuite, tmp_path: Path) -> CortexSuite:
    """Twenty documents of twelve passages in "Logs", embedded with 64 dimensions; "hashing" as target has 256."""
    made = open_suite(CORTEX_CHUNK_MAX_TOKENS="24")
    made._library.shelf.put(OLD)
    made.create_collection("Logs", spec=OLD.spec)
    for number in range(20):
        _write(tmp_path / "in", f"station{number}")
    made.ingest([tmp_path / "in"], "Logs")
    return made


def _answers(suite: CortexSuite, **filters: tuple[str, ...]) -> Answers:
    return [
        [
            (hit.chunk_id, hit.score)
            for hit in suite.search(Query(text, SearchMode(mode), 1000, Filters(**filters))).hits
        ]
        for text in ("fog on the harbour", "station7 log")
        for mode in ("vector", "hybrid")
    ]


def _move(suite: CortexSuite, collection: str = "Logs") -> Migration:
    migration = suite.run_migration(suite.start_migration(collection, "hashing").id)
    assert migration.state is State.READY, migration.message
    return migration


def test_every_rank_stays_until_the_switch_and_comes_back_with_the_rollback(suite: CortexSuite) -> None:
    before = _answers(suite)
    states: list[tuple[int, int]] = []

    def watch(migration: Migration) -> None:
        states.append((migration.done, migration.total))
        assert _answers(suite) == before

    migration = suite.run_migration(suite.start_migration("Logs", "hashing").id, watch)
    assert migration.state is State.READY
    assert states == [(0, 240), (64, 240), (128, 240), (192, 240), (240, 240), (240, 240)]
    assert suite.migration(migration.id).rate > 0
    switched = suite.switch_migration(migration.id)
    assert switched.state is State.SWITCHED
    assert suite.collections()[0].spec == HashingEmbedder().spec
    after = _answers(suite)
    assert after != before
    for old, new in zip(before, after, strict=True):
        assert {chunk_id for chunk_id, _ in old} == {chunk_id for chunk_id, _ in new}
    assert suite.rollback_migration(migration.id).state is State.ROLLED_BACK
    assert _answers(suite) == before
    assert suite.purge_migration(migration.id).state is State.DONE
    assert _answers(suite) == before
    assert not [name for name in suite._library.catalog.index_states() if HashingEmbedder().spec.id in name]
    assert [each for each in suite.doctor(full=True) if each.severity is Severity.ERROR] == []


def test_a_document_in_two_collections_shows_nothing_of_half_a_move(suite: CortexSuite, tmp_path: Path) -> None:
    """`Others` uses the model that `Logs` moves to: only its own documents may be found through it meanwhile."""
    suite.create_collection("Others", spec=HashingEmbedder().spec)
    suite.ingest([_write(tmp_path / "more", "lighthouse")], "Others")
    suite.add_to_collection("Others", ["station3.txt"])
    scopes: list[dict[str, tuple[str, ...]]] = [{}, {"collections": ("Logs",)}, {"collections": ("Others",)}]
    before = [_answers(suite, **scope) for scope in scopes]

    def watch(migration: Migration) -> None:
        now = [_answers(suite, **scope) for scope in scopes]
        # Mean and deviation of a part of an index are summed in another order: equal but for rounding.
        for old, new in zip([r for each in before for r in each], [r for each in now for r in each], strict=True):
            assert dict(new) == pytest.approx(dict(old), rel=1e-4, abs=1e-4)

    migration = suite.run_migration(suite.start_migration("Logs", "hashing").id, watch)
    suite.switch_migration(migration.id)
    assert set(suite._library.catalog.specs(None)) == {HashingEmbedder().spec.id}
    suite.rollback_migration(migration.id)
    watch(migration)
    suite.purge_migration(migration.id)
    watch(migration)
    assert suite._library.catalog.counts().vectors[HashingEmbedder().spec.id] == 24


def test_what_is_added_meanwhile_goes_into_both(suite: CortexSuite, tmp_path: Path) -> None:
    migration = _move(suite)
    suite.ingest([_write(tmp_path / "more", "early")], "Logs")
    assert suite.migration(migration.id).done < suite.migration(migration.id).total
    suite.switch_migration(migration.id)
    assert "early.txt" in {hit.document for hit in suite.search(query_of("early log", "vector", 5)).hits}
    suite.ingest([_write(tmp_path / "more", "late")], "Logs")
    rolled = suite.rollback_migration(migration.id)
    assert rolled.done == rolled.total
    assert "late.txt" in {hit.document for hit in suite.search(query_of("late log", "vector", 5)).hits}


def test_the_report_uses_judgements_then_past_searches_then_sentences(suite: CortexSuite) -> None:
    for hit in suite.search("station5 snow").hits[:2]:
        suite.judge("station5 snow", hit.chunk_id, 1)
    suite.remember_search(Query("station9 thunder"), 3)
    suite.remember_search(Query("words only", SearchMode.LEXICAL), 3)
    report = _move(suite).report
    assert report is not None
    assert (report.questions, report.judged) == (100, 1)
    assert report.ndcg_before is not None and report.ndcg_before > 0
    assert report.ndcg_after is not None and 0 <= report.ndcg_after <= 1
    assert report.rank_correlation is not None and 0 < report.rank_correlation <= 1
    assert 0 < report.overlap[1] <= 1 and set(report.overlap) == {1, 3, 10}
    assert report.lost == report.won == (), "of twenty documents all are among the first fifty"


def test_pause_resume_cancel(suite: CortexSuite) -> None:
    migration = suite.start_migration("Logs", "hashing")

    def pause(each: Migration) -> None:
        if each.done >= 128 and each.state is State.RUNNING:
            suite.pause_migration(each.id)

    paused = suite.run_migration(migration.id, pause)
    assert (paused.state, paused.done) == (State.PAUSED, 128)
    with pytest.raises(UsageError, match="128 of 240"):
        suite.switch_migration(migration.id)
    assert suite.resume_migration(migration.id).state is State.RUNNING
    assert suite.run_migration(migration.id).state is State.READY
    before = _answers(suite)
    cancelled = suite.cancel_migration(migration.id)
    assert (cancelled.state, cancelled.done) == (State.CANCELLED, 0)
    assert suite._library.catalog.counts().vectors[HashingEmbedder().spec.id] == 0
    assert not list(suite._library.derived.glob(f"*{HashingEmbedder().spec.id}*"))
    assert _answers(suite) == before
    for change in (suite.pause_migration, suite.switch_migration, suite.rollback_migration, suite.purge_migration):
        with pytest.raises(UsageError):
            change(migration.id)
    with pytest.raises(NotFoundError):
        suite.pause_migration("ffff")


class _Failing(HashingEmbedder):
    """Loads; fails at the second portion."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error: Exception | None = error
        self.calls = 0

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        self.calls += 1
        if self.calls > 1 and self.error is not None:
            raise self.error
        return super().embed_documents(texts)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ModelUnavailableError("The weights are gone. Bring them back."), "The weights are gone"),
        (StorageFullError("The disk is full."), "The disk is full"),
        (RuntimeError("CUDA out of memory"), "CUDA out of memory"),
    ],
)
def test_trouble_pauses_with_a_sentence_and_nothing_is_lost(suite: CortexSuite, error: Exception, said: str) -> None:
    failing = _Failing(error)
    suite._library.shelf.put(failing)
    paused = suite.run_migration(suite.start_migration("Logs", "hashing").id)
    assert (paused.state, paused.done) == (State.PAUSED, 64)
    assert said in paused.message
    failing.error = None
    suite.resume_migration(paused.id)
    ready = suite.run_migration(paused.id)
    assert (ready.state, ready.done) == (State.READY, 240)
    assert said not in ready.message


def test_a_pause_and_a_resume_within_one_portion_do_not_end_the_move(
    suite: CortexSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    migration = suite.start_migration("Logs", "hashing")
    fill = suite._library.catalog.fill

    def impatient(migration_id: str, chunk_ids: Sequence[str], vectors: Vectors) -> bool:
        monkeypatch.setattr(suite._library.catalog, "fill", fill)
        suite.pause_migration(migration_id)
        refused = fill(migration_id, chunk_ids, vectors)
        suite.resume_migration(migration_id)
        return refused

    monkeypatch.setattr(suite._library.catalog, "fill", impatient)
    ready = suite.run_migration(migration.id)
    assert (ready.state, ready.done) == (State.READY, 240)
    assert ready.report is not None and ready.report.overlap[10] > 0


def test_in_the_background_files_go_first_and_a_switch_is_seen_by_searches(suite: CortexSuite, tmp_path: Path) -> None:
    suite.start_background()
    migration = suite.start_migration("Logs", "hashing")
    job, _ = suite.submit([_write(tmp_path / "more", "meanwhile")], "Logs")
    _until(lambda: suite.migration(migration.id).state is State.READY)
    _until(lambda: suite.job(job.id)[0].finished == 1)
    _until(lambda: suite.migration(migration.id).done == suite.migration(migration.id).total == 252)
    suite.switch_migration(migration.id)
    found = {hit.document for hit in suite.search(query_of("meanwhile log", "vector", 3)).hits}
    assert "meanwhile.txt" in found
    suite.submit([_write(tmp_path / "more", "afterwards")], "Logs")
    _until(lambda: suite.migration(migration.id).done == suite.migration(migration.id).total == 264)
    suite.purge_migration(migration.id)
    assert suite._library.catalog.counts().vectors == {OLD.spec.id: 0, HashingEmbedder().spec.id: 264}


def _until(met: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not met():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)


class _Brief(HashingEmbedder):
    """Reads sixteen tokens."""

    def __init__(self) -> None:
        super().__init__(128)
        self._spec = replace(self._spec, max_tokens=16)


def test_passages_that_are_too_long_are_counted_and_kept_whole(
    suite: CortexSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backends, "embedder_for", lambda config, target: _Brief())
    suite._library.shelf.put(_Brief())
    plan = suite.plan_migration("Logs", "hashing")
    assert (plan.passages, plan.pictures) == (240, 0)
    told = [note for note in plan.notes if "longer than the 16 tokens" in note]
    assert len(told) == 1
    ready = suite.run_migration(suite.start_migration("Logs", "hashing").id)
    assert ready.state is State.READY
    assert told[0] in ready.message
    chunk = suite._library.catalog.chunks([suite.document("station1.txt").id])[0]
    stored = next(iter(suite._library.catalog.vectors(_Brief().spec.id, [chunk.document_id])))
    vector = stored.vectors[stored.chunk_ids.index(chunk.id)]
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)
    assert float(vector @ _Brief().embed_query(chunk.embedded_text)) > 0.6


def test_the_bridge_answers_while_the_old_model_is_gone(suite: CortexSuite, open_suite: OpenSuite) -> None:
    """A process without the old model (its 64 dimensions cannot be had here any more) searches its vectors by the new one."""
    ready = _move(suite)
    (model_id,) = {each.model_id for each in suite.calibration_states()}
    kept = [
        Calibration(model_id, "Logs", stage, (-9.0, 9.0), (0.99,) * 50, pairs=100, passages=240)
        for stage in (MEANING_STAGE, FUSION_STAGE)
    ]
    suite._library.catalog.keep_calibrations(kept)
    own = suite.search(query_of("fog on the harbour", "vector", 10))
    assert own.abstained
    assert own.hits[0].closeness is not None
    true = [hit.chunk_id for hit in own.hits]
    suite.close()
    gone = open_suite(CORTEX_CHUNK_MAX_TOKENS="24")
    result = gone.search(query_of("fog on the harbour", "vector", 10))
    assert len(set(true) & {hit.chunk_id for hit in result.hits}) >= 5
    assert any("through a bridge" in warning and "%" in warning for warning in result.warnings)
    assert (result.abstained, result.cut, result.hits[0].closeness) == (False, None, None), (
        "carried vectors are no scale"
    )
    gone.switch_migration(ready.id)
    assert not any("bridge" in each for each in gone.search(query_of("fog", "vector", 10)).warnings)
    gone.rollback_migration(ready.id)
    gone.purge_migration(ready.id)
    with pytest.raises(ModelMismatchError):
        gone.search(query_of("fog on the harbour", "vector", 10))


def test_a_model_that_is_not_there_is_refused_before_anything_begins(suite: CortexSuite) -> None:
    with pytest.raises(UsageError, match="names no embedding model"):
        suite.start_migration("Logs", "nonsense")
    with pytest.raises(ModelUnavailableError):
        suite.start_migration("Logs", "sentence_transformer:/nowhere/at/all")
    with pytest.raises(NotFoundError):
        suite.start_migration("Nobody", "hashing")
    assert suite.migrations() == []
    assert isinstance(suite.collections()[0].spec, EmbeddingSpec)


def test_without_the_old_model_it_becomes_ready_without_a_report_and_a_late_rollback_is_refused(
    suite: CortexSuite, open_suite: OpenSuite, tmp_path: Path
) -> None:
    migration = suite.start_migration("Logs", "hashing")
    suite.close()
    gone = open_suite(CORTEX_CHUNK_MAX_TOKENS="24")
    ready = gone.run_migration(migration.id)
    assert (ready.state, ready.report, ready.done) == (State.READY, None, 240)
    assert "could not be compared" in ready.message
    gone.switch_migration(ready.id)
    gone.ingest([_write(tmp_path / "more", "late")], "Logs")
    with pytest.raises(ModelUnavailableError):
        gone.rollback_migration(ready.id)
    assert gone.migration(ready.id).state is State.SWITCHED
    gone.delete_documents(["late.txt"])
    assert gone.rollback_migration(ready.id).state is State.ROLLED_BACK


def test_a_deleted_collection_leaves_no_vectors_of_its_move_behind(suite: CortexSuite) -> None:
    suite.create_collection("Others", spec=OLD.spec)
    suite.add_to_collection("Others", ["station3.txt"])
    target = _move(suite).target.id
    suite.delete_collection("Logs")
    catalog = suite._library.catalog
    assert catalog.counts().vectors[target] == 12
    suite._library.swept = False  # as in a process that starts
    assert suite._library.try_own() and migrating.step(suite._library)
    assert catalog.counts().vectors == {OLD.spec.id: 12, target: 0}
    suite._library.disown()
