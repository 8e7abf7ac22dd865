"""The configuration of a schedule, read from a YAML file: what to compare, when, and against which baseline.

cron        minute hour day month weekday; weekdays by name
timezone    of `cron` and of the dates shown (UTC)
systems     list of names
benchmark   name
limit, sample, mode, seed, time_limit, repeats, prices, budget, set, tracking_uri
            as the options of `workbench compare`; `set` is a list
workers, ray, worker_resources
            the same; `worker_resources` is a list
baseline    `previous` (the last comparison that passed), `first`, or a run folder (previous)
rules       file with the bounds of `workbench gate --rules` (a point for every fraction)
keep        how many run folders are kept; older ones are deleted, their numbers stay in the history (all)
out         folder of the schedule (runs/NAME, after the file's name)
"""

import re
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args
from zoneinfo import ZoneInfo

from workbench.comparison.choice import chosen
from workbench.comparison.comparison import Comparison
from workbench.data.choices import check_choice
from workbench.data.errors import ConfigurationError, short
from workbench.data.yaml_files import read_mapping
from workbench.plugins import registry
from workbench.plugins.assignments import settings_by_name
from workbench.plugins.names import unknown
from workbench.workers.wanted import Workers, check_repeats, wanted_workers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workbench.regression.clock import WallClock
    from workbench.regression.gate import Rules
    from workbench.runs.run import Run

PREVIOUS, FIRST = "previous", "first"
TEXTS = ("timezone", "benchmark", "prices", "tracking_uri", "ray", "baseline", "rules", "out")
"""Keys that name something: their values are texts whatever they look like."""
REQUIRED = ("cron", "systems", "benchmark")


@dataclass(frozen=True)
class Schedule:
    """A checked configuration. `folder` holds the run folders, the history and the index page. `baseline` is
    `previous`, `first` or a run folder. `rules` None stands for the gate's usual rules, `keep` None for all run
    folders.
    """

    name: str
    folder: Path
    comparison: Comparison
    cron: str
    timezone: ZoneInfo
    baseline: str
    rules: "Rules | None"
    keep: int | None

    def trigger(self) -> "WallClock":
        """Gives the times at which the schedule is due."""
        return _trigger(self.cron, self.timezone)

    def fixed_baseline(self) -> "Run | None":
        """The run that every comparison is judged against; None unless the configuration names a run folder."""
        from workbench.tracking.load import load_run

        return None if self.baseline in (PREVIOUS, FIRST) else load_run(self.baseline)


def read_schedule(path: Path) -> Schedule:
    """Read and check a configuration. Raises `ConfigurationError` that names the key, what was given and what is
    expected.

    Plugins are imported here, and with a fixed baseline the benchmark is made as well, so that mistakes are found
    before a comparison runs.
    """
    given = _keys(path)
    with _about(path, "timezone"):
        timezone = _zone(given.get("timezone", "UTC"))
    with _about(path, "cron"):
        _trigger(given["cron"], timezone)
    for name in given["systems"]:
        with _about(path, "systems"):
            registry.prepare("systems", name)
    with _about(path, "benchmark"):
        registry.prepare("benchmarks", given["benchmark"])
    with _about(path, "worker_resources"):
        workers = wanted_workers(
            given.get("workers"), given.get("ray"), given.get("worker_resources", ()), given["systems"]
        )
    with _about(path, "repeats"):
        check_repeats(given.get("repeats", 0), workers)
    with _about(path, "set"):
        comparison = _comparison(given, workers)
        comparison.plugins()
    with _about(path, "sample"):
        check_choice(comparison.limit, comparison.sample)
    with _about(path, "prices"):
        comparison.priced()
    schedule = Schedule(
        name=path.stem,
        folder=Path(given.get("out", f"runs/{path.stem}")),
        comparison=comparison,
        cron=given["cron"],
        timezone=timezone,
        baseline=given.get("baseline", PREVIOUS),
        rules=_rules(path, given.get("rules")),
        keep=given.get("keep"),
    )
    with _about(path, "baseline"):
        _check_baseline(schedule)
    return schedule


def _keys(path: Path) -> dict[str, Any]:
    given = read_mapping(path, texts=TEXTS)
    for key, value in given.items():
        if key not in CHECKS:
            raise ConfigurationError(f"{path}: {unknown('key', str(key), list(CHECKS))}")
        fits, expected = CHECKS[key]
        if not fits(value):
            raise ConfigurationError(f"{path}: {key}: expected {expected}, got {short(value)}")
    if missing := [key for key in REQUIRED if key not in given]:
        raise ConfigurationError(f"{path}: missing: {', '.join(missing)}")
    return given


def _modes() -> tuple[str, ...]:
    from workbench.workers.answers import Mode

    return get_args(Mode)


def _whole(least: int) -> tuple[Callable[[object], bool], str]:
    def fits(value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and value >= least

    return fits, f"a whole number of at least {least}"


def _text(expected: str) -> tuple[Callable[[object], bool], str]:
    return lambda value: isinstance(value, str) and bool(value.strip()), expected


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


CHECKS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "cron": _text("five fields in quotes, as '0 3 * * *'"),
    "timezone": _text("the name of a time zone, as Europe/Berlin"),
    "systems": (
        lambda value: _texts(value) and 0 < len(value) == len(set(value)),
        "a list of one or more different names",
    ),
    "benchmark": _text("a name"),
    "limit": _whole(1),
    "sample": (lambda value: value in ("first", "random"), "first or random"),
    "mode": (lambda value: value in _modes(), "latency or throughput"),
    "seed": _whole(0),
    "time_limit": (
        lambda value: isinstance(value, int | float) and not isinstance(value, bool) and value > 0,
        "seconds above 0",
    ),
    "repeats": _whole(0),
    "prices": _text("a YAML file"),
    "budget": (
        lambda value: isinstance(value, int | float) and not isinstance(value, bool) and value > 0,
        "an amount above 0",
    ),
    "set": (_texts, "a list of NAME.OPTION=VALUE"),
    "tracking_uri": _text("an MLflow URI"),
    "workers": _whole(1),
    "ray": _text("a Ray cluster as HOST:PORT, or auto"),
    "worker_resources": (_texts, "a list of NAME:cpu=2,gpu=0.5"),
    "baseline": _text("previous, first, or a run folder"),
    "rules": _text("a YAML file"),
    "keep": _whole(1),
    "out": _text("a folder"),
}
"""For each key whether a value fits, and what is expected."""


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # what zoneinfo raises for a folder, a bad path and an unknown name
        raise ConfigurationError(f"expected the name of a time zone, as Europe/Berlin or UTC, got {name!r}") from None


def _trigger(cron: str, timezone: ZoneInfo) -> "WallClock":
    from workbench.regression.clock import WallClock

    fields = cron.split()
    if len(fields) != 5:
        raise ConfigurationError(
            f"expected five fields (minute hour day month weekday), as '0 3 * * *', got {short(cron)}"
        )
    if re.search(r"\d", fields[4]):  # 0 is Sunday to cron and Monday to APScheduler
        raise ConfigurationError(f"expected weekdays by name, as mon-fri or sat,sun, got {fields[4]!r} in {cron!r}")
    if fields[2] != "*" and fields[4] != "*":  # cron means either day, APScheduler both
        raise ConfigurationError(f"expected * for the day or for the weekday, got {cron!r}")
    try:
        trigger = WallClock(cron.lower(), timezone)
    except ValueError as error:
        raise ConfigurationError(f"expected a cron expression, as '0 3 * * *', got {cron!r}: {error}") from None
    if trigger.get_next_fire_time(None, datetime.now(UTC)) is None:
        raise ConfigurationError(f"expected a time that comes, got {cron!r}: no month has such a day")
    return trigger


def _comparison(given: Mapping[str, Any], workers: Workers | None) -> Comparison:
    passed_on = ("benchmark", "limit", "sample", "mode", "seed", "time_limit", "repeats", "budget", "tracking_uri")
    return Comparison(
        systems=tuple(given["systems"]),
        settings=settings_by_name(given.get("set", ()), [*given["systems"], given["benchmark"]]),
        prices=Path(given["prices"]) if "prices" in given else None,
        workers=workers,
        **{key: given[key] for key in passed_on if key in given},
    )


def _rules(path: Path, file: str | None) -> "Rules | None":
    from workbench.regression.gate import read_rules

    if file is None:
        return None
    with _about(path, "rules"):
        return read_rules(Path(file))


def _check_baseline(schedule: Schedule) -> None:
    from workbench.scoring.joined import asked

    baseline = schedule.fixed_baseline()
    if baseline is None:
        return
    if not baseline.finished:
        raise ConfigurationError(f"expected a finished run folder; {baseline.path} has no results")
    scored = {name for system in baseline.results.systems.values() for name in system.metrics}
    unknown = set(schedule.rules.metrics or () if schedule.rules else ()) - scored
    if unknown:
        raise ConfigurationError(f"{baseline.path} lacks {', '.join(sorted(unknown))}, which the rules name")
    systems = schedule.comparison.systems
    if not set(systems) & set(baseline.systems) and not len(systems) == len(baseline.systems) == 1:
        raise ConfigurationError(
            f"expected a run of {', '.join(systems)}; {baseline.path} has {', '.join(baseline.systems)}"
        )
    benchmark = schedule.comparison.plugins()[1]()
    comparison = schedule.comparison
    samples = [asked(one) for one in chosen(benchmark, comparison.limit, comparison.sample, comparison.seed)]
    protocol = baseline.manifest.benchmark.protocol
    if benchmark.protocol != protocol or samples != [asked(sample) for sample in baseline.samples()]:
        raise ConfigurationError(
            f"expected a run of the same {len(samples)} samples of {benchmark.name} by the protocol "
            f"{benchmark.protocol}; {baseline.path} is about others"
        )


@contextmanager
def _about(path: Path, key: str) -> "Iterator[None]":
    """Errors name the file and the key."""
    try:
        yield
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {key}: {error}") from error
