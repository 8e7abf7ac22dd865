"""The history of a schedule: one line for each comparison that ended, and its wording for people."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.data.errors import short
from workbench.data.metric_info import FRACTION, MetricInfo
from workbench.data.units import change_in_unit, difference_unit
from workbench.data.upgrades import metric_info_of_0_1
from workbench.regression.schedule import Schedule
from workbench.runs.files import damaged, read_records

PASSED, REGRESSION, FAILED = "passed", "regression", "failed"


NAME = "%Y-%m-%dT%H-%M-%SZ"


RATES = ("exact_set", "over_count", "under_count", "inexact_set", "target_declined", "no_target_answered", "failed")


Record = dict[str, Any]


def history(schedule: Schedule) -> list[Record]:
    """The comparisons, in the order in which they ended; they never overlap. Their names tell when they started, but a
    clock may have been wrong. Raises `ConfigurationError` that names the line where the file is damaged.
    """
    path = schedule.folder / "history.jsonl"
    records = read_records(path)
    bad = {
        number: f"expected the name of a comparison, got {short(record.get('name'))}"
        for number, record in enumerate(records, 1)
        if begun(record.get("name")) is None or "state" not in record
    }
    if bad:
        raise damaged(path, bad, len(records))
    return records


def unfinished(schedule: Schedule) -> list[Path]:
    """Folders of comparisons that have neither ended nor been given up, oldest first."""
    ended = {record["name"] for record in history(schedule)}
    begun_folders = [path.parent for path in schedule.folder.glob("*/attempts.jsonl")]
    return sorted(folder for folder in begun_folders if folder.name not in ended and begun(folder.name) is not None)


def started(name: str) -> datetime:
    """The time at which the comparison of this name was started."""
    return datetime.strptime(name, NAME).replace(tzinfo=UTC)


def begun(name: object) -> datetime | None:
    """Like `started`, but None for a name that is not that of a comparison."""
    try:
        return started(name) if isinstance(name, str) else None
    except ValueError:
        return None


def sentence(record: Record) -> str:
    """The result of a comparison in a few words."""
    if record["state"] == FAILED:
        return f"failed: {record['reason']}"
    if not record["baseline"]:
        return "passed: there is nothing to compare it with yet"
    if record["state"] == PASSED:
        return f"passed against {record['baseline']}"
    return f"worse than {record['baseline']}: " + "; ".join(worse(check) for check in record["gate"]["failed"])


def worse(check: Record) -> str:
    """The system, the metric or rate, and its change in the metric's unit: `agent: AP50 -4.1 points`."""
    unit = check.get("unit", FRACTION)  # lines of workbench 0.1.0 know fractions alone
    change = f"{change_in_unit(check['change'], unit)} {difference_unit(unit)}".rstrip()
    return f"{check['system']}: {check['name'].replace('_', ' ')} {change}"


def metric_info(records: Sequence[Mapping[str, Any]], metric: str) -> MetricInfo:
    """What the last record that describes a metric says of it, or else what workbench 0.1.0, whose records describe
    none, took for granted."""
    known = (record["metrics"][metric] for record in reversed(records) if metric in (record.get("metrics") or {}))
    return MetricInfo(**next(known, metric_info_of_0_1(metric)))
