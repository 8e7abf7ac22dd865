"""The shipped schedule, its workflow and its systemd units say the same and call what exists."""

import re
import shlex
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from workbench.cli.main import main
from workbench.cli.parser import build_parser
from workbench.regression.schedule import read_schedule
from workbench.runs.files import read_records

ROOT = Path(__file__).parents[3]
SCHEDULES = ROOT / "reports" / "schedules"
UNITS = [SCHEDULES / "workbench-nightly.service", SCHEDULES / "workbench-nightly.timer"]
HOME = "%h/segmentation-workbench"


def workflow() -> dict[Any, Any]:
    return dict(yaml.safe_load((ROOT / ".github/workflows/regression.yml").read_text()))


def steps() -> list[dict[str, Any]]:
    (job,) = workflow()["jobs"].values()
    return list(job["steps"])


def calls(text: str) -> list[list[str]]:
    """The arguments of every workbench command in a shell script or unit file."""
    found = re.findall(r"\.venv/bin/workbench (.*)", text)
    return [shlex.split(line, comments=True) for line in found]


def unit(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if "=" in line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_the_workflow_calls_commands_that_exist_with_a_valid_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (arguments,) = calls("\n".join(step.get("run", "") for step in steps()))
    options = build_parser().parse_args(arguments)
    assert options.once
    assert read_schedule(options.config).folder == Path("runs/nightly")
    targets = {target for step in steps() for target in re.findall(r"^make (\S+)$", step.get("run", ""), re.MULTILINE)}
    assert targets == {"setup"}
    assert "\nsetup:" in (ROOT / "Makefile").read_text()


def test_the_workflow_restores_before_and_keeps_after_whatever_came_out() -> None:
    used = [(step.get("uses", ""), step) for step in steps()]
    (compare,) = (place for place, (_, step) in enumerate(used) if "schedule" in step.get("run", ""))
    (restore,) = (place for place, (uses, _) in enumerate(used) if uses.startswith("actions/cache/restore@"))
    (save,) = (place for place, (uses, _) in enumerate(used) if uses.startswith("actions/cache/save@"))
    (upload,) = (place for place, (uses, _) in enumerate(used) if uses.startswith("actions/upload-artifact@"))
    assert restore < compare < min(save, upload)
    assert used[restore][1]["with"]["path"] == used[save][1]["with"]["path"] == "runs/nightly"
    assert used[restore][1]["with"]["key"].startswith(used[restore][1]["with"]["restore-keys"])
    for _, step in used[compare + 1 :]:
        assert "always()" in step["if"]
    assert not [step for step in steps() if step.get("continue-on-error")]
    assert any("summary.md" in step.get("run", "") and "GITHUB_STEP_SUMMARY" in step["run"] for step in steps())


def test_cron_is_the_same_everywhere() -> None:
    schedule = read_schedule(SCHEDULES / "nightly.yaml")
    triggers = workflow()[True]  # YAML 1.1 reads the key `on` as true
    assert triggers["schedule"] == [{"cron": schedule.cron}]
    assert "workflow_dispatch" in triggers
    assert schedule.timezone.key == "UTC"
    due = schedule.trigger().get_next_fire_time(None, datetime.now(UTC))
    assert due is not None
    assert unit(UNITS[1])["OnCalendar"] == f"*-*-* {due:%H:%M:%S} UTC"


def test_the_units_run_it_once_and_make_up_for_what_was_missed() -> None:
    service, timer = map(unit, UNITS)
    (arguments,) = calls(service["ExecStart"])
    assert build_parser().parse_args(arguments).once
    assert (ROOT / arguments[1]).exists()
    assert service["ExecStart"].startswith(f"{service['WorkingDirectory']}/")
    assert service["Type"] == "oneshot"
    assert timer["Persistent"] == "true"
    assert UNITS[0].stem == UNITS[1].stem


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    command = tmp_path / "segmentation-workbench/.venv/bin/workbench"
    command.parent.mkdir(parents=True)
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    for path in UNITS:
        (tmp_path / path.name).write_text(path.read_text().replace("%h", str(tmp_path)))
    verify = ["systemd-analyze", "verify", *(str(tmp_path / path.name) for path in UNITS)]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    said = [line for line in (done.stdout + done.stderr).splitlines() if "workbench-nightly" in line]
    assert (done.returncode, said) == (0, [])


@pytest.mark.slow
def test_the_shipped_systems_are_compared_on_a_schedule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = yaml.safe_load((SCHEDULES / "nightly.yaml").read_text())
    (tmp_path / "nightly.yaml").write_text(yaml.safe_dump({**given, "limit": 4, "set": ["tabletop.scenes=2"]}))
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert main(["schedule", "nightly.yaml", "--once"]) == 0
    first, second = read_records(tmp_path / "runs/nightly/history.jsonl")
    assert set(second["systems"]) == set(given["systems"])
    assert second["baseline"] == first["name"]
    assert second["gate"]["failed"] == []
    for record in (first, second):
        assert "<svg" in (tmp_path / "runs/nightly" / record["name"] / "report.html").read_text()
    assert "<svg" in (tmp_path / "runs/nightly/index.html").read_text()
    assert first["samples"] == 4
