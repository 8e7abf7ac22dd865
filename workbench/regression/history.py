"""The record of a schedule: one line for each comparison, and what it says."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.data.errors import short
from workbench.regression.schedule import Schedule
from workbench.runs.files import damaged, read_records

if TYPE_CHECKING:
    pass


PASSED, REGRESSION, FAILED = "passed", "regression", "failed"


NAME = "%Y-%m-%dT%H-%M-%SZ"


RATES = ("exact_set", "over_count", "under_count", "inexact_set", "target_declined", "no_target_answered", "failed")


Record = dict[str, Any]


def history(schedule: Schedule) -> list[Record]:
    """The comparisons that came to an end, in the order of their start; raises `ConfigurationError` that names the line
    where the file is damaged."""
    path = schedule.folder / "history.jsonl"
    records = read_records(path)
    bad = {
        number: f"expected the name of a comparison, got {short(record.get('name'))}"
        for number, record in enumerate(records, 1)
        if begun(record.get("name")) is None or "state" not in record
    }
    if bad:
        raise damaged(path, bad, len(records))
    return sorted(records, key=lambda record: record["name"])


def unfinished(schedule: Schedule) -> list[Path]:
    """Folders of comparisons that neither ended nor were given up, oldest first."""
    ended = {record["name"] for record in history(schedule)}
    found = [path.parent for path in schedule.folder.glob("*/attempts.jsonl")]
    return sorted(folder for folder in found if folder.name not in ended and begun(folder.name) is not None)


def started(name: str) -> datetime:
    """When the comparison of that name was started."""
    return datetime.strptime(name, NAME).replace(tzinfo=UTC)


def begun(name: object) -> datetime | None:
    """Like `started`; None for what is not the name of a comparison."""
    try:
        return started(name) if isinstance(name, str) else None
    except ValueError:
        return None


def sentence(record: Record) -> str:
    """What came out, in a few words."""
    if record["state"] == FAILED:
        return f"failed: {record['reason']}"
    if not record["baseline"]:
        return "passed: there is nothing to compare it with yet"
    if record["state"] == PASSED:
        return f"passed against {record['baseline']}"
    return f"worse than {record['baseline']}: " + "; ".join(worse(check) for check in record["gate"]["failed"])


def worse(check: Record) -> str:
    """`sam3-agent: mAP -4.1 points`"""
    return f"{check['system']}: {check['name'].replace('_', ' ')} {100 * check['change']:+.1f} points"
