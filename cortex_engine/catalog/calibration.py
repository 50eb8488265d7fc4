"""Calibrated scores and measured recall, as rows of numbers."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from cortex_engine.catalog import rows
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.core.calibration import (
    MAX_RELATED,
    MAX_SAMPLES,
    Calibration,
    CalibrationState,
    RecallSample,
)

_SELECT = """
    SELECT s.id, c.name, k.stage, k.unrelated, k.related, k.judged, k.pairs, k.made, k.passages
    FROM calibration k JOIN collection c ON c.key = k.collection JOIN embedding_spec s ON s.key = k.model
"""

_STATES = """
    SELECT c.name, s.id,
        coalesce((SELECT sum(e.vectors) FROM membership m JOIN document_model e
                  ON e.document = m.document AND e.model = s.key WHERE m.collection = c.key), 0),
        coalesce(max(k.key), 0), coalesce(max(k.passages), 0)
    FROM collection c JOIN embedding_spec s ON s.key = c.model
    LEFT JOIN calibration k ON k.collection = c.key AND k.model = s.key
    GROUP BY c.key ORDER BY c.name
"""


class CalibrationRows(CatalogPart):
    """The port `CalibrationRecords`."""

    def keep_calibrations(self, calibrations: Sequence[Calibration]) -> None:
        """Put them in place of those of the same collection, model and stage; of collections that are gone, nothing is kept."""
        with self._database.write() as connection:
            for each in calibrations:
                keys = connection.execute(
                    "SELECT c.key, s.key FROM collection c, embedding_spec s WHERE c.name = ? AND s.id = ?",
                    (each.collection, each.model_id),
                ).fetchone()
                if keys is None:
                    continue
                connection.execute(
                    "DELETE FROM calibration WHERE collection = ? AND model = ? AND stage = ?", (*keys, each.stage)
                )
                connection.execute(
                    "INSERT INTO calibration (collection, model, stage, unrelated, related, judged, pairs, made, passages) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        *keys,
                        each.stage,
                        _packed(each.unrelated),
                        _packed(each.related[:MAX_RELATED]),
                        each.judged,
                        each.pairs,
                        each.made or rows.now(),
                        each.passages,
                    ),
                )

    def calibrations(self, versions: Sequence[int] | None = None) -> list[Calibration]:
        """All of them, or those of some versions (`CalibrationState.version`), by collection, model and stage."""
        condition, values = "", ()
        if versions is not None:
            condition = """WHERE EXISTS (SELECT 1 FROM calibration n WHERE n.key IN (SELECT value FROM json_each(?))
                AND n.collection = k.collection AND n.model = k.model)"""
            values = (rows.array(versions),)  # type: ignore[assignment]  # one value or none
        with self._database.read() as connection:
            found = connection.execute(f"{_SELECT} {condition} ORDER BY c.name, s.id, k.stage", values).fetchall()
        return [Calibration(row[0], row[1], row[2], _unpacked(row[3]), _unpacked(row[4]), *row[5:9]) for row in found]

    def calibration_states(self) -> list[CalibrationState]:
        """Every collection with its model: passages with vectors, and whether and when it was calibrated."""
        with self._database.read() as connection:
            return [CalibrationState(*row) for row in connection.execute(_STATES)]

    def keep_recall_sample(self, sample: RecallSample) -> None:
        """Keep it; the newest 2,000 of each model stay. Of a model that is gone nothing is kept."""
        with self._database.write() as connection:
            found = connection.execute("SELECT key FROM embedding_spec WHERE id = ?", (sample.model_id,)).fetchone()
            if found is None:
                return
            connection.execute(
                "INSERT INTO recall_sample (model, k, found, candidates, asked) VALUES (?, ?, ?, ?, ?)",
                (found[0], sample.k, sample.found, sample.candidates, sample.asked),
            )
            connection.execute(
                "DELETE FROM recall_sample WHERE model = ? AND key <= (SELECT key FROM recall_sample WHERE model = ? "
                "ORDER BY key DESC LIMIT 1 OFFSET ?)",
                (found[0], found[0], MAX_SAMPLES),
            )

    def recall_samples(self, model_id: str, candidates: int = 0) -> list[RecallSample]:
        """Samples of a model, newest first; of searches that asked the index for so many candidates only, where given."""
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT s.id, r.k, r.found, r.candidates, r.asked FROM recall_sample r JOIN embedding_spec s "
                "ON s.key = r.model WHERE s.id = ? AND ? IN (0, r.candidates) ORDER BY r.key DESC",
                (model_id, candidates),
            )
            return [RecallSample(*row) for row in found]


def _packed(values: Sequence[float]) -> bytes:
    return array("d", values).tobytes()


def _unpacked(data: bytes) -> tuple[float, ...]:
    values = array("d")
    values.frombytes(data)
    return tuple(values)
