"""The rules of the pages: what they may import, how large they are, and that no text reaches the screen around `safe`."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "pages").glob("*.py"))
SHARED = sorted((ROOT / "cortex_ui").glob("*.py"))
OURS = ("cortex_ui", "cortex_engine.suite", "cortex_engine.config", "cortex_engine.core")
LIBRARIES = {"streamlit", "pandas", "altair"}
ONLY_THERE = {
    "safe.py": {"nh3", "markdown_it"},
    "launch.py": {"starlette.routing", "starlette.types", "cortex_engine.api", "cortex_engine.api.announce"},
}
INTERPRETING = {
    "markdown",
    "write",
    "caption",
    "title",
    "header",
    "subheader",
    "info",
    "warning",
    "error",
    "success",
    "toast",
}
INTERPRETING |= {
    "button",
    "checkbox",
    "toggle",
    "expander",
    "popover",
    "metric",
    "badge",
    "progress",
    "spinner",
    "latex",
}
PLAIN_CALLS = {"label", "number", "count", "size", "milliseconds", "when", "date", "kind", "len", "round", "escape"}
"""What may stand in an f-string that Streamlit reads as Markdown: escaped text, and our own words and numbers."""


def _imports(tree: ast.AST) -> list[tuple[str, bool]]:
    """Every imported module, and whether it is imported when the file is."""
    inside = {id(child) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for child in ast.walk(node)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(name.name, id(node) not in inside) for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.module or "", id(node) not in inside))
    return found


@pytest.mark.parametrize("path", [*PAGES, *SHARED], ids=lambda path: path.name)
def test_imports(path: Path) -> None:
    for module, at_once in _imports(ast.parse(path.read_text(encoding="utf-8"))):
        root = module.split(".")[0]
        allowed = root in sys.stdlib_module_names or root in LIBRARIES or module in ONLY_THERE.get(path.name, set())
        allowed = allowed or module.startswith(OURS)
        assert allowed, f"{path.name} may not import {module}"
        assert not (at_once and root in {"pandas", "altair"}), f"{path.name} loads {root} with the first page"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages_stay_under_200_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 200


@pytest.mark.parametrize("path", [*PAGES, *SHARED], ids=lambda path: path.name)
def test_nothing_goes_around_safe(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        for keyword in node.keywords:
            assert keyword.arg != "unsafe_allow_html", f"line {node.lineno}"
            assert keyword.arg != "unsafe_allow_javascript" or path.name == "style.py", f"line {node.lineno}"
        name = ast.unparse(node.func)
        assert not name.startswith(("st.components", "components.")), f"line {node.lineno}: {name}"
        if name == "st.html":
            assert path.name in {"safe.py", "style.py"}, f"line {node.lineno}: use safe.show"


def _functions() -> dict[str, list[ast.FunctionDef]]:
    found: dict[str, list[ast.FunctionDef]] = {}
    for path in [*PAGES, *SHARED]:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                found.setdefault(node.name, []).append(node)
    return found


OUR_FUNCTIONS = _functions()


def _gives_words(name: str) -> bool:
    """Whether a function of ours by this name gives only words of ours: every `return` of every one is looked at."""
    if name in PLAIN_CALLS:
        return True
    returns = [
        node.value
        for function in OUR_FUNCTIONS.get(name, [])
        for node in ast.walk(function)
        if isinstance(node, ast.Return) and node.value is not None
    ]
    return bool(returns) and all(_words(each) for each in returns)


def _words(node: ast.expr) -> bool:
    """Whether an expression gives text that is safe to be read as Markdown."""
    if isinstance(node, ast.Call):
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in {"capitalize", "upper"}:
            return _words(function.value)
        return _gives_words(function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", ""))
    if isinstance(node, ast.IfExp):
        return _words(node.body) and _words(node.orelse)
    if isinstance(node, (ast.JoinedStr, ast.BoolOp)):
        return all(_words(part) for part in node.values)
    if isinstance(node, ast.BinOp):
        return _words(node.left) and _words(node.right)
    if isinstance(node, ast.FormattedValue):
        return _words(node.value) or node.format_spec is not None
    return not isinstance(node, ast.Attribute) or node.attr not in HOSTILE_ATTRIBUTES


HOSTILE_ATTRIBUTES = {
    "name",
    "title",
    "text",
    "document",
    "message",
    "description",
    "author",
    "tags",
    "reason",
    "collection",
}
HOSTILE_ATTRIBUTES |= {"source_paths", "label", "context", "query", "snippet", "trouble", "remark", "path"}


@pytest.mark.parametrize("path", [*PAGES, *SHARED], ids=lambda path: path.name)
def test_names_and_texts_are_escaped_where_streamlit_reads_markdown(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in INTERPRETING:
            for argument in [
                *node.args[:1],
                *(each.value for each in node.keywords if each.arg in {"label", "body", "help"}),
            ]:
                assert _words(argument), f"{path.name}:{node.lineno}: {ast.unparse(argument)}"


def test_the_engine_does_not_know_streamlit() -> None:
    for path in (ROOT / "cortex_engine").rglob("*.py"):
        assert "streamlit" not in {
            module.split(".")[0] for module, _ in _imports(ast.parse(path.read_text(encoding="utf-8")))
        }
