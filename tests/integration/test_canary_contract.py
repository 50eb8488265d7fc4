"""The canary contract with real models: what became of one is found at its next load, and nothing is mixed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cortex_engine.catalog import SqliteCatalog
from cortex_engine.checkpoints.torchvision_guard import ensure_torchvision
from cortex_engine.core.app import ModelState
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import ModelUnhealthyError
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.probes import Verdict
from cortex_engine.core.protocols import Embedder
from cortex_engine.core.reports import Severity
from cortex_engine.embedding.hashing import HashingEmbedder
from cortex_engine.embedding.packaged import PackagedEmbedder
from cortex_engine.embedding.qwen3_vl import Qwen3VLEmbedder, Qwen3VLOptions
from cortex_engine.maintenance import probe_contents
from cortex_engine.maintenance.canaries import Canaries
from cortex_engine.suite import CortexSuite

pytestmark = pytest.mark.xdist_group("qwen3_vl")
OpenSuite = Callable[..., CortexSuite]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    ensure_torchvision()
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def permuted(qwen3_vl_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another model that knows as much: the trained one with the numbers of its hidden state in another order."""
    from safetensors.numpy import load_file, save_file

    folder = tmp_path_factory.mktemp("permuted") / "trained_embedding"
    shutil.copytree(qwen3_vl_models / "trained_embedding", folder)
    weights = load_file(folder / "model.safetensors")
    order = np.random.default_rng(3).permutation(64)
    for name, tensor in weights.items():
        text = name.startswith("model.language_model.")
        reads = text and name.endswith(
            ("tokens.weight", "q_proj.weight", "k_proj.weight", "v_proj.weight", "up_proj.weight", "gate_proj.weight")
        )
        writes = text and name.endswith(
            ("o_proj.weight", "down_proj.weight", "layernorm.weight", "language_model.norm.weight")
        )
        merges = "merger" in name and "linear_fc2" in name
        if reads:
            weights[name] = np.ascontiguousarray(tensor[:, order])
        elif writes or merges:
            weights[name] = np.ascontiguousarray(tensor[order])
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


class _Posing(Qwen3VLEmbedder):
    """A model whose spec is that of another: the folder was overwritten, and what pins the weights did not notice."""

    def __init__(self, folder: Path, spec: EmbeddingSpec, **options: Any) -> None:
        super().__init__(str(folder), Qwen3VLOptions(device="cpu", **options))
        self._posed = spec

    @property
    def spec(self) -> EmbeddingSpec:  # type: ignore[override]
        return self._posed


class _OtherPrompt(_Posing):
    def full_vectors(self, inputs: Any, instruction: str, *, cut: bool = False) -> Any:
        return super().full_vectors(inputs, "Answer briefly.", cut=cut)


class _WithoutPrompt(_Posing):
    """No system message at all: what a chat template that drops it makes of every input."""

    def load(self) -> None:
        super().load()
        body: Any = self._loaded[0]
        kept = body.processor.chat_template
        assert "'system', " in kept
        body.processor.chat_template = kept.replace("'system', ", "")


class _Cut(_Posing):
    def embed_inputs(self, inputs: Any, instruction: str | None = None) -> Any:
        return super().embed_inputs(inputs, instruction)[:, :48]

    def embed_query_input(self, query: ModelInput) -> Any:
        return super().embed_query_input(query)[:48]


class _Unscaled(_Posing):
    def embed_inputs(self, inputs: Any, instruction: str | None = None) -> Any:
        return 7 * super().embed_inputs(inputs, instruction)

    def embed_query_input(self, query: ModelInput) -> Any:
        return 7 * super().embed_query_input(query)


@pytest.fixture
def frozen(qwen3_vl_models: Path, tmp_path: Path) -> Iterator[tuple[Canaries, EmbeddingSpec]]:
    """A catalog that holds the probes of the trained tiny model."""
    model = Qwen3VLEmbedder(str(qwen3_vl_models / "trained_embedding"), Qwen3VLOptions(device="cpu"))
    catalog = SqliteCatalog(tmp_path / "catalog.db")
    canaries = Canaries(catalog)
    assert canaries.look(model).report.verdict is Verdict.IDENTICAL
    assert not canaries.freeze(model.spec)  # no collection uses it yet
    catalog.create_collection("Pictures", model.spec)
    assert canaries.freeze(model.spec)
    yield Canaries(catalog), model.spec
    catalog.close()


@pytest.mark.parametrize(
    ("make", "verdict"),
    [
        (lambda models, other, spec: _Posing(models / "trained_embedding", spec), Verdict.IDENTICAL),
        (lambda models, other, spec: _Posing(models / "trained_embedding", spec, precision="bfloat16"), "precision"),
        (lambda models, other, spec: _Posing(models / "trained_embedding", spec, precision="float16"), "precision"),
        (lambda models, other, spec: _OtherPrompt(models / "trained_embedding", spec), Verdict.OTHER_PROMPT),
        (lambda models, other, spec: _WithoutPrompt(models / "trained_embedding", spec), Verdict.OTHER_PROMPT),
        (lambda models, other, spec: _Cut(models / "trained_embedding", spec), Verdict.TRUNCATED),
        (lambda models, other, spec: _Unscaled(models / "trained_embedding", spec), Verdict.NOT_NORMALISED),
        (lambda models, other, spec: _Posing(models / "embedding", spec), Verdict.RANDOM_WEIGHTS),
        (lambda models, other, spec: _Posing(other, spec), Verdict.DIFFERENT_MODEL),
    ],
    ids=[
        "same",
        "bfloat16",
        "float16",
        "other prompt",
        "no prompt",
        "cut",
        "unscaled",
        "random",
        "another model of the same size",
    ],
)
def test_each_change_of_a_qwen3_vl_model_has_its_verdict(
    make: Any, verdict: Any, frozen: tuple[Canaries, EmbeddingSpec], qwen3_vl_models: Path, permuted: Path
) -> None:
    canaries, spec = frozen
    model = make(qwen3_vl_models, permuted, spec)
    model.load()
    look = canaries.look(model)
    expected = Verdict.OTHER_PRECISION if verdict == "precision" else verdict
    assert look.report.verdict is expected, look.report
    assert bool(look.fault) is not expected.usable
    assert bool(look.note) is (expected is Verdict.OTHER_PRECISION)


def test_random_weights_are_noticed_when_there_is_nothing_to_compare_them_with(
    qwen3_vl_models: Path, tmp_path: Path
) -> None:
    catalog = SqliteCatalog(tmp_path / "catalog.db")
    model = Qwen3VLEmbedder(str(qwen3_vl_models / "embedding"), Qwen3VLOptions(device="cpu"))
    look = Canaries(catalog).look(model)
    catalog.close()
    assert look.report.verdict is Verdict.RANDOM_WEIGHTS
    assert look.fault == ""
    assert "no nearer than others" in look.note


class _Other(PackagedEmbedder):
    """The packaged model changed; its spec stays."""

    change: Callable[[NDArray[np.float32]], NDArray[np.float32]] = staticmethod(lambda vector: vector)
    prompt = ""

    def embed_query(self, text: str) -> NDArray[np.float32]:
        return type(self).change(super().embed_query(self.prompt + text))


@pytest.fixture(scope="module")
def graph_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("graph")


def test_the_packaged_model_makes_sense_and_its_changes_are_told_apart(graph_folder: Path, tmp_path: Path) -> None:
    catalog = SqliteCatalog(tmp_path / "catalog.db")
    canaries, model = Canaries(catalog), PackagedEmbedder(graph_folder)
    catalog.create_collection("Letters", model.spec)
    assert canaries.look(model).note == ""
    assert canaries.freeze(model.spec)
    prompted = _Other(graph_folder)
    prompted.prompt = "Represent this sentence for searching relevant passages: "
    assert canaries.look(prompted).report.verdict is Verdict.OTHER_PROMPT
    mixed = _Other(graph_folder)
    type(mixed).change = staticmethod(lambda vector: np.ascontiguousarray(vector[::-1]))
    assert canaries.look(mixed).report.verdict is Verdict.DIFFERENT_MODEL
    assert canaries.look(model).report.verdict is Verdict.IDENTICAL
    catalog.close()


def test_an_overwritten_folder_is_noticed_at_the_next_load_and_nothing_is_mixed(
    open_suite: OpenSuite,
    qwen3_vl_models: Path,
    permuted: Path,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = qwen3_vl_models / "trained_embedding"
    settings = {"CORTEX_EMBEDDING_BACKEND": "qwen3_vl", "QWEN3_VL_EMBEDDING_MODEL": str(model)}
    suite = open_suite(**settings, QWEN3_VL_DEVICE="cpu", CORTEX_PAGE_PICTURES="false")
    suite.ingest([folder], "Papers", recursive=True)
    assert not suite.search(suite_query("tea")).degraded
    spec = next(iter(suite._library.models().values()))
    assert [report.verdict for report in suite.verify_models()] == [Verdict.IDENTICAL]
    assert suite._library.catalog.probes(spec.id) is not None

    suite.unload_models()
    suite._library.shelf.put(_Posing(permuted, spec))
    monkeypatch.setattr("cortex_engine.backends.embedder_of", lambda config, spec: _Posing(permuted, spec))
    result = suite.search(suite_query("tea"))
    assert result.degraded == ("vector",)
    assert any("is not the model that made the vectors" in warning for warning in result.warnings)
    assert [hit.document for hit in result.hits] == ["tea.md"]  # by words
    assert suite._library.shelf.state(spec.id)[0] is ModelState.UNHEALTHY

    later = tmp_path / "later.txt"
    later.write_text("Rooibos is no tea.\n")
    before = suite._library.catalog.counts().vectors
    suite.ingest([later], "Papers")
    assert suite._library.catalog.counts().vectors == before  # its passage waits
    assert len(suite._library.catalog.unembedded()) == 1
    assert [report.verdict for report in suite.verify_models()] == [Verdict.DIFFERENT_MODEL]
    found = [finding for finding in suite.doctor() if finding.check == "models"]
    assert [finding.severity for finding in found] == [Severity.ERROR]

    monkeypatch.undo()  # the former model is back
    assert [report.verdict for report in suite.verify_models()] == [Verdict.IDENTICAL]
    suite.doctor(fix=True)
    assert suite._library.catalog.unembedded() == []


def suite_query(text: str) -> Any:
    from cortex_engine.core.search import Query

    return Query(text)


def test_a_library_without_probes_gets_them_with_the_first_vector(open_suite: OpenSuite, folder: Path) -> None:
    suite = open_suite()
    suite.ingest([folder], "Papers")
    spec: EmbeddingSpec = suite._library.default_spec()
    kept = suite._library.catalog.probes(spec.id)
    assert kept is not None
    assert kept.vectors.shape == (16, spec.dimension)
    with suite._library.catalog._database.write() as connection:
        connection.execute("DELETE FROM probe_set")
    suite._library.shelf.unload()
    again = open_suite()
    again.search(suite_query("tea"))
    assert again._library.catalog.probes(spec.id) is not None


def test_whoever_asks_for_vectors_of_an_unfit_model_is_told_why(open_suite: OpenSuite, folder: Path) -> None:
    suite = open_suite()
    suite.ingest([folder], "Papers")
    spec = suite._library.default_spec()
    held: Embedder = suite._library.embedder(spec)
    suite._library.shelf.put(_reversed(suite))
    suite.verify_models()
    for embedder_of in (lambda: held, lambda: suite._library.embedder(spec)):
        with pytest.raises(ModelUnhealthyError, match="is not the model"):
            embedder_of().embed_query("tea")


def test_a_model_that_is_found_unfit_gives_its_memory_back(open_suite: OpenSuite, folder: Path) -> None:
    suite = open_suite()
    suite.ingest([folder], "Papers")
    unfit: Any = _reversed(suite)
    suite._library.shelf.put(unfit)
    suite.verify_models()
    assert unfit.unloaded == 1


def test_a_model_that_fails_over_a_query_leaves_the_words(open_suite: OpenSuite, folder: Path) -> None:
    suite = open_suite()
    suite.ingest([folder], "Papers")
    assert not suite.search(suite_query("tea")).degraded

    class Dying(HashingEmbedder):
        def embed_query(self, text: str) -> NDArray[np.float32]:
            raise RuntimeError("CUDA error: unspecified launch failure")

    suite._library.shelf.put(Dying())
    result = suite.search(suite_query("tea"))
    assert result.hits and result.degraded
    assert any("failed over this query (RuntimeError: CUDA error" in each for each in result.warnings)


def _reversed(suite: CortexSuite) -> Embedder:

    class Reversed(HashingEmbedder):
        unloaded = 0

        def unload(self) -> None:
            self.unloaded += 1

        def embed_query(self, text: str) -> NDArray[np.float32]:
            return np.ascontiguousarray(super().embed_query(text)[::-1])

    return Reversed()


def test_the_command_line_verifies(
    open_suite: OpenSuite, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from cortex_engine.cli import cortex

    open_suite().ingest([folder], "Papers")
    monkeypatch.setenv("CORTEX_EMBEDDING_BACKEND", "hashing")
    command = ["--data-dir", str(tmp_path / "library"), "--no-server", "models", "verify"]
    assert not cortex(command, standalone_mode=False)
    assert capsys.readouterr().out.startswith("identical")
    changed = _reversed(open_suite())
    monkeypatch.setattr("cortex_engine.backends.embedder_of", lambda config, spec: changed)
    monkeypatch.setattr("cortex_engine.backends.build_embedder", lambda config: changed)
    assert cortex([*command, "--json"], standalone_mode=False) == 1
    assert "different model" in capsys.readouterr().out


def test_the_pictures_among_the_probes_are_frozen() -> None:
    from importlib.resources import files

    from cortex_engine.core.identifiers import content_hash

    folder = files("cortex_engine") / "samples" / "probes"
    together = b"".join((folder / f"{name}.png").read_bytes() for name in probe_contents.PICTURES)
    texts = "\n".join([*probe_contents.CAPTIONS, *(text for pair in probe_contents.PAIRS for text in pair)])
    assert probe_contents.VERSION == 1
    assert content_hash(together)[:16] == "983fe3001b8119ee"
    assert content_hash(texts.encode())[:16] == "ffe5eed0e0297ee8"
