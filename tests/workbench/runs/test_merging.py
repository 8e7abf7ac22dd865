"""The shards of a comparison, joined in any order, are the run that one process would have made."""

import errno
import json
import shutil
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Install
from tests.workbench.cli.installed import TOYS
from workbench.cli.main import main
from workbench.runs import files
from workbench.tracking.load import load_run

COMPARE = ["compare", "--systems", "toy-a,toy-b", "--benchmark", "toy", "--tracking-uri", "none"]
UNTIMED = dict.fromkeys(("latency", "calls", "processor", "waited"))


@pytest.fixture(autouse=True)
def workplace(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    install("toys", TOYS)
    folder = tmp_path / "workplace"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield folder


def shards(count: int, *more: str) -> list[str]:
    names = [f"part-{number}" for number in range(1, count + 1)]
    for number, name in enumerate(names, 1):
        assert main([*COMPARE, *more, "--shard", f"{number}/{count}", "--out", name]) == 0
    return names


def merged(*names: str, out: str = "whole") -> int:
    return main(["merge", *names, "--out", out, "--tracking-uri", "none"])


def scores(path: str) -> dict[str, Any]:
    """What a run found out, without what depends on the clock and the place."""
    results = load_run(path).results
    return {
        "systems": {
            name: (one.samples, one.failures, one.metrics, one.intervals, one.diagnosis, one.by_kind)
            for name, one in results.systems.items()
        },
        "differences": [pair.metrics for pair in results.differences],
    }


def test_shards_in_any_order_make_the_run_of_one_process(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMPARE, "--out", "alone"]) == 0
    names = shards(3)
    assert not list(Path().glob("part-*/report.html")) and not list(Path().glob("part-*/results.json"))
    alone = load_run("alone")
    for place, order in enumerate(permutations(names)):
        assert merged(*order, out=f"whole-{place}") == 0
        whole = load_run(f"whole-{place}")
        assert [repr(sample) for sample in whole.samples()] == [repr(sample) for sample in alone.samples()]
        for system in alone.systems:
            ours, theirs = (run.predictions(system) for run in (whole, alone))
            assert [{**one.to_json(), **UNTIMED} for one in ours] == [{**one.to_json(), **UNTIMED} for one in theirs]
        assert scores(f"whole-{place}") == scores("alone")
    assert Path("whole-0/report.html").exists()
    assert [one.shard for one in load_run("whole-0").manifest.shards] == ["1/3", "2/3", "3/3"]
    assert load_run("whole-0").manifest.options.shard is None


def test_what_is_missing_is_said_and_asked_by_the_command_without_a_shard(capsys: pytest.CaptureFixture[str]) -> None:
    names = shards(2, "--limit", "9")
    journal = Path("part-2/toy/toy-b/predictions.jsonl")
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:2]) + lines[2][:40])  # killed while it wrote
    capsys.readouterr()
    assert merged(*names) == 5
    assert (
        "toy-b has no answer to 2 of the 9 samples in whole: the command of the comparison" in capsys.readouterr().err
    )
    assert main([*COMPARE, "--limit", "9", "--out", "whole"]) == 0
    assert "toy-a: all 9 predictions are there" in capsys.readouterr().err
    assert load_run("whole").results.systems["toy-b"].samples == 9


def test_a_shard_is_continued_as_the_same_shard_only(capsys: pytest.CaptureFixture[str]) -> None:
    shards(2, "--limit", "6")
    assert main([*COMPARE, "--limit", "6", "--shard", "1/2", "--out", "part-1"]) == 0
    for given, message in (
        (["--shard", "2/2"], "part-1 holds shard 1/2: expected --shard 1/2, got 2/2"),
        ([], "part-1 holds shard 1/2: expected --shard 1/2, got none"),
        (["--shard", "3/2"], "expected a shard as 3/8, the third of eight, got '3/2'"),
        (["--shard", "1"], "expected a shard as 3/8"),
        (["--shard", "0/4"], "expected a shard as 3/8"),
    ):
        assert main([*COMPARE, "--limit", "6", *given, "--out", "part-1"]) == 2
        assert message in capsys.readouterr().err
    assert main([*COMPARE, "--limit", "2", "--shard", "3/3", "--out", "none"]) == 2
    assert "shard 3/3 has no samples: the benchmark has fewer than 3" in capsys.readouterr().err


def test_folders_that_do_not_belong_together_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    one, two, three = shards(3, "--limit", "9")
    assert main([*COMPARE, "--limit", "9", "--out", "alone"]) == 0
    assert main([*COMPARE, "--limit", "9", "--shard", "2/4", "--out", "fourth"]) == 0
    other = [*COMPARE, "--limit", "9", "--shard", "3/3", "--set", "toy-b.threshold=3", "--out", "other"]
    assert main(other) == 0
    assert main([*COMPARE, "--limit", "8", "--shard", "3/3", "--out", "fewer"]) == 0
    shutil.copytree(two, "copy")
    for folders, message in (
        ((one, three), "1 of 3 shards are missing: 2/3"),
        ((one, two, "copy", three), "shard 2/3 is there twice: part-2 and copy"),
        ((one, "fourth", three), "expected shards of one division, got some of 3 and some of 4"),
        ((one, two, "alone"), "alone is no shard: expected a folder of `workbench compare --shard 3/8`"),
        ((one, two, "other"), "part-1 and other are of different comparisons: options.set"),
        ((one, two, "fewer"), "part-1 and fewer are of different comparisons: options.limit is 9 and 8"),
        ((one, two, "nowhere"), "nowhere is no run folder: expected a folder of `workbench compare --shard 3/8`"),
    ):
        capsys.readouterr()
        assert merged(*folders) == 2
        assert message in capsys.readouterr().err
        assert not Path("whole").exists()
    assert merged(one, two, three) == 0
    assert merged(one, two, three) == 2
    assert "whole holds a run already: choose another --out" in capsys.readouterr().err


def test_a_damaged_line_of_a_shard_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    names = shards(2, "--limit", "4")
    journal = Path("part-1/toy/toy-a/predictions.jsonl")
    journal.write_bytes(journal.read_bytes().replace(b'"outcome"', b'"outcame"', 1))
    assert merged(*names) == 2
    assert "part-1/toy/toy-a/predictions.jsonl: line 1 is damaged: its checksum does not fit" in capsys.readouterr().err
    assert not Path("whole/manifest.json").exists()


def test_a_file_system_without_locks_is_worked_on_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(files.fcntl, "flock", refused)
    assert merged(*shards(2, "--limit", "4")) == 0
    assert "the file system of part-1 has no locks (No locks available)" in capsys.readouterr().err
    assert json.loads(Path("whole/results.json").read_text())["benchmark"]["samples"] == 4
