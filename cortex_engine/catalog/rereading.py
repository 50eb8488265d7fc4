"""Files that shall be read again, and files that once were to be taken in."""

from __future__ import annotations

from cortex_engine.catalog import queue, removal, rows
from cortex_engine.catalog.blobs import require_blob
from cortex_engine.catalog.jobs import JobRecords
from cortex_engine.core.app import IngestOptions
from cortex_engine.core.records import NewFile
from cortex_engine.core.reports import Job, JobFile

_CALLED = f"""
    SELECT {queue.FILE_COLUMNS} FROM job_file f JOIN job j ON j.key = f.job
    WHERE f.name = :name OR f.path = :name OR f.name LIKE '%/' || :like ESCAPE '\\'
    OR (f.message != '' AND instr(f.message, :quoted) > 0)
    ORDER BY f.key DESC LIMIT :limit
"""
_ROOT = """
    WITH RECURSIVE up (document) AS (
        SELECT :document UNION SELECT parent.parent FROM up JOIN parent ON parent.child = up.document
    )
    SELECT u.document FROM up u WHERE NOT EXISTS (SELECT 1 FROM parent p WHERE p.child = u.document) LIMIT 1
"""
_FILE = """
    SELECT coalesce(s.path, ''), d.name, d.sha256, d.bytes, coalesce(s.mtime_ns, 0), c.name
    FROM document d JOIN membership m ON m.document = d.key JOIN collection c ON c.key = m.collection
    LEFT JOIN source s ON s.document = d.key AND s.collection = c.key
    WHERE d.key = ? ORDER BY s.path IS NULL, c.key LIMIT 1
"""


class Rereading(JobRecords):
    """The part of the port `Jobs` that helps what did not come in."""

    def files_called(self, name: str, limit: int = 10) -> list[JobFile]:
        """Files of any job with this name or path, or of which a message speaks by it; the newest first."""
        like = name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        values = {"name": name, "like": like, "quoted": f"/{name}'", "limit": limit}
        with self._database.read() as connection:
            return [queue.job_file(row) for row in connection.execute(_CALLED, values)]

    def read_again(self, document_id: str, options: IngestOptions) -> Job:
        """Queue the file that a document came from, to be read again though it did not change (with what it contains).

        The document stays as it is until the file has been read.

        Raises:
            NotFoundError: no such document, or its original is gone.
        """
        with self._database.write() as connection:
            key = rows.document_key(connection, document_id)
            root = connection.execute(_ROOT, {"document": key}).fetchone()
            root = key if root is None else int(root[0])  # documents that contain each other have none
            *file, collection = connection.execute(_FILE, (root,)).fetchone()
            path, name, sha256, size, mtime_ns = file
            require_blob(self._blobs, sha256, name)  # or it would be marked as to be read, and nobody could
            # No pipeline has this name: whoever takes the same bytes in reads them.
            connection.execute(
                "UPDATE document SET pipeline = '' WHERE key IN (SELECT value FROM json_each(?))",
                (rows.array(removal.descendants(connection, [root])),),
            )
        return self.enqueue("ingest", collection, [NewFile(path, name, sha256, size, mtime_ns)], options=options)
