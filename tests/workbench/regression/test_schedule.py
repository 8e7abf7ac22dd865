"""A scheduled comparison is validated, judged, recorded, continued when it was killed, and never run twice at once."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Install
from workbench.cli.main import main
from workbench.regression.history import NAME, history, unfinished
from workbench.regression.schedule import read_schedule
from workbench.regression.service import _first_due
from workbench.runs.files import read_records
from workbench.tracking.client import RUN, connect
from workbench.tracking.stores import sqlite_uri

TOYS = "tests.workbench.toys"
POINTS = {
    "systems": {"toy-a": f"{TOYS}:threshold", "toy-b": f"{TOYS}:threshold", "moody": "moody:make"},
    "benchmarks": {"toy": f"{TOYS}:rectangles"},
}
MOODY = '''
from pathlib import Path
from tests.workbench.toys import threshold

def make(unused: int = 0):
    """As good as the toy systems, until a file says otherwise."""
    mood = Path("mood").read_text() if Path("mood").exists() else ""
    if mood == "breaks":
        raise RuntimeError("out of <b>memory</b>")
    if mood == "refuses":
        raise OSError("checkpoint gone")
    system = threshold(60, 0.0)
    system.threshold = 0 if mood == "worse" else 60
    return system
'''
CONFIG: dict[str, Any] = {
    "cron": "0 3 * * *", "systems": ["toy-a"], "benchmark": "toy", "limit": 8, "tracking_uri": "none"
}  # fmt: skip

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def workplace(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, with toy systems and a toy benchmark installed."""
    install("toys", POINTS, {"moody": MOODY})
    folder = tmp_path / "workplace"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def start(workplace: Path) -> Iterator[Start]:
    """Starts `workbench schedule` as a process of its own, which does not outlive the test."""
    paths = [str(workplace.parent / "site"), str(Path(__file__).parents[3])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}

    def started(*arguments: str, code: str = "") -> subprocess.Popen[str]:
        command = ["-c", code] if code else ["-m", "workbench", "schedule", *arguments]
        process = subprocess.Popen(
            [sys.executable, *command],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # else ignored in the background
        )
        processes.append(process)
        return process

    processes: list[subprocess.Popen[str]] = []
    yield started
    for process in processes:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=60)


def write(name: str = "toys", **changes: Any) -> Path:
    """A configuration; a value of None leaves the key out."""
    path = Path(f"{name}.yaml")
    path.write_text(yaml.safe_dump({key: v for key, v in {**CONFIG, **changes}.items() if v is not None}))
    return path


def once(config: Path) -> int:
    return main(["schedule", str(config), "--once"])


def records(config: Path) -> list[dict[str, Any]]:
    return history(read_schedule(config))


def predictions(folder: Path) -> int:
    return sum(len(read_records(path)) for path in folder.rglob("predictions.jsonl"))


def wait(condition: Callable[[], bool], seconds: float = 600) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cron": None}, "missing: cron"),
        ({"crom": "x"}, "unknown key 'crom' (did you mean 'cron'?)"),
        ({"cron": 3}, "cron: expected five fields in quotes, as '0 3 * * *', got 3"),
        ({"cron": "0 3 * *"}, "cron: expected five fields"),
        ({"cron": "0 25 * * *"}, "cron: expected a cron expression, as '0 3 * * *', got '0 25 * * *'"),
        ({"cron": "0 3 * * 1"}, "cron: expected weekdays by name, as mon-fri or sat,sun, got '1'"),
        ({"cron": "0 3 1 * mon"}, "cron: expected * for the day or for the weekday"),
        ({"timezone": "Mars"}, "timezone: expected the name of a time zone, as Europe/Berlin or UTC, got 'Mars'"),
        ({"timezone": "../etc"}, "timezone: expected the name of a time zone"),
        ({"systems": "toy-a"}, "systems: expected a list of one or more different names, got 'toy-a'"),
        ({"systems": ["toy-c"]}, "systems: unknown system 'toy-c' (did you mean"),
        ({"benchmark": "tou"}, "benchmark: unknown benchmark 'tou' (did you mean 'toy'?)"),
        ({"limit": 0}, "limit: expected a whole number of at least 1, got 0"),
        ({"sample": "last"}, "sample: expected first or random, got 'last'"),
        ({"sample": "random", "limit": None}, "sample: random samples need to know how many"),
        ({"mode": "fast"}, "mode: expected latency or throughput, got 'fast'"),
        ({"set": ["toy-a.typo=1"]}, "set: unknown option of toy-a 'typo'"),
        ({"set": {"toy-a.threshold": 1}}, "set: expected a list of NAME.OPTION=VALUE"),
        ({"keep": "all"}, "keep: expected a whole number of at least 1, got 'all'"),
        ({"repeats": 1.5}, "repeats: expected a whole number of at least 0, got 1.5"),
        ({"budget": 0}, "budget: expected an amount above 0, got 0"),
        ({"budget": 5}, "prices: a budget needs prices"),
        ({"prices": "nowhere.yaml"}, "prices: nowhere.yaml cannot be read"),
        ({"rules": "nowhere.yaml"}, "rules: nowhere.yaml cannot be read"),
        ({"baseline": "nowhere"}, "baseline: no run folder"),
        ({"limit": "2024-01-05"}, "limit: expected a whole number of at least 1, got '2024-01-05'"),
        ({"seed": 2**80}, "expected whole numbers of at most"),
        ({"systems": [["toy-a"] * 60_000]}, "expected at most"),
        ({"out": "toys.yaml/runs"}, "output folder toys.yaml/runs cannot be written"),
    ],
)
def test_a_wrong_configuration_is_refused_before_anything_starts(
    workplace: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], message: str
) -> None:
    assert once(write(**changes)) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.startswith("workbench: ")
    assert not list(workplace.rglob("predictions.jsonl"))


def test_a_fixed_baseline_must_be_about_the_same_samples_and_have_the_metrics_of_the_rules(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compare = ["compare", "--systems", "toy-a", "--benchmark", "toy", "--limit", "8", "--out", "fixed"]
    assert main([*compare, "--tracking-uri", "none"]) == 0
    Path("rules.yaml").write_text("metrics: {mAQ: 0.1}")
    for changes, message in (
        ({"limit": 9}, "baseline: expected a run of the same 9 samples of toy by the protocol inst2seg"),
        ({"systems": ["toy-b", "moody"]}, "baseline: expected a run of toy-b, moody;"),
        ({"rules": "rules.yaml"}, "lacks mAQ, which the rules name"),
    ):
        assert once(write(baseline="fixed", **changes)) == 2
        assert message in capsys.readouterr().err
    assert not Path("runs").exists()
    assert once(write(baseline="fixed")) == 0
    assert records(Path("toys.yaml"))[0]["baseline"] == "fixed"


def test_each_comparison_is_judged_against_the_last_that_passed(workplace: Path) -> None:
    uri = sqlite_uri(workplace / "mlflow.db")
    config = write(systems=["moody"], limit=None, set=["toy.n_samples=24"], tracking_uri=uri)
    assert once(config) == 0
    first = records(config)[0]
    assert (first["state"], first["baseline"]) == ("passed", None)
    assert once(config) == 0
    Path("mood").write_text("worse")
    assert once(config) == 1
    assert "* moody T_acc \N{MINUS SIGN}100.0 points" in Path("runs/toys/summary.md").read_text()
    assert once(config) == 1
    Path("mood").unlink()
    assert once(config) == 0
    found = records(config)
    assert [record["state"] for record in found] == ["passed", "passed", "regression", "regression", "passed"]
    assert [record["baseline"] for record in found[1:]] == [found[0]["name"], *[found[1]["name"]] * 3]
    assert {check["name"] for check in found[2]["gate"]["failed"]} >= {"T_acc", "target_declined"}
    assert found[2]["systems"]["moody"]["metrics"]["T_acc"] == 0.0
    assert all((Path("runs/toys") / record["name"] / "report.html").exists() for record in found)
    client = connect(uri)
    logged = client.search_runs([one.experiment_id for one in client.search_experiments()])
    assert {run.data.tags[RUN] for run in logged} == {record["name"] for record in found}
    assert (
        "moody T\\_acc" in Path("runs/toys/summary.md").read_text()
        or "passed" in Path("runs/toys/summary.md").read_text()
    )


def test_first_stays_the_baseline_and_other_samples_begin_anew(workplace: Path) -> None:
    config = write(baseline="first")
    for _ in range(3):
        assert once(config) == 0
    assert once(write(baseline="first", limit=10)) == 0
    found = records(config)
    assert [record["baseline"] for record in found] == [None, found[0]["name"], found[0]["name"], None]


def test_a_comparison_that_fails_is_recorded_with_its_reason_and_the_next_goes_on(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write(systems=["toy-a", "moody"])
    Path("mood").write_text("breaks")
    assert once(config) == 4
    Path("mood").write_text("refuses")
    assert once(config) == 2
    Path("mood").unlink()
    assert once(config) == 0
    found = records(config)
    assert [record["state"] for record in found] == ["failed", "failed", "passed"]
    assert found[0]["reason"] == "RuntimeError: out of <b>memory</b>"
    assert found[1]["reason"] == "system moody cannot be made: checkpoint gone"
    page = Path("runs/toys/index.html").read_text()
    assert "out of &lt;b&gt;memory&lt;/b&gt;" in page
    assert "<b>" not in page


def test_a_system_that_fails_on_every_sample_never_becomes_a_baseline(workplace: Path) -> None:
    config = write(set=["toy-a.delay=-1"])
    assert once(config) == 4
    (record,) = records(config)
    assert record["reason"] == "toy-a failed on every sample (crashed 8)"


def test_results_without_a_report_are_exit_code_3(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    config = write(tracking_uri="http://127.0.0.1:9")
    assert once(config) == 3
    assert records(config)[0]["state"] == "passed"


def test_only_the_last_folders_and_baselines_are_kept(workplace: Path) -> None:
    config = write(keep=1)
    for _ in range(3):
        assert once(config) == 0
    names = [record["name"] for record in records(config)]
    assert len(names) == 3
    kept = {path.name for path in Path("runs/toys").iterdir() if path.is_dir() and path.name in names}
    assert kept == {names[0], names[2]}


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_comparison_that_was_stopped_is_continued_in_its_folder(
    workplace: Path, start: Start, ending: signal.Signals
) -> None:
    config = write(set=["toy-a.delay=0.2", "toy.n_samples=30"], limit=None)
    process = start(str(config), "--once")
    wait(lambda: predictions(workplace / "runs") >= 2)
    process.send_signal(ending)
    _, err = process.communicate(timeout=600)
    if ending != signal.SIGKILL:
        assert process.returncode == 130, err
        assert "the next comparison continues runs/toys/" in err
        assert "Traceback" not in err
    schedule = read_schedule(config)
    (folder,) = unfinished(schedule)
    before = predictions(folder)
    assert 2 <= before < 30
    assert once(config) == 0
    (record,) = records(config)
    assert (record["name"], record["attempts"], record["samples"]) == (folder.name, 2, 30)
    sessions = read_records(folder / "toy/toy-a/sessions.jsonl")
    assert [session["todo"] for session in sessions] == [30, 30 - before]
    assert unfinished(schedule) == []


def test_an_interrupted_comparison_is_given_up_when_what_is_compared_changed(workplace: Path) -> None:
    config = write()
    assert once(config) == 0
    folder = Path("runs/toys") / datetime(2026, 1, 2, 3, tzinfo=UTC).strftime(NAME)
    folder.mkdir()
    attempt = read_records(Path("runs/toys") / records(config)[0]["name"] / "attempts.jsonl")[0]
    (folder / "attempts.jsonl").write_text(json.dumps({**attempt, "commit": "abc"}) + "\n")
    assert once(config) == 0
    given_up = records(config)[1]
    assert given_up["name"] == folder.name
    assert given_up["reason"].startswith("interrupted, and since then commit changed from abc to ")
    assert len(records(config)) == 3


def test_a_comparison_that_is_killed_again_and_again_is_given_up(workplace: Path) -> None:
    config = write()
    assert once(config) == 0
    done = Path("runs/toys") / records(config)[0]["name"]
    attempt = {**read_records(done / "attempts.jsonl")[0], "predictions": 0}
    folder = Path("runs/toys") / datetime(2026, 1, 2, 3, tzinfo=UTC).strftime(NAME)
    folder.mkdir()
    (folder / "attempts.jsonl").write_text(2 * (json.dumps(attempt) + "\n"))
    assert once(config) == 0
    assert records(config)[1]["reason"] == "interrupted 2 times, the last two without a new prediction"


def test_a_second_process_says_who_is_at_it(workplace: Path, start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    config = write(set=["toy-a.delay=0.2", "toy.n_samples=30"], limit=None)
    process = start(str(config), "--once")
    wait(lambda: predictions(workplace / "runs") >= 1)
    assert once(config) == 2
    assert f"runs/toys is being written by process {process.pid} on" in capsys.readouterr().err
    process.terminate()
    process.communicate(timeout=600)
    assert len(unfinished(read_schedule(config))) == 1


SERVE = """
import signal, sys
from pathlib import Path
from apscheduler.triggers.cron import CronTrigger
from workbench.cli.commands import _interrupt
from workbench.regression.schedule import read_schedule
from workbench.regression.service import serve
signal.signal(signal.SIGTERM, _interrupt)
config = Path("toys.yaml")
try:
    serve(config, read_schedule(config), CronTrigger(second="*", timezone="UTC"))
except KeyboardInterrupt:
    sys.exit(0)
"""


def test_it_fires_again_and_again_also_after_a_failure_and_stops_cleanly(workplace: Path, start: Start) -> None:
    config = write(systems=["moody"])
    Path("mood").write_text("breaks")
    process = start(code=SERVE)
    wait(lambda: len(records(config)) >= 1)
    Path("mood").write_text("")
    wait(lambda: records(config)[-1]["state"] == "passed")
    wait(lambda: bool(unfinished(read_schedule(config))))  # the next one begins after it was said that this one is done
    process.terminate()
    _, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert "Traceback (most recent call last)" in err  # of the comparison that broke
    assert "toys: failed; next 20" in err
    assert "toys: done; next 20" in err
    states = [record["state"] for record in records(config)]
    assert (states[0], states[-1]) == ("failed", "passed")
    names = [record["name"] for record in records(config)]
    assert len(set(names)) == len(names)


def test_the_resident_scheduler_stops_its_comparison_and_the_next_one_continues_it(
    workplace: Path, start: Start
) -> None:
    config = write(set=["toy-a.delay=0.2", "toy.n_samples=30"], limit=None)
    process = start(code=SERVE)
    wait(lambda: predictions(workplace / "runs") >= 2)
    second = start(str(config))
    _, refused = second.communicate(timeout=600)
    assert second.returncode == 2
    assert "runs/toys/scheduler is being written by process" in refused
    process.terminate()
    _, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    (folder,) = unfinished(read_schedule(config))

    process = start(str(config))  # due at night only: it continues at once
    wait(lambda: len(records(config)) == 1)
    process.terminate()
    _, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert "continues what was interrupted; then next 20" in err
    assert records(config)[0]["name"] == folder.name
    assert records(config)[0]["attempts"] == 2


def test_repeats_prices_and_a_budget_are_those_of_compare(workplace: Path) -> None:
    Path("prices.yaml").write_text("currency: EUR\ndefault: {second: 0.5}\n")
    config = write(systems=["toy-a", "toy-b"], repeats=2, prices="prices.yaml", budget=1000.0)
    assert once(config) == 0
    results = json.loads((read_schedule(config).folder / records(config)[0]["name"] / "results.json").read_text())
    assert results["differences"][0]["repeats"] == 2
    assert results["systems"]["toy-a"]["cost"]["per_thousand_samples"] > 0


def test_what_was_missed_while_down_is_due_at_once_and_once(workplace: Path) -> None:
    schedule = read_schedule(write(timezone="Europe/Berlin"))
    schedule.folder.mkdir(parents=True)
    trigger = schedule.trigger()
    now = datetime.now(UTC)
    due = _first_due(schedule, trigger, now)
    assert due is not None
    assert now < due <= now + timedelta(days=1, hours=1)
    assert due.hour == 3
    last = {"name": (now - timedelta(days=9)).strftime(NAME), "state": "passed"}
    (schedule.folder / "history.jsonl").write_text(json.dumps(last) + "\n")
    missed = _first_due(schedule, trigger, now)
    assert missed is not None
    assert now - timedelta(days=9) < missed < now - timedelta(days=7)


def test_several_missed_ones_are_made_up_for_once(workplace: Path, start: Start) -> None:
    config = write()
    folder = Path("runs/toys")
    folder.mkdir(parents=True)
    last = {"name": (datetime.now(UTC) - timedelta(days=9)).strftime(NAME), "state": "failed", "reason": "x"}
    empty = {"seconds": None, "attempts": 1, "baseline": None, "gate": None, "asked": None, "samples": None}
    more = {"machine": None, "protocol": None, "git": {"commit": None, "dirty": None}, "systems": {}}
    (folder / "history.jsonl").write_text(json.dumps({**last, **empty, **more}) + "\n")
    process = start(str(config))
    wait(lambda: len(records(config)) == 2)
    wait((folder / "index.html").exists)
    time.sleep(1.5)
    process.terminate()
    _, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert len(records(config)) == 2
