"""Vector stores: `exact` (flat scan, the reference) and `chroma`. Both are derived from the catalog."""
