"""What tests of reranking need: a tiny cross-encoder, damaged checkpoints, and a rerank service that can misbehave."""
