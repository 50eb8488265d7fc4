"""What rooms that run torch checkpoints share: finding, checking and loading them, and preparing what they read."""
