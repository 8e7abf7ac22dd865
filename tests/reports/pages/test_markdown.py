"""The Markdown of a run says what the page says, and data cannot do anything in it."""

import re
from pathlib import Path

import pytest

from reports.pages.markdown import CHANGED, escaped, markdown
from tests.reports import made_run
from workbench.cli.main import main
from workbench.runs.run import Run
from workbench.scoring.joined import join
from workbench.scoring.verdict import sentences


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    folder = tmp_path_factory.mktemp("markdown")
    return (
        made_run.make_run(folder / "a", samples=45, name="baseline"),
        made_run.make_run(folder / "b", samples=45, name="candidate", seed=3),
    )


def rows(text: str, heading: str) -> list[list[str]]:
    """Cells of the first table after a heading, without its head."""
    lines = text[text.index(heading) :].split("\n\n")
    table = next(part for part in lines if part.startswith("|"))
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table.splitlines()[2:]]


def test_it_holds_the_verdict_every_metric_and_every_difference(runs: tuple[Run, Run]) -> None:
    run = runs[0]
    text = markdown(run)
    first, *more = sentences(run.results)
    assert text.startswith(" ".join([f"**{escaped(first)}**", *map(escaped, more)]))
    headline = {row[0]: row[1:] for row in rows(text, "95 % intervals in brackets")}
    for place, system in enumerate(run.results.systems.values()):
        low, high = system.intervals["mAP"]
        expected = f"{100 * system.metrics['mAP']:.1f}", f"({100 * low:.1f}\N{EN DASH}{100 * high:.1f})"
        assert headline["mAP %"][place].replace("*", "").split() == list(expected)
    (pair,) = run.results.differences
    differences = {row[0]: row[1] for row in rows(text, "### Differences")}
    assert set(differences) == {f"{name} points" for name in pair.metrics} | {"latency p50"}
    assert all(", p " in differences[f"{name} points"] for name in pair.metrics)


def test_failures_are_counted_by_what_went_wrong(runs: tuple[Run, Run]) -> None:
    run = runs[0]
    counts = {row[0]: [int(cell) for cell in row[1:]] for row in rows(markdown(run), "### Failures")}
    systems = [run.results.systems[name] for name in run.systems]
    assert counts["missed"] == [system.diagnosis["missed"] for system in systems]
    assert counts["malformed call"] == [system.failures.get("malformed_call", 0) for system in systems]
    assert "exact" not in counts and "matched" not in counts


def test_the_samples_with_the_largest_change_of_the_same_system_are_listed(runs: tuple[Run, Run]) -> None:
    joined = join(runs)
    changed = rows(markdown(joined), "### Samples that changed most")
    table = joined.table().pivot(index="sample_id", columns="system", values="iou")
    gaps = (table["single-pass (candidate)"] - table["single-pass (baseline)"]).abs()
    assert len(changed) == CHANGED
    shown = [abs(float(after) - float(before)) for *_, before, after in changed]
    assert shown == pytest.approx(sorted(gaps, reverse=True)[:CHANGED], abs=0.011)


def test_more_than_two_systems_are_compared_in_a_matrix(runs: tuple[Run, Run]) -> None:
    joined = join(runs)
    matrix = rows(markdown(joined), "### Differences")
    assert [row[0] for row in matrix] == joined.systems
    assert [row[place] for place, row in enumerate(matrix, 1)] == [""] * 4, "nothing minus itself"
    first = joined.results.differences[0].metrics["mAP"]
    assert f"{100 * abs(first.difference):.1f}" in matrix[0][2]
    assert f"{100 * abs(first.difference):.1f}" in matrix[1][1]


def test_one_system_has_no_differences(tmp_path: Path) -> None:
    text = markdown(made_run.make_run(tmp_path, samples=12, systems=[made_run.SINGLE]))
    assert "### Differences" not in text and "changed most" not in text


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("<script>alert(1)</script>", r"\<script\>alert(1)\</script\>"),
        ("a | b\nc", r"a \| b c"),
        ("![x](http://y)", "!\\[x\\](http:\N{ZERO WIDTH SPACE}//y)"),
        ("@all see #12", "@\N{ZERO WIDTH SPACE}all see #\N{ZERO WIDTH SPACE}12"),
        ("\x1b[31mred\x1b[0m \x9b1mbold", "red bold"),
        ("_so_ N_acc `x` $y$ &amp;", r"\_so\_ N_acc \`x\` \$y\$ \&amp;"),
    ],
)
def test_data_is_shown_and_does_nothing(given: str, shown: str) -> None:
    assert escaped(given) == shown


def test_hostile_data_is_escaped(tmp_path: Path) -> None:
    names = [made_run.SINGLE, f"agent {made_run.HOSTILE.replace('/', '')}"]
    text = markdown(made_run.make_run(tmp_path, samples=12, systems=names, hostile=True))
    assert made_run.HOSTILE.split("<")[1].split(">")[1] in text
    assert not re.search(r"(?<!\\)[<>]", text)


def test_the_command_prints_it_or_writes_it(
    runs: tuple[Run, Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(runs[0].path), "--markdown"]) == 0
    assert capsys.readouterr().out == markdown(runs[0])
    assert main(["report", *(str(run.path) for run in runs), "--markdown", "--out", str(tmp_path / "x.md")]) == 0
    assert (tmp_path / "x.md").read_text() == markdown(join(runs))
