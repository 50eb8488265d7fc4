"""What is known of models, and which of them fit this machine. Plain data and arithmetic; nothing heavy is imported."""
