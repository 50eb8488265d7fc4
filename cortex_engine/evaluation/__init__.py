"""Measuring retrieval: metrics, data sets in BEIR layout, and the harness that runs them through the search line."""
