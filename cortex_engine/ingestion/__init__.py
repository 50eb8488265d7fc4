"""The document line: from a file to committed passages, and from the catalog to the derived indexes."""
