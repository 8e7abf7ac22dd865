"""The end-to-end methods before InstructSAM: one [SEG] token for all instances, or one for each; see
docs/baselines.md.
"""
