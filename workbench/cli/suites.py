"""What `workbench suite` does: many benchmarks, one report."""

import argparse
import json
import sys
from contextlib import nullcontext, redirect_stdout
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench.cli.commands import INCOMPLETE, system_names
from workbench.comparison.comparison import Comparison
from workbench.plugins import registry
from workbench.plugins.assignments import settings_by_name
from workbench.runs.files import check_writable

FAILED_EXIT = 4
"""Some of the benchmarks could not be run."""


def run_benchmarks(options: argparse.Namespace) -> int:
    from workbench.suites.running import DONE, FAILED, MISSING, plan, run_suite
    from workbench.suites.suite import read_suite

    registry.load("reporters", "suite")
    suite = read_suite(options.suite)
    systems = system_names(options.systems)
    comparison = Comparison(
        systems,
        suite.entries[0].benchmark,
        options.limit,
        options.mode,
        options.seed,
        settings=settings_by_name(options.set, list(systems)),
        tracking_uri=options.tracking_uri,
        sample=options.sample,
    )
    planned = plan(suite, options.root, comparison)
    out = options.out or Path("runs") / f"{suite.name}-{datetime.now():%Y%m%d-%H%M%S}"
    check_writable(out)
    with redirect_stdout(sys.stderr) if options.json else nullcontext():
        rows = run_suite(suite, options.root, planned, out)
        print((out / "suite.md").read_text(encoding="utf-8"), end="")
    if options.json:
        print(json.dumps({"out": str(out), "benchmarks": [_record(row) for row in rows]}))
    else:
        missing = sum(row.state == MISSING for row in rows)
        print(f"suite: {out / 'suite.html'}" + (f" ({missing} of {len(rows)} are missing)" if missing else ""))
    if any(row.state == FAILED for row in rows):
        return FAILED_EXIT
    return 0 if all(row.complete for row in rows if row.state == DONE) else INCOMPLETE


def _record(row: Any) -> dict[str, Any]:
    about = {"name": row.entry.name, "benchmark": row.entry.benchmark, "state": row.state}
    if row.run is None:
        return {**about, "reason": row.reason, "get": row.entry.get}
    return {**about, "run": str(row.run.path), "results": row.run.results.to_json()}
