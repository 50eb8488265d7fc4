"""Scores that mean something: calibrated collections, and the measured recall of approximate searches."""

from __future__ import annotations

from collections.abc import Callable

from cortex_engine import calibrating, certifying
from cortex_engine.chapters.base import Chapter, quiet
from cortex_engine.core.calibration import Calibration, CalibrationState, RecallCertificate


class CalibrationChapter(Chapter):
    """What scores mean. Where background work runs, all of it comes about by itself."""

    def calibrations(self) -> list[Calibration]:
        """The distributions by which hits get their closeness and searches their cut-off, by collection and stage."""
        return self._library.catalog.calibrations()

    def calibration_states(self) -> list[CalibrationState]:
        """Of every collection: whether it is calibrated, and whether it has changed too much since."""
        return self._library.catalog.calibration_states()

    def calibrate(self, collection: str = "", on_progress: Callable[[str], None] = quiet) -> list[Calibration]:
        """Calibrate a collection, or all of them, now; some seconds for each. Returns their calibrations.

        The reranker of the settings is loaded for it and asked about 390 pairs of texts for each; a service gets them sent.

        Raises:
            NotFoundError: there is no such collection.
            ModelUnavailableError, ModelMismatchError: its model cannot be used.
            ModelUnavailableError, ModelUnhealthyError: the reranker cannot be used; all else is calibrated.
        """
        return calibrating.calibrate(self._library, collection, on_progress)

    def recall_certificates(self) -> list[RecallCertificate]:
        """Of every model: the measured share of the truly nearest passages that its searches find."""
        return certifying.certificates(self._library)
