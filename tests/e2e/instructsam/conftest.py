"""A saved checkpoint of the tiny model."""

from pathlib import Path

import pytest

from e2e.instructsam.predictor import Predictor
from tests.e2e.goldens import Case, case_folders, load_case
from tests.e2e.instructsam.reference import Run, answer, case_has_no_masks


@pytest.fixture
def folder(predictor: Predictor, tmp_path: Path) -> Path:
    """A saved checkpoint."""
    predictor.model.save_pretrained(tmp_path)
    predictor.processor.save_pretrained(tmp_path)
    return tmp_path


@pytest.fixture(scope="module", params=case_folders(), ids=lambda folder: folder.name)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder: Path = request.param
    return load_case(folder, tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="module")
def runs(case: Case) -> list[Run]:
    names = list(case.facts["infer"])
    assert names
    return [answer(case, name) for name in names]


@pytest.fixture(scope="module")
def answered(runs: list[Run]) -> list[Run]:
    """The runs whose answer has phrases."""
    return [run for run in runs if not case_has_no_masks(run)]
