"""The canary contract of a library: after every load a model must give the vectors that it gave when they were frozen."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import CatalogError, CortexError, NotFoundError
from cortex_engine.core.model_records import ProbeRecords
from cortex_engine.core.probes import ProbeReport, ProbeSet, Verdict
from cortex_engine.core.protocols import Embedder
from cortex_engine.maintenance.probe_contents import VERSION, ProbeVectors, probe
from cortex_engine.maintenance.verdicts import NO_SENSE, judge, makes_sense, sentence

_log = logging.getLogger(__name__)

_FIRST = "'{model}' was looked at for the first time in this library: its probes are frozen from now on."
_WITHOUT_WEIGHTS = frozenset({"hashing"})
_AGAIN = "The frozen probes of '{model}' were {cause}; they have been made anew with the model as it is now."


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a loaded model found.

    Attributes:
        report: the verdict with its sentence.
        kept: whether there were frozen probes to compare with.
        fits: whether vectors made now fit those that are kept (True where none were frozen).
        now: the probes as the model gives them.
    """

    report: ProbeReport
    kept: bool
    fits: bool
    now: ProbeSet

    @property
    def fault(self) -> str:
        """Why the model must not be used, or ""."""
        return "" if self.fits else self.report.sentence

    @property
    def note(self) -> str:
        """What people should know of a model that is used, or ""."""
        return self.report.sentence if self.fits and self.report.verdict is not Verdict.IDENTICAL else ""


class Canaries:
    """Looks at models, and freezes the probes of those that a collection uses.

    Args:
        records: where frozen probes lie.

    Threads may share it.
    """

    def __init__(self, records: ProbeRecords) -> None:
        self._records = records
        self._seen: dict[str, Look] = {}
        self._guard = threading.Lock()

    def look(self, embedder: Embedder) -> Look:
        """Embed the probes with a loaded model and compare them with the frozen ones, if there are any.

        Raises:
            ModelUnavailableError: cause and remedy.
        """
        spec = embedder.spec
        present = probe(embedder)
        precision = str(getattr(embedder, "precision", "") or "")
        look = self._compared(spec, present, ProbeSet(VERSION, present.vectors, precision))
        with self._guard:
            self._seen[spec.id] = look
        return look

    def freeze(self, spec: EmbeddingSpec) -> bool:
        """Keep the probes of a model that was looked at and found fit, once a collection uses it; tells whether they are kept."""
        with self._guard:
            look = self._seen.get(spec.id)
        if look is None or look.fault:
            return False
        if look.kept:
            return True
        try:
            self._records.keep_probes(spec.id, look.now)
        except NotFoundError:
            _log.debug("no collection uses %s yet; its probes are frozen with the first one", spec.model)
            return False
        except CortexError as error:  # a full disk, say: no reason not to search
            _log.warning("the probes of %s could not be frozen yet: %s", spec.model, error)
            return False
        return True

    def forget(self, model_id: str) -> None:
        """What was found before counts no more."""
        with self._guard:
            self._seen.pop(model_id, None)

    def report(self, model_id: str) -> ProbeReport | None:
        """What the last look of this process at a model found."""
        with self._guard:
            look = self._seen.get(model_id)
        return look.report if look else None

    def _compared(self, spec: EmbeddingSpec, present: ProbeVectors, now: ProbeSet) -> Look:
        cause = ""
        try:
            frozen = self._records.probes(spec.id)
        except CatalogError as error:
            _log.warning("%s", error)
            frozen, cause = None, "damaged"
        if frozen is not None and frozen.version != VERSION:
            frozen, cause = None, "those of another version of the suite"
        verdict, lowest, said = (
            Verdict.IDENTICAL,
            1.0,
            (_AGAIN if cause else _FIRST).format(model=spec.model, cause=cause),
        )
        if frozen is not None:
            verdict, lowest = judge(frozen.vectors, present.vectors, present.found)
            said = sentence(verdict, spec.model, lowest, (frozen.precision, now.precision))
        fits = verdict.usable
        if fits and spec.backend not in _WITHOUT_WEIGHTS and not makes_sense(present.vectors, present.found):
            # Vectors without sense fit one another: the model goes on, and says so wherever it is shown.
            verdict, said = Verdict.RANDOM_WEIGHTS, NO_SENSE.format(model=spec.model)
        return Look(ProbeReport(spec.id, verdict, lowest, said), frozen is not None, fits, now)
