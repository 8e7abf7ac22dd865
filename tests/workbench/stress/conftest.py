"""A small stress suite on coloured rectangles, run once by two toy systems, one of which minds noise more."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from reports.figures import catalogue
from tests.conftest import installing
from tests.workbench.cli.installed import TOYS
from workbench.cli.main import main
from workbench.runs.run import Run
from workbench.suites import running
from workbench.tracking.load import load_run

SUITE = {
    "title": "Toys under stress",
    "questions": 24,
    "benchmark": "toy",
    "set": {"n_samples": 24, "folder": "toy-data"},
    "axes": [
        {"axis": "noise", "levels": [0, 1, 3]},
        {"name": "turned", "title": "Turned & more", "axis": "rotation", "levels": ["0", "90"]},
        {"axis": "blur", "benchmark": "refcoco", "set": {"annotations": "{root}/refs.p", "images": "{root}/images"}},
    ],
}
SYSTEMS = ("--systems", "careful=toy-a,greedy=toy-b", "--set", "careful.threshold=60", "--set", "greedy.threshold=200")


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """`place`: the folder it was run in; `exit`: the exit code; `noise`: the run of that axis; `page`: its files."""
    place = tmp_path_factory.mktemp("stress")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{place / 'mlflow.db'}")
        with installing(place / "site", patch) as installed:
            installed("toys", TOYS)
            Path("mine.yaml").write_text(yaml.safe_dump(SUITE))
            really, every = running.delivered, catalogue.drawn
            patch.setattr(catalogue, "drawn", lambda results: islice(every(results), 1))  # tests/reports draw all
            # the report and MLflow of one axis are enough
            patch.setattr(
                running, "delivered", lambda run, uri: really(run, uri) if run.path.name == "noise" else (run, True)
            )
            done = main(["stress", "mine.yaml", *SYSTEMS, "--out", "out"])
            noise: Run = load_run(place / "out" / "noise")
            patch.setattr(running, "delivered", lambda run, uri: (run, True))
            written = {name: (place / "out" / name).read_text() for name in ("stress.html", "stress.md")}
            yield SimpleNamespace(place=place, exit=done, noise=noise, page=written)
