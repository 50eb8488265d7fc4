"""Cortex Suite's engine: a private knowledge base that answers in Python, on the command line and in the browser."""

__version__ = "0.1.0"
