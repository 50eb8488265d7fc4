"""The frozen probes of models: what their vectors were when the first collection was made."""

from __future__ import annotations

import zlib

import numpy as np

from cortex_engine.catalog import rows
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.catalog.vectors import model_row, require_vectors
from cortex_engine.core.errors import CatalogError
from cortex_engine.core.probes import ProbeSet

_FLOAT_BYTES = 4


class ProbeRecords(CatalogPart):
    """The port `core.model_records.ProbeRecords`."""

    def probes(self, model_id: str) -> ProbeSet | None:
        """The probes of a model, None where they were never made (or no collection knows the model).

        Raises:
            CatalogError: they are damaged; `keep_probes` puts new ones in their place.
        """
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT p.version, p.dimension, p.crc32, p.data, p.precision, p.made FROM probe_set p "
                "JOIN embedding_spec s ON s.key = p.model WHERE s.id = ?",
                (model_id,),
            ).fetchone()
        if row is None:
            return None
        version, dimension, crc32, data, precision, made = row
        if zlib.crc32(data) != crc32 or not dimension or len(data) % (dimension * _FLOAT_BYTES):
            raise CatalogError(
                "The frozen probes of an embedding model are damaged in the catalog, so whether the model is still the same "
                "cannot be told from them."
            )
        vectors = np.frombuffer(data, dtype="<f4").reshape(-1, dimension).astype(np.float32)
        return ProbeSet(version, vectors, precision, made)

    def keep_probes(self, model_id: str, probes: ProbeSet) -> None:
        """Freeze the probes of a model; sound ones of the same version that are there already stay as they are.

        Raises:
            ModelMismatchError: they do not have the dimension of the model's spec.
            NotFoundError: unknown model id.
        """
        values = np.ascontiguousarray(probes.vectors, dtype="<f4")
        with self._database.write() as connection:
            model = require_vectors(connection, model_id, values)
            kept = connection.execute("SELECT version, crc32, data FROM probe_set WHERE model = ?", (model,)).fetchone()
            if kept is not None and kept[0] == probes.version and zlib.crc32(kept[2]) == kept[1]:
                return
            data = values.tobytes()
            connection.execute(
                "INSERT OR REPLACE INTO probe_set (model, version, dimension, crc32, data, precision, made) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    model,
                    probes.version,
                    model_row(connection, model_id)[1],
                    zlib.crc32(data),
                    data,
                    probes.precision,
                    probes.made or rows.now(),
                ),
            )
