"""Search by words: BM25 over passages."""
