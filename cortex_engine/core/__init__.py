"""Plain data that every room speaks: nouns, ports, errors. Standard library and numpy only."""
