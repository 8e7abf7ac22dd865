"""What the notebooks share: which run they open, and settings that keep them quiet."""

import os
import warnings
from pathlib import Path

import workbench
from workbench.data.errors import ConfigurationError
from workbench.data.numbers import listed, many
from workbench.runs.run import Run

SYSTEMS = ("instructsam-tiny", "sam3-agent-tiny")
PLACES = ("runs", "../runs")
"""Where runs lie for a notebook that is started beside them or in a folder of its own."""
AXES, QUESTIONS = ("targets", "occlusion", "paraphrase"), 6
"""What is swept where nothing was, and how many questions there are at each level."""
SAMPLES = 24
"""Of the run that is made where there is none: from 10 images on there are intervals, and it takes a minute at most."""


def starting_run(samples: int = SAMPLES) -> Run:
    """The run to open, after a line that says which one and why: that of the variable `WORKBENCH_RUN`, a folder or an
    MLflow run id. Without it, the newest finished run below `runs/` that has both sides, a single pass and an agent.
    Without one, a small comparison of both on this many samples of tabletop, made now in `runs/small`.
    """
    if named := os.environ.get("WORKBENCH_RUN"):
        return _chosen(workbench.load_run(named), "WORKBENCH_RUN names it")
    finished = [results for place in PLACES for results in Path(place).glob("*/results.json")]
    newest = sorted(finished, key=lambda path: path.stat().st_mtime, reverse=True)
    for passed, results in enumerate(newest):
        run = _readable(results.parent)
        if run and both_sides(run):
            newer = f"; {many(passed, 'newer run')} passed over, without a single pass or without an agent"
            why = f"the newest of {many(len(finished), 'run')} below runs/ that has a single pass and an agent"
            return _chosen(run, why + newer * bool(passed))
    there = many(len(finished), "run")
    print(f"Of {there} below runs/, none has a single pass and an agent; set WORKBENCH_RUN to open another.")
    print(f"Now comparing {listed(SYSTEMS)} on {many(samples, 'sample')}, which takes a moment.")
    options = {"tabletop": {"scenes": -(-samples // 2), "per_scene": 2}}
    store = os.environ.get("MLFLOW_TRACKING_URI", "none")  # a trial goes to no store that nobody asked for
    return workbench.compare(SYSTEMS, "tabletop", "runs/small", limit=samples, options=options, tracking_uri=store)


def starting_stress(questions: int = QUESTIONS) -> dict[str, Run]:
    """The runs of a stress suite by axis, after a line that says which: those in the folder that the variable
    `WORKBENCH_STRESS` names; without it, those of the folder below `runs/` that has the most axes swept. Without one,
    three short axes are swept now in `runs/stress-small`.
    """
    named = os.environ.get("WORKBENCH_STRESS")
    folders = (
        [Path(named)]
        if named
        else sorted({page.parent for place in PLACES for page in Path(place).glob("*/stress.md")})
    )
    found = {folder: _swept(folder) for folder in folders}
    folder = max(found, key=lambda one: len(found[one]), default=None)
    if folder is not None and found[folder]:
        print(f"Opening {folder}: swept {listed(list(found[folder]))}.")
        return found[folder]
    if named:
        raise ConfigurationError(f"WORKBENCH_STRESS names {named}, which holds no finished run of `workbench stress`")
    print(
        f"No stress suite is below runs/. Now sweeping {listed(AXES)} with {questions} questions, which takes a moment."
    )
    return workbench.sweep("stress-quick", "runs/stress-small", SYSTEMS, axes=AXES, questions=questions)


def _swept(folder: Path) -> dict[str, Run]:
    """The finished runs of axes in a folder, by name."""
    runs = {path.parent.name: _readable(path.parent) for path in sorted(folder.glob("*/results.json"))}
    return {name: run for name, run in runs.items() if run is not None and run.results.stress is not None}


def both_sides(run: Run) -> bool:
    """Whether a run has a single pass and an agent, judged by what they did: how often an answer asked its language
    model. A single pass always does so once, an agent more than once. A system without a language model is neither."""
    rounds = [{int(count) for count in result.latency.by_rounds} for result in run.results.systems.values()]
    return {1} in rounds and any(max(own, default=0) > 1 for own in rounds)


def _readable(folder: Path) -> Run | None:
    """The run, or None for one that is damaged: it stops no notebook."""
    try:
        run = workbench.load_run(folder)
    except ConfigurationError as error:
        warnings.warn(f"{folder} is passed over: {error}", stacklevel=3)
        return None
    return run if run.finished else None


def _chosen(run: Run, why: str) -> Run:
    print(f"Opening {run.path}, of {listed(run.systems)} on {many(len(run.samples()), 'sample')}: {why}.")
    return run


def quiet() -> None:
    """Keep progress bars of checkpoints, and tqdm's advice about ipywidgets, out of a notebook, and let torch's threads
    sleep while they wait. To be called before torch and transformers are imported.

    By default a thread that waits for another one turns in circles. Where other programs need the processor too, that
    makes a small model up to twenty times slower.
    """
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    warnings.filterwarnings("ignore", message="IProgress not found")
