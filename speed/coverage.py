"""How often the intervals of a comparison hold the truth, and its p-values cry wolf, on real answers.

    python -m speed.coverage RUN [--images 60 240] [--replicates 1000] [--draws 200] [--out coverage.jsonl]

RUN is a run folder, the larger the better: all its images are taken as the population, so that the truth is known. Each
replicate draws a data set of 60 or 240 images from it, with replacement, and computes the intervals of every system and
of every pair as a comparison does. Counted is how often an interval holds the value of the population; 95 % should. Two
more systems have the first one's answers with its scores shuffled, so that they rank nothing, and with one score for
all.

For the p-values, the two systems of a pair swap their answers to half of the images, chosen by chance: then they do not
differ, and p < 0.05 is wrong. At most 5 % should be.

Draws of the bootstrap are fewer than the 2,000 of a comparison, which costs coverage: an interval moves by a tenth of
its standard error from one seed to the next. With `--out`, a run that was stopped continues, and more replicates can be
added later.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np

from workbench.metrics.overlaps import SampleOverlap
from workbench.metrics.statistics import Interval, Measure
from workbench.metrics.uncertainty import Sampled, interval, sampled, spread
from workbench.plugins.registry import load
from workbench.runs.run import Run
from workbench.scoring.system import fractions
from workbench.tracking.load import load_run

LEVEL = 0.05
RIGHT, WRONG, NONE = "right", "wrong", "none"
"""What an interval or a p-value says."""
SHUFFLED, EQUAL = ", scores shuffled", ", one score"
UNINFORMATIVE = (SHUFFLED, EQUAL)
SWAPPED = " swapped with "
BLOCK = 25
"""Replicates that are counted, and stored, together."""
Population = Mapping[str, Sequence[Sequence[SampleOverlap]]]
"""The overlaps of each system's answers, one list for each image, of the same images in the same order."""
Build = Callable[[Sequence[SampleOverlap]], Measure]
"""The function of a protocol."""
Counts = Counter[tuple[str, str, str]]
"""How often it was right and wrong, by row of the table and metric."""


def population(run: Run) -> dict[str, list[list[SampleOverlap]]]:
    """The answers of a run's systems, and those of the first with scores that say nothing."""
    flat = {name: run.overlaps(name) for name in run.systems}
    first = run.systems[0]
    return {name: by_image(overlaps) for name, overlaps in {**flat, **uninformative(first, flat[first])}.items()}


def by_image(overlaps: Sequence[SampleOverlap]) -> list[list[SampleOverlap]]:
    """The overlaps of each image."""
    images: dict[str, list[SampleOverlap]] = {}
    for overlap in overlaps:
        images.setdefault(overlap.image_id, []).append(overlap)
    return list(images.values())


def uninformative(name: str, overlaps: Sequence[SampleOverlap], seed: int = 0) -> dict[str, list[SampleOverlap]]:
    """The same answers with their scores shuffled, and with one score for all."""
    scores = np.random.default_rng(seed).permutation(np.concatenate([overlap.scores for overlap in overlaps]))
    parts = np.split(scores, np.cumsum([overlap.n_instances for overlap in overlaps])[:-1])
    return {
        f"{name}{SHUFFLED}": [replace(o, scores=part) for o, part in zip(overlaps, parts, strict=True)],
        f"{name}{EQUAL}": [replace(o, scores=np.full(o.n_instances, 0.5)) for o in overlaps],
    }


def pairs(systems: Population) -> list[tuple[str, str]]:
    """The systems of the run with each other, and the first with those that have its answers."""
    real = of_the_run(systems)
    return [*combinations(real, 2), *((real[0], name) for name in systems if name not in real)]


def of_the_run(systems: Population) -> list[str]:
    return [name for name in systems if not name.endswith(UNINFORMATIVE)]


def truths(systems: Population, build: Build) -> dict[str, dict[str, float]]:
    """The metrics of each system on the whole population, and their differences, by row of the table."""
    found = {}
    for name, images in systems.items():
        overlaps = [overlap for image in images for overlap in image]
        # each sample twice: equal scores are then mixed evenly, so that the order of the population means nothing
        values = build(overlaps)(np.full((len(overlaps), 1), 2))
        found[name] = {metric: float(value[0]) for metric, value in values.items()}
    apart = {
        f"{a} - {b}": {metric: value - found[b][metric] for metric, value in found[a].items()}
        for a, b in pairs(systems)
    }
    return found | apart


def replicate(
    systems: Population, true: Mapping[str, Mapping[str, float]], build: Build, images: int, draws: int, number: int
) -> Counts:
    """What the intervals and p-values of one data set of so many images say."""
    chance = np.random.default_rng([images, number])
    picks = chance.integers(len(next(iter(systems.values()))), size=images)
    chosen = {name: [answers[pick] for pick in picks] for name, answers in systems.items()}
    found = {name: metrics_of(answers, build, draws) for name, answers in chosen.items()}
    bounded = fractions(build, found[next(iter(found))])
    counts: Counts = Counter()
    for name, metrics in found.items():
        for metric, one in metrics.items():
            counts[name, metric, judged(interval(one, metric in bounded), true[name][metric])] += 1
    for a, b in pairs(systems):
        for metric, one in found[a].items():
            drawn = spread(one - found[b][metric], metric in bounded)
            row = f"{a} - {b}"
            counts[row, metric, judged(drawn.interval if drawn else None, true[row][metric])] += 1
    for a, b in combinations(of_the_run(systems), 2):
        swap = (chance.random(images) < 0.5).tolist()
        both = list(zip(swap, chosen[a], chosen[b], strict=True))
        ours = metrics_of([theirs if swapped else ours for swapped, ours, theirs in both], build, draws)
        theirs = metrics_of([ours if swapped else theirs for swapped, ours, theirs in both], build, draws)
        for metric, one in ours.items():
            drawn = spread(one - theirs[metric], metric in bounded)
            said = NONE if drawn is None else WRONG if drawn.p < LEVEL else RIGHT
            counts[f"{a}{SWAPPED}{b}", metric, said] += 1
    return counts


def metrics_of(answers: Sequence[Sequence[SampleOverlap]], build: Build, draws: int) -> dict[str, Sampled]:
    """The metrics of a data set, of which each image is another one, and of draws from it."""
    overlaps = [overlap for image in answers for overlap in image]
    ids = [str(place) for place, image in enumerate(answers) for _ in image]
    return sampled(ids, build(overlaps), draws)


def judged(found: Interval | None, true: float) -> str:
    """Whether an interval holds the truth."""
    return NONE if found is None else RIGHT if found[0] <= true <= found[1] else WRONG


def table(counts: Counts, images: int) -> str:
    """In Markdown: the share of intervals that hold the truth, and of p-values below 0.05, in percent."""
    rows = list(dict.fromkeys(row for row, _, _ in counts))
    metrics = list(dict.fromkeys(metric for _, metric, _ in counts))
    lines = [f"| {images} images | {' | '.join(metrics)} |", "|---|" + "--:|" * len(metrics)]
    for row in rows:
        right, wrong = ([counts[row, metric, said] for metric in metrics] for said in (RIGHT, WRONG))
        shown = wrong if SWAPPED in row else right
        shares = [f"{100 * n / (r + w):.1f}" if r + w else "" for n, r, w in zip(shown, right, wrong, strict=True)]
        lines.append(f"| {row} | {' | '.join(shares)} |")
    return "\n".join(lines)


def read(path: Path | None, setting: Sequence[int]) -> tuple[Counts, set[int]]:
    """What a file has counted for a setting, and the blocks it has."""
    counts: Counts = Counter()
    done = set()
    for line in path.read_text().splitlines() if path and path.exists() else []:
        one = json.loads(line)
        if one["setting"] == list(setting):
            done.add(one["block"])
            counts += Counter({(row, metric, said): n for row, metric, said, n in one["counts"]})
    return counts, done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--images", type=int, nargs="+", default=[60, 240])
    parser.add_argument("--replicates", type=int, default=1000, help=f"in blocks of {BLOCK} (%(default)s)")
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--out", type=Path, help="a file that keeps what was counted, to continue from")
    options = parser.parse_args()
    run = load_run(options.run)
    systems, build = population(run), load("metrics", run.manifest.benchmark.protocol)
    true = truths(systems, build)
    found = {images: read(options.out, [images, options.draws]) for images in options.images}
    for block in range(0, options.replicates, BLOCK):
        for images, (counts, done) in found.items():
            if block in done:
                continue
            more: Counts = Counter()
            for number in range(block, block + BLOCK):
                more += replicate(systems, true, build, images, options.draws, number)
            counts.update(more)
            print(f"{images} images: {block + BLOCK} data sets of {options.replicates}", file=sys.stderr, flush=True)
            if options.out:
                line = {
                    "setting": [images, options.draws],
                    "block": block,
                    "counts": [[*k, n] for k, n in more.items()],
                }
                with options.out.open("a") as file:
                    file.write(json.dumps(line) + "\n")
    for images, (counts, _) in found.items():
        print(table(counts, images), end="\n\n")


if __name__ == "__main__":
    main()
