"""What the notebooks share: which run they open, and settings that keep them quiet."""

import os
import warnings
from pathlib import Path

import workbench
from workbench.runs.run import Run

SYSTEMS = ("instructsam-tiny", "sam3-agent-tiny")
PLACES = ("runs", "../runs")
"""Where runs lie for a notebook that is started in the repository or in its own folder."""


def starting_run(samples: int = 40) -> Run:
    """The run to open: that of the variable `WORKBENCH_RUN`, a folder or an MLflow run id. Without it, the newest
    finished run of several systems below `runs/`. Without one, a small comparison of both sides on this many samples of
    tabletop, made now in `runs/small`.
    """
    if named := os.environ.get("WORKBENCH_RUN"):
        return workbench.load_run(named)
    finished = [results for place in PLACES for results in Path(place).glob("*/results.json")]
    for results in sorted(finished, key=lambda path: path.stat().st_mtime, reverse=True):
        run = workbench.load_run(results.parent)
        if len(run.systems) > 1:
            return run
    print(f"no finished run below runs/: comparing {' and '.join(SYSTEMS)} on {samples} samples, which takes a moment")
    options = {"tabletop": {"scenes": -(-samples // 2), "per_scene": 2}}
    return workbench.compare(SYSTEMS, "tabletop", "runs/small", limit=samples, options=options)


def quiet() -> None:
    """Keep progress bars of checkpoints, and tqdm's advice about ipywidgets, out of a notebook. To be called before
    transformers is imported."""
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    warnings.filterwarnings("ignore", message="IProgress not found")
