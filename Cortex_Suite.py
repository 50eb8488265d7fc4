"""The launcher: pages, HTTP API and background work in one process, which owns the library.

    python Cortex_Suite.py [--port 8501] [--data-dir FOLDER] [--samples] [--no-browser]

`streamlit run Cortex_Suite.py` works too. The pages' entry script lies in `cortex_ui/`, because one that lies beside a
folder `pages/` loses its first deep link (docs/adr/0008).
"""

from __future__ import annotations

from cortex_ui.launch import app, main

__all__ = ["app"]

if __name__ == "__main__":
    main()
