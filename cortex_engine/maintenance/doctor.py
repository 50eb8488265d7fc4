"""The doctor: looks at everything that can go wrong, says it in sentences, and mends what can be mended without loss."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cortex_engine.core.catalog import BlobStore, Catalog
from cortex_engine.core.errors import CortexError
from cortex_engine.core.identifiers import file_hash
from cortex_engine.core.pictures import DRAWN
from cortex_engine.core.probes import ProbeReport, Verdict
from cortex_engine.core.reports import FileState, Finding, LedgerEntry, Severity

_SAMPLE = 50
_LOW_SHARE = 0.05
_HUGE_FACTOR = 50


@dataclass(frozen=True, slots=True)
class Patient:
    """What the doctor may look at and do.

    Attributes:
        folder: the data folder.
        derived: folder of the derived indexes.
        index_names: indexes that should exist.
        repaired: indexes that had to be built anew when the library was opened, and why.
        check_index: what is wrong with an index (thoroughly when True), as a sentence, or "".
        rebuild_index: builds it anew.
        ledger: the account of every document, with the word index's count.
        embed_missing: embeds what waits; returns the number of documents.
        probe_reports: what the probes say of the models; when True all are loaded for it, else only those that are.
        owner: "" when this process owns the library, else a sentence on who does.
    """

    catalog: Catalog
    blobs: BlobStore
    folder: Path
    derived: Path
    index_names: Sequence[str]
    repaired: Mapping[str, str]
    check_index: Callable[[str, bool], str]
    rebuild_index: Callable[[str], None]
    ledger: Callable[[], list[LedgerEntry]]
    embed_missing: Callable[[], int]
    probe_reports: Callable[[bool], Sequence[ProbeReport]]
    owner: str
    min_free_bytes: int
    config_findings: Sequence[Finding] = ()


def examine(patient: Patient, fix: bool, full: bool) -> list[Finding]:
    """All findings; those that could be mended are marked `fixed` when `fix` is set."""
    checks: Sequence[Callable[[Patient, bool, bool], Iterable[Finding]]] = (
        _owner,
        _disk,
        _permissions,
        _catalog,
        _originals,
        _indexes,
        _models,
        _waiting,
        _accounts,
        _jobs,
    )
    findings = [finding for check in checks for finding in check(patient, fix, full)]
    return [*findings, *patient.config_findings]


def _ok(check: str, message: str) -> Finding:
    return Finding(check, Severity.OK, message)


def _owner(patient: Patient, fix: bool, full: bool) -> Iterator[Finding]:  # noqa: ARG001
    if patient.owner:
        yield Finding("owner", Severity.NOTE, patient.owner, "Indexes were not compared; stop that process to do it.")
    else:
        yield _ok("owner", "This process owns the library while it examines it.")


def _disk(patient: Patient, fix: bool, full: bool) -> Iterator[Finding]:  # noqa: ARG001
    usage = shutil.disk_usage(patient.folder)
    needed = min(patient.min_free_bytes, int(usage.total * _LOW_SHARE))
    free = f"{usage.free / 1e9:.1f} GB are free"
    if usage.free < needed:
        remedy = f"Free at least {needed / 1e9:.1f} GB; until then nothing is taken in, search goes on."
        yield Finding("disk", Severity.ERROR, f"The disk is nearly full: {free}.", remedy)
    else:
        yield _ok("disk", f"{free}.")


def _permissions(patient: Patient, fix: bool, full: bool) -> Iterator[Finding]:  # noqa: ARG001
    mode = stat.S_IMODE(patient.folder.stat().st_mode)
    if not mode & 0o077:
        yield _ok("permissions", "Only you can read the library.")
        return
    if fix:
        patient.folder.chmod(0o700)
    message = f"Other users of this machine can look into {patient.folder} (mode {mode:o})."
    yield Finding("permissions", Severity.WARNING, message, "`doctor --fix` makes it private.", True, fix)


def _catalog(patient: Patient, fix: bool, full: bool) -> Iterator[Finding]:
    mending: dict[str, Callable[[], object]] = {
        "catalog-vectors": patient.catalog.drop_damaged_vectors,
        "catalog-graph": patient.catalog.recount_graph,
    }
    done = set()
    for finding in patient.catalog.check(full):
        mended = finding.check in mending and finding.fixable and fix and not patient.owner
        if mended and finding.check not in done:
            done.add(finding.check)
            mending[finding.check]()
        yield replace(finding, fixed=mended)


def _originals(patient: Patient, fix: bool, full: bool) -> Iterator[Finding]:
    needed, held = patient.catalog.blob_hashes(), set(patient.blobs.all())
    if missing := needed - held:
        message = f"{len(missing)} originals are missing ({', '.join(sorted(missing)[:3])[:60]} …)."
        remedy = "Search goes on; restore them from a backup, or ingest the files again."
        yield Finding("originals-missing", Severity.ERROR, message, remedy)
    present = sorted(needed & held)
    looked = present if full else present[:: max(1, len(present) // _SAMPLE)]
    damaged = [sha256 for sha256 in looked if file_hash(patient.blobs.path(sha256)) != sha256]
    if damaged:
        message = f"{len(damaged)} originals are damaged on disk ({', '.join(each[:12] for each in damaged[:3])} …)."
        remedy = "Restore them from a backup; their text and vectors are not affected."
        yield Finding("originals-damaged", Severity.ERROR, message, remedy)
    if orphans := held - needed:
        if fix and not patient.owner:
            patient.catalog.drop_blobs(sorted(orphans))
        message = f"{len(orphans)} originals belong to no document."
        fixed = fix and not patient.owner
        yield Finding("originals-orphaned", Severity.NOTE, message, "`doctor --fix` removes them.", True, fixed)
    if not missing and not damaged:
        yield _ok("originals", f"{len(present)} originals are there, {len(looked)} of them compared with their hash.")


def _indexes(patient: Patient, fix: bool, full: bool) -> Iterator[Finding]:
    if patient.owner:
        return
    for name in patient.index_names:
        if name in patient.repaired:
            message = f"The index was damaged ({patient.repaired[name]}) and has been built anew."
            yield Finding(f"index {name}", Severity.ERROR, message, fixable=True, fixed=True)
        fault = patient.check_index(name, full)
        if not fault:
            yield _ok(f"index {name}", "It agrees with the catalog.")
            continue
        fixed, remedy = False, "`doctor --fix` builds it anew."
        if fix:
            try:
                patient.rebuild_index(name)
                fixed = not patient.check_index(name, True)
            except CortexError as error:
                remedy = str(error)
        message = f"The index does not agree with the catalog: {fault}."
        yield Finding(f"index {name}", Severity.ERROR, message, remedy, True, fixed)
    yield from _huge_files(patient)


def _huge_files(patient: Patient) -> Iterator[Finding]:
    """Index files far larger than what they hold (Chroma has written sparse files of hundreds of gigabytes)."""
    counts = patient.catalog.counts()
    expected = 50_000_000 + (counts.chunks + counts.pictures) * 20_000
    for path in patient.derived.rglob("*"):
        if path.is_file() and path.stat().st_size > expected * _HUGE_FACTOR:
            message = (
                f"The index file {path.name} claims {path.stat().st_size / 1e9:.1f} GB for {counts.chunks} passages."
            )
            yield Finding("index-size", Severity.ERROR, message, "`rebuild` builds the indexes anew.", True)


def _models(patient: Patient, fix: bool, full: bool) -> Iterator[Finding]:  # noqa: ARG001
    for report in patient.probe_reports(full):
        if report.verdict is Verdict.IDENTICAL:
            yield _ok("models", report.sentence)
        elif report.verdict.usable:
            yield Finding("models", Severity.NOTE, report.sentence)
        else:
            yield Finding("models", Severity.ERROR, report.sentence)


def _waiting(patient: Patient, fix: bool, full: bool) -> Iterator[Finding]:  # noqa: ARG001
    findings = [*_waiting_passages(patient), *_waiting_pictures(patient)]
    if not findings:
        yield _ok("embeddings", "Every passage and every picture has its vector.")
        return
    if fix:
        try:
            patient.embed_missing()
            findings = [replace(finding, fixed=True) for finding in findings]
        except CortexError as error:
            findings = [replace(finding, remedy=str(error)) for finding in findings]
    yield from findings


def _waiting_passages(patient: Patient) -> Iterator[Finding]:
    waiting = patient.catalog.unembedded(1000)
    if waiting:
        names = {spec.model for _, spec in waiting}
        message = (
            f"{len(waiting)} documents wait for vectors of {', '.join(sorted(names))}; they are found by words only."
        )
        yield Finding(
            "embeddings", Severity.WARNING, message, "`doctor --fix` embeds them if the model is there.", True
        )


def _waiting_pictures(patient: Patient) -> Iterator[Finding]:
    waiting = {each.document_id: len(each.missing) for each in patient.catalog.waiting_pictures(1000)}
    undrawn = {document_id for document_id, _ in patient.catalog.undrawn(DRAWN, 1000)}
    concerned = sorted({*waiting, *undrawn})
    if concerned:
        named = ", ".join(f"'{patient.catalog.document(document_id).name}'" for document_id in concerned[:5])
        message = (
            f"Pictures of {len(concerned)} documents wait for vectors ({named}{' …' if len(concerned) > 5 else ''}; "
            f"{sum(waiting.values())} pictures and descriptions, {len(undrawn)} documents that were not drawn yet); they are "
            "not found by their look."
        )
        yield Finding("pictures", Severity.WARNING, message, "`doctor --fix` embeds them if the model is there.", True)


def _accounts(patient: Patient, fix: bool, full: bool) -> Iterator[Finding]:  # noqa: ARG001
    if patient.owner:
        return
    try:
        entries = patient.ledger()
    except CortexError as error:
        yield Finding(
            "ledger", Severity.ERROR, f"The accounts cannot be drawn up: {error}", "`rebuild`, then look again."
        )
        return
    wrong = [entry for entry in entries if not entry.balanced]
    if not wrong:
        yield _ok("ledger", f"The accounts of {len(entries)} documents balance.")
    for entry in wrong[:20]:
        message = (
            f"'{entry.document}': {entry.characters} characters, {entry.characters_embedded} in passages; {entry.chunks} "
            f"passages, {entry.vectors} vectors, {entry.lexical} entries of the word index; {entry.pictures} pictures, "
            f"{entry.pictures_embedded} of them embedded."
        )
        remedy = "`doctor --fix`; if it stays so, ingest the file again."
        severity = Severity.WARNING if entry.waits else Severity.ERROR
        yield Finding("ledger", severity, message, remedy)


def _jobs(patient: Patient, fix: bool, full: bool) -> Iterator[Finding]:  # noqa: ARG001
    active = patient.catalog.jobs(active_only=True)
    waiting = sum(job.total - job.finished for job in active)
    if waiting:
        message = f"{waiting} files of {len(active)} jobs wait."
        yield Finding("jobs", Severity.NOTE, message, "`cortex jobs resume` works on them.")
    else:
        yield _ok("jobs", "Nothing waits.")
    quarantined = [job for job in patient.catalog.jobs() if job.counts.get(FileState.QUARANTINED)]
    for job in quarantined[:10]:
        message = f"{job.counts[FileState.QUARANTINED]} files of job {job.id} brought the process down three times."
        remedy = f"`cortex jobs list {job.id}` names them; `cortex jobs retry {job.id}` tries again."
        yield Finding("quarantine", Severity.WARNING, message, remedy)


def torch_pair(torch: str, torchvision: str) -> Finding | None:
    """Whether torch and torchvision belong together (0.n+15 belongs to 2.n: torchvision 0.28 to torch 2.13; trap T6)."""
    if not torch or not torchvision:
        return None
    minor, vision_minor = (int(version.split("+")[0].split(".")[1]) for version in (torch, torchvision))
    if vision_minor == minor + 15:
        return None
    message = f"torchvision {torchvision} does not belong to torch {torch}."
    return Finding("torchvision", Severity.ERROR, message, f"pip install 'torchvision==0.{minor + 15}.*'")
