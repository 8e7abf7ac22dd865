"""A schedule is due once for each time on the wall, and neither clocks nor records of the future stop it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from workbench.data.errors import ConfigurationError
from workbench.regression.attempt import _baseline
from workbench.regression.history import history, unfinished
from workbench.regression.schedule import Schedule, _trigger
from workbench.regression.service import _first_due, _since


def dues(cron: str, zone: str, start: datetime, count: int) -> list[str]:
    """So many times in UTC, as a scheduler asks for them: a second after the last one."""
    trigger, now, last, found = _trigger(cron, ZoneInfo(zone)), start, None, []
    for _ in range(count):
        last = trigger.get_next_fire_time(last, now)
        assert last is not None
        found.append(f"{last.astimezone(UTC):%m-%d %H:%M}")
        now = last.astimezone(UTC) + timedelta(seconds=1)
    return found


@pytest.mark.parametrize(
    ("cron", "zone", "start", "expected"),
    [
        ("15 1 * * *", "Europe/Lisbon", (2027, 10, 30, 12), ["10-31 00:15", "11-01 01:15", "11-02 01:15"]),
        ("15 1 * * *", "Europe/Lisbon", (2027, 3, 27, 12), ["03-28 01:15", "03-29 00:15", "03-30 00:15"]),
        ("45 1 * * *", "Australia/Lord_Howe", (2027, 4, 3, 12), ["04-03 14:45", "04-04 15:15", "04-05 15:15"]),
        ("10 2 * * *", "Australia/Lord_Howe", (2027, 10, 2, 12), ["10-02 15:40", "10-03 15:10", "10-04 15:10"]),
        ("0 0 * * *", "America/Havana", (2027, 3, 13, 12), ["03-14 05:00", "03-15 04:00", "03-16 04:00"]),
        ("30 2 * * sun", "America/Chicago", (2027, 11, 1, 12), ["11-07 08:30", "11-14 08:30", "11-21 08:30"]),
        ("0 3 * * *", "UTC", (2027, 3, 27, 12), ["03-28 03:00", "03-29 03:00", "03-30 03:00"]),
        ("*/30 * * * *", "Europe/Paris", (2027, 10, 31, 0, 10), ["10-31 00:30", "10-31 02:00", "10-31 02:30"]),
    ],
)
def test_each_time_on_the_wall_is_due_once(cron: str, zone: str, start: tuple[int, ...], expected: list[str]) -> None:
    assert dues(cron, zone, datetime(*start, tzinfo=UTC), 3) == expected  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("cron", "zone", "start", "expected"),
    [
        (
            "30 2 * * *",
            "Europe/Berlin",
            (2027, 10, 29, 12),
            ["10-30 00:30", "10-31 00:30", "11-01 01:30", "11-02 01:30", "11-03 01:30"],
        ),
        (
            "30 1 * * *",
            "America/New_York",
            (2027, 11, 5, 12),
            ["11-06 05:30", "11-07 05:30", "11-08 06:30", "11-09 06:30", "11-10 06:30"],
        ),
        (
            "30 2 * * *",
            "Europe/Berlin",
            (2027, 3, 26, 12),
            ["03-27 01:30", "03-28 01:30", "03-29 00:30", "03-30 00:30"],
        ),
        (
            "0 0 * * *",
            "America/Santiago",
            (2027, 9, 3, 12),
            ["09-04 04:00", "09-05 04:00", "09-06 03:00", "09-07 03:00"],
        ),
        (
            "0 */2 * * *",
            "Europe/Berlin",
            (2027, 10, 30, 20),
            ["10-30 20:00", "10-30 22:00", "10-31 00:00", "10-31 03:00", "10-31 05:00", "10-31 07:00"],
        ),
    ],
)
def test_the_nights_that_were_compared_twice_or_not_at_all(
    cron: str, zone: str, start: tuple[int, ...], expected: list[str]
) -> None:
    assert dues(cron, zone, datetime(*start, tzinfo=UTC), len(expected)) == expected  # type: ignore[arg-type, misc]


def test_a_day_has_one_time_in_every_year_and_zone() -> None:
    for zone in ("Europe/Berlin", "America/New_York", "America/Santiago", "Asia/Beirut", "Pacific/Auckland"):
        trigger, now = _trigger("30 0 * * *", ZoneInfo(zone)), datetime(2027, 1, 1, tzinfo=UTC)
        days = []
        for _ in range(365):
            now = trigger.get_next_fire_time(None, now)  # type: ignore[assignment]
            days.append(now.date())
            now += timedelta(seconds=1)
        assert len(set(days)) == 365 and (days[-1] - days[0]).days == 364


def test_the_scheduler_stopped_between_two_times_of_one_name_is_due_tomorrow() -> None:
    second = datetime(2027, 10, 31, 1, 10, tzinfo=UTC)  # 2:10 for the second time
    due = _trigger("30 2 * * *", ZoneInfo("Europe/Berlin")).get_next_fire_time(None, second)
    assert due is not None and f"{due:%m-%d %H:%M %Z}" == "11-01 02:30 CET"


@pytest.mark.parametrize("cron", ["0 3 31 2 *", "0 3 30 feb *", "0 3 31 4,6,9,11 *"])
def test_a_time_that_never_comes_is_refused(cron: str) -> None:
    with pytest.raises(ConfigurationError, match="expected a time that comes"):
        _trigger(cron, ZoneInfo("UTC"))


def test_a_leap_day_comes() -> None:
    assert _trigger("0 3 29 2 *", ZoneInfo("UTC")).get_next_fire_time(None, datetime(2027, 1, 1, tzinfo=UTC))


def schedule_in(folder: Path) -> Schedule:
    return cast(Schedule, SimpleNamespace(folder=folder, timezone=ZoneInfo("UTC"), name="nightly"))


def recorded(folder: Path, **record: Any) -> None:
    (folder / "history.jsonl").write_text(json.dumps({"state": "passed", **record}) + "\n")


def test_a_comparison_of_the_future_is_not_waited_for(tmp_path: Path) -> None:
    recorded(tmp_path, name="2099-01-01T00-00-00Z")
    now = datetime.now(UTC)
    due = _first_due(schedule_in(tmp_path), _trigger("0 3 * * *", ZoneInfo("UTC")), now)
    assert due is not None and now < due <= now + timedelta(days=1)


@pytest.mark.parametrize(
    ("wanted", "expected"), [("previous", "2027-01-02T03-00-00Z"), ("first", "2027-01-01T03-00-00Z")]
)
def test_a_comparison_of_the_future_is_the_baseline_of_the_next_one_alone(
    tmp_path: Path, wanted: str, expected: str
) -> None:
    names = ["2027-01-01T03-00-00Z", "2099-01-01T00-00-00Z", "2027-01-02T03-00-00Z"]
    schedule = cast(Schedule, SimpleNamespace(folder=tmp_path, baseline=wanted))
    for count, name in enumerate(names, 1):
        lines = [json.dumps({"state": "passed", "asked": "x", "name": one}) for one in names[:count]]
        (tmp_path / "history.jsonl").write_text("\n".join(lines) + "\n")
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.json").touch()
        found = _baseline(schedule, "x")
        assert found is not None and (wanted == "first" or found.name == name)
    assert found is not None and found.name == expected


def test_a_damaged_line_of_the_history_is_named(tmp_path: Path) -> None:
    recorded(tmp_path, name="yesterday")
    with pytest.raises(
        ConfigurationError, match=r"history.jsonl: line 1 is damaged: expected the name of a comparison"
    ):
        history(schedule_in(tmp_path))


def test_a_folder_of_another_name_is_no_comparison(tmp_path: Path) -> None:
    for name in ("2027-01-01T03-00-00Z", "2027-01-01T03-00-00Z (copy)"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "attempts.jsonl").touch()
    assert [folder.name for folder in unfinished(schedule_in(tmp_path))] == ["2027-01-01T03-00-00Z"]


@pytest.mark.parametrize("text", ["", "garbage", "2099-01-01T00:00:00+00:00"])
def test_a_wrong_note_of_the_first_start_means_now(tmp_path: Path, text: str) -> None:
    (tmp_path / "since").write_text(text)
    before = datetime.now(UTC)
    assert before <= _since(tmp_path) <= datetime.now(UTC)
