"""Moving a collection to another embedding model while it is in use (docs/how-to/change-the-embedding-model.md).

Vectors of the target are made in portions, each a transaction, from what the catalog holds; searches use the present model
until somebody switches. What a person may ask at any time is in `chapters/migration.py`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import islice

from cortex_engine import backends, indexes, working
from cortex_engine.core.app import ModelState
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import (
    CortexError,
    LibraryLockedError,
    ModelUnavailableError,
    NotFoundError,
    UsageError,
)
from cortex_engine.core.failpoints import failpoint
from cortex_engine.core.migration import Migration, MigrationState, ParityReport
from cortex_engine.core.protocols import Embedder
from cortex_engine.core.search import Filters, Ranking
from cortex_engine.embedding.windows import embed_whole, too_long
from cortex_engine.evaluation.metrics import ndcg
from cortex_engine.library import Library
from cortex_engine.maintenance.parity import DEPTH, Answers, compare, questions

_log = logging.getLogger(__name__)

_PORTION = 64
"""Passages of one transaction. Portions are always cut the same way, so that a killed move gives the same bytes."""

_COUNTED = 1024
"""Passages whose tokens are counted at once."""

_RETRY_SECONDS = 60.0
_LOOK_SECONDS = 2.0
_FOLLOW_SECONDS = 0.3
_IDLE_SECONDS = 120.0
"""So long another process may own the library without going on before its follower gives up."""

_PASSAGES = 200
"""Passages that are asked for at first to know the first fifty documents."""

OnMigration = Callable[[Migration], None]
_S = MigrationState


def start(library: Library, collection: str, target: str) -> Migration:
    """See `CortexSuite.start_migration`."""
    name = library.catalog.collection(collection).name
    embedder = backends.embedder_for(library.config, target)
    return library.catalog.begin_migration(name, embedder.spec)


def listed(library: Library, open_only: bool = False) -> list[Migration]:
    """See `CortexSuite.migrations`."""
    return [_paced(library, migration) for migration in library.catalog.migrations(open_only)]


def one(library: Library, migration_id: str) -> Migration:
    """See `CortexSuite.migration`."""
    return _paced(library, library.catalog.migration(migration_id))


def _paced(library: Library, migration: Migration) -> Migration:
    pace = library.paces.get(migration.id)
    if pace is None or migration.state in (_S.PAUSED, _S.DONE, _S.CANCELLED):
        return migration
    left = (migration.total - migration.done) / pace.rate if pace.rate and migration.state is _S.RUNNING else None
    message = pace.trouble or migration.message
    return replace(migration, rate=pace.rate, seconds_left=left, message=message)


def pause(library: Library, migration_id: str) -> Migration:
    """See `CortexSuite.pause_migration`."""
    return _set(library, migration_id, _S.PAUSED)


def resume(library: Library, migration_id: str) -> Migration:
    """See `CortexSuite.resume_migration`."""
    migration = library.catalog.migration(migration_id)
    library.paces.pop(migration.id, None)
    if library.shelf.state(migration.target.id)[0] is ModelState.UNHEALTHY:
        library.shelf.load(migration.target)  # it is examined anew: whoever resumes has changed something
    return _set(library, migration_id, _S.RUNNING)


def cancel(library: Library, migration_id: str) -> Migration:
    """See `CortexSuite.cancel_migration`."""
    migration = _set(library, migration_id, _S.CANCELLED)
    _forget(library, migration)
    return library.catalog.migration(migration.id)


def purge(library: Library, migration_id: str) -> Migration:
    """See `CortexSuite.purge_migration`."""
    migration = library.catalog.migration(migration_id)
    if migration.state not in (_S.SWITCHED, _S.ROLLED_BACK):
        raise UsageError(
            f"The move of '{migration.collection}' is {migration.state}; there is nothing to purge. Only after a switch or a "
            "rollback there are vectors that no search uses (`cancel` ends a move before it was switched)."
        )
    migration = _set(library, migration_id, _S.DONE)
    _forget(library, migration)
    return library.catalog.migration(migration.id)


def switch(library: Library, migration_id: str) -> Migration:
    """See `CortexSuite.switch_migration`."""
    migration = library.catalog.migration(migration_id)
    if migration.state not in (_S.READY, _S.ROLLED_BACK):
        raise UsageError(
            f"The move of '{migration.collection}' to '{migration.target.model}' is {migration.state} ({migration.done} of "
            f"{migration.total} vectors are there); it can be switched when it is ready. Nothing was changed."
        )
    return _change_model(library, migration, _S.SWITCHED)


def rollback(library: Library, migration_id: str) -> Migration:
    """See `CortexSuite.rollback_migration`."""
    migration = library.catalog.migration(migration_id)
    if migration.state is not _S.SWITCHED:
        raise UsageError(
            f"The move of '{migration.collection}' to '{migration.target.model}' is {migration.state}; only after a switch "
            "there is something to go back from. Nothing was changed."
        )
    return _change_model(library, migration, _S.ROLLED_BACK)


def _change_model(library: Library, migration: Migration, state: MigrationState) -> Migration:
    """Make sure that nothing lacks a vector and that the index stands, then change the collection in one transaction."""
    spec = filled(migration)
    while _embed_portion(library, migration, spec) or _embed_pictures(library, migration, spec):
        pass
    with library.borrowed() as owned:
        if owned:
            library.bring_up(indexes.searched({spec.id: spec}))
        changed = _set(library, migration.id, state)
        if owned:
            library.settle()
    return changed


def filled(migration: Migration) -> EmbeddingSpec:
    """The model of a migration that searches do not use."""
    return migration.source if migration.state is _S.SWITCHED else migration.target


def step(library: Library, stop: threading.Event | None = None) -> bool:
    """Do the next portion of the oldest migration that can go on; False when there is nothing to do now.

    Only the owner of the library calls it, holding `library.queue`. What hinders a migration pauses it with a sentence;
    nothing is raised for it.
    """
    for migration in reversed(library.catalog.migrations(open_only=True)):
        if migration.state is not _S.PAUSED and _advance(library, migration, stop):
            return True
    return _sweep(library)


def run(
    library: Library, migration_id: str, on_migration: OnMigration, stop: threading.Event | None = None
) -> Migration:
    """See `CortexSuite.run_migration`."""
    seen, since = -1, time.monotonic()
    while True:
        migration = one(library, migration_id)
        on_migration(migration)
        if migration.state is not _S.RUNNING or (stop is not None and stop.is_set()):
            return migration
        if migration.done != seen:
            seen, since = migration.done, time.monotonic()
        if not library.attended and library.try_own() and library.catalog.has_work():
            working.work(library, working.silent, stop)  # files go first, also those that another process sent
        if not library.attended and library.try_own() and library.queue.acquire(blocking=False):
            try:
                _advance(library, migration, stop)
            finally:
                library.queue.release()
            continue
        holder = library.lock.holder()
        if holder is not None and not library.owner and time.monotonic() - since > _IDLE_SECONDS:
            raise LibraryLockedError(
                f"The library is in use by process {holder.pid} ({holder.command}, since {holder.started}), which does not "
                "go on with the move. `cortex migrations resume` goes on when that process has ended."
            )
        time.sleep(_FOLLOW_SECONDS)


def _advance(library: Library, migration: Migration, stop: threading.Event | None) -> bool:
    pace = library.pace(migration.id)
    if pace.resting:
        return False
    try:
        return _work(library, migration, stop)
    except NotFoundError as error:
        _log.info("the move of '%s' has gone with its collection: %s", migration.collection, error)
        return False
    except CortexError as error:
        sentence = str(error)
    # A library underneath may fail in any way (graphics memory, a broken driver): the move stops, everything else goes on.
    except Exception as error:  # noqa: BLE001
        _log.exception("unexpected failure in the move of '%s'", migration.collection)
        sentence = f"An unexpected failure ({type(error).__name__}: {error}); the log has the details."
    _log.warning("the move of '%s' to '%s' stopped: %s", migration.collection, migration.target.model, sentence)
    if migration.state is _S.RUNNING:
        library.catalog.set_migration(migration.id, _S.PAUSED, f"{sentence} `Resume` goes on where it stopped.")
        return True
    pace.rest(_RETRY_SECONDS, f"Documents added since then lack vectors of '{filled(migration).model}': {sentence}")
    return False


def _work(library: Library, migration: Migration, stop: threading.Event | None) -> bool:
    spec = filled(migration)
    if _embed_portion(library, migration, spec) or _embed_pictures(library, migration, spec):
        return True
    if library.catalog.lacking(migration.id, 1):  # paused, and perhaps resumed, while a portion was in work
        return True
    if migration.state is _S.RUNNING:
        _finish(library, migration, stop)
        return True
    library.pace(migration.id).rest(_LOOK_SECONDS, "")
    return False


def _embed_portion(library: Library, migration: Migration, spec: EmbeddingSpec) -> bool:
    chunks = library.catalog.lacking(migration.id, _PORTION)
    if not chunks:
        return False
    library.require_room()
    embedder = _loaded(library, spec)
    begun = time.monotonic()
    vectors = embed_whole(embedder, [chunk.embedded_text for chunk in chunks])
    failpoint("reembed.embedded")
    if library.catalog.fill(migration.id, [chunk.id for chunk in chunks], vectors):
        library.pace(migration.id).note(len(chunks), time.monotonic() - begun)
        return True
    return False


def _embed_pictures(library: Library, migration: Migration, spec: EmbeddingSpec) -> bool:
    """Draw and embed a few pictures that lack vectors of the model."""
    if not spec.sees:
        return False
    line = library.line().pictures
    line.draw_missing()
    if not library.catalog.waiting_pictures(1, model_id=spec.id):
        return False
    library.require_room()
    _loaded(library, spec)
    pace, begun = library.pace(migration.id), time.monotonic()
    count = line.fill(model_id=spec.id, passed=pace.passed)
    if count:
        pace.note(count, time.monotonic() - begun)
        failpoint("reembed.written")
    return count > 0


def _loaded(library: Library, spec: EmbeddingSpec) -> Embedder:
    """The model, examined: what a broken one makes must not become the truth.

    Raises:
        ModelUnavailableError: with cause and remedy.
    """
    if library.shelf.load(spec) is not ModelState.HEALTHY:
        raise ModelUnavailableError(library.shelf.state(spec.id)[1])
    return library.embedder(spec)


def _finish(library: Library, migration: Migration, stop: threading.Event | None) -> None:
    """All vectors are there: build the index, compare both models, and say that it is ready."""
    library.bring_up(indexes.searched({migration.target.id: migration.target}))
    failpoint("reembed.indexed")
    note = ""
    report: ParityReport | None = None
    try:
        report = compared(library, migration, stop)
    except CortexError as error:  # a report is worth having, not worth stopping for
        note = f"The models could not be compared: {error}"
    if stop is not None and stop.is_set():
        return
    failpoint("reembed.compared")
    long = _long_passages(library, migration.collection, library.embedder(migration.target))
    here = f"All vectors of '{migration.target.model}' are there. Searches use '{migration.source.model}' until you switch."
    message = " ".join(part for part in (here, _undone(library, migration), note, long) if part)
    try:
        library.catalog.set_migration(migration.id, _S.READY, message, report)
    except UsageError:
        _log.info("the move of '%s' was paused or ended while it was compared", migration.collection)
    library.settle()


def _undone(library: Library, migration: Migration) -> str:
    standing = library.catalog.migration(migration.id)
    count = standing.total - standing.done
    said = f"{count:,} of its pictures could not be drawn again (the log names them); they are found by words only."
    return said if count else ""


def compared(library: Library, migration: Migration, stop: threading.Event | None = None) -> ParityReport:
    """Ask both models, by meaning alone (words would hide the difference), within the collection.

    Raises:
        ModelUnavailableError: one of them cannot be loaded.
        IndexUnavailableError: vectors of one cannot be searched.
    """
    documents = library.catalog.scope(Filters(collections=(migration.collection,))) or frozenset()
    asked: list[Answers] = []
    names: dict[str, str] = {}
    models = [(_loaded(library, spec), library.exact_store(spec.id)) for spec in (migration.source, migration.target)]
    for question in questions(library.catalog, documents):
        if stop is not None and stop.is_set():
            break
        rankings = []
        for embedder, store in models:
            vector = embedder.embed_query(question.text)
            ranking = _documents(library, lambda limit, s=store, v=vector: s.nearest(v, limit, documents), names)  # type: ignore[misc]
            rankings.append(ranking)
        asked.append(Answers(question, *rankings))
    return compare(asked, names, ndcg)


def _documents(library: Library, nearest: Callable[[int], Ranking], names: dict[str, str]) -> list[str]:
    """Ids of the first documents by their best passages; their names are added to `names`."""
    limit = _PASSAGES
    while True:
        ranking = nearest(limit)
        passages = library.catalog.lookup([item.chunk_id for item in ranking])
        found: dict[str, str] = {}
        for item in ranking:
            if passage := passages.get(item.chunk_id):
                found.setdefault(passage.chunk.document_id, passage.document)
        if len(found) >= DEPTH or len(ranking) < limit:
            names |= found
            return list(found)[:DEPTH]
        limit *= 4


def long_note(library: Library, collection: str, target: str) -> str:
    """How many passages of a collection are longer than a model reads, as a sentence; "" for none, or where it is not here."""
    try:
        return _long_passages(
            library, collection, backends.embedder_for(library.config.model_copy(update={"offline": True}), target)
        )
    except ModelUnavailableError:
        return ""


def _long_passages(library: Library, collection: str, embedder: Embedder) -> str:
    documents = sorted(library.catalog.scope(Filters(collections=(collection,))) or ())
    entries = library.catalog.passages(documents)
    limit, long = embedder.spec.max_tokens, 0
    while texts := [entry.text for entry in islice(entries, _COUNTED)]:
        long += len(too_long(embedder, texts))
    if not long:
        return ""
    return (
        f"{long:,} passages are longer than the {limit:,} tokens that it reads: each of them is embedded in parts, and its "
        "vector is their mean."
    )


def _set(library: Library, migration_id: str, state: MigrationState) -> Migration:
    migration = library.catalog.migration(migration_id)
    library.catalog.set_migration(migration.id, state)
    return one(library, migration.id)


def _forget(library: Library, migration: Migration) -> None:
    """Remove the vectors that nothing uses any more, their indexes, and their model from memory."""
    library.paces.pop(migration.id, None)
    for spec in (migration.source, migration.target):
        library.catalog.purge_model(spec.id)
    default, _ = library.shelf.default
    used = {*library.catalog.kept_models(), *([default.id] if default else [])}
    library.shelf.unload({migration.source.id, migration.target.id} - used)
    with library.borrowed() as owned:
        if owned:
            library.settle()


def _sweep(library: Library) -> bool:
    """Once in a process: finish what ended migrations, or those of collections that were deleted, did not remove."""
    if library.swept:
        return False
    library.swept = True
    ended = [each for each in library.catalog.migrations() if each.state in (_S.DONE, _S.CANCELLED)]
    specs = {spec.id for each in ended for spec in (each.source, each.target)}
    specs |= {each for each, count in library.catalog.counts().vectors.items() if count} - set(library.models())
    return sum(library.catalog.purge_model(model_id) for model_id in sorted(specs)) > 0
