"""Runs to read back."""

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import workbench
from tests.workbench.runs.framed import made
from workbench.runs.files import write_json
from workbench.tracking.log import track


@pytest.fixture(scope="module", autouse=True)
def figures_are_few() -> Iterator[None]:
    """Pages hold one figure: drawing all takes seconds for each comparison. tests/reports draw every one, and so do the
    commands that tests start in processes of their own."""
    from reports.figures import catalogue
    from reports.pages import index

    def first(draw: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        return lambda *given: islice(draw(*given), 1)

    with pytest.MonkeyPatch.context() as patch:
        for module in (catalogue, index):
            patch.setattr(module, "drawn", first(module.drawn))
        yield


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two finished runs, `b` older than `a`, both logged beside them, and an unfinished one."""
    folder = tmp_path_factory.mktemp("frames") / "runs"
    for name, created in (("a", "2026-02-01T00:00:00+00:00"), ("b", "2026-01-01T00:00:00+00:00")):
        made(folder / name)
        manifest = json.loads((folder / name / "manifest.json").read_text())
        write_json(folder / name / "manifest.json", manifest | {"created": created})
        track(workbench.load_run(folder / name))
    made(folder / "sub" / "unfinished").path.joinpath("results.json").unlink()
    return folder
