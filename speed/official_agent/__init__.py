"""The official way of the SAM 3 agent, rebuilt to be timed against ours. Nothing else uses it."""
