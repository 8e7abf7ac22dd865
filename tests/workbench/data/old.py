"""The results file of a run of workbench 0.1."""

from pathlib import Path

OLD = Path(__file__).parents[1] / "runs" / "an_old_run" / "results.json"
