"""The fields of `CortexConfig`, by group. Only `cortex_engine.config` reads files and the environment."""
