"""What browser tests and scripts/benchmark_app.py share: the server process, the watched page, page objects, files."""
