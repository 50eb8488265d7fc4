"""The files of an exact store as one whole: opened by a manifest, grown by appending, made durable together."""

from __future__ import annotations

import contextlib
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.errors import IndexUnavailableError, ModelMismatchError
from cortex_engine.vector_stores import flat_scan
from cortex_engine.vector_stores.columns import MANIFEST, Column, Names, damaged, read_manifest, write_durably
from cortex_engine.vector_stores.columns import write_manifest as replace_manifest
from cortex_engine.vector_stores.vector_sums import VectorSums

FORMAT = 1
CODES_FROM = 5 * flat_scan.BLOCK
"""Rows from which sign codes are kept. Below, the float scan is quick; the centre needs a fair sample of vectors."""
_SUMS_LAG = 1024


class StoreFiles:
    """One generation of an exact store's columns.

    Attributes:
        sequence: number in the files' names; compaction writes the next one.
        vectors, documents_of: float32 vectors, and the number of each row's document.
        dead: numbers of rows that were deleted or replaced, in order.
        codes: complete blocks of sign codes; rows behind them are scanned as floats.
        alive: `(rows,)`, False for dead rows; in memory only.
    """

    def __init__(self, folder: Path, dimension: int, sequence: int, manifest: dict[str, Any] | None = None) -> None:
        self.folder = folder
        self.dimension = dimension
        self.sequence = sequence
        self._columns: dict[str, Column] = {}
        self._recorded: dict[str, list[int]] = manifest["columns"] if manifest else {}
        self.vectors = self._column("vectors", np.float32, dimension)
        self.documents_of = self._column("row-documents", np.int32)
        self.dead = self._column("dead-rows", np.uint32)
        self.codes = self._column("codes", np.uint64, flat_scan.words(dimension) * flat_scan.BLOCK)
        self.centre = self._column("centre", np.float32, dimension)
        self.chunks = self._names("chunks")
        self.documents = self._names("documents")
        self._sums = VectorSums(dimension)
        self._stored_sums: dict[str, int] = manifest["sums"] if manifest else {}
        self._check_counts(manifest)
        self.alive = np.ones(self.vectors.count, np.bool_)
        self.alive[self.dead.view] = False
        self.pending = False

    @classmethod
    def load(cls, folder: Path, dimension: int) -> StoreFiles:
        """Open what the folder's manifest names, or begin anew in an empty folder.

        Raises:
            IndexUnavailableError: files are missing, too short, or the manifest is damaged.
            ModelMismatchError: the folder holds vectors of another dimension.
        """
        manifest = read_manifest(folder)
        if manifest is None:
            return cls(folder, dimension, 0)
        if manifest["format"] != FORMAT:
            raise damaged(folder / MANIFEST, f"has the unknown format {manifest['format']}")
        if manifest["dimension"] != dimension:
            raise ModelMismatchError(
                f"The vector index in {folder} holds vectors of {manifest['dimension']} numbers, but {dimension} "
                "are asked for: it belongs to another embedding model."
            )
        try:
            return cls(folder, dimension, manifest["sequence"], manifest)
        except IndexUnavailableError:
            latest = read_manifest(folder)  # the writer may have put another generation in place meanwhile
            if latest is None or latest == manifest:
                raise
            return cls(folder, dimension, latest["sequence"], latest)

    @property
    def live(self) -> int:
        """Rows that count."""
        return self.vectors.count - self.dead.count

    def append(self, chunk_ids: list[str], documents: NDArray[np.int32], vectors: flat_scan.Floats) -> None:
        """Add rows, and codes for every block that they complete."""
        self._begin()
        self.vectors.append(vectors)
        self.documents_of.append(documents)
        self.chunks.append(chunk_ids)
        self.alive = np.concatenate([self.alive, np.ones(len(vectors), np.bool_)])
        self._encode()

    def bury(self, rows: NDArray[np.int64]) -> None:
        """Mark live rows as dead."""
        self._begin()
        self.dead.append(rows.astype(np.uint32))
        self.alive[rows] = False

    def add_documents(self, document_ids: list[str]) -> None:
        """Give these documents the next numbers."""
        self._begin()
        self.documents.append(document_ids)

    def sums(self) -> VectorSums:
        """Sums over the live rows, brought up to date."""
        if self._sums.rows == 0 and self._stored_sums:
            path = self._sums_path(self._stored_sums["rows"], self._stored_sums["dead"])
            try:
                data = path.read_bytes()
            except FileNotFoundError:  # replaced by the writer since we looked: the sums follow from the vectors too
                data = b""
            if data and zlib.crc32(data) != self._stored_sums["crc"]:
                raise damaged(path, "does not have the checksum that was recorded")
            if data:
                self._sums.restore(data, self._stored_sums["rows"], self._stored_sums["dead"])
        self._sums.follow(self.vectors.view, self.dead.view)
        return self._sums

    def flush(self) -> None:
        """Make everything durable and let other processes see it."""
        if not self.pending:
            return
        for column in self._columns.values():
            column.sync()
        before = self._stored_sums
        changed = self.vectors.count + self.dead.count - before.get("rows", 0) - before.get("dead", 0)
        if changed > max(_SUMS_LAG, self.vectors.count // 50):
            self._store_sums()
        replace_manifest(self.folder, self._manifest())
        if before and before != self._stored_sums:
            self._sums_path(before["rows"], before["dead"]).unlink(missing_ok=True)
        self.pending = False

    def verify(self) -> None:
        """Read every file and compare its checksum.

        Raises:
            IndexUnavailableError: naming the first file that differs.
        """
        for column in self._columns.values():
            column.verify()
        if self._stored_sums:
            path = self._sums_path(self._stored_sums["rows"], self._stored_sums["dead"])
            if not path.exists() or zlib.crc32(path.read_bytes()) != self._stored_sums["crc"]:
                raise damaged(path, "does not have the checksum that was recorded")

    def compacted(self) -> StoreFiles:
        """A copy without the dead rows under the next sequence number; not yet flushed."""
        target = StoreFiles(self.folder, self.dimension, self.sequence + 1)
        rows = np.flatnonzero(self.alive)
        names = self.chunks.listed()
        used, numbers = np.unique(self.documents_of.view[rows], return_inverse=True)
        target.add_documents(self.documents.listed().get(used.tolist()))
        for first in range(0, len(rows), flat_scan.BLOCK):
            part = rows[first : first + flat_scan.BLOCK]
            documents = numbers[first : first + flat_scan.BLOCK].astype(np.int32)
            target.append(names.get(part.tolist()), documents, self.vectors.view[part])
        return target

    def remove(self) -> None:
        """Delete the files of this generation (readers that have them open keep what they see)."""
        self.close()
        for path in self.folder.glob(f"*-{self.sequence}.bin"):
            with contextlib.suppress(PermissionError):  # Windows keeps files that a reader has open
                path.unlink()

    def close(self) -> None:
        """Close the files."""
        for column in self._columns.values():
            column.close()

    def _begin(self) -> None:
        if not self.pending:
            self.pending = True
            self.folder.mkdir(parents=True, exist_ok=True)
            for column in self._columns.values():
                column.trim()
            if not (self.folder / MANIFEST).exists():  # so that a reader finds an empty store, not a broken one
                replace_manifest(self.folder, self._manifest())

    def _encode(self) -> None:
        done = self.codes.count * flat_scan.BLOCK
        if self.vectors.count < max(CODES_FROM, done + flat_scan.BLOCK):
            return
        vectors = self.vectors.view
        if self.centre.count == 0:
            self.centre.append(vectors.mean(axis=0, dtype=np.float64).astype(np.float32)[np.newaxis])
        for first in range(done, len(vectors) - flat_scan.BLOCK + 1, flat_scan.BLOCK):
            block = flat_scan.block_codes(vectors[first : first + flat_scan.BLOCK], self.centre.view[0])
            self.codes.append(block.reshape(1, -1))

    def _store_sums(self) -> None:
        sums = self.sums()
        data = sums.to_bytes()
        write_durably(self._sums_path(sums.rows, sums.dead), data)
        self._stored_sums = {"rows": sums.rows, "dead": sums.dead, "crc": zlib.crc32(data)}

    def _sums_path(self, rows: int, dead: int) -> Path:
        return self.folder / f"sums-{rows}-{dead}-{self.sequence}.bin"

    def _manifest(self) -> dict[str, Any]:
        columns = {name: [column.count, column.crc] for name, column in self._columns.items()}
        return {
            "format": FORMAT,
            "dimension": self.dimension,
            "sequence": self.sequence,
            "writer": os.getpid(),
            "columns": columns,
            "sums": self._stored_sums,
        }

    def _column(self, name: str, dtype: Any, width: int = 0) -> Column:
        count, crc = self._recorded.get(name, [0, 0])
        column = Column(self.folder / f"{name}-{self.sequence}.bin", dtype, width, count, crc)
        self._columns[name] = column
        return column

    def _names(self, name: str) -> Names:
        return Names(self._column(f"{name}-index", Names.INDEX), self._column(f"{name}-text", np.uint8))

    def _check_counts(self, manifest: dict[str, Any] | None) -> None:
        rows = self.vectors.count
        if not rows == self.documents_of.count == len(self.chunks) or self.dead.count > rows:
            raise damaged(self.folder / MANIFEST, "has counts that contradict each other")
        if self._stored_sums and not self._sums_path(self._stored_sums["rows"], self._stored_sums["dead"]).exists():
            raise damaged(self._sums_path(self._stored_sums["rows"], self._stored_sums["dead"]), "is missing")
        if manifest and self.dead.count and int(self.dead.view.max()) >= rows:
            raise damaged(self.dead.path, "names rows that do not exist")
