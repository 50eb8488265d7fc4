"""The examples of the guide run as they stand, one after the other, in one shell."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "use-the-http-api.md"


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="the examples need curl and jq")
def test_the_examples_run(serve: Callable[..., Any], tmp_path: Path) -> None:
    server = serve()
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    script = "\n".join(blocks).replace("http://127.0.0.1:8501/api", server.url)
    cortex = f'cortex() {{ "{sys.executable}" -m cortex_engine --data-dir "{server.folder}" "$@"; }}\n'
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", cortex + script],
        cwd=work,
        env=server.environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert '"ready"' in lines
    assert "ferry.txt: done " in lines
    assert any(line.startswith("1. ferry.txt, page 1: The ferry to Merrow") for line in lines)
    assert '"Winter ferry"' in lines
    assert "key_needed" in lines
    assert lines[-1].isdigit()
