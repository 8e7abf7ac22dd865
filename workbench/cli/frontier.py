"""`workbench frontier`: what it costs and saves to make a system smaller or quicker."""

import argparse
import json
import sys
from contextlib import nullcontext, redirect_stdout
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench.cli.commands import INCOMPLETE
from workbench.comparison.comparison import Comparison, delivered
from workbench.data.errors import ConfigurationError
from workbench.plugins import registry
from workbench.plugins.assignments import as_assignments, settings_by_name
from workbench.plugins.names import unknown


def add_frontier(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", log: str) -> None:
    """Add the command; `log`: what its option for MLflow says."""
    frontier = commands.add_parser("frontier", help="compare variants of a system: accuracy, time, memory, size")
    frontier.description = (
        "Compare variants of one system, each in a process of its own: accuracy with a paired interval against the "
        "first, latency, memory at the peak, size on disk, load time, and the share of samples whose answer changed. "
        "The variants are keys of a YAML file, each with its options: `int8: {dtype: bfloat16, quantize: int8}`."
    )
    frontier.add_argument("system", help="name of the system")
    frontier.add_argument("--variants", type=Path, required=True, metavar="FILE", help="YAML file with the variants")
    frontier.add_argument("--benchmark", default="tabletop", help="name of the benchmark (%(default)s)")
    frontier.add_argument("--limit", type=int, help="only so many samples")
    frontier.add_argument(
        "--sample", choices=("first", "random"), default="first", help="which --limit takes (%(default)s)"
    )
    frontier.add_argument("--mode", choices=("latency", "throughput"), default="latency", help="(%(default)s)")
    frontier.add_argument("--seed", type=int, default=0, help="of all random generators (%(default)s)")
    frontier.add_argument("--time-limit", type=float, metavar="SECONDS", help="for one sample")
    frontier.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME.OPTION=VALUE",
        help="an option of the benchmark, or of the system in all variants that do not set it",
    )
    frontier.add_argument("--out", type=Path, help="run folder; one that exists is continued (runs/frontier-TIME)")
    frontier.add_argument("--only", metavar="VARIANT", help="only answer with this variant, and score nothing")
    frontier.add_argument("--tracking-uri", metavar="URI", help=log)
    frontier.add_argument(
        "--json", action="store_true", help="print the results as one JSON object, the rest on stderr"
    )
    frontier.set_defaults(command=compare_variants)


def compare_variants(options: argparse.Namespace) -> int:
    """Answer with one variant, or have all answered and report."""
    from workbench.frontier.running import answer_variant, in_a_process, run_frontier

    comparison = _comparison(options)
    out = options.out or Path("runs") / f"frontier-{datetime.now():%Y%m%d-%H%M%S}"
    if options.only is not None:
        if options.only not in comparison.systems:
            raise ConfigurationError(unknown("variant", options.only, list(comparison.systems)))
        answer_variant(comparison, options.only, out)
        return 0
    words = _words(options, comparison, out)
    with redirect_stdout(sys.stderr) if options.json else nullcontext():
        run = run_frontier(
            comparison, options.system, out, lambda name: in_a_process([*words, "--only", name]), ["workbench", *words]
        )
        print(_table(run.results))
        run, complete = delivered(run, options.tracking_uri)
    if options.json:
        print(json.dumps(run.results.to_json()))
    return 0 if complete else INCOMPLETE


def _comparison(options: argparse.Namespace) -> Comparison:
    from workbench.frontier.variants import read_variants

    registry.load("systems", options.system)
    variants = read_variants(options.variants)
    common = settings_by_name(options.set, [options.system, options.benchmark])
    settings: dict[str, dict[str, Any]] = {name: {**common[options.system], **own} for name, own in variants.items()}
    settings[options.benchmark] = common[options.benchmark]
    return Comparison(
        dict.fromkeys(variants, options.system),
        options.benchmark,
        options.limit,
        options.mode,
        options.seed,
        options.time_limit,
        settings,
        options.tracking_uri,
        sample=options.sample,
    )


def _words(options: argparse.Namespace, comparison: Comparison, out: Path) -> list[str]:
    """The command, with the folder that was chosen."""
    words = ["frontier", options.system, "--variants", str(options.variants), "--benchmark", options.benchmark]
    for name in ("limit", "mode", "seed", "time_limit"):
        if (value := getattr(comparison, name)) is not None:
            words += ["--" + name.replace("_", "-"), str(value)]
    words += ["--sample", options.sample] if options.sample != "first" else []
    common = settings_by_name(options.set, [options.system, options.benchmark])
    for assignment in as_assignments(common):
        words += ["--set", assignment]
    return [*words, "--out", str(out)]


def _table(results: Any) -> str:
    """The verdict, and a line for each variant."""
    from workbench.cli.text import frontier_table
    from workbench.scoring.frontier import sentences

    return "\n".join([frontier_table(results), *sentences(results)])
