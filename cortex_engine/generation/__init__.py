"""Models that write: behind endpoints of others, never in this process."""
