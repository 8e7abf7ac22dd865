"""One comparison of a schedule: runs or continues it, judges it against the baseline, and records it in the history.

`service` calls this when the schedule is due; `schedule` is the configuration it works from. The folder of a schedule:

runs/<schedule>/
    history.jsonl       one line for each comparison that came to an end: verdict or reason, numbers, commit, duration
    index.html          the history with trend lines
    summary.md          the last comparison, for a job summary
    lock                held while a comparison runs
    2026-11-24T03-00-00Z/   a run folder, named by its start in UTC
        attempts.jsonl      one line for each time that the comparison was started, with what it depends on
        report.html ...
"""

import re
import shutil
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.comparison.comparison import delivered, scored
from workbench.data.digests import digest, flatten
from workbench.data.errors import ConfigurationError, StoppedError, said
from workbench.data.secrets import hide_setting
from workbench.plugins import registry
from workbench.regression.history import (
    FAILED,
    NAME,
    PASSED,
    RATES,
    REGRESSION,
    Record,
    history,
    sentence,
    unfinished,
)
from workbench.regression.schedule import FIRST, PREVIOUS, Schedule
from workbench.runs.files import Journal, check_writable, lock, read_records
from workbench.runs.provenance import git_state

if TYPE_CHECKING:
    from workbench.regression.gate import Verdict
    from workbench.runs.run import Run

APART = ("tracking_uri", "prices", "budget", "workers")
"""Options of a comparison on which its predictions do not depend: one that was stopped is continued with others."""
DONE, WORSE, WRONG, INCOMPLETE, BROKEN = 0, 1, 2, 3, 4
"""Exit codes: fine; the gate failed; wrong configuration; results without report or tracking; the comparison failed."""


def run_once(schedule: Schedule) -> int:
    """Run one comparison, or finish one that was interrupted; returns the exit code.

    Raises `ConfigurationError` where another process is running a comparison of this schedule. Predictions are kept
    whatever else is raised.
    """
    registry.load("reporters", "index")
    check_writable(schedule.folder)
    with lock(schedule.folder):
        run = _begin(schedule)
        began = time.monotonic()
        say(schedule, f"{', '.join(schedule.comparison.systems)} on {schedule.comparison.benchmark}, in {run}")
        try:
            record, code = _compared(schedule, run)
        except KeyboardInterrupt:
            say(schedule, f"stopped; what was predicted is kept, and the next comparison continues {run}")
            raise
        except StoppedError:
            say(schedule, f"stopped; what was predicted is kept, and the next comparison continues {run}")
            raise
        attempts = len(read_records(run / "attempts.jsonl"))
        _record(schedule, run.name, {**record, "seconds": time.monotonic() - began, "attempts": attempts})
        code = code if _written(schedule) else code or INCOMPLETE
        _prune(schedule)
    say(schedule, f"{sentence(record)}; {schedule.folder / 'index.html'}")
    return code


def say(schedule: Schedule, text: str) -> None:
    """Print progress to stderr."""
    print(f"{schedule.name}: {text}", file=sys.stderr, flush=True)


def _begin(schedule: Schedule) -> Path:
    """The folder to work in: that of the unfinished comparison if it can be continued, otherwise a new one."""
    comparison = {key: value for key, value in asdict(schedule.comparison).items() if key not in APART}
    comparison["settings"] = [hide_setting(setting) for setting in comparison["settings"]]
    state = {"comparison": comparison, "commit": git_state()["commit"]}
    for folder in unfinished(schedule):
        attempts = read_records(folder / "attempts.jsonl")
        reason = _given_up(folder, attempts, state)
        if reason is None:
            say(schedule, f"continues {folder.name}, which was interrupted")
            return _attempt(folder, state)
        say(schedule, f"{folder.name} is given up: {reason}")
        failed = {"state": FAILED, "reason": reason, "seconds": None, "attempts": len(attempts)}
        _record(schedule, folder.name, {**_nothing(), **failed})
    start = datetime.now(UTC)
    while (folder := schedule.folder / start.strftime(NAME)).exists():
        start += timedelta(seconds=1)
    folder.mkdir()
    return _attempt(folder, state)


def _attempt(folder: Path, state: Record) -> Path:
    journal = Journal(folder / "attempts.jsonl")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    # through JSON, so that it equals what is read back
    journal.append({"started": now, "predictions": _predictions(folder), **state})
    journal.close()
    return folder


def _given_up(folder: Path, attempts: Sequence[Record], state: Record) -> str | None:
    """Why an interrupted comparison is not continued, or None."""
    if not attempts:
        return None
    now = flatten({"commit": state["commit"], **state["comparison"]})
    was = flatten({"commit": attempts[-1]["commit"], **attempts[-1]["comparison"]})
    changed = [key for key in now if _listed(now[key]) != _listed(was.get(key))]
    if changed:
        return f"interrupted, and since then {changed[0]} changed from {was.get(changed[0])} to {now[changed[0]]}"
    if len(attempts) > 1 and attempts[-2]["predictions"] == attempts[-1]["predictions"] == _predictions(folder):
        return f"interrupted {len(attempts)} times, the last two without a new prediction"
    return None


def _listed(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _predictions(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("*/*/predictions.jsonl"))


def _compared(schedule: Schedule, folder: Path) -> tuple[Record, int]:
    """The record of a comparison, however it ended, and the exit code."""
    record = _nothing()
    try:
        # nobody is there to mend a store: the numbers count, and the run can be logged later
        with redirect_stdout(sys.stderr), scored(schedule.comparison, folder, store_first=False) as finished:
            run, complete = delivered(finished, schedule.comparison.tracking_uri)
        record |= _numbers(run)
        baseline, verdict = _judged(schedule, run, record["asked"])
    except ConfigurationError as error:
        if error.cause:  # nothing is wrong with the configuration, and the next attempt may go well
            traceback.print_exception(error.cause)
            return {**record, "state": FAILED, "reason": said(error.cause)}, BROKEN
        return {**record, "state": FAILED, "reason": str(error)}, WRONG
    except StoppedError:
        raise
    except Exception as error:
        traceback.print_exc()
        return {**record, "state": FAILED, "reason": said(error)}, BROKEN
    record |= {"baseline": baseline, "gate": verdict and _verdict(verdict)}
    if verdict and verdict.failed:
        return {**record, "state": REGRESSION}, WORSE
    for name, system in record["systems"].items():
        if system["n_failed"] == record["samples"]:  # nothing to trust, or to compare with later
            how = ", ".join(f"{outcome} {count}" for outcome, count in system["failures"].items())
            return {**record, "state": FAILED, "reason": f"{name} failed on every sample ({how})"}, BROKEN
    return {**record, "state": PASSED}, DONE if complete else INCOMPLETE


def _nothing() -> Record:
    """The record of a comparison that ended without results."""
    empty = dict.fromkeys(("reason", "baseline", "gate", "asked", "samples", "protocol", "machine"))
    return {**empty, "git": git_state(), "metrics": {}, "systems": {}}


def _numbers(run: "Run") -> Record:
    """What the history keeps of a run's results. `asked` is a digest of the benchmark and its samples."""
    benchmark = run.manifest.benchmark.to_json()
    benchmark = {key: value for key, value in benchmark.items() if key not in ("image_root", "remarks")}
    options = run.manifest.options
    drawn = [] if options.sample == "first" else [options.sample, options.seed]
    systems = {
        name: {
            "metrics": result.metrics,
            "intervals": result.intervals,
            "latency": {"p50": result.latency.p50, "p90": result.latency.p90},
            "rates": {key: result.diagnosis.get(key, 0) / max(result.samples, 1) for key in RATES},
            "n_failed": result.n_failed,
            "failures": result.failures,
        }
        for name, result in run.results.systems.items()
    }
    return {
        "git": run.manifest.git.to_json(),
        "machine": run.manifest.machine.cpu,
        "asked": digest([benchmark, options.limit, *drawn]),
        "samples": run.results.benchmark.samples,
        "protocol": run.results.protocol,
        "metrics": {name: asdict(info) for name, info in run.results.metrics.items()},
        "systems": systems,
    }


def _judged(schedule: Schedule, run: "Run", asked: str) -> tuple[str | None, "Verdict | None"]:
    """The name of the baseline and the verdict against it; both None where there is no baseline yet."""
    from workbench.regression.gate import gate
    from workbench.tracking.load import load_run

    if schedule.baseline in (PREVIOUS, FIRST):
        baseline = _baseline(schedule, asked)
        return (None, None) if baseline is None else (baseline.name, gate(load_run(baseline), run, schedule.rules))
    return schedule.baseline, gate(load_run(schedule.baseline), run, schedule.rules)


def _baseline(schedule: Schedule, asked: str) -> Path | None:
    """The folder of the last, or first, comparison of the same samples that passed."""
    passed = [record["name"] for record in history(schedule) if (record["state"], record["asked"]) == (PASSED, asked)]
    folders = [schedule.folder / name for name in passed]
    folders = [folder for folder in folders if (folder / "results.json").exists()]
    return folders[0 if schedule.baseline == FIRST else -1] if folders else None


def _verdict(verdict: "Verdict") -> Record:
    return {
        "failed": [asdict(check) for check in verdict.checks if check.failed],
        "checks": len(verdict.checks),
        "changed": len(verdict.changed),
        "notes": verdict.notes,
    }


def _record(schedule: Schedule, name: str, record: Record) -> None:
    journal = Journal(schedule.folder / "history.jsonl")
    journal.append({"name": name, "ended": datetime.now(UTC).isoformat(timespec="seconds"), **record})
    journal.close()


def _written(schedule: Schedule) -> bool:
    """Write the index page and the summary; False where that fails. The history itself is not affected."""
    try:
        registry.load("reporters", "index")(schedule, history(schedule), schedule.folder)
    except Exception:
        traceback.print_exc()
        say(schedule, "the index could not be written; the next comparison writes it again")
        return False
    return True


def _prune(schedule: Schedule) -> None:
    """Delete the run folders of all but the last `keep` comparisons. A folder that is, or may become, the baseline
    stays.
    """
    records = history(schedule)
    if schedule.keep is None or not records:
        return
    kept = {record["name"] for record in records[-schedule.keep :]}
    passed: dict[str, list[str]] = {}
    for record in records:
        if record["state"] == PASSED:
            passed.setdefault(record["asked"], []).append(record["name"])
    kept |= {name for names in passed.values() for name in (names[0], names[-1])}
    fixed = schedule.fixed_baseline()
    for record in records:
        folder = schedule.folder / record["name"]
        ours = re.fullmatch(r"[\d-]+T[\d-]+Z", record["name"]) and folder.is_dir() and not folder.is_symlink()
        if ours and record["name"] not in kept and (fixed is None or fixed.path != folder.resolve()):
            shutil.rmtree(folder)
