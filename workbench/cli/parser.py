"""The commands and options that `workbench` takes."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

from workbench import __version__
from workbench.asking.defaults import DEFAULT
from workbench.cli.ask import ask_pictures
from workbench.cli.benchmarks import check_files, generate_files, list_samples, score_predictions
from workbench.cli.commands import (
    ALL_TINY,
    TINY,
    compare_systems,
    gate_runs,
    list_plugins,
    merge_shards,
    part_names,
    run_schedule,
    serve_model,
    track_run,
    train_checkpoint,
    tune_thresholds,
    write_report,
)
from workbench.cli.completion import complete, subcommands
from workbench.cli.demo import add_demo
from workbench.cli.examples import EXAMPLES
from workbench.cli.frontier import add_frontier
from workbench.cli.instructions import add_instructions
from workbench.cli.notebooks import copy_notebooks
from workbench.cli.suites import run_benchmarks, run_stress
from workbench.cli.watch import add_watch
from workbench.data.errors import ConfigurationError, said
from workbench.data.vocabulary import EXACT_SETS
from workbench.plugins import registry
from workbench.plugins.names import unknown
from workbench.plugins.values import Written
from workbench.stress import suites as stress_suites
from workbench.suites.suite import shipped

_LOG = "MLflow store, or none (MLFLOW_TRACKING_URI, else mlflow.db beside the run folder)"
_EXIT_CODES = (
    "Exit codes: 0 done; 1 check found problems, or gate or schedule --once that something got worse; 2 wrong "
    "configuration, nothing was started; 3 results are complete, but report or tracking failed; 4 a comparison of "
    "schedule --once, suite or stress failed; 5 the disk or a server kept failing, or the budget is spent: what is "
    "there is kept, and the same command continues; 130 interrupted."
)
_STORE = "MLflow store of the run ids (MLFLOW_TRACKING_URI, else runs/mlflow.db)"


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="workbench", description="Compare systems that segment what is asked for.", epilog=_EXIT_CODES
    )
    parser.add_argument("--version", action="version", version=f"workbench {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    lister = commands.add_parser("list", help="show the plugins that are installed, or one with its options")
    lister.add_argument("name", nargs="?", help="of a plugin: what it is, its options, where it comes from")
    lister.add_argument("--json", action="store_true", help="print one JSON object")
    lister.set_defaults(command=list_plugins)

    compare = commands.add_parser("compare", help="run systems on a benchmark, score them, write the report")
    compare.add_argument(
        "--systems",
        required=True,
        help="names, separated by commas; NAME=SYSTEM runs one under another name; "
        f"{ALL_TINY}: every system that ends in {TINY} and whose checkpoint is there",
    )
    compare.add_argument("--benchmark", required=True, help="name of the benchmark")
    compare.add_argument("--limit", type=int, help="only so many samples")
    compare.add_argument(
        "--sample",
        choices=("first", "random"),
        default="first",
        help="which samples --limit takes: the first, or random ones by --seed (%(default)s)",
    )
    compare.add_argument(
        "--shard", metavar="K/N", help="ask only the K-th of N parts of the samples, to be joined by `workbench merge`"
    )
    _add_worker_options(compare)
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
        type=part_names,
        metavar="PARTS",
        help="also say what each system would gain by a perfect part: all parts, or those named, separated by commas; "
        "agents run again for some",
    )
    compare.add_argument(
        "--stop-after",
        type=int,
        default=5,
        metavar="N",
        help="stop, with exit code 5, when a server fails so many times in a row, with pauses in between (%(default)s)",
    )
    compare.add_argument(
        "--keep-failed",
        action="store_true",
        help="do not ask again, in a run that is continued, what failed for a server's sake",
    )
    compare.add_argument(
        "--repeats",
        type=int,
        default=0,
        metavar="N",
        help="ask each sample N times more, the systems in turns, and compare the latencies of these",
    )
    compare.add_argument(
        "--prices", type=Path, metavar="FILE", help="YAML file with the price of a second and of tokens, for costs"
    )
    compare.add_argument(
        "--budget", type=float, metavar="AMOUNT", help="stop, with exit code 5, when the answers have cost so much"
    )
    compare.add_argument("--tracking-uri", metavar="URI", help=_LOG)
    compare.add_argument("--json", action="store_true", help="print the results as one JSON object, the rest on stderr")
    compare.set_defaults(command=compare_systems)

    merge = commands.add_parser(
        "merge", help="join the shards of a comparison into one run, score it, write the report"
    )
    merge.add_argument("shard", type=Path, nargs="+", help="run folders of `compare --shard`, all of one comparison")
    merge.add_argument("--out", type=Path, required=True, help="run folder of the whole")
    merge.add_argument("--tracking-uri", metavar="URI", help=_LOG)
    merge.set_defaults(command=merge_shards)

    ask = commands.add_parser("ask", help="ask systems about your own pictures, and see their answers side by side")
    ask.usage = 'workbench ask PICTURE [PICTURE ...] "INSTRUCTION" [options]'
    ask.description = (
        "Ask systems for what an instruction names in your own pictures. Prints the instances, and writes a picture of "
        "the answers side by side, masks as PNG and COCO RLE, and a run folder that `workbench report` shows."
    )
    ask.add_argument("words", nargs="+", metavar="PICTURE", help="files; without --ask or --asks, last the instruction")
    ask.add_argument("--ask", action="append", default=[], metavar="TEXT", help="an instruction; may be repeated")
    ask.add_argument("--asks", type=Path, metavar="FILE", help="instructions, one a line")
    ask.add_argument(
        "--systems",
        default=",".join(DEFAULT),
        help="names, separated by commas; NAME=SYSTEM asks one under another name (%(default)s)",
    )
    ask.add_argument("--set", action="append", default=[], metavar="NAME.OPTION=VALUE", help="an option of a system")
    ask.add_argument("--out", type=Path, help="run folder; questions are added to one that exists (runs/ask-TIME)")
    ask.add_argument("--json", action="store_true", help="print one JSON object, the rest on stderr")
    ask.add_argument("--open", action="store_true", help="open the picture, or of several questions the report")
    ask.set_defaults(command=ask_pictures)

    add_demo(commands, ",".join(DEFAULT))

    check = commands.add_parser("check", help="say what is missing or broken in the files of a benchmark")
    check.add_argument("benchmark", help="name of the benchmark")
    check.add_argument(
        "--annotations", type=Path, help="annotation file or folder (where the benchmark looks by itself)"
    )
    check.add_argument(
        "--images", type=Path, help="image folder; images are not looked at where only annotations are given"
    )
    check.add_argument(
        "--set", action="append", default=[], metavar="NAME.OPTION=VALUE", help="an option of the benchmark"
    )
    check.add_argument("--json", action="store_true", help="print one JSON object")
    check.set_defaults(command=check_files)

    samples = commands.add_parser("samples", help="print the samples of a benchmark, to answer them elsewhere")
    samples.description = (
        "Print sample_id, image, width, height and instruction of each sample, one JSON object a line. Answers to them "
        "are scored by `workbench score`, or compared by the system `predictions`."
    )
    samples.add_argument("benchmark", help="name of the benchmark")
    samples.add_argument("--annotations", type=Path, help="annotation file or folder (where the benchmark looks)")
    samples.add_argument("--images", type=Path, help="image folder (that of the benchmark)")
    samples.add_argument("--limit", type=int, help="only the first so many samples")
    samples.add_argument(
        "--set", action="append", default=[], metavar="NAME.OPTION=VALUE", help="an option of the benchmark"
    )
    samples.set_defaults(command=list_samples)

    score = commands.add_parser("score", help="score a file of predictions by a protocol")
    score.add_argument("--protocol", required=True, help="name of a metric set; `workbench list` shows them")
    score.add_argument("--annotations", type=Path, required=True, help="the benchmark's published file or folder")
    score.add_argument("--images", type=Path, help="image folder, where the annotations need it")
    score.add_argument(
        "--predictions", type=Path, required=True, help="JSON lines, one object for each sample, or COCO results"
    )
    score.add_argument("--benchmark", help="whose reader reads the annotations (the protocol's own)")
    score.add_argument("--missing-as-empty", action="store_true", help="samples without a prediction have no instance")
    score.add_argument(
        "--set", action="append", default=[], metavar="BENCHMARK.OPTION=VALUE", help="an option of the reader"
    )
    score.add_argument("--json", action="store_true", help="print one JSON object")
    score.set_defaults(command=score_predictions)

    generate = commands.add_parser("generate", help="write the files of a generated benchmark")
    generate.usage = "workbench generate BENCHMARK --out DIR [--OPTION VALUE ...]"
    generate.description = "Write the files of a generated benchmark; `workbench list BENCHMARK` shows the options."
    generate.add_argument("benchmark", help="name of the benchmark")
    generate.add_argument("--out", type=Path, required=True, help="folder")
    generate.set_defaults(command=generate_files, takes_more=True)

    add_instructions(commands)
    add_watch(commands)

    train = commands.add_parser("train", help="train a checkpoint from a recipe")
    train.add_argument(
        "config", help="YAML file, whose key `recipe` names the recipe; or the name of one that comes with a recipe"
    )
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
    train.add_argument(
        "--dry-run",
        action="store_true",
        help="train nothing: read all data, count and draw it, and measure the memory and time of a step",
    )
    train.set_defaults(command=train_checkpoint)

    serve = commands.add_parser("serve", help="start a server for a language model, and stop it when interrupted")
    serve.add_argument("model", help="checkpoint folder or hub name")
    serve.add_argument("--server", metavar="NAME", help="which server; `workbench list` shows them (the only one)")
    serve.add_argument("--port", type=int, default=8001, help="(%(default)s)")
    serve.add_argument("--name", default="", help="what requests call the model (folder or hub name)")
    serve.add_argument("--environment", type=Path, help="virtual environment that has the server (.venv-vllm)")
    serve.add_argument("--install", action="store_true", help="install the server there first, where it is missing")
    serve.add_argument("--log", type=Path, help="file for what the server says (runs/SERVER-PORT.log)")
    serve.add_argument("--arguments", default="", metavar="TEXT", help="more for the server: --arguments='--x 1 --y'")
    serve.add_argument(
        "--gpu-memory-utilization",
        type=float,
        metavar="SHARE",
        help="share of a GPU's memory that the server takes, to leave room for SAM3 (the server's own, about 0.9)",
    )
    serve.add_argument(
        "--then",
        default="",
        metavar="COMMAND",
        help="run this command when the server is ready, and stop the server when it ends; {endpoint} and {model} in "
        "it stand for the server's",
    )
    serve.set_defaults(command=serve_model)

    report = commands.add_parser("report", help="write the report of a run, or of several runs of the same samples")
    report.add_argument("run", nargs="+", help="run folder or MLflow run id")
    report.add_argument("--out", type=Path, help="file (report.html in the run folder, of several runs here)")
    report.add_argument("--markdown", action="store_true", help="print Markdown, or write it to --out")
    report.add_argument("--reporter", metavar="NAME", help="another reporter that `workbench list` shows; needs --out")
    report.add_argument("--tracking-uri", metavar="URI", help=_STORE)
    report.set_defaults(command=write_report)

    gate = commands.add_parser("gate", help="fail where a run is worse than an earlier one")
    gate.add_argument("baseline", help="run folder or MLflow run id")
    gate.add_argument("candidate", help="the same, of the same samples")
    gate.add_argument("--rules", type=Path, help="YAML file with bounds (a point for every fraction, 0 else)")
    gate.add_argument("--tracking-uri", metavar="URI", help=_STORE)
    gate.add_argument("--json", action="store_true", help="print one JSON object")
    gate.set_defaults(command=gate_runs)

    tune = commands.add_parser("tune", help="choose score thresholds on a run of val, and judge them on another run")
    tune.description = (
        "Choose the score threshold of each system from the stored answers of a run; no system is asked again. A run "
        "of a test split is refused, unless --apply names a run that shares no image with it."
    )
    tune.add_argument("run", help="run folder or MLflow run id to choose on, of val")
    tune.add_argument("--metric", default=EXACT_SETS, help="what is best: a metric of the protocol (%(default)s)")
    tune.add_argument(
        "--at-least",
        action="append",
        default=[],
        metavar="METRIC=VALUE",
        help="only thresholds at which another metric reaches a value, in its own unit: N_acc=0.85",
    )
    tune.add_argument("--apply", metavar="RUN", help="another run, whose stored answers are scored with the thresholds")
    tune.add_argument("--tracking-uri", metavar="URI", help=_STORE)
    tune.add_argument("--json", action="store_true", help="print one JSON object, with the curves")
    tune.set_defaults(command=tune_thresholds)

    suite = commands.add_parser(
        "suite", help="compare on several benchmarks, those whose files are there, in one report"
    )
    _add_suite_options(suite, shipped())
    suite.add_argument("--limit", type=int, help="only so many samples of each")
    suite.add_argument(
        "--sample", choices=("first", "random"), default="first", help="which --limit takes (%(default)s)"
    )
    suite.set_defaults(command=run_benchmarks)

    stress = commands.add_parser("stress", help="sweep one thing at a time until systems break, and draw the curves")
    stress.description = (
        "Each axis of a suite makes questions harder level by level, everything else held fixed, and asks all systems "
        "the same questions at every level. The page shows each metric against the level with 95 % intervals, where it "
        "falls to half, the area under the curve, and where the curves of two systems cross."
    )
    _add_suite_options(stress, stress_suites())
    stress.add_argument("--axes", metavar="NAMES", help="only these axes of the suite, separated by commas")
    stress.add_argument("--questions", type=int, metavar="N", help="so many at each level (as the suite says)")
    stress.add_argument(
        "--no-reports",
        action="store_true",
        help="only the page of the suite, in less time; `workbench report DIR/AXIS` writes that of an axis",
    )
    stress.set_defaults(command=run_stress)

    add_frontier(commands, _LOG)

    schedule = commands.add_parser("schedule", help="compare when it is due, judge each comparison, keep an index page")
    schedule.add_argument("config", type=Path, help="YAML file; docs/schedule.md has its keys")
    schedule.add_argument("--once", action="store_true", help="one comparison now; exits with its verdict")
    schedule.set_defaults(command=run_schedule)

    track = commands.add_parser("track", help="log a run to MLflow")
    track.add_argument("run", type=Path)
    track.add_argument("--tracking-uri", metavar="URI", help=_LOG)
    track.set_defaults(command=track_run)

    notebooks = commands.add_parser("notebooks", help="copy the notebooks into a folder")
    notebooks.add_argument("folder", type=Path, metavar="DIR", help="folder; a notebook that was changed there is kept")
    notebooks.set_defaults(command=copy_notebooks)
    _add_plugins(commands)
    for name, command in commands.choices.items():
        _with_examples(command, EXAMPLES.get(name, ()))
    return parser


def _add_plugins(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands of plugins. One that is broken is left out: `workbench list` says why."""
    for name in registry.names("commands"):
        try:
            add = registry.load("commands", name)
        except ConfigurationError:
            continue
        try:
            add(commands)
        except Exception as error:  # whatever a stranger's code raises; the other commands work all the same
            print(f"workbench: the command {name} is left out: {said(error)}", file=sys.stderr)


def _with_examples(command: argparse.ArgumentParser, examples: Sequence[str]) -> None:
    """End a command's help with its examples, one a line."""
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.description = fill(command.description, 100) if command.description else None
    if examples:
        command.epilog = "\n  ".join(["examples:", *examples])


def _add_worker_options(command: argparse.ArgumentParser) -> None:
    """Where systems are asked."""
    command.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="ask each system in N processes, on this machine or by --ray; needs Ray (this process asks)",
    )
    command.add_argument(
        "--ray", metavar="ADDRESS", help="where the workers are: a Ray cluster, or auto for the one of this machine"
    )
    command.add_argument(
        "--worker-resources",
        action="append",
        default=[],
        metavar="NAME:cpu=2,gpu=0.5",
        help="what a worker of a system takes: processors, GPUs, memory in GB (cpu=1, and a GPU where there are any)",
    )


def _add_suite_options(command: argparse.ArgumentParser, suites: Sequence[str]) -> None:
    """What `suite` and `stress` take alike."""
    command.add_argument("suite", help=f"YAML file, or one of those that come with the workbench: {', '.join(suites)}")
    command.add_argument("--root", type=Path, default=Path("data"), help="folder with the data of all (%(default)s)")
    command.add_argument(
        "--systems",
        default=",".join(DEFAULT),
        help="names, separated by commas; NAME=SYSTEM as in compare (%(default)s)",
    )
    command.add_argument("--mode", choices=("latency", "throughput"), default="latency", help="(%(default)s)")
    command.add_argument("--seed", type=int, default=0, help="of all random generators (%(default)s)")
    command.add_argument(
        "--set", action="append", default=[], metavar="NAME.OPTION=VALUE", help="an option of a system"
    )
    _add_worker_options(command)
    command.add_argument("--out", type=Path, help="folder; one that exists is continued (runs/SUITE-TIME)")
    command.add_argument("--tracking-uri", metavar="URI", help=_LOG)
    command.add_argument("--json", action="store_true", help="print one JSON object, the rest on stderr")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The parsed command line. A command that accepts a plugin's options has them, as written, in `more`."""
    parser = build_parser()
    complete(parser)
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given and not given[0].startswith("-") and given[0] not in (known := list(subcommands(parser))):
        parser.error(unknown("command", given[0], known))
    options, rest = parser.parse_known_args(arguments)
    if rest and hasattr(options, "words") and not any(word.startswith("-") for word in rest):
        options.words += rest  # an instruction that stands behind an option
        rest = []
    if rest and not getattr(options, "takes_more", False):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    options.more = _options_in(rest, parser)
    return options


def _options_in(rest: Sequence[str], parser: argparse.ArgumentParser) -> dict[str, Written]:
    """Reads `--per-scene 4` or `--per-scene=4` as the option per_scene."""
    options: dict[str, Written] = {}
    left = list(rest)
    while left:
        key, equals, value = left.pop(0).partition("=")
        if not key.startswith("--") or (not equals and not left):
            parser.error(f"expected --OPTION VALUE, got {key!r}")
        options[key.removeprefix("--").replace("-", "_")] = Written(value if equals else left.pop(0))
    return options
