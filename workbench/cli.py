"""The `workbench` command. It only reads options and prints; heavy parts are imported by the command that needs them.

Exit codes: 0 done, 1 `check` found problems or `gate` or `schedule --once` found that something got worse, 2 wrong
configuration (nothing was started), 3 results are complete on disk but the report or the tracking failed, 4 the
comparison of `schedule --once` failed, 130 interrupted.
"""

import argparse
import json
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout, suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from workbench import registry
from workbench.comparison import Comparison, compare, settings_by_name, with_report, with_tracking
from workbench.errors import ConfigurationError

if TYPE_CHECKING:
    from workbench.runs import Run

INCOMPLETE = 3
_STORE = "MLflow store of the run ids (MLFLOW_TRACKING_URI, else runs/mlflow.db)"
TINY = "-tiny"
ALL_TINY = "all-tiny"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except ConfigurationError as error:
        print(f"workbench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("workbench: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="workbench", description="Compare systems that segment what is asked for.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    lister = commands.add_parser("list", help="show the plugins that are installed")
    lister.add_argument("--json", action="store_true", help="print one JSON object")
    lister.set_defaults(command=_list)

    compare = commands.add_parser("compare", help="run systems on a benchmark, score them, write the report")
    compare.add_argument(
        "--systems",
        required=True,
        help="names, separated by commas; NAME=SYSTEM runs one under another name; "
        f"{ALL_TINY}: every system that ends in {TINY} and whose checkpoint is there",
    )
    compare.add_argument("--benchmark", required=True, help="name of the benchmark")
    compare.add_argument("--limit", type=int, help="only the first so many samples")
    compare.add_argument("--out", type=Path, help="run folder; one that exists is continued (runs/BENCHMARK-TIME)")
    compare.add_argument("--mode", choices=("latency", "throughput"), default="latency", help="(%(default)s)")
    compare.add_argument(
        "--seed", type=int, default=0, help="of all random generators, and of a generated benchmark (%(default)s)"
    )
    compare.add_argument("--time-limit", type=float, metavar="SECONDS", help="for one sample")
    compare.add_argument(
        "--set", action="append", default=[], metavar="NAME.OPTION=VALUE", help="an option of a system or the benchmark"
    )
    compare.add_argument(
        "--oracles",
        nargs="?",
        const=True,
        default=False,
        type=_parts,
        metavar="PARTS",
        help="also say what each system would gain by a perfect part: all parts, or those named, separated by commas; "
        "agents run again for some",
    )
    compare.add_argument("--tracking-uri", metavar="URI", help="MLflow store (mlflow.db beside the run folder)")
    compare.add_argument("--json", action="store_true", help="print the results as one JSON object, the rest on stderr")
    compare.set_defaults(command=_compare)

    check = commands.add_parser("check", help="say what is missing or broken in the files of a benchmark")
    check.add_argument("benchmark", help="name of the benchmark")
    check.add_argument("--annotations", help="annotation file or folder (where the benchmark looks by itself)")
    check.add_argument("--images", help="image folder; images are not looked at where only annotations are given")
    check.add_argument(
        "--set", action="append", default=[], metavar="NAME.OPTION=VALUE", help="an option of the benchmark"
    )
    check.add_argument("--json", action="store_true", help="print one JSON object")
    check.set_defaults(command=_check)

    score = commands.add_parser("score", help="score a file of predictions by a protocol")
    score.add_argument("--protocol", required=True, help="name of a metric set; `workbench list` shows them")
    score.add_argument("--annotations", type=Path, required=True, help="the benchmark's published file or folder")
    score.add_argument("--images", type=Path, help="image folder, where the annotations need it")
    score.add_argument("--predictions", type=Path, required=True, help="JSON lines, one object for each sample")
    score.add_argument("--benchmark", help="whose reader reads the annotations (the protocol's own)")
    score.add_argument("--missing-as-empty", action="store_true", help="samples without a prediction have no instance")
    score.add_argument(
        "--set", action="append", default=[], metavar="BENCHMARK.OPTION=VALUE", help="an option of the reader"
    )
    score.add_argument("--json", action="store_true", help="print one JSON object")
    score.set_defaults(command=_score)

    generate = commands.add_parser("generate", help="write the files of a generated benchmark")
    generate.add_argument("benchmark", choices=("tabletop",))
    generate.add_argument("--out", type=Path, required=True)
    generate.add_argument("--scenes", type=int, default=60, help="number of images (%(default)s)")
    generate.add_argument("--per-scene", type=int, default=4, help="instructions for each image (%(default)s)")
    generate.add_argument("--seed", type=int, default=0, help="(%(default)s)")
    generate.add_argument("--size", type=int, default=128, help="image side in pixels (%(default)s)")
    generate.set_defaults(command=_generate)

    train = commands.add_parser("train", help="train a checkpoint from a recipe")
    train.add_argument("config", type=Path, help="YAML file; its key `recipe` names the recipe, the rest configures it")
    train.add_argument("--out", type=Path, help="folder; one that exists is continued (runs/RECIPE-TIME)")
    train.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a key of the recipe, in place of the file's"
    )
    train.add_argument(
        "--share",
        type=float,
        default=1.0,
        metavar="FRACTION",
        help="of the recipe's minutes and of what it is validated on, to try it before the whole (%(default)s)",
    )
    train.set_defaults(command=_train)

    serve = commands.add_parser("serve", help="start a server for a language model, and stop it when interrupted")
    serve.add_argument("model", help="checkpoint folder or hub name")
    serve.add_argument("--port", type=int, default=8001, help="(%(default)s)")
    serve.add_argument("--name", default="", help="what requests call the model (folder or hub name)")
    serve.add_argument("--environment", type=Path, help="virtual environment that has the server (.venv-vllm)")
    serve.add_argument("--install", action="store_true", help="install the server there first, where it is missing")
    serve.add_argument("--log", type=Path, help="(runs/vllm-PORT.log)")
    serve.add_argument("--arguments", default="", metavar="TEXT", help="more for the server: --arguments='--x 1 --y'")
    serve.set_defaults(command=_serve)

    report = commands.add_parser("report", help="write the report of a run, or of several runs of the same samples")
    report.add_argument("run", nargs="+", help="run folder or MLflow run id")
    report.add_argument("--out", type=Path, help="file (report.html in the run folder, of several runs here)")
    report.add_argument("--markdown", action="store_true", help="print Markdown, or write it to --out")
    report.add_argument("--tracking-uri", metavar="URI", help=_STORE)
    report.set_defaults(command=_report)

    gate = commands.add_parser("gate", help="fail where a run is worse than an earlier one")
    gate.add_argument("baseline", help="run folder or MLflow run id")
    gate.add_argument("candidate", help="the same, of the same samples")
    gate.add_argument("--rules", type=Path, help="YAML file with bounds (a point for every metric and failure rate)")
    gate.add_argument("--tracking-uri", metavar="URI", help=_STORE)
    gate.add_argument("--json", action="store_true", help="print one JSON object")
    gate.set_defaults(command=_gate)

    schedule = commands.add_parser("schedule", help="compare when it is due, judge each comparison, keep an index page")
    schedule.add_argument("config", type=Path, help="YAML file; docs/schedule.md has its keys")
    schedule.add_argument("--once", action="store_true", help="one comparison now; exits with its verdict")
    schedule.set_defaults(command=_schedule)

    track = commands.add_parser("track", help="log a run to MLflow")
    track.add_argument("run", type=Path)
    track.add_argument("--tracking-uri", metavar="URI", help="MLflow store (mlflow.db beside the run folder)")
    track.set_defaults(command=_track)
    return parser


def _list(options: argparse.Namespace) -> int:
    with redirect_stdout(sys.stderr):  # of modules that print when they are imported
        found = {group: registry.plugins(group) for group in registry.GROUPS}
    if options.json:
        print(json.dumps({group: [asdict(plugin) for plugin in listed] for group, listed in found.items()}, indent=2))
        return 0
    for group, listed in found.items():
        print(f"{group}:" if listed else f"{group}: none")
        for plugin in listed:
            print(f"  {plugin.name:<20} {f'BROKEN: {plugin.problem}' if plugin.problem else plugin.summary}")
            print(f"  {'':<20} {plugin.source}")
    return 0


def _compare(options: argparse.Namespace) -> int:
    with redirect_stdout(sys.stderr) if options.json else nullcontext():
        run, complete = _compared(options)
    if options.json:
        print(json.dumps(run.results))
    return 0 if complete else INCOMPLETE


def _compared(options: argparse.Namespace) -> tuple["Run", bool]:
    comparison = Comparison(
        _names(options.systems),
        options.benchmark,
        options.limit,
        options.mode,
        options.seed,
        options.time_limit,
        options.set,
        options.tracking_uri,
        options.oracles,
    )
    out = options.out or Path("runs") / f"{options.benchmark}-{datetime.now():%Y%m%d-%H%M%S}"
    try:
        return compare(comparison, out)
    except KeyboardInterrupt:
        print(
            f"workbench: the predictions so far are kept; continue with the same command and --out {out}",
            file=sys.stderr,
        )
        raise


def _report(options: argparse.Namespace) -> int:
    runs = [_finished(source, options.tracking_uri) for source in options.run]
    if len(runs) == 1 and not options.out and not options.markdown and Path(options.run[0]).exists():
        return 0 if with_report(runs[0])[1] else INCOMPLETE

    from workbench.joined import join
    from workbench.store import check_writable

    run = runs[0] if len(runs) == 1 else join(runs)
    write = registry.load("reporters", "markdown" if options.markdown else "html")
    if options.markdown and not options.out:
        with TemporaryDirectory() as folder:
            print(write(run, Path(folder) / "report.md").read_text(), end="")
        return 0
    out = options.out or Path("report.html")
    check_writable(out.parent)
    print(f"report: {write(run, out)}")
    return 0


def _gate(options: argparse.Namespace) -> int:
    from workbench.gate import gate, read_rules
    from workbench.runs import load_run

    rules = None if options.rules is None else read_rules(options.rules)
    baseline, candidate = (load_run(source, options.tracking_uri) for source in (options.baseline, options.candidate))
    verdict = gate(baseline, candidate, rules)
    print(json.dumps(verdict.to_json(), allow_nan=False) if options.json else verdict.to_text())
    return 1 if verdict.failed else 0


def _schedule(options: argparse.Namespace) -> int:
    from workbench.schedule import read_schedule
    from workbench.scheduled import run_once
    from workbench.scheduler import serve

    schedule = read_schedule(options.config)
    signal.signal(signal.SIGTERM, _interrupt)
    if options.once:
        return run_once(schedule)
    with suppress(KeyboardInterrupt):
        serve(options.config, schedule)
    return 0


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """Stop as Ctrl-C does, once: what cleans up then is not interrupted again."""
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _track(options: argparse.Namespace) -> int:
    return 0 if with_tracking(_finished(options.run), options.tracking_uri)[1] else INCOMPLETE


def _finished(source: str | Path, tracking_uri: str | None = None) -> "Run":
    """The run, scored now where it was interrupted before that."""
    from workbench.runs import finish, load_run

    run = load_run(source, tracking_uri)
    return run if run.results else finish(run.path)


def _check(options: argparse.Namespace) -> int:
    from workbench.check import check

    settings = settings_by_name(options.set, [options.benchmark])[options.benchmark]
    if options.annotations is not None:
        settings |= {"annotations": options.annotations, "images": None}
    if options.images is not None:
        settings["images"] = options.images
    with redirect_stdout(sys.stderr):  # of a benchmark that prints while it writes its files
        benchmark = registry.prepare("benchmarks", options.benchmark, settings)()
        checked = check(benchmark, with_images=options.annotations is None or options.images is not None)
    print(json.dumps(checked.to_json()) if options.json else checked.to_text())
    return 1 if checked.problems else 0


def _score(options: argparse.Namespace) -> int:
    from workbench.scoring import reader_of, score_file, to_text

    registry.load("metrics", options.protocol)
    name = options.benchmark or reader_of(options.protocol, options.annotations)
    with redirect_stdout(sys.stderr) if options.json else nullcontext():
        scores = score_file(
            options.protocol,
            options.annotations,
            options.predictions,
            images=options.images,
            benchmark=name,
            options=settings_by_name(options.set, [name])[name],
            missing_as_empty=options.missing_as_empty,
        )
    print(json.dumps(scores, allow_nan=False) if options.json else to_text(scores))
    return 0


def _generate(options: argparse.Namespace) -> int:
    from workbench.store import check_writable
    from workbench.tabletop.writer import generate

    check_writable(options.out)
    generate(options.out, scenes=options.scenes, per_scene=options.per_scene, seed=options.seed, size=options.size)
    print(options.out)
    return 0


def _train(options: argparse.Namespace) -> int:
    from workbench.recipes import read_config
    from workbench.store import check_writable

    name, train, config = read_config(options.config, _keys(options.set))
    if not 0 < options.share <= 1:
        raise ConfigurationError(f"--share expects a fraction above 0 and up to 1, got {options.share}")
    for key in config:
        if key == "minutes" or key.endswith("_minutes"):
            config[key] *= options.share
        elif key.startswith("validation"):
            config[key] = max(1, round(config[key] * options.share))
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not options.out:
        raise ConfigurationError("--out is needed where several processes train: all of them use one folder")
    out = options.out or Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    check_writable(out)
    train(config, out)
    print(out)
    return 0


def _serve(options: argparse.Namespace) -> int:
    serve = registry.load("servers", "vllm")
    return int(
        serve(
            options.model,
            name=options.name,
            port=options.port,
            environment=options.environment,
            log=options.log,
            installing=options.install,
            arguments=shlex.split(options.arguments),
        )
    )


def _keys(assignments: Sequence[str]) -> dict[str, Any]:
    """Read `key=value` (YAML values); raises `ConfigurationError` for anything else."""
    import yaml

    keys: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or not key:
            raise ConfigurationError(f"--set expects KEY=VALUE, got {assignment!r}")
        try:
            keys[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ConfigurationError(f"--set {assignment}: the value is not YAML: {error}") from error
    return keys


def _parts(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _names(text: str) -> dict[str, str]:
    """Systems by the name that they have in the run."""
    if text == ALL_TINY:
        return {name: name for name in _tiny_names()}
    parts = [part.strip().partition("=") for part in text.split(",") if part.strip()]
    names = {name: system or name for name, _, system in parts}
    if not names or len(names) < len(parts):
        raise ConfigurationError(f"--systems expects one or more different names, got {text!r}")
    return names


def _tiny_names() -> list[str]:
    from workbench.systems import is_shipped

    with redirect_stdout(sys.stderr):  # of modules that print when they are imported
        found = [plugin for plugin in registry.plugins("systems") if plugin.name.endswith(TINY)]
        names = [p.name for p in found if not p.problem and is_shipped(registry.load("systems", p.name))]
    if left := sorted({plugin.name for plugin in found} - set(names)):
        print(f"workbench: {ALL_TINY} leaves out {', '.join(left)}: no checkpoint, or broken", file=sys.stderr)
    if not names:
        raise ConfigurationError(f"--systems {ALL_TINY}: no system whose name ends in {TINY} has its checkpoint")
    return names
