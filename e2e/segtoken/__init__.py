"""The end-to-end ways before InstructSAM: one [SEG] token for all instances, or one for each; see docs/baselines.md."""
