"""Tiny Qwen3-VL checkpoints and what the official implementation gives for them; see README.md."""
