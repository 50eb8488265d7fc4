"""A state machine drives the catalog beside a model of plain dictionaries; both must tell the same story."""

from __future__ import annotations

import sqlite3
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cortex_engine.catalog import SqliteCatalog
from cortex_engine.core.app import Removal
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.documents import Chunk, DocumentInfo, Page, PageState, ParsedDocument
from cortex_engine.core.errors import AlreadyExistsError, NotFoundError, UsageError
from cortex_engine.core.identifiers import chunk_id, content_hash, document_id
from cortex_engine.core.records import NewFile, PreparedDocument, Source
from cortex_engine.core.reports import FileState, JobState
from cortex_engine.core.search import Filters

_SPEC = EmbeddingSpec("hashing", "test", "1", 3, "none", True, 64)
_NAMES = ("a", "b", "c", "d")
_WORKING = {FileState.PARSING, FileState.EMBEDDING}

names = st.sampled_from(_NAMES)
picks = st.integers(0, 3)
"""Which of the collections that are there."""
contents = st.integers(0, 5)
paths = st.sampled_from(("", "/in/1", "/in/2", "/out/3"))


def _id(content: int) -> str:
    return document_id(content_hash(f"content {content}".encode()))


def _prepare(content: int, pipeline: int, parent: str = "") -> PreparedDocument:
    key, text = _id(content), f"Text {content} read by {pipeline}. " * (content + 1)
    half = len(text) // 2
    spans = [(0, half), (half, len(text))][: content + 1 - pipeline]  # content 0 with pipeline 1 has no passage
    chunks = [
        Chunk(chunk_id(key, start, end, text[start:end]), key, number, text[start:end], start, end, 1, 1)
        for number, (start, end) in enumerate(spans)
    ]
    return PreparedDocument(
        content_hash(f"content {content}".encode()),
        f"{content}.txt",
        content,
        ParsedDocument(DocumentInfo("text", language="en"), (Page(1, text, PageState.TEXT),), ()),
        chunks,
        {_SPEC.id: np.full((len(chunks), 3), content, np.float32)},
        f"pipeline {pipeline}",
        parent,
    )


@dataclass
class _File:
    job: str
    sha256: str
    state: FileState = FileState.QUEUED
    attempts: int = 0
    expired: bool = False


@dataclass
class _Model:
    collections: set[str] = field(default_factory=set)
    documents: dict[str, PreparedDocument] = field(default_factory=dict)
    pinned: dict[tuple[str, str], bool] = field(default_factory=dict)
    """(collection, document) -> pinned, for every membership."""
    sources: dict[tuple[str, str], str] = field(default_factory=dict)
    times: dict[tuple[str, str], int] = field(default_factory=dict)
    """(collection, path) -> time of the file, for every source there ever was."""
    tags: dict[str, set[str]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    """What people said of documents that are there."""
    waiting: dict[tuple[str, str], tuple[set[str], str]] = field(default_factory=dict)
    """(container, contained) -> what people said of a contained document that a new version has not brought yet."""
    parents: set[tuple[str, str]] = field(default_factory=set)
    """(child, parent)."""

    def below(self, keys: set[str]) -> set[str]:
        while more := {child for child, parent in self.parents if parent in keys} - keys:
            keys = keys | more
        return keys

    def supported(self, name: str) -> set[str]:
        members = {key for collection, key in self.pinned if collection == name}
        kept = {key for key in members if self.pinned[name, key]}
        kept |= {key for (collection, _), key in self.sources.items() if collection == name}
        while more := {child for child, parent in self.parents if parent in kept and child in members} - kept:
            kept |= more
        return kept

    def release(self, name: str, keys: set[str]) -> set[str]:
        for key in self.below(keys) - self.supported(name):
            self.pinned.pop((name, key), None)
        return self.bury(self.below(keys))

    def bury(self, keys: set[str]) -> set[str]:
        homes = {key for _, key in self.pinned}
        return self.erase({key for key in keys if key in self.documents and key not in homes})

    def erase(self, keys: set[str]) -> set[str]:
        for key in keys:
            self.documents.pop(key)
            self.tags.pop(key, None)
            self.titles.pop(key, None)
        self.waiting = {pair: said for pair, said in self.waiting.items() if pair[0] not in keys}
        self.pinned = {pair: value for pair, value in self.pinned.items() if pair[1] not in keys}
        self.sources = {pair: key for pair, key in self.sources.items() if key not in keys}
        self.parents = {pair for pair in self.parents if not keys & set(pair)}
        return keys

    def delete(self, keys: set[str]) -> set[str]:
        inside = self.below(keys) - keys
        gone = self.erase(keys)
        for name, _ in set(self.pinned):
            gone |= self.release(name, {key for key in inside if (name, key) in self.pinned})
        return gone

    def join(self, name: str, key: str, path: str, parent: str) -> set[str]:
        if parent and parent != key:
            self.parents.add((key, parent))
        if parent:
            self.take_up(key)
        contained = bool(parent) and parent != key and (name, parent) in self.pinned
        for one in self.below({key}):
            pin = one == key and not path and not contained
            self.pinned[name, one] = self.pinned.get((name, one), False) or pin
        if not path:
            return set()
        before = self.sources.get((name, path), key)
        self.sources[name, path] = key
        if before == key:
            return set()
        if before in self.tags:
            self.tags[key] = self.tags.get(key, set()) | self.tags[before]
        if before in self.titles:
            self.titles.setdefault(key, self.titles[before])
        for holder, inside in [pair for pair in self.waiting if pair[0] == before]:
            self.waiting[key, inside] = self.waiting.pop((holder, inside))
        said = {one: (self.tags.get(one, set()), self.titles.get(one, "")) for one in self.below({before})}
        gone = self.release(name, {before})
        self.waiting |= {(key, one): said[one] for one in gone - {before} if any(said[one])}
        return gone

    def take_up(self, key: str) -> None:
        """What was said of it before its container had a new version."""
        holders, more = set(), {key}
        while more := {parent for child, parent in self.parents if child in more} - holders:
            holders |= more
        for holder in holders:
            tags, title = self.waiting.pop((holder, key), (set(), ""))
            if tags:
                self.tags[key] = self.tags.get(key, set()) | tags
            if title:
                self.titles.setdefault(key, title)

    def carry(self, source: str, target: str, keys: set[str]) -> None:
        """Let documents belong to `target` for the reasons they have in `source`; a lost reason becomes a pin."""
        for key in keys:
            self.pinned[target, key] = self.pinned.get((target, key), False) or self.pinned[source, key]
        concerned = set(keys)
        for (name, path), key in list(self.sources.items()):
            if name == source and key in keys:
                rival = self.sources.get((target, path))
                concerned |= {rival} - {None}
                if rival is None or self.times[source, path] > self.times[target, path]:
                    self.sources[target, path] = key
                    self.times[target, path] = self.times[source, path]
        while lost := concerned - self.supported(target):
            inside = {child for child, parent in self.parents if {child, parent} <= lost}
            for key in lost - inside or {min(lost, key=list(self.documents).index)}:
                self.pinned[target, key] = True

    def leave(self, name: str, keys: set[str]) -> None:
        self.sources = {pair: key for pair, key in self.sources.items() if pair[0] != name or key not in keys}
        self.pinned = {pair: pin for pair, pin in self.pinned.items() if pair[0] != name or pair[1] not in keys}


class _CrashError(Exception):
    pass


class CatalogMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="cortex-machine-", ignore_cleanup_errors=True)
        self.path = Path(self.folder.name) / "catalog.db"
        self.catalog = SqliteCatalog(self.path)
        self.model = _Model()
        self.jobs: dict[str, str] = {}
        self.files: dict[int, _File] = {}
        self.ever: set[str] = set()

    @initialize()
    def begin(self) -> None:
        self.create("a")
        self.create("b")

    def teardown(self) -> None:
        self.catalog.close()
        self.folder.cleanup()

    def _pick(self, number: int) -> str:
        there = sorted(self.model.collections)
        return there[number % len(there)]

    def _known(self, content: int) -> bool:
        return _id(content) in self.model.documents

    # Collections

    @rule(name=names)
    def create(self, name: str) -> None:
        if name in self.model.collections:
            with pytest.raises(AlreadyExistsError):
                self.catalog.create_collection(name, _SPEC)
            return
        self.catalog.create_collection(name, _SPEC)
        self.model.collections.add(name)

    @rule(pick=picks, new_name=names)
    def rename(self, pick: int, new_name: str) -> None:
        model, name = self.model, self._pick(pick)
        if new_name in model.collections:
            return
        self.catalog.rename_collection(name, new_name)
        model.collections = model.collections - {name} | {new_name}
        model.pinned = {(new_name if n == name else n, key): pin for (n, key), pin in model.pinned.items()}
        model.sources = {(new_name if n == name else n, path): key for (n, path), key in model.sources.items()}
        model.times |= {(new_name, path): time for (n, path), time in model.times.items() if n == name}
        self.jobs = {job: new_name if n == name else n for job, n in self.jobs.items()}

    @precondition(lambda self: len(self.model.collections) > 1)
    @rule(pick=picks)
    def delete_collection(self, pick: int) -> None:
        model, name = self.model, self._pick(pick)
        before, foreseen = self._sizes(), self.catalog.collection_removal(name)
        held = self.catalog.collection(name).document_count
        gone = self.catalog.delete_collection(name)
        assert foreseen == self._removal(before, gone, held - len(gone))
        members = {key for n, key in model.pinned if n == name}
        model.collections.remove(name)
        model.pinned = {pair: pin for pair, pin in model.pinned.items() if pair[0] != name}
        model.sources = {pair: key for pair, key in model.sources.items() if pair[0] != name}
        assert set(gone) == model.bury(members)
        for file in self.files.values():
            if self.jobs[file.job] == name:
                file.state = file.state if file.state.final else FileState.CANCELLED
                file.sha256 = ""
        # A job of a deleted collection is no part of a later one with the same name.
        self.jobs = {job: "" if n == name else n for job, n in self.jobs.items()}

    @precondition(lambda self: len(self.model.collections) > 1)
    @rule(pick=picks, other=picks)
    def merge(self, pick: int, other: int) -> None:
        model, source, target = self.model, self._pick(pick), self._pick(other)
        if source == target:
            with pytest.raises(UsageError):
                self.catalog.merge_collections([source], target)
            return
        merged = self.catalog.merge_collections([source, source], target)
        members = {key for name, key in model.pinned if name == source}
        model.carry(source, target, members)
        model.leave(source, members)
        model.collections.remove(source)
        self.jobs = {job: target if n == source else n for job, n in self.jobs.items()}
        assert merged == self.catalog.collection(target)

    @rule(pick=picks, other=picks, chosen=st.sets(contents, min_size=1, max_size=2))
    def move(self, pick: int, other: int, chosen: set[int]) -> None:
        model, source, target = self.model, self._pick(pick), self._pick(other)
        keys = {_id(content) for content in chosen}
        if source == target or not keys <= {key for name, key in model.pinned if name == source}:
            with pytest.raises((UsageError, NotFoundError)):
                self.catalog.move_documents(sorted(keys), source, target)
            return
        self.catalog.move_documents(sorted(keys), source, target)
        inside = model.below(keys) - keys
        for key in inside:
            model.pinned.setdefault((target, key), False)
        model.carry(source, target, keys)
        model.leave(source, keys)
        assert model.release(source, inside) == set()

    @rule(pick=picks, content=contents)
    def add_to_collection(self, pick: int, content: int) -> None:
        if self._known(content):
            name = self._pick(pick)
            self.catalog.add_to_collection(name, [_id(content)])
            self.model.join(name, _id(content), "", "")

    @rule(pick=picks, content=contents)
    def remove_from_collection(self, pick: int, content: int) -> None:
        model, key, name = self.model, _id(content), self._pick(pick)
        if not self._known(content):
            return
        gone = self.catalog.remove_from_collection(name, [key])
        inside = model.below({key}) - {key}
        model.sources = {pair: one for pair, one in model.sources.items() if pair[0] != name or one != key}
        model.pinned.pop((name, key), None)
        assert set(gone) == model.release(name, inside) | model.bury({key})

    # Documents

    @rule(pick=picks, content=contents, pipeline=st.integers(0, 1), path=paths, time=st.integers(1, 3))
    def commit(self, pick: int, content: int, pipeline: int, path: str, time: int) -> None:
        self._commit(self._pick(pick), content, pipeline, path, "", time)

    @rule(pick=picks, content=contents, pipeline=st.integers(0, 1), parent=contents)
    def commit_contained(self, pick: int, content: int, pipeline: int, parent: int) -> None:
        name = self._pick(pick)
        if not self._known(parent):
            self._commit(name, parent, 0, "/in/1", "")
        self._commit(name, content, pipeline, "", _id(parent))

    def _commit(self, name: str, content: int, pipeline: int, path: str, above: str, time: int = 1) -> None:
        prepared = _prepare(content, pipeline, above)
        source = Source(name, path, "", time, 2) if path else None
        self.model.times[name, path] = time
        outcome = self.catalog.commit(prepared, name, source)
        before = self.model.documents.get(_id(content))
        assert outcome.created == (before is None or before.pipeline != prepared.pipeline)
        self.model.documents[_id(content)] = prepared
        self.ever.add(_id(content))
        assert set(outcome.replaced) == self.model.join(name, _id(content), path, above)

    @rule(pick=picks, content=contents, path=paths)
    def adopt(self, pick: int, content: int, path: str) -> None:
        if self._known(content):
            name = self._pick(pick)
            source = Source(name, path, "", 1, 2) if path else None
            self.model.times[name, path] = 1
            outcome = self.catalog.adopt(_id(content), name, source)
            assert set(outcome.replaced) == self.model.join(name, _id(content), path, "")

    @rule(chosen=st.sets(contents, min_size=1, max_size=2))
    def delete_documents(self, chosen: set[int]) -> None:
        keys = {_id(content) for content in chosen if self._known(content)}
        before, inside = self._sizes(), self.model.below(keys) - keys
        foreseen = self.catalog.documents_removal([_id(content) for content in chosen])
        gone = self.catalog.delete_documents([_id(content) for content in chosen])
        assert foreseen == self._removal(before, gone, len(inside - set(gone)))
        assert set(gone) == self.model.delete({_id(content) for content in chosen if self._known(content)})

    def _sizes(self) -> dict[str, tuple[str, int, int]]:
        return {one.id: (one.name, one.chunk_count, one.bytes) for one in self.catalog.documents()}

    @staticmethod
    def _removal(before: dict[str, tuple[str, int, int]], gone: list[str], kept: int) -> Removal:
        """What a deletion took, by what was there before."""
        rows = sorted(before[key] for key in gone)
        names, passages, sizes = zip(*rows, strict=True) if rows else ((), (), ())
        return Removal(names, len(rows), kept, sum(passages), sum(sizes))

    @rule(chosen=st.sets(contents, min_size=1, max_size=2), name=names, take=st.booleans())
    def tag(self, chosen: set[int], name: str, take: bool) -> None:
        keys = [_id(content) for content in chosen]
        change = self.catalog.remove_tags if take else self.catalog.add_tags
        if not all(self._known(content) for content in chosen):
            with pytest.raises(NotFoundError):
                change(keys, [name])
            return
        change(keys, [name])
        for key in keys:
            said = self.model.tags.setdefault(key, set())
            self.model.tags[key] = said - {name} if take else said | {name}

    @rule(content=contents, title=st.sampled_from(("Honey", "Wax", "")))
    def set_title(self, content: int, title: str) -> None:
        if self._known(content):
            self.catalog.set_metadata(_id(content), {"title": title})
            self.model.titles[_id(content)] = title
            if not title:  # what the file says itself
                self.model.titles.pop(_id(content))

    @rule(pick=picks, path=paths)
    def remove_source(self, pick: int, path: str) -> None:
        name = self._pick(pick)
        gone = self.catalog.remove_source(name, path)
        key = self.model.sources.pop((name, path), None)
        assert set(gone) == (self.model.release(name, {key}) if key else set())

    # What happens to processes

    @rule(pick=picks, content=contents, step=st.sampled_from(("commit.documents", "commit.vectors", "commit.before")))
    def crash_in_commit(self, pick: int, content: int, step: str) -> None:
        def raise_at(passed: str) -> None:
            if passed == step:
                raise _CrashError

        name = self._pick(pick)
        already = self._known(content) and self.model.documents[_id(content)].pipeline == "pipeline 0"
        if step == "commit.documents" and already:
            return
        with patch("cortex_engine.catalog.commit.failpoint", raise_at), pytest.raises(_CrashError):
            self.catalog.commit(_prepare(content, 0), name, Source(name, "/in/1", "", 1, 2))

    @rule()
    def abandon_a_transaction_and_reopen(self) -> None:
        self.catalog.close()
        connection = sqlite3.connect(self.path, isolation_level=None)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM document")
        connection.execute("DELETE FROM collection")
        connection.close()
        self.catalog = SqliteCatalog(self.path)

    # Jobs

    @rule(pick=picks, blobs=st.lists(st.integers(0, 3), max_size=3, unique=True))
    def enqueue(self, pick: int, blobs: list[int]) -> None:
        name = self._pick(pick)
        hashes = [f"{number:064x}" for number in blobs]
        job = self.catalog.enqueue("ingest", name, [NewFile(f"/q/{one}", "q", one, 1) for one in hashes])
        self.jobs[job.id] = name
        for file in self.catalog.job_files(job.id):
            self.files[file.id] = _File(job.id, file.sha256)

    @rule(limit=st.integers(1, 5), expires=st.booleans())
    def claim(self, limit: int, expires: bool) -> None:
        claimed = self.catalog.claim("me", limit, -1.0 if expires else 60.0)
        expected: list[int] = []
        while len(expected) < limit:
            key = next((key for key in sorted(self.files) if self._claimable(key)), None)
            # With a lease that is over at once the same file comes again within one call.
            if key is None:
                break
            file = self.files[key]
            if file.attempts >= 3:
                for twin in self.files.values():
                    if twin is file or (twin.sha256 == file.sha256 and twin.state is FileState.QUEUED):
                        twin.state = FileState.QUARANTINED
                continue
            file.state, file.attempts, file.expired = FileState.PARSING, file.attempts + 1, expires
            expected.append(key)
        assert [file.id for file in claimed] == sorted(set(expected))

    def _claimable(self, key: int) -> bool:
        file = self.files[key]
        waiting = file.state is FileState.QUEUED or (file.state in _WORKING and file.expired)
        twins = (twin for other, twin in self.files.items() if other != key and twin.sha256 == file.sha256)
        return waiting and not any(twin.state in _WORKING and not twin.expired for twin in twins)

    @precondition(lambda self: self.files)
    @rule(data=st.data(), state=st.sampled_from((FileState.DONE, FileState.FAILED, FileState.EMBEDDING)))
    def update(self, data: st.DataObject, state: FileState) -> None:
        working = sorted(key for key, file in self.files.items() if file.state in _WORKING)
        if working:
            key = data.draw(st.sampled_from(working))
            self.catalog.update_file(key, state)
            self.files[key].state = state

    @rule()
    def release_claims(self) -> None:
        held = [file for file in self.files.values() if file.state in _WORKING]
        assert self.catalog.release_claims() == len(held)
        for file in held:
            file.state = FileState.QUEUED

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(sorted(self.jobs)))
        self.catalog.retry_job(job)
        for file in self.files.values():
            again = file.state in (FileState.FAILED, FileState.QUARANTINED, FileState.CANCELLED)
            if file.job == job and file.sha256 and again:
                file.state, file.attempts = FileState.QUEUED, 0

    # What must always hold

    @invariant()
    def the_catalog_is_sound(self) -> None:
        bad = [finding for finding in self.catalog.check(full=True) if finding.severity == "error"]
        assert bad == []

    @invariant()
    def documents_agree(self) -> None:
        model, documents = self.model, {one.id: one for one in self.catalog.documents()}
        assert set(documents) == set(model.documents)
        for key, document in documents.items():
            prepared = model.documents[key]
            assert document.pipeline == prepared.pipeline
            assert document.collections == tuple(sorted(name for name, one in model.pinned if one == key))
            assert document.source_paths == tuple(sorted({p for (_, p), one in model.sources.items() if one == key}))
            assert set(self.catalog.children(key)) == {child for child, parent in model.parents if parent == key}
            assert set(document.tags) == model.tags.get(key, set())
            assert document.info.title == model.titles.get(key, "")
            assert self.catalog.metadata_edits(key) == ({"title": ""} if key in model.titles else {})
            assert self.catalog.chunks([key]) == list(prepared.chunks)
        assert self.catalog.blob_hashes() == {one.sha256 for one in model.documents.values()} | {
            file.sha256 for file in self.files.values() if file.sha256 and file.state is not FileState.DONE
        }

    @invariant()
    def ledger_and_counts_agree(self) -> None:
        for entry in self.catalog.ledger():
            prepared = self.model.documents[entry.document_id]
            solid = len("".join(prepared.parsed.text.split()))
            covered = len("".join("".join(chunk.text for chunk in prepared.chunks).split()))
            assert (entry.characters, entry.characters_embedded) == (solid, covered)
            assert entry.chunks == entry.vectors == len(prepared.chunks)
        chunks = sum(len(one.chunks) for one in self.model.documents.values())
        counts = self.catalog.counts()
        assert counts.chunks == chunks == sum(len(batch.vectors) for batch in self.catalog.vectors(_SPEC.id))
        for collection in self.catalog.collections():
            scope = self.catalog.scope(Filters(collections=(collection.name,)))
            assert scope == {key for name, key in self.model.pinned if name == collection.name}
            assert collection.document_count == len(scope)

    @invariant()
    def the_outbox_ends_with_the_truth(self) -> None:
        entries = self.catalog.outbox(0, 100_000)
        assert [entry.seq for entry in entries] == sorted({entry.seq for entry in entries})
        assert (entries[-1].seq if entries else 0) == self.catalog.last_seq()
        last = {entry.document_id: entry.operation for entry in entries}
        assert last == {key: "upsert" if key in self.model.documents else "delete" for key in self.ever}

    @invariant()
    def jobs_agree(self) -> None:
        for job in self.catalog.jobs():
            files = {file.id: (file.state, file.attempts) for file in self.catalog.job_files(job.id)}
            expected = {key: (file.state, file.attempts) for key, file in self.files.items() if file.job == job.id}
            assert files == expected
            ended = all(state.final for state, _ in files.values())
            assert (job.state in (JobState.DONE, JobState.CANCELLED)) == ended


TestCatalogMachine = CatalogMachine.TestCase
TestCatalogMachine.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
