"""The query line: from a question to hits, each stage recorded in a trace."""
