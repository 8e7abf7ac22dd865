"""What each command does: what it makes, what it prints where, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Install
from workbench.cli.commands import ALL_TINY, system_names
from workbench.cli.main import main
from workbench.tracking import reaching
from workbench.tracking.load import load_run


def compare(*more: str, systems: str = "toy-a,toy-b") -> list[str]:
    return ["compare", "--systems", systems, "--benchmark", "toy", "--out", "runs/one", *more]


def test_list_shows_names_origins_and_first_lines(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    shown = capsys.readouterr().out
    assert "toy-a                Finds what has the colour that is asked for." in shown
    assert "toys/tests.workbench.toys:threshold" in shown
    assert "segmentation-workbench/workbench.tabletop.benchmark:tabletop" in shown


def test_list_as_json_is_one_object(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install("acme", {"systems": {"acme": "acme_prints:make"}}, {"acme_prints": "print('hello'); raise OSError('no')"})
    assert main(["list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {
        "systems",
        "benchmarks",
        "segmenters",
        "metrics",
        "reporters",
        "recipes",
        "servers",
        "commands",
        "perturbations",
    }
    (acme,) = (plugin for plugin in found["systems"] if plugin["name"] == "acme")
    assert acme["problem"] == "OSError: no"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (compare(systems="toy-a,toy-c"), r"unknown system 'toy-c' (did you mean"),
        (compare("--benchmark", "tou"), "unknown benchmark 'tou' (did you mean 'toy'?)"),
        (compare("--set", "toy-a.thresold=3"), "unknown option of toy-a 'thresold' (did you mean 'threshold'?)"),
        (compare("--set", "toy-c.threshold=3"), "--set expects NAME.OPTION=VALUE with a name among toy-a, toy-b, toy"),
        (compare("--set", "toy-a.threshold"), "got 'toy-a.threshold'"),
        (compare("--set", "toy-a.threshold=much"), "toy-a.threshold: expected a whole number, got 'much'"),
        (compare("--set", "toy-a.delay=nan"), "toy-a.delay: expected a number, got 'nan'"),
        (compare("--set", "toy.n_samples=2024-01-05"), "toy.n_samples: expected a whole number, got '2024-01-05'"),
        (compare("--limit", "0"), "limit must be a whole number of at least 1"),
        (["list", "toyy"], "unknown plugin 'toyy' (did you mean 'toy'"),
        (["generate", "toy", "--out", "made"], "the benchmark toy is not generated; those that are: tabletop"),
        (["generate", "tabletop", "--out", "made", "--scenes", "none"], "tabletop.scenes: expected a whole number"),
        (["generate", "tabletop", "--out", "made", "--scene", "3"], "unknown option of tabletop 'scene'"),
        (["serve", "m", "--server", "vlm"], "unknown server 'vlm' (did you mean 'vllm'?)"),
        (compare(systems="toy-a,toy-a"), "--systems expects one or more different names"),
        (compare("--out", "file/run"), "output folder file/run cannot be written"),
        (["report", "nowhere"], "no run folder"),
        (["report", __file__], "is no folder: expected a run folder"),
        (["gate", "/dev/null", "/dev/null"], "is no folder: expected a run folder"),
        (["tune", "/dev/null"], "is no folder: expected a run folder"),
        (["track", "nowhere"], "no run folder"),
        (["train", "nowhere.yaml"], "nowhere.yaml cannot be read: No such file or directory"),
    ],
)
def test_wrong_configuration_is_said_without_a_traceback_and_starts_nothing(
    workplace: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    (workplace / "file").write_text("")
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("workbench: ")
    assert message in err
    assert "Traceback" not in err
    assert not list(workplace.rglob("predictions.jsonl"))


def test_compare_says_what_perfect_parts_would_buy(
    install: Install, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install("guesses", {"systems": {"guess": "tests.workbench.toys:guess"}})
    options = ["--oracles", "--set", "toy.n_samples=24"]
    assert main(compare(*options, systems="guess,toy-a")) == 0
    rows = {line.split("  ")[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "gIoU (95 %, p)" in rows["gain of a perfect ..."]
    assert rows["guess: deduplication"].split()[-2:] == ["19/24", "0/24"]
    assert rows["guess: checker"].split()[2].startswith("+0.4")
    assert rows["guess: rewriter: the benchmark has no phrases that name the targets"]
    found = load_run("runs/one").results
    assert [row.oracle for row in found.oracles] == ["deduplication", "presence", "rewriter", "checker"]
    assert list(found.systems) == ["guess", "toy-a"] and len(found.differences) == 1


def test_each_perfect_part_is_a_switch(install: Install, workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install("guesses", {"systems": {"guess": "tests.workbench.toys:guess"}})
    assert main(compare("--limit", "4", "--oracles", "checker,presence", systems="guess,toy-a")) == 0
    run = load_run("runs/one")
    assert [row.oracle for row in run.results.oracles] == ["presence", "checker"]
    assert run.manifest.options.oracles == ["checker", "presence"]
    assert "--oracles checker,presence" in (run.path / "report.html").read_text()
    assert main(compare("--limit", "4", "--oracles", "chequer", systems="guess,toy-a")) == 2
    assert "unknown oracle 'chequer' (did you mean 'checker'?)" in capsys.readouterr().err


def test_compare_runs_scores_reports_and_logs(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(compare("--set", "toy-b.threshold=1", "--limit", "8")) == 0
    out, err = capsys.readouterr()
    assert "toy-a   1.000" in out
    assert "report: runs/one/report.html" in out
    assert f"mlflow ui --backend-store-uri sqlite:///{workplace / 'runs/mlflow.db'}" in out
    assert "toy-a: 8/8 samples" in err
    assert {path.name for path in workplace.iterdir()} == {"runs", "toy-data"}
    assert load_run("runs/one").manifest.options.set == ["toy-b.threshold=1"]

    assert main(compare("--set", "toy-b.threshold=1", "--limit", "10", "--json")) == 0
    out, err = capsys.readouterr()
    results: dict[str, Any] = json.loads(out)
    assert results == load_run("runs/one").results.to_json()
    assert results["benchmark"]["samples"] == 10
    assert Path(results["report"]).exists()
    assert len(results["mlflow"]["run_id"]) == 32
    assert "toy-a: 10/10 samples" in err


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("http://127.0.0.1:9", "Connection refused"),
        ("foo://there", "unsupported URI 'foo://there'"),
        ("sqlite:///FILE/below/mlflow.db", "Not a directory"),
        ("sqlite:///FILE", "cannot be read as an MLflow database"),
        ("sqlite:///.", "is no file, expected the file of an MLflow database or a new name"),
        ("postgresql+none://user:secret@there/x", "postgresql.none"),
    ],
)
def test_a_store_that_cannot_be_used_is_found_before_the_first_sample(
    workplace: Path, uri: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (workplace / "FILE").write_text("no database " * 100)
    assert main(compare("--tracking-uri", uri)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line and line.endswith("give another --tracking-uri; none logs nothing")
    assert "secret" not in line and list((workplace / "runs/one").iterdir()) == []


def test_a_run_that_cannot_be_tracked_is_complete_on_disk_and_tracked_later(
    workplace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(reaching, "check_reachable", lambda uri, run: None)  # it answered then
    assert main(compare("--json", "--limit", "4", "--tracking-uri", "http://127.0.0.1:9")) == 3
    out, err = capsys.readouterr()
    results = json.loads(out)
    assert results["mlflow"] is None
    assert results["systems"]["toy-a"]["metrics"]["gIoU"] == 1.0
    assert "workbench track" in err
    assert main(["track", "runs/one"]) == 0
    assert load_run("runs/one").results.mlflow


def test_a_report_is_written_again(workplace: Path) -> None:
    assert main(compare("--limit", "4")) == 0
    Path("runs/one/report.html").unlink()
    assert main(["report", "runs/one"]) == 0
    assert Path("runs/one/report.html").exists()


def test_a_report_that_fails_leaves_the_results_and_is_no_success(
    workplace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("runs/one/report.html").mkdir(parents=True)
    assert main(compare("--limit", "4")) == 3
    assert "the report failed; write it with `workbench report" in capsys.readouterr().err
    results = load_run("runs/one").results
    assert results.report is None
    assert results.mlflow


def test_train_finds_the_recipe_and_gives_it_the_other_keys(workplace: Path) -> None:
    Path("config.yaml").write_text("recipe: tiny\nsteps: 3\nrate: 1\n")
    assert main(["train", "config.yaml", "--out", "trained"]) == 0
    assert Path("trained/config.txt").read_text() == "{'steps': 3, 'rate': 1.0}"


def test_keys_of_a_recipe_can_be_set_on_the_command_line(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("config.yaml").write_text("recipe: tiny\nsteps: 3\nrate: 1\n")
    assert main(["train", "config.yaml", "--out", "trained", "--set", "steps=5"]) == 0
    assert Path("trained/config.txt").read_text() == "{'steps': 5, 'rate': 1.0}"
    for wrong, message in (
        ("steps", "--set expects KEY=VALUE, got 'steps'"),
        ("raet=1", "unknown key 'raet' (did you mean 'rate'?)"),
        ("steps=many", "steps: expected a whole number, got 'many'"),
    ):
        assert main(["train", "config.yaml", "--out", "again", "--set", wrong]) == 2
        assert message in capsys.readouterr().err


def test_a_share_of_the_minutes_tries_a_recipe(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("config.yaml").write_text("recipe: tiny\nsteps: 3\nminutes: 80\nmatch_minutes: 10\nvalidation: 5\n")
    assert main(["train", "config.yaml", "--out", "trained", "--share", "0.5", "--set", "minutes=40"]) == 0
    given = "{'steps': 3, 'minutes': 20.0, 'match_minutes': 5.0, 'validation': 2}"
    assert Path("trained/config.txt").read_text() == given
    for wrong in ("0", "-1", "1.5", "nan"):
        assert main(["train", "config.yaml", "--out", "again", "--share", wrong]) == 2
        assert "--share expects a fraction above 0 and up to 1" in capsys.readouterr().err


def test_several_processes_need_one_folder(
    workplace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("config.yaml").write_text("recipe: tiny\nsteps: 3\n")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(["train", "config.yaml"]) == 2
    assert "--out is needed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("steps: 3", "expected a mapping with a key `recipe`"),
        ("[1, 2]", "expected keys with values, got [1, 2]"),
        ("recipe: [", "is not YAML"),
        ("recipe: tinny\nsteps: 3", "unknown recipe 'tinny' (did you mean 'tiny'?)"),
        (
            "recipe: tiny\nsteps: 3\nraet: 1",
            "unknown key 'raet' (did you mean 'rate'?); known: match_minutes, minutes, rate, steps, validation",
        ),
        ("recipe: tiny\nrate: 1", "missing: steps"),
        ("recipe: tiny\nsteps: many", "steps: expected a whole number, got 'many'"),
    ],
)
def test_a_wrong_training_configuration_is_refused(
    workplace: Path, capsys: pytest.CaptureFixture[str], config: str, message: str
) -> None:
    Path("config.yaml").write_text(config)
    assert main(["train", "config.yaml", "--out", "trained"]) == 2
    assert message in capsys.readouterr().err
    assert not Path("trained").exists()


TINY_SYSTEMS = """
from pathlib import Path
from workbench.plugins.interfaces import needs

@needs(Path(__file__).parent / "nowhere")
def untrained():
    raise AssertionError

@needs(Path(__file__))
def trained():
    raise AssertionError

def free():
    raise AssertionError
"""


def test_all_tiny_means_the_tiny_systems_whose_checkpoints_are_there(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    targets = {"untrained-tiny": "untrained", "trained-tiny": "trained", "free-tiny": "free", "toy": "free"}
    systems = {name: f"tiny_systems:{target}" for name, target in targets.items()}
    install("acme", {"systems": {**systems, "broken-tiny": "tiny_systems:nothing"}}, {"tiny_systems": TINY_SYSTEMS})
    names = set(system_names(ALL_TINY))
    assert {"trained-tiny", "free-tiny", "instructsam-tiny", "sam3-agent-tiny", "sam3-phrase-tiny"} <= names
    assert not names & {"untrained-tiny", "broken-tiny", "toy", "instructsam"}
    left_out = capsys.readouterr().err
    assert "broken-tiny" in left_out and "untrained-tiny" in left_out
