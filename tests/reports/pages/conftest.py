"""A run and its report."""

import pytest

from reports.pages.report import write_report
from tests.reports import made_run
from tests.reports.page import Page
from workbench.runs.run import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made_run.make_run(tmp_path_factory.mktemp("made"), samples=45)


@pytest.fixture(scope="module")
def page(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return Page(write_report(run, tmp_path_factory.mktemp("report") / "report.html").read_text())
