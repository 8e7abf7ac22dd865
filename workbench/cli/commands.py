"""What each command of `workbench` does; heavy parts are imported by the command that needs them."""

import argparse
import json
import os
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout, suppress
from dataclasses import asdict
from datetime import datetime
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import fill
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from workbench.cli.text import gains_table, scores_table
from workbench.comparison.comparison import Comparison, delivered, predicted, scored, with_report, with_tracking
from workbench.data.errors import ConfigurationError, OutageError, StoppedError
from workbench.data.numbers import listed as words
from workbench.data.shards import read_shard
from workbench.plugins import registry
from workbench.plugins.assignments import keys_and_values, settings_by_name
from workbench.plugins.checks import takes
from workbench.plugins.marks import DRY_RUN
from workbench.workers.wanted import wanted_workers

if TYPE_CHECKING:
    from workbench.runs.run import Run
    from workbench.workers.wanted import Workers

INCOMPLETE = 3


TINY = "-tiny"


ALL_TINY = "all-tiny"


def list_plugins(options: argparse.Namespace) -> int:
    if options.name:
        return _show_plugin(options.name, options.json)
    with redirect_stdout(sys.stderr):  # of modules that print when they are imported
        plugins = {group: registry.plugins(group) for group in registry.GROUPS}
    if options.json:
        print(json.dumps({group: [asdict(plugin) for plugin in listed] for group, listed in plugins.items()}, indent=2))
        return 0
    for group, listed in plugins.items():
        print(f"{group}:" if listed else f"{group}: none")
        for plugin in listed:
            print(f"  {plugin.name:<20} {f'BROKEN: {plugin.problem}' if plugin.problem else plugin.summary}")
            print(f"  {'':<20} {plugin.source}")
    return 0


def _show_plugin(name: str, as_json: bool) -> int:
    from workbench.cli.text import plugin_card
    from workbench.plugins.details import details
    from workbench.plugins.recipes import configurations

    with redirect_stdout(sys.stderr):
        shown = details(name)
    if as_json:
        print(json.dumps([asdict(one) for one in shown], indent=2))
        return 0
    print("\n\n".join(map(plugin_card, shown)))
    if any(one.group == "recipes" for one in shown):
        files = {file: path for file, (recipe, path) in configurations().items() if recipe == name}
        print("\nconfigurations, for `workbench train NAME`:")
        print("\n".join(f"  {file}" for file in files) or "  none")
    return 0


def compare_systems(options: argparse.Namespace) -> int:
    with redirect_stdout(sys.stderr) if options.json else nullcontext():
        comparison, out = _comparison(options)
        if comparison.shard is not None:
            return _part_compared(comparison, out)
        run, complete = _compared(comparison, out)
    if options.json:
        print(json.dumps(run.results.to_json()))
    return 0 if complete else INCOMPLETE


def _comparison(options: argparse.Namespace) -> tuple[Comparison, Path]:
    systems = system_names(options.systems)
    comparison = Comparison(
        systems,
        options.benchmark,
        options.limit,
        options.mode,
        options.seed,
        options.time_limit,
        settings_by_name(options.set, [*systems, options.benchmark]),
        options.tracking_uri,
        options.oracles,
        options.keep_failed,
        options.stop_after,
        options.repeats,
        options.prices,
        options.budget,
        None if options.shard is None else read_shard(options.shard),
        options.sample,
        workers=asked_workers(options, list(systems)),
    )
    part = f"-{comparison.shard.number}-of-{comparison.shard.count}" if comparison.shard else ""
    return comparison, options.out or Path("runs") / f"{options.benchmark}-{datetime.now():%Y%m%d-%H%M%S}{part}"


def asked_workers(options: argparse.Namespace, systems: Sequence[str]) -> "Workers | None":
    """The workers that the options of a command ask for."""
    return wanted_workers(options.workers, options.ray, options.worker_resources, systems)


def _compared(comparison: Comparison, out: Path) -> tuple["Run", bool]:
    with _kept(out), scored(comparison, out) as run:
        _print_scores(run)
        return delivered(run, comparison.tracking_uri)


def _part_compared(comparison: Comparison, out: Path) -> int:
    """Only ask: scores, report and MLflow are of all parts together."""
    with _kept(out), predicted(comparison, out):
        print(f"shard {comparison.shard} is answered in {out}; when all are: workbench merge DIR DIR ... --out DIR")
    return 0


@contextmanager
def _kept(out: Path) -> Iterator[None]:
    """Say how to go on where the block is stopped."""
    try:
        yield
    except (KeyboardInterrupt, OutageError):
        print(
            f"workbench: the predictions so far are kept; continue with the same command and --out {out}",
            file=sys.stderr,
        )
        raise


def _print_scores(run: "Run") -> None:
    from workbench.data.conditions import strangers
    from workbench.scoring.verdict import busy, verdict

    print(scores_table(run.results))
    for said in (verdict(run.results), *busy(run.results)):
        print(fill(said, 120, break_on_hyphens=False))
    for line in strangers(run.manifest.conditions, run.benchmark, run.results.has_truth):
        print(f"workbench: {line}", file=sys.stderr)
    if run.results.oracles:
        print(gains_table(run.results))


def merge_shards(options: argparse.Namespace) -> int:
    from workbench.runs.merging import merge
    from workbench.scoring.finish import finish
    from workbench.tracking.reaching import check_reachable

    check_reachable(options.tracking_uri, options.out)
    merged = merge(options.shard, options.out)
    if merged.missing:
        lacking = words([f"{name} has no answer to {count:,}" for name, count in merged.missing.items()])
        raise StoppedError(
            f"{lacking} of the {merged.samples:,} samples in {merged.path}: the command of the "
            f"comparison without --shard, and with --out {merged.path}, asks for them"
        )
    run = finish(merged.path)
    _print_scores(run)
    return 0 if delivered(run, options.tracking_uri)[1] else INCOMPLETE


def write_report(options: argparse.Namespace) -> int:
    if options.reporter and (options.markdown or not options.out):
        raise ConfigurationError("--reporter expects --out, the file to write, and goes without --markdown")
    write = registry.load("reporters", options.reporter or ("markdown" if options.markdown else "html"))
    runs = [_finished(source, options.tracking_uri) for source in options.run]
    if len(runs) == 1 and not options.out and not options.markdown and Path(options.run[0]).exists():
        return 0 if with_report(runs[0])[1] else INCOMPLETE

    from workbench.runs.files import check_writable
    from workbench.scoring.joined import join

    run = runs[0] if len(runs) == 1 else join(runs)
    if options.markdown and not options.out:
        with TemporaryDirectory() as folder:
            print(write(run, Path(folder) / "report.md").read_text(encoding="utf-8"), end="")
        return 0
    out = options.out or Path("report.html")
    check_writable(out.parent)
    print(f"report: {write(run, out)}")
    return 0


def gate_runs(options: argparse.Namespace) -> int:
    from workbench.regression.gate import gate, read_rules
    from workbench.tracking.load import load_run

    rules = None if options.rules is None else read_rules(options.rules)
    baseline, candidate = (load_run(source, options.tracking_uri) for source in (options.baseline, options.candidate))
    verdict = gate(baseline, candidate, rules)
    print(json.dumps(verdict.to_json(), allow_nan=False) if options.json else verdict.to_text())
    return 1 if verdict.failed else 0


def tune_thresholds(options: argparse.Namespace) -> int:
    from workbench.cli.text import tuning_text
    from workbench.scoring.tuning import apply, check_apart, choose, split_of
    from workbench.tracking.load import load_run

    run = load_run(options.run, options.tracking_uri)
    other = load_run(options.apply, options.tracking_uri) if options.apply else None
    check_apart(run, other)
    bounds = _bounds(options.at_least)
    choices = choose(run, options.metric, bounds)
    applied = apply(choices, other) if other else []
    if not options.json:
        print(tuning_text(run, options.metric, bounds, choices, other, applied))
        return 0
    found = {
        "run": str(run.path),
        "benchmark": run.benchmark,
        "split": split_of(run),
        "metric": options.metric,
        "at_least": bounds,
        "systems": [one.to_json() for one in choices],
        "applied": {"run": str(other.path), "systems": [one.to_json() for one in applied]} if other else None,
    }
    print(json.dumps(found, allow_nan=False))
    return 0


def _bounds(given: Sequence[str]) -> dict[str, float]:
    """`METRIC=VALUE`, each in the metric's unit."""
    bounds = {}
    for text in given:
        name, _, value = text.partition("=")
        try:
            bounds[name] = float(value)
            if not isfinite(bounds[name]):
                raise ValueError
        except ValueError:
            raise ConfigurationError(f"--at-least expects METRIC=VALUE, as N_acc=0.85; got {text!r}") from None
    return bounds


def run_schedule(options: argparse.Namespace) -> int:
    from workbench.regression.attempt import run_once
    from workbench.regression.schedule import read_schedule
    from workbench.regression.service import serve

    schedule = read_schedule(options.config)
    signal.signal(signal.SIGTERM, _interrupt)
    if options.once:
        return run_once(schedule)
    with suppress(KeyboardInterrupt):
        serve(options.config, schedule)
    return 0


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """Stop as Ctrl-C does, but only once: the clean-up that follows is not interrupted again."""
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def track_run(options: argparse.Namespace) -> int:
    from workbench.tracking.stores import OFF, chosen

    if chosen(options.tracking_uri) == OFF:
        raise ConfigurationError(f"track needs a store to log to, and the tracking URI is {OFF}: give another")
    return 0 if with_tracking(_finished(options.run), options.tracking_uri)[1] else INCOMPLETE


def _finished(source: str | Path, tracking_uri: str | None = None) -> "Run":
    """The run. If it was interrupted before it was scored, it is scored now."""
    from workbench.scoring.finish import finish
    from workbench.tracking.load import load_run

    run = load_run(source, tracking_uri)
    return run if run.finished else finish(run.path)


def train_checkpoint(options: argparse.Namespace) -> int:
    from workbench.plugins.recipes import find_config, read_config
    from workbench.runs.files import check_writable

    name, train, config = read_config(find_config(options.config), keys_and_values(options.set))
    if not 0 < options.share <= 1:
        raise ConfigurationError(f"--share expects a fraction above 0 and up to 1, got {options.share}")
    for key in config:
        if key in ("minutes", "epochs") or key.endswith("_minutes"):
            config[key] *= options.share
        elif key.startswith("validation"):
            config[key] = max(1, round(config[key] * options.share))
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not options.out:
        raise ConfigurationError("--out is needed where several processes train: all of them use one folder")
    out = options.out or Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    if options.dry_run and not hasattr(train, DRY_RUN):
        raise ConfigurationError(f"--dry-run: recipe {name} has none")
    check_writable(out)
    run = getattr(train, DRY_RUN) if options.dry_run else train
    run(config, out)
    print(out)
    return 0


def serve_model(options: argparse.Namespace) -> int:
    servers = registry.names("servers")
    if options.server is None and len(servers) != 1:
        raise ConfigurationError(f"--server expects one of {', '.join(servers) or 'none that is installed'}")
    serve = registry.load("servers", options.server or servers[0])
    arguments, then = _words("arguments", options.arguments), _words("then", options.then)
    share = options.gpu_memory_utilization
    if share is not None and not 0 < share <= 1:
        raise ConfigurationError(f"--gpu-memory-utilization expects a share above 0 and up to 1, got {share:g}")
    if share is not None:
        arguments = [*arguments, f"--gpu-memory-utilization={share:g}"]
    if then and not takes(serve, "then"):
        raise ConfigurationError("--then: this server runs no command; run it yourself when the server is ready")
    more = {"then": then} if then else {}
    return int(
        serve(
            options.model,
            name=options.name,
            port=options.port,
            environment=options.environment,
            log=options.log,
            installing=options.install,
            arguments=arguments,
            **more,
        )
    )


def _words(option: str, text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ConfigurationError(f"--{option} expects words as in a shell, got {text!r}: {error}") from None


def part_names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def system_names(text: str) -> dict[str, str]:
    """Systems by the name that they have in the run: `--systems NAME=SYSTEM,...`."""
    if text == ALL_TINY:
        return {name: name for name in _tiny_names()}
    parts = [part.strip().partition("=") for part in text.split(",") if part.strip()]
    names = {name: system or name for name, _, system in parts}
    if not names or len(names) < len(parts):
        raise ConfigurationError(f"--systems expects one or more different names, got {text!r}")
    return names


def _tiny_names() -> list[str]:
    from workbench.plugins.interfaces import is_shipped

    with redirect_stdout(sys.stderr):  # of modules that print when they are imported
        tiny = [plugin for plugin in registry.plugins("systems") if plugin.name.endswith(TINY)]
        names = [p.name for p in tiny if not p.problem and is_shipped(registry.load("systems", p.name))]
    if left := sorted({plugin.name for plugin in tiny} - set(names)):
        print(f"workbench: {ALL_TINY} leaves out {', '.join(left)}: no checkpoint, or broken", file=sys.stderr)
    if not names:
        raise ConfigurationError(f"--systems {ALL_TINY}: no system whose name ends in {TINY} has its checkpoint")
    return names
