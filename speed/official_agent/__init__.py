"""The official way of the SAM 3 agent, rebuilt in order to time it against ours. Nothing else uses it."""
