"""The knowledge graph: extraction of names and relations, linking, ranking, pictures of it."""
