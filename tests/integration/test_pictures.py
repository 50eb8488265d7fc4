"""Pictures in a library: taken in with real (tiny) Qwen3-VL weights, waited for, joined, damaged, copied, described."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from cortex_engine.cli import cortex
from cortex_engine.core.app import IngestOptions, ModelState
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import ModelUnavailableError, ParseError, UsageError
from cortex_engine.core.identifiers import document_id, file_hash, picture_id
from cortex_engine.core.pictures import DescribedBy, ModelInput, VectorName
from cortex_engine.core.reports import FileState
from cortex_engine.embedding.hashing import HashingEmbedder
from cortex_engine.suite import CortexSuite

pytestmark = pytest.mark.xdist_group("qwen3_vl")

OpenSuite = Callable[..., CortexSuite]
_LOOK, _WORDS = VectorName.PICTURE, VectorName.DESCRIPTION


@pytest.fixture(scope="module")
def embedder(qwen3_vl_models: Path) -> Any:
    """The trained tiny model, loaded once."""
    import torch

    from cortex_engine.embedding.qwen3_vl import Qwen3VLEmbedder, Qwen3VLOptions

    torch.set_num_threads(1)
    made = Qwen3VLEmbedder(str(qwen3_vl_models / "trained_embedding"), Qwen3VLOptions(max_pixels=65_536))
    made.load()
    return made


@pytest.fixture
def seeing(open_suite: OpenSuite, qwen3_vl_models: Path, embedder: Any) -> OpenSuite:
    """Open a library whose new collections see; the loaded model stands for its spec."""

    def open_(folder: Path | None = None, **settings: str) -> CortexSuite:
        model = str(qwen3_vl_models / "trained_embedding")
        chosen = {"CORTEX_EMBEDDING_BACKEND": "qwen3_vl", "QWEN3_VL_EMBEDDING_MODEL": model}
        fixed = {"QWEN3_VL_MAX_PIXELS": "65536", "CORTEX_VECTOR_STORE": "exact", "CORTEX_OCR": "false"}
        suite = open_suite(folder, **(chosen | fixed | settings))
        suite._library.shelf.put(embedder)
        return suite

    return open_


@pytest.fixture
def pictures(tmp_path: Path, qwen3_vl_pictures: Path) -> Path:
    """A folder with the 16 pictures of the trained model."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for path in qwen3_vl_pictures.glob("t_*.png"):
        shutil.copy(path, folder)
    return folder


def spec_id(suite: CortexSuite, collection: str = "Pictures") -> str:
    return suite._library.catalog.collection(collection).spec.id


def vector(suite: CortexSuite, path: Path, name: VectorName = _LOOK, page: int = 1) -> NDArray[np.float32] | None:
    key = picture_id(document_id(file_hash(path)), page)
    return suite._library.catalog.picture_vector(spec_id(suite), name, key)


def found(suite: CortexSuite, asked: NDArray[np.float32], name: VectorName = _LOOK) -> list[str]:
    """Names of the documents whose pictures are nearest."""
    store = suite._library.picture_store(spec_id(suite), name)
    assert store is not None
    ids = [item.chunk_id for item in store.nearest(asked, 3).items]
    passages = suite._library.catalog.lookup_pictures(ids)
    return [passages[picture].document for picture in ids]


def bad(suite: CortexSuite, **how: bool) -> list[str]:
    return [
        f"{f.check}: {f.message}"
        for f in suite.doctor(**how)
        if f.severity in {"warning", "error"} and not f.fixed and f.check != "sqlite-version"
    ]


def test_a_folder_of_pictures_goes_in_with_several_workers_and_is_found_by_look(
    seeing: OpenSuite, pictures: Path, embedder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = seeing(CORTEX_PARSE_WORKERS="2")
    report = suite.ingest([pictures], "Pictures")
    assert report.failed == [] and report.job.counts == {FileState.DONE: 16}
    assert all("found by its look" in file.message for file in report.files)
    assert suite._library.catalog.picture_vector_counts(spec_id(suite)) == {_LOOK: 16, _WORDS: 0}
    for path in pictures.iterdir():
        assert np.array_equal(vector(suite, path), embedder.embed_inputs([ModelInput(images=(path,))])[0]), path.name
    assert found(suite, embedder.embed_documents(["a yellow cross"])[0])[0] == "t_yellow_cross.png"
    assert bad(suite) == []
    assert suite.counts().pictures == suite.collection_counts("Pictures").pictures == 16
    assert {(row.pictures, row.pictures_embedded, row.balanced) for row in suite.ledger()} == {(1, 1, True)}
    assert "Index of pictures" in {item.name for item in suite.storage().items}
    assert suite._library.picture_store(spec_id(suite), _WORDS) is None

    def refuse(*_: object) -> None:
        raise AssertionError("a picture was embedded again")

    monkeypatch.setattr(embedder, "embed_inputs", refuse)
    again = suite.ingest([pictures], "Pictures", options=IngestOptions(chunk_max_tokens=100))
    assert again.failed == [] and again.job.counts == {FileState.DONE: 16}, "another pipeline reads them anew"
    assert suite.ingest([pictures], "Pictures").job.total == 16
    suite.delete_documents(["t_yellow_cross.png"])
    monkeypatch.undo()
    assert "t_yellow_cross.png" not in found(suite, embedder.embed_documents(["a yellow cross"])[0])


def test_pictures_are_drawn_without_loss_and_pages_with_all_pixels(
    seeing: OpenSuite, tmp_path: Path, pictures: Path
) -> None:
    from PIL import Image

    small = Image.open(pictures / "t_red_circle.png").convert("RGB")
    large = small.resize((1000, 400))
    turned = small.resize((300, 100))
    folder = tmp_path / "mixed"
    folder.mkdir()
    large.save(folder / "large.png")
    small.copy().save(folder / "frames.tif", save_all=True, append_images=[turned, large.copy()])
    small.save(folder / "scan.pdf", save_all=True, append_images=[turned.copy()])
    suite = seeing()
    assert suite.ingest([folder], "Pictures").failed == []
    library = suite._library
    sizes = {
        document.name: [(each.width, each.height) for each in library.catalog.pictures([document.id])]
        for document in suite.documents()
    }
    assert sizes["frames.tif"][:2] == [(64, 64), (300, 100)]
    assert sizes["frames.tif"][2] == sizes["large.png"][0] == (404, 162)
    assert sizes["scan.pdf"] == [(256, 256), (442, 148)]
    assert all(width * height <= 65_536 for rows in sizes.values() for width, height in rows)
    path = pictures / "t_red_circle.png"
    drawn = library.parser.render(path, path.name, 1, (), 64, lossless=True)
    (tmp_path / "drawn.png").write_bytes(drawn.data)
    assert drawn.mime == "image/png"
    assert np.array_equal(np.asarray(Image.open(tmp_path / "drawn.png")), np.asarray(small))


def test_pages_only_where_they_are_wanted_and_longer_documents_complete(
    seeing: OpenSuite, tmp_path: Path, pictures: Path
) -> None:
    from PIL import Image

    frames = [Image.open(path).convert("RGB") for path in sorted(pictures.iterdir())] * 2
    frames[0].save(tmp_path / "long.pdf", save_all=True, append_images=frames[1:19])
    suite = seeing()
    report = suite.ingest([tmp_path / "long.pdf"], "Pictures", options=IngestOptions(page_pictures=False))
    assert report.failed == []
    catalog = suite._library.catalog
    assert catalog.picture_counts() == 0 and catalog.undrawn(["pdf"]) == []
    assert suite.ingest([tmp_path / "long.pdf"], "Pictures").job.counts == {FileState.ALREADY_HERE: 1}
    assert catalog.picture_vector_counts(spec_id(suite))[_LOOK] == 19
    catalog.delete_documents([document.id for document in suite.documents()])
    assert suite.ingest([tmp_path / "long.pdf"], "Pictures").failed == []
    assert catalog.picture_vector_counts(spec_id(suite))[_LOOK] == 19
    assert catalog.waiting_pictures() == []


def test_without_the_model_the_document_goes_in_and_its_pictures_wait(
    seeing: OpenSuite, pictures: Path, embedder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*_: object) -> None:
        raise ModelUnavailableError("The weights are on another disk. Plug it in.")

    suite = seeing()
    monkeypatch.setattr(embedder, "embed_inputs", absent)
    path = pictures / "t_blue_cross.png"
    report = suite.ingest([path], "Pictures")
    assert report.failed == []
    assert "Pictures are found when the model is there: The weights are on another disk." in report.files[0].message
    (account,) = suite.ledger()
    assert (account.balanced, account.waits, account.pictures, account.pictures_embedded) == (False, True, 1, 0)
    assert any("'t_blue_cross.png'" in line and line.startswith("pictures:") for line in bad(suite))
    monkeypatch.undo()
    assert bad(suite, fix=True) == []
    assert vector(suite, path) is not None
    assert found(suite, vector(suite, path)) == ["t_blue_cross.png"]


def test_background_work_embeds_what_waits_and_what_joins(
    seeing: OpenSuite, pictures: Path, embedder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = seeing(CORTEX_EMBEDDING_BACKEND="hashing")
    path = pictures / "t_blue_cross.png"
    assert suite.ingest([path], "Letters").failed == []
    suite.create_collection("Pictures", spec=embedder.spec)
    assert suite._library.catalog.picture_counts() == 0
    monkeypatch.setattr(suite._library, "attended", True)  # as while the application runs: joining only plans
    suite.add_to_collection("Pictures", ["t_blue_cross.png"])
    assert suite._library.catalog.picture_counts() == 1 and vector(suite, path) is None
    suite._library.shelf.load(embedder.spec)
    assert suite._library.shelf.state(embedder.spec.id)[0] is ModelState.HEALTHY
    suite.start_background()
    try:
        _until(lambda: vector(suite, path) is not None)
        _until(lambda: suite._library.picture_store(embedder.spec.id, _LOOK) is not None)
    finally:
        suite.stop_background()
    assert found(suite, vector(suite, path)) == ["t_blue_cross.png"]


def test_passages_that_wait_for_an_absent_model_keep_no_others_waiting(
    seeing: OpenSuite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cortex_engine.ingestion.pipeline._LOOKED_AT", 1)
    suite = seeing(CORTEX_EMBEDDING_BACKEND="hashing")
    specs = [HashingEmbedder().spec, replace(HashingEmbedder().spec, model="other")]
    for name, spec in zip(("First", "Second"), specs, strict=True):
        suite.create_collection(name, spec=spec)
        (tmp_path / f"{name}.txt").write_text(f"The {name} letter.")
    suite._library.shelf.put(Renamed(specs[1]))
    for name in ("First", "Second"):
        assert suite.ingest([tmp_path / f"{name}.txt"], name).failed == []
    with suite._library.catalog._database.write() as connection:
        connection.execute("DELETE FROM vector")
        connection.execute("DELETE FROM document_model")
    line = suite._library.line()
    assert line.embed_some(lambda spec: spec == specs[1]) == 1
    assert line.embed_some(lambda spec: spec == specs[1]) == 0
    assert suite._library.catalog.counts().vectors == {specs[0].id: 0, specs[1].id: 1}


class Renamed(HashingEmbedder):
    """Another model, to the library."""

    def __init__(self, spec: EmbeddingSpec) -> None:
        super().__init__()
        self._spec = spec


def test_a_document_that_joins_a_collection_that_sees_gets_its_pictures(
    seeing: OpenSuite, pictures: Path, embedder: Any
) -> None:
    suite = seeing(CORTEX_EMBEDDING_BACKEND="hashing")
    assert suite.ingest([pictures / "t_red_cross.png", pictures / "t_red_square.png"], "Letters").failed == []
    assert suite._library.search_indexes() == ["lexical", f"exact-{spec_id(suite, 'Letters')}"]
    suite.create_collection("Pictures", spec=embedder.spec)
    suite.move_documents(["t_red_cross.png"], "Letters", "Pictures")
    assert vector(suite, pictures / "t_red_cross.png") is not None
    assert suite.ingest([pictures / "t_red_square.png"], "Pictures").failed == []
    assert found(suite, embedder.embed_documents(["a red square"])[0])[0] == "t_red_square.png"
    assert bad(suite) == []


def test_a_damaged_vector_ends_neither_doctor_nor_rebuild(seeing: OpenSuite, pictures: Path) -> None:
    suite = seeing()
    paths = [pictures / f"t_{colour}_circle.png" for colour in ("red", "blue", "green")]
    assert suite.ingest(paths, "Pictures").failed == []
    with sqlite3.connect(suite.config.data_dir / "catalog.db") as connection:
        connection.execute(
            "UPDATE picture_vector SET data = zeroblob(256) WHERE picture = (SELECT p.key FROM picture p "
            "JOIN document d ON d.key = p.document WHERE d.name = 't_red_circle.png')"
        )
    connection.close()
    index = f"pictures-{spec_id(suite)}"
    assert index in suite.rebuild()
    store = suite._library.picture_store(spec_id(suite), _LOOK)
    assert store is not None and store.describe().count == 2
    complaints = bad(suite)
    assert (
        len(complaints) == 1 and "'t_red_circle.png'" in complaints[0] and complaints[0].startswith("catalog-vectors")
    )
    assert bad(suite, fix=True) == []
    assert bad(suite, full=True) == []
    assert found(suite, vector(suite, paths[0]))[0] == "t_red_circle.png"


def test_a_backup_brings_pictures_back(seeing: OpenSuite, pictures: Path, tmp_path: Path) -> None:
    suite = seeing()
    paths = [pictures / "t_red_cross.png", pictures / "t_blue_circle.png"]
    assert suite.ingest(paths, "Pictures").failed == []
    before = vector(suite, paths[0])
    suite.backup(tmp_path / "backup")
    suite.close()
    CortexSuite.restore(tmp_path / "backup", tmp_path / "second")
    second = seeing(tmp_path / "second")
    assert np.array_equal(vector(second, paths[0]), before)
    second.rebuild()
    assert found(second, before)[0] == "t_red_cross.png"
    assert bad(second, full=True) == []


def test_a_picture_that_the_model_refuses_hinders_no_other(
    seeing: OpenSuite, pictures: Path, tmp_path: Path, embedder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    first, second = (Image.open(pictures / f"t_{colour}_cross.png").convert("RGB") for colour in ("red", "blue"))
    first.save(tmp_path / "two.tif", save_all=True, append_images=[second.resize((70, 64)), second])
    real = embedder.embed_inputs

    def choosy(inputs: Any, instruction: str | None = None) -> Any:
        import io

        if any(
            image.size == (70, 64) for one in inputs for data in one.images if (image := Image.open(io.BytesIO(data)))
        ):
            raise UsageError("A picture of 70 x 64 pixels cannot be read.")
        return real(inputs, instruction)

    monkeypatch.setattr(embedder, "embed_inputs", choosy)
    suite = seeing()
    report = suite.ingest([tmp_path / "two.tif"], "Pictures")
    assert "Page 2 is not searched by its look: A picture of 70 x 64 pixels" in report.files[0].message
    catalog = suite._library.catalog
    assert [picture.page for picture in catalog.pictures([report.files[0].document_id])] == [1, 3]
    assert catalog.picture_vector_counts(spec_id(suite))[_LOOK] == 2
    assert bad(suite) == []


def test_a_picture_that_ocr_fails_over_is_found_by_its_look_where_the_model_sees(
    seeing: OpenSuite, pictures: Path, embedder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cortex_engine.parsing import box

    def crash(self: Any, function: str, *arguments: Any) -> Any:
        if function == "read_page":
            raise ParseError("The reading of the picture took too long.", "timeout")
        return real(self, function, *arguments)

    real = box.ParseBox._call
    monkeypatch.setattr(box.ParseBox, "_call", crash)
    path = pictures / "t_red_cross.png"
    suite = seeing(CORTEX_OCR="true")
    (file,) = suite.ingest([path], "Pictures").files
    assert file.state is FileState.DONE
    assert "found by its look" in file.message and "took too long" in file.message
    assert found(suite, embedder.embed_query("a red cross"))[0] == path.name
    suite._library.catalog.create_collection("Words", HashingEmbedder().spec, "")
    (file,) = suite.ingest([pictures / "t_blue_cross.png"], "Words").files
    assert file.state is FileState.FAILED and "took too long" in file.message


def test_documents_whose_originals_are_gone_keep_no_other_waiting(
    seeing: OpenSuite, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cortex_engine.ingestion.pictures._LOOKED_AT", 1)
    suite = seeing()
    report = suite.ingest([pictures / f"t_{colour}_cross.png" for colour in ("red", "blue", "green")], "Pictures")
    catalog, blobs = suite._library.catalog, suite._library.blobs
    with catalog._database.write() as connection:
        connection.execute("DELETE FROM picture_vector")
    for file in report.files[:2]:
        blobs.delete(catalog.document(file.document_id).sha256)
    line = suite._library.line().pictures
    assert (line.fill(), line.fill()) == (1, 0)
    assert catalog.picture_vector_counts(spec_id(suite))[_LOOK] == 1


def test_a_document_that_is_deleted_while_its_pictures_are_embedded_ends_nothing(
    seeing: OpenSuite, pictures: Path, embedder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = seeing()
    report = suite.ingest([pictures / "t_red_cross.png"], "Pictures")
    catalog = suite._library.catalog
    with catalog._database.write() as connection:  # its size will be found to be another
        connection.execute("DELETE FROM picture_vector")
        connection.execute("UPDATE picture SET width = 63")
    real = embedder.embed_inputs

    def deleting(inputs: Any, instruction: str | None = None) -> Any:
        suite.delete_documents([report.files[0].document_id])
        return real(inputs, instruction)

    monkeypatch.setattr(embedder, "embed_inputs", deleting)
    assert suite._library.line().pictures.fill() == 0


def test_descriptions_come_from_the_text_or_from_an_endpoint_that_may_fail(
    seeing: OpenSuite, pictures: Path, vision: Any, embedder: Any
) -> None:
    endpoint = vision("A red cross on white.")
    path = pictures / "t_red_cross.png"
    suite = seeing(CORTEX_DESCRIBE_PICTURES="true", RUNPOD_API_BASE=endpoint.address)
    assert suite.ingest([path], "Pictures").failed == []
    (picture,) = suite._library.catalog.pictures([document_id(file_hash(path))])
    assert (picture.description, picture.described_by) == ("A red cross on white.", DescribedBy.MODEL)
    words = embedder.embed_documents(["A red cross on white."])[0]
    assert np.array_equal(vector(suite, path, _WORDS), words)
    assert found(suite, words, _WORDS) == ["t_red_cross.png"]
    endpoint.answer = 500
    other = pictures / "t_blue_cross.png"
    (file,) = suite.ingest([other], "Pictures").files
    assert file.state is FileState.DONE and "were not described" in file.message and "500" in file.message
    assert vector(suite, other) is not None and vector(suite, other, _WORDS) is None
    endpoint.answer = "A blue cross."
    suite._library.describer._failed = None  # a minute later
    assert suite.describe_pictures("t_blue_cross.png") == 1
    assert suite.describe_pictures("t_blue_cross.png") == 0
    assert found(suite, vector(suite, other, _WORDS), _WORDS)[0] == "t_blue_cross.png"
    assert bad(suite, full=True) == []
    words = ["--data-dir", str(suite.config.data_dir), "--no-server", "pictures", "describe", "t_blue_cross.png"]
    said = CliRunner().invoke(cortex, words, env={"RUNPOD_API_BASE": endpoint.address})
    assert (said.exit_code, said.output) == (0, "0 pictures of 't_blue_cross.png' described.\n")
    plain = seeing()
    with pytest.raises(ModelUnavailableError, match="RUNPOD_API_BASE"):
        plain.describe_pictures("t_blue_cross.png")


def test_text_of_a_page_describes_it(seeing: OpenSuite, data_root: Path) -> None:
    suite = seeing()
    path = data_root / "documents" / "issue16538.pdf"
    assert suite.ingest([path], "Pictures").failed == []
    (picture,) = suite._library.catalog.pictures([document_id(file_hash(path))])
    (page,) = suite.pages(path.name)
    assert (picture.description, picture.described_by) == (page.text.strip(), DescribedBy.OCR)
    assert vector(suite, path, _LOOK) is not None and vector(suite, path, _WORDS) is not None
    passage = suite._library.catalog.lookup_pictures([picture.id])[picture.id]
    assert (passage.char_start, passage.char_end) == (0, len(page.text))
    assert bad(suite) == []


def _until(condition: Callable[[], bool]) -> None:
    import time

    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
