"""Reads runs back, from folders or from MLflow."""

import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.data.errors import ConfigurationError
from workbench.data.manifest import Manifest
from workbench.data.results import Results, read_results
from workbench.runs.files import read_json
from workbench.runs.frames import metrics
from workbench.runs.inputs import manifest_in
from workbench.runs.run import Run

if TYPE_CHECKING:
    import pandas as pd


def load_runs(sources: str | Path | Iterable[str | Path], tracking_uri: str | None = None) -> "pd.DataFrame":
    """The numbers of many runs as one frame, the oldest run first: the columns of `Run.metrics`, after `run` (its
    name), `source` (its folder or MLflow run id), `created`, `commit`, `dirty` (uncommitted changes), `benchmark` and
    `protocol`.

    `sources`: run folders and MLflow run ids; or one folder, for every finished run below it; or the name of an MLflow
    experiment, for its finished runs. `tracking_uri` as in `load_run`. Raises `ConfigurationError` where a run that is
    named is missing or not finished; warns of unfinished ones below a folder.
    """
    import pandas as pd

    runs = list(_all(sources, tracking_uri) if isinstance(sources, str | Path) else _each(sources, tracking_uri))
    if not runs:
        raise ConfigurationError(f"there is no finished run in {sources}")
    frames = []
    for source, manifest, results in sorted(runs, key=lambda run: run[1].created):
        frame = metrics(results)
        about: dict[str, Any] = {
            "run": manifest.name,
            "source": source,
            "created": pd.Timestamp(manifest.created),
            "commit": manifest.git.commit,
            "dirty": manifest.git.dirty,
            "benchmark": manifest.benchmark.name,
            "protocol": results.protocol,
        }
        for place, (column, value) in enumerate(about.items()):
            frame.insert(place, column, value)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


Summary = tuple[str, Manifest, Results]
"""Folder or MLflow run id, manifest and results of a run."""


def _all(source: str | Path, uri: str | None) -> Iterator[Summary]:
    from workbench.tracking.fetch import summaries

    if not Path(source).is_dir():
        yield from summaries([str(source)], uri)
        return
    unfinished = []
    for manifest in sorted(Path(source).resolve().rglob("manifest.json")):
        if manifest.parent.name == "artifacts":  # MLflow's copy of a run
            continue
        run = load_run(manifest.parent)
        if run.finished:
            yield str(run.path), run.manifest, run.results
        else:
            unfinished.append(run.path)
    if unfinished:
        warnings.warn(f"left out, as they are not finished: {', '.join(map(str, unfinished))}", stacklevel=3)


def _each(sources: Iterable[str | Path], uri: str | None) -> Iterator[Summary]:
    from workbench.tracking.fetch import RUN_ID, summaries

    for source in sources:
        if RUN_ID.fullmatch(str(source)) and not Path(source).exists():
            yield from summaries([str(source)], uri)
        else:
            run = load_run(source)
            yield str(run.path), run.manifest, run.results


def load_run(source: Path | str, tracking_uri: str | None = None) -> Run:
    """Read a run folder, or a run that was logged to MLflow by its id or that of one of its children.

    A run of MLflow is downloaded once, see `workbench.tracking.fetch`, from `tracking_uri`, by default
    `MLFLOW_TRACKING_URI` or `runs/mlflow.db`. A run of an earlier version is upgraded. Raises
    `ConfigurationError` where there is no such run, and for a damaged manifest or results file, which it names.
    """
    from workbench.tracking.fetch import RUN_ID, fetch

    path = Path(source).resolve()
    if not path.exists():
        if not RUN_ID.fullmatch(str(source)):
            raise ConfigurationError(
                f"no run folder {path}, and {str(source)!r} is no MLflow run id (32 hexadecimal digits)"
            )
        path = fetch(str(source), tracking_uri)
    elif not path.is_dir():
        raise ConfigurationError(f"{path} is no folder: expected a run folder, which holds manifest.json")
    results = path / "results.json"
    return Run(
        path,
        manifest_in(path),
        read_results(read_json(results), str(results)) if results.exists() else None,
    )
