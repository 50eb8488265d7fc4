"""Backends of the `Reranker` port, and the judgement whether what they give means anything."""
