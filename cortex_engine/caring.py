"""How the rooms are put together for the care of a library: accounts, doctor, rebuild, backup."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path

from cortex_engine.catalog.sqlite import SqliteCatalog
from cortex_engine.config import LoadedConfig
from cortex_engine.core.app import ModelState, VectorStatistics
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.documents import Document
from cortex_engine.core.errors import CatalogError, CortexError, LibraryLockedError, UsageError
from cortex_engine.core.installed import version_of
from cortex_engine.core.probes import ProbeReport
from cortex_engine.core.reports import Finding, LedgerEntry, Severity
from cortex_engine.core.search import Filters
from cortex_engine.library import Library
from cortex_engine.maintenance.backup import restore_backup, write_backup
from cortex_engine.maintenance.doctor import Patient, examine, torch_pair
from cortex_engine.maintenance.inspector import figures
from cortex_engine.maintenance.storage import note_backup
from cortex_engine.placement import placement, weight_bytes


def ledger(library: Library, document_ids: list[str] | None) -> list[LedgerEntry]:
    """The catalog's account, with what the word index really holds and the vectors that are really there.

    A document in collections of several models counts by the model that has the fewest of its vectors.
    """
    library.prepare_search()
    words = library.lexical_index().ids()
    models = {collection.name: collection.spec.id for collection in library.catalog.collections()}
    vectors = {model_id: library.catalog.chunk_ids(model_id) for model_id in set(models.values())}
    entries = []
    for entry in library.catalog.ledger(document_ids):
        chunks = [chunk.id for chunk in library.catalog.chunks([entry.document_id])]
        wanted = {models[name] for name in library.catalog.document(entry.document_id).collections}
        least = min((sum(chunk in vectors[model_id] for chunk in chunks) for model_id in wanted), default=0)
        entries.append(replace(entry, vectors=least, lexical=sum(chunk in words for chunk in chunks)))
    return entries


def rebuild(library: Library) -> list[str]:
    """See `CortexSuite.rebuild`."""
    library.own()
    names = library.all_indexes()
    for name in names:
        library.sync.rebuild(name)
    library.settle()
    return names


def doctor(library: Library, loaded: LoadedConfig, fix: bool, full: bool) -> list[Finding]:
    """See `CortexSuite.doctor`. An index that cannot even be opened is built anew at once, as at every start."""
    owner = ""
    try:
        library.own()
    except LibraryLockedError as error:
        owner = str(error)
    repaired = {} if owner else library.sync.inspect(library.all_indexes())
    patient = Patient(
        catalog=library.catalog,
        blobs=library.blobs,
        folder=library.folder,
        derived=library.derived,
        index_names=library.all_indexes(),
        repaired=repaired,
        check_index=library.sync.check,
        rebuild_index=library.sync.renew,
        ledger=lambda: ledger(library, None),
        embed_missing=lambda: library.line().embed_missing(),
        probe_reports=lambda load: verify_models(library) if load else known_reports(library),
        owner=owner,
        min_free_bytes=loaded.config.min_free_bytes,
        config_findings=[*_environment_findings(), *_model_findings(library)],
    )
    findings = examine(patient, fix, full)
    if fix and not owner:
        library.settle()
    return findings


def _environment_findings() -> list[Finding]:
    found = torch_pair(version_of("torch") or "", version_of("torchvision") or "")
    return [found] if found else [Finding("libraries", Severity.OK, "The installed libraries belong together.")]


def _model_findings(library: Library) -> Iterator[Finding]:
    """Qwen3-VL and rerankers that are switched on and cannot be used. What is here is loaded for it; nothing is fetched."""
    config = library.config
    if config.new_collection_backend == "qwen3_vl":
        model, consequence = placement(config).embedding_model, "New collections cannot be made with it until then."
        if _must_be_fetched(model):
            yield _not_here("qwen3-vl embedding", model, consequence)
        else:
            library.shelf.load_default()
            spec, fault = library.shelf.default
            state, reason = library.shelf.state(spec.id) if spec else (ModelState.ABSENT, fault)
            yield _model_finding("qwen3-vl embedding", state, reason, consequence)
    if config.reranker_in_use != "none":
        model = placement(config).reranker_model if config.reranker_in_use == "qwen3_vl" else ""
        consequence = "Results keep the order of fusion until then."
        if _must_be_fetched(model):
            yield _not_here("reranker", model, consequence)
        else:
            yield _model_finding("reranker", library.rerankers.load(), library.rerankers.state[1], consequence)


def _must_be_fetched(model: str) -> bool:
    """Whether this is a Hub's name whose weights are not here; what is wrong with a folder is found by loading it."""
    path = Path(model).expanduser()
    folder = path.is_absolute() or path.is_dir() or model.startswith(".")
    return bool(model) and not folder and not weight_bytes(model)


def _not_here(check: str, model: str, consequence: str) -> Finding:
    message = f"It is switched on, and its weights ({model}) are not on this machine. {consequence}"
    remedy = f"`hf download {model}` fetches them, or name their folder in the settings."
    return Finding(check, Severity.WARNING, message, remedy)


def _model_finding(check: str, state: ModelState, reason: str, consequence: str) -> Finding:
    if state is ModelState.HEALTHY:
        return Finding(check, Severity.OK, "It is loaded and passes its examination.")
    return Finding(check, Severity.WARNING, f"It is switched on, and cannot be used. {consequence}", reason)


def backup(library: Library, target: Path, on_progress: Callable[[int, int], None]) -> Path:
    """See `CortexSuite.backup`.

    Raises:
        UsageError: the target lies in the library, and would be lost with it.
    """
    if target.resolve().is_relative_to(library.folder.resolve()):
        raise UsageError(f"{target} lies in the library itself and would be lost with it. Give a folder elsewhere.")
    write_backup(library.catalog, library.blobs, target, on_progress)
    note_backup(library.folder, target.resolve())
    return target


def verify_models(library: Library) -> list[ProbeReport]:
    """See `CortexSuite.verify_models`."""
    reports = [library.shelf.verify(spec) for spec in library.models().values()]
    return [report for report in reports if report is not None]


def known_reports(library: Library) -> list[ProbeReport]:
    """What the probes said of the models that this process has loaded."""
    reports = [library.shelf.probe_report(model_id) for model_id in library.models()]
    return [report for report in reports if report is not None]


def inspect_vectors(library: Library) -> list[VectorStatistics]:
    """See `CortexSuite.inspect_vectors`."""
    collections = library.catalog.collections()
    used = {collection.spec.id: collection.spec for collection in collections}
    kept = {model_id: library.catalog.spec(model_id) for model_id in library.catalog.counts().vectors}
    found = []
    for spec in sorted((used | kept).values(), key=lambda each: (each.id not in used, each.model, each.id)):
        names = tuple(collection.name for collection in collections if collection.spec.id == spec.id)
        seen = figures(library.catalog, spec.id, spec.dimension)
        expected = seen.vectors
        if names:
            scope = library.catalog.scope(Filters(collections=names))
            expected = library.catalog.passage_count(scope)
        reason = _why_not_usable(library, spec)
        found.append(
            VectorStatistics(
                spec=spec,
                collections=names,
                expected=expected,
                usable=not reason,
                reason=reason,
                **{field.name: getattr(seen, field.name) for field in fields(seen)},
            )
        )
    return found


def dimensions(library: Library) -> set[int]:
    """Dimensions of the models whose vectors the library keeps, or whose collections wait for some."""
    catalog = library.catalog
    specs = [collection.spec for collection in catalog.collections()]
    return {spec.dimension for spec in [*specs, *(catalog.spec(each) for each in catalog.counts().vectors)]}


def _why_not_usable(library: Library, spec: EmbeddingSpec) -> str:
    try:
        library.embedder(spec)
    except CortexError as error:
        return str(error)
    return ""


def restore(source: Path, data_dir: Path) -> Path:
    """See `CortexSuite.restore`. A backup holds no indexes: that there were some is forgotten, so that none is missing."""
    folder = restore_backup(source, data_dir)
    catalog = SqliteCatalog(folder / "catalog.db")
    try:
        for name in catalog.index_states():
            catalog.forget_index(name)
    finally:
        catalog.close()
    return folder


def working_copy(library: Library, document: Document) -> Path:
    """A copy in `<data_dir>/opened`, so that no program can write to the original.

    Raises:
        NotFoundError: the original is missing.
        CatalogError: it is damaged.
    """
    folder = library.folder / "opened" / document.id
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = document.name.replace("/", "_").replace("\\", "_").lstrip(".") or "document"
    target = folder / name
    shutil.copyfile(library.blobs.path(document.sha256), target)
    with target.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() == document.sha256:
            return target
    target.unlink()
    raise CatalogError(
        f"The original of '{document.name}' is damaged on disk. Restore it from a backup, or delete the document and ingest "
        "the file again; its text can still be searched."
    )
