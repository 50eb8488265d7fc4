"""The rules of the house that tools do not hold: sizes, lazy imports, forbidden calls."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "cortex_engine").rglob("*.py"))
HEAVY = (
    "torch",
    "transformers",
    "sentence_transformers",
    "chromadb",
    "onnxruntime",
    "tantivy",
    "spacy",
    "networkx",
    "PIL",
    "httpx",
)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_under_400_lines_and_functions_under_40(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0]
            documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            begin = first.end_lineno if documented and first.end_lineno else node.lineno
            assert (node.end_lineno or 0) - begin <= 40, f"{node.name} is too long"


def test_importing_the_engine_and_its_doors_loads_no_heavy_library() -> None:
    doors = [
        "cortex_engine",
        "cortex_engine.cli",
        "cortex_engine.suite",
        "cortex_engine.backends",
        "cortex_engine.embedding_service",
        "cortex_engine.qwen3_vl_reranker_service",
        "cortex_engine.qwen3_vl_embedding_service",
    ]
    code = f"import sys\nimport {', '.join(doors)}\nprint([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_imports_only_the_command_line_library() -> None:
    code = (
        "import sys\nfrom cortex_engine.cli import cortex\n"
        "try: cortex(['--help'])\nexcept SystemExit: pass\n"
        "print([name for name in ('numpy', 'pydantic', 'sqlite3') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Commands:" in done.stdout
    assert done.stderr.strip() == "[]"


FORBIDDEN_MODULES = {"pickle", "joblib", "dill", "shelve", "marshal"}
FORBIDDEN_CALLS = {"eval", "exec", "torch.load", "yaml.load"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_loads_code_from_data(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
            assert not FORBIDDEN_MODULES & {module.split(".")[0] for module in modules}
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in FORBIDDEN_CALLS
            assert not any(each.arg == "allow_pickle" and ast.unparse(each.value) != "False" for each in node.keywords)
