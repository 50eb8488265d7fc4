"""Why a result fits, below its passage: written in the background, shown as plain text."""

from __future__ import annotations

import time
from pathlib import Path

from streamlit.testing.v1 import AppTest

from cortex_engine.config import load_config
from cortex_engine.core.search import Query
from cortex_ui import session
from tests.chat_endpoint import ChatEndpoint

ROOT = Path(__file__).parents[2]


def test_results_show_why_they_fit_as_plain_text(tmp_path: Path) -> None:
    (tmp_path / "birds.txt").write_text("The puffin digs a burrow in the cliff.")
    session.stop()
    with ChatEndpoint("<b>It</b> names :red[the] puffin.") as endpoint:
        environ = {"CORTEX_EMBEDDING_BACKEND": "hashing", "CORTEX_MIN_FREE_BYTES": "0", "CORTEX_GRAPH": "false"}
        environ |= {
            "CORTEX_CHAT_API_BASE": endpoint.address,
            "CORTEX_CHAT_MODEL": "tiny",
            "CORTEX_EXPLAIN_HITS": "true",
        }
        suite = session.start(load_config(tmp_path / "library", environ), background=False)
        try:
            suite.ingest([tmp_path / "birds.txt"], "Papers")
            result = suite.search(Query("puffin"))
            while "" in suite.explanations(result).values():
                time.sleep(0.02)
            at = AppTest.from_file(str(ROOT / "cortex_ui" / "main.py"), default_timeout=60)
            at.run()
            at.switch_page(str(ROOT / "pages" / "3_Knowledge_Search.py"))
            at.query_params["q"] = "puffin"
            at.run()
            assert not at.exception
            shown = " ".join(each.proto.body for each in at.get("html"))
            assert "Why: &lt;b&gt;It&lt;/b&gt; names :red[the] puffin. (tiny at 127.0.0.1)" in shown
        finally:
            session.stop()
