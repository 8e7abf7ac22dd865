"""What the commands about the data of benchmarks do: check, samples, score, generate."""

import argparse
import json
import sys
from contextlib import nullcontext, redirect_stdout
from itertools import islice

from workbench.cli.text import file_scores_table
from workbench.data.errors import ConfigurationError
from workbench.plugins import registry
from workbench.plugins.assignments import settings_by_name


def check_files(options: argparse.Namespace) -> int:
    from workbench.benchmarks.check import check
    from workbench.benchmarks.from_files import make

    settings = settings_by_name(options.set, [options.benchmark])[options.benchmark]
    with redirect_stdout(sys.stderr):  # of a benchmark that prints while it writes its files
        if options.annotations is not None:
            benchmark = make(options.benchmark, options.annotations, options.images, settings)
        else:
            images = {} if options.images is None else {"images": options.images}
            benchmark = registry.prepare("benchmarks", options.benchmark, {**settings, **images})()
        checked = check(benchmark, with_images=options.annotations is None or options.images is not None)
    print(json.dumps(checked.to_json()) if options.json else checked.to_text())
    return 1 if checked.problems else 0


def list_samples(options: argparse.Namespace) -> int:
    settings = settings_by_name(options.set, [options.benchmark])[options.benchmark]
    if options.annotations is not None:
        settings["annotations"] = str(options.annotations)
    if options.images is not None:
        settings["images"] = str(options.images)
    if options.limit is not None and options.limit < 1:
        raise ConfigurationError(f"--limit expects a whole number of at least 1, got {options.limit}")
    with redirect_stdout(sys.stderr):  # of a benchmark that prints while it writes its files
        made = registry.prepare("benchmarks", options.benchmark, settings)()
        samples = list(islice(made.samples(), options.limit))
    for sample in samples:
        if sample.problem:
            print(f"workbench: left out: {sample.problem}", file=sys.stderr)
            continue
        record = {
            "sample_id": sample.sample_id,
            "image": str(sample.image_path),
            "width": sample.width,
            "height": sample.height,
            "instruction": sample.instruction,
        }
        print(json.dumps(record, ensure_ascii=False))
    return 0


def score_predictions(options: argparse.Namespace) -> int:
    from workbench.benchmarks.from_files import reader_of
    from workbench.scoring.prediction_file import score_file
    from workbench.scoring.system import metrics_of

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
    for remark in scores["remarks"]:
        print(f"{name}: {remark}", file=sys.stderr)
    if options.json:
        print(json.dumps(scores, allow_nan=False))
    else:
        print(file_scores_table(scores, metrics_of(options.protocol, scores["metrics"])))
    return 0


def generate_files(options: argparse.Namespace) -> int:
    from workbench.plugins.interfaces import Generated
    from workbench.plugins.options import arguments
    from workbench.runs.files import check_writable

    name = options.benchmark
    benchmark: object = registry.load("benchmarks", name)
    if not isinstance(benchmark, Generated):
        generated = [one for one in registry.names("benchmarks") if _is_generated(one)]
        raise ConfigurationError(f"the benchmark {name} is not generated; those that are: {', '.join(generated)}")
    if "out" in options.more:
        raise ConfigurationError("generate: the folder is given with --out alone")
    given = arguments(name, benchmark.generate, {**options.more, "out": options.out})
    check_writable(options.out)
    with redirect_stdout(sys.stderr):
        said = benchmark.generate(**given)
    print(options.out)
    if isinstance(said, str):
        print(said, file=sys.stderr)
    return 0


def _is_generated(name: str) -> bool:
    from workbench.plugins.interfaces import Generated

    try:
        return isinstance(registry.load("benchmarks", name), Generated)
    except ConfigurationError:  # a broken plugin cannot be used
        return False
