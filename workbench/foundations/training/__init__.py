"""Training of the tiny checkpoints on generated scenes: SAM3 and the language model that both sides start from."""
