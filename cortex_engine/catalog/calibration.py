"""Calibrated scores and measured recall, as rows of numbers."""

from __future__ import annotations

import random
from array import array
from collections.abc import Sequence

from cortex_engine.catalog import rows
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.core.calibration import (
    FUSION_STAGE,
    MAX_RELATED,
    MAX_SAMPLES,
    MEANING_STAGE,
    Calibration,
    CalibrationState,
    RecallSample,
)

_SELECT = """
    SELECT s.id, c.name, k.stage, k.unrelated, k.related, k.judged, k.pairs, k.made, k.passages
    FROM calibration k JOIN collection c ON c.key = k.collection AND c.model = k.model
    JOIN embedding_spec s ON s.key = k.model ORDER BY c.name, k.stage
"""

_QUESTIONS = """
    FROM judgement j JOIN chunk h ON h.id = j.chunk JOIN membership m ON m.document = h.document
    WHERE j.value = 1 AND m.collection = c.key
"""

_STATES = f"""
    SELECT c.name, s.id,
        coalesce((SELECT sum(e.vectors) FROM membership m JOIN document_model e
                  ON e.document = m.document AND e.model = s.key WHERE m.collection = c.key), 0),
        (SELECT count(DISTINCT j.query) {_QUESTIONS}),
        coalesce(max(k.key), 0), coalesce(max(k.passages), 0), coalesce(max(k.judged), 0)
    FROM collection c JOIN embedding_spec s ON s.key = c.model
    LEFT JOIN calibration k ON k.collection = c.key AND k.model = s.key AND k.stage IN ('{MEANING_STAGE}', '{FUSION_STAGE}')
    GROUP BY c.key ORDER BY c.name
"""

_VERSIONS = """
    SELECT c.name, coalesce(max(k.key), 0)
    FROM collection c LEFT JOIN calibration k ON k.collection = c.key AND k.model = c.model
    WHERE EXISTS (SELECT 1 FROM membership m WHERE m.collection = c.key) GROUP BY c.key
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

    def calibrations(self) -> list[Calibration]:
        """All of them, under the model that their collection has now, by collection and stage."""
        with self._database.read() as connection:
            found = connection.execute(_SELECT).fetchall()
        return [Calibration(row[0], row[1], row[2], _unpacked(row[3]), _unpacked(row[4]), *row[5:9]) for row in found]

    def calibration_versions(self) -> dict[str, int]:
        """Collection that holds documents -> a number that changes when it is calibrated anew, 0 for never."""
        with self._database.read() as connection:
            return {str(name): int(version) for name, version in connection.execute(_VERSIONS)}

    def calibration_states(self) -> list[CalibrationState]:
        """Every collection under its model, by name."""
        with self._database.read() as connection:
            return [CalibrationState(*row) for row in connection.execute(_STATES)]

    def sample_passages(self, collection: str, limit: int, seed: int = 0) -> list[tuple[str, str, str]]:
        """Passage id, document id and text of passages of a collection, drawn evenly at random; the same seed draws the same.

        Raises:
            NotFoundError: there is no such collection.
        """
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT h.key FROM membership m JOIN chunk h ON h.document = m.document WHERE m.collection = ? ORDER BY h.key",
                (rows.collection_key(connection, collection),),
            )
            keys = [key for (key,) in found]
            drawn = random.Random(seed).sample(keys, min(limit, len(keys)))  # noqa: S311 - no secret
            texts = connection.execute(
                "SELECT h.id, d.id, h.text FROM json_each(?) w JOIN chunk h ON h.key = w.value "
                "JOIN document d ON d.key = h.document ORDER BY w.key",
                (rows.array(drawn),),
            )
            return [(str(chunk), str(document), str(text)) for chunk, document, text in texts]

    def judged_questions(self, collection: str) -> list[str]:
        """Questions for which people judged a passage of the collection to be right, the newest first."""
        with self._database.read() as connection:
            found = connection.execute(
                f"SELECT j.query {_QUESTIONS.replace('c.key', '?')} GROUP BY j.query ORDER BY max(j.key) DESC",
                (rows.collection_key(connection, collection),),
            )
            return [str(query) for (query,) in found]

    def keep_recall_sample(self, sample: RecallSample) -> None:
        """Keep it; the newest 2,000 of each model stay. Of a model that is gone nothing is kept."""
        with self._database.write() as connection:
            found = connection.execute("SELECT key FROM embedding_spec WHERE id = ?", (sample.model_id,)).fetchone()
            if found is None:
                return
            connection.execute(
                "INSERT INTO recall_sample (model, k, found, candidates, asked, widening) VALUES (?, ?, ?, ?, ?, ?)",
                (found[0], sample.k, sample.found, sample.candidates, sample.asked or rows.now(), sample.widening),
            )
            connection.execute(
                "DELETE FROM recall_sample WHERE model = ? AND key <= (SELECT key FROM recall_sample WHERE model = ? "
                "ORDER BY key DESC LIMIT 1 OFFSET ?)",
                (found[0], found[0], MAX_SAMPLES),
            )

    def recall_samples(self, model_id: str) -> list[RecallSample]:
        """Samples of a model, newest first."""
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT s.id, r.k, r.found, r.candidates, r.asked, r.widening FROM recall_sample r "
                "JOIN embedding_spec s ON s.key = r.model WHERE s.id = ? ORDER BY r.key DESC",
                (model_id,),
            )
            return [RecallSample(*row) for row in found]


def _packed(values: Sequence[float]) -> bytes:
    return array("d", values).tobytes()


def _unpacked(data: bytes) -> tuple[float, ...]:
    values = array("d")
    values.frombytes(data)
    return tuple(values)
