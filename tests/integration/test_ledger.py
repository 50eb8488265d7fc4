"""The account of real documents: every page in exactly one state, and what went in equals what can be found."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cortex_engine.core.documents import PageState
from cortex_engine.core.reports import LedgerEntry, Severity
from cortex_engine.suite import CortexSuite

OpenSuite = Callable[..., CortexSuite]

DOCUMENTS = (
    "documents/docx-tables.docx",
    "documents/xlsx-subtable-cases.xlsx",
    "documents/eml_with_attachment.eml",
    "documents/2305.03393v1-pg9.pdf",
    "documents/ocr_test_rotated_90.pdf",
    "images/receipts/034.jpg",
)


@pytest.fixture(scope="module")
def real_library(data_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed library with one document of each kind."""
    from cortex_engine.config import load_config

    folder = tmp_path_factory.mktemp("real") / "library"
    settings = {"CORTEX_EMBEDDING_BACKEND": "hashing", "CORTEX_MIN_FREE_BYTES": "0", "CORTEX_VECTOR_STORE": "exact"}
    with CortexSuite.open(loaded=load_config(folder, settings)) as suite:
        report = suite.ingest([data_root / name for name in DOCUMENTS], "Real")
        assert report.failed == []
    return folder


@pytest.fixture
def library(real_library: Path, tmp_path: Path, open_suite: OpenSuite) -> CortexSuite:
    shutil.copytree(real_library, tmp_path / "copy")
    return open_suite(tmp_path / "copy", CORTEX_VECTOR_STORE="exact")


def _entry(suite: CortexSuite, name: str) -> LedgerEntry:
    return next(entry for entry in suite.ledger() if entry.document == Path(name).name)


@pytest.mark.slow
def test_each_page_of_real_documents_is_in_one_state_and_the_accounts_balance(library: CortexSuite) -> None:
    entries = {entry.document_id: entry for entry in library.ledger()}
    documents = library.documents()
    assert {Path(name).name for name in DOCUMENTS} <= {document.name for document in documents}
    assert any(document.parent_id for document in documents), "the attachment of the mail is a document of its own"
    for document in documents:
        entry, pages = entries[document.id], library.pages(document.id)
        assert sum(entry.pages.values()) == document.page_count == len(pages) > 0
        assert set(entry.pages) <= {state.value for state in PageState}
        assert entry.characters == sum(not letter.isspace() for page in pages for letter in page.text) > 0
        assert entry.balanced
        assert entry.chunks > 0
        assert entry.failures == ()
    assert set(_entry(library, "documents/2305.03393v1-pg9.pdf").pages) <= {"text", "blank"}
    assert "ocr" in _entry(library, "documents/ocr_test_rotated_90.pdf").pages
    assert "ocr" in _entry(library, "images/receipts/034.jpg").pages
    assert [each for each in library.doctor(full=True) if each.severity is Severity.ERROR] == []


@pytest.mark.slow
def test_a_missing_entry_of_the_word_index_unbalances_the_account(library: CortexSuite) -> None:
    document = library.document("docx-tables.docx")
    library._library.own()
    library._library.settle()
    index = library._library.lexical_index()
    index.remove([document.id])
    index.flush()
    entry = _entry(library, document.name)
    assert (entry.lexical, entry.balanced) == (0, False)
    assert all(other.balanced for other in library.ledger() if other.document_id != document.id)
    wrong = [each for each in library.doctor() if each.severity is Severity.ERROR]
    assert {each.check for each in wrong} >= {"index lexical", "ledger"}
    assert not [each for each in library.doctor(fix=True) if each.severity is Severity.ERROR and not each.fixed]
    assert _entry(library, document.name).balanced


@pytest.mark.slow
def test_a_missing_vector_unbalances_the_account(library: CortexSuite) -> None:
    document = library.document("docx-tables.docx")
    with library._library.catalog._database.write() as connection:
        chunk = connection.execute(
            "SELECT c.key FROM chunk c JOIN document d ON d.key = c.document WHERE d.id = ?", (document.id,)
        )
        connection.execute("DELETE FROM vector WHERE chunk = ?", (chunk.fetchone()[0],))
    entry = _entry(library, document.name)
    assert (entry.vectors, entry.balanced) == (entry.chunks - 1, False)
    assert all(other.balanced for other in library.ledger() if other.document_id != document.id)
    findings = [each for each in library.doctor(full=True) if each.severity is Severity.ERROR]
    assert any("number of vectors" in each.message for each in findings), findings
