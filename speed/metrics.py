"""How fast the metrics are, with equal results: the reference's nested loops and ours, and three engines of COCO AP.

    python speed/metrics.py [--instructions 3328] [--repeats 3] [--json]

Three measurements on generated masks of 640x480 pixels:

* Inst2Seg-Bench, 10 predictions an instruction. The reference computes what InstructSAM's evaluation script reports in
  nested loops: pooled masks are decoded to pixels for gIoU and cIoU; AP goes through all predictions by falling score
  at each of 10 thresholds and computes their IoUs with every target again, for all instructions and again for those
  with no, one and several targets. IoUs come from pycocotools on both sides.
* COCO AP of the same masks as COCO's JSON: pycocotools, hotcoco where it is installed, and ours.
* Memory: the peak of a process that reads 100,000 predictions from a file and scores them.

Times are of the processor, so that other work on the machine does not count; each is the median of the repeats, which
take turns.
"""

import argparse
import importlib.util
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from workbench.data import masks
from workbench.data.masks import Rle
from workbench.data.predictions import Instance, Prediction
from workbench.data.samples import Sample
from workbench.failures.taxonomy import diagnose
from workbench.metrics.ap import average_precision, rank
from workbench.metrics.coco_files import Engine, evaluate_files
from workbench.metrics.groups import by_targets
from workbench.metrics.inst2seg import inst2seg
from workbench.metrics.overlaps import IOU_THRESHOLDS, overlaps
from workbench.metrics.statistics import values
from workbench.metrics.uncertainty import intervals
from workbench.systems.prediction_files import read_predictions

HEIGHT, WIDTH, PER_IMAGE, PER_INSTRUCTION = 480, 640, 4, 10
ENGINES: tuple[Engine, ...] = ("pycocotools", "hotcoco", "workbench")
BINS = {"0": range(1), "1": range(1, 2), ">=2": range(2, 1000)}


def ellipse(chance: np.random.Generator, near: tuple[float, ...] | None = None) -> tuple[tuple[float, ...], Rle]:
    """The centre and radii of an ellipse, and its mask. `near`: centre and radii of another ellipse that it
    resembles.
    """
    if near is None:
        shape = (*chance.uniform((80, 80), (WIDTH - 80, HEIGHT - 80)), *chance.uniform(20, 90, size=2))
    else:
        shape = tuple(np.array(near) + chance.normal(0, 6, size=4))
    y, x = np.ogrid[:HEIGHT, :WIDTH]
    inside = ((x - shape[0]) / shape[2]) ** 2 + ((y - shape[1]) / shape[3]) ** 2 <= 1
    return shape, masks.encode(inside)


def generate(instructions: int, seed: int = 0) -> tuple[list[Sample], list[Prediction]]:
    """Instructions with 0 to 4 targets, each with 10 predictions: some near a target, the rest anywhere."""
    chance = np.random.default_rng(seed)
    samples, answers = [], []
    pool = [ellipse(chance)[1] for _ in range(500)]
    for index in range(instructions):
        targets = [ellipse(chance) for _ in range(chance.choice(5, p=[0.2, 0.4, 0.2, 0.1, 0.1]))]
        near = [ellipse(chance, shape)[1] for shape, _ in targets for _ in range(2)]
        chosen = [*near, *(pool[i] for i in chance.integers(len(pool), size=PER_INSTRUCTION))][:PER_INSTRUCTION]
        scores = chance.permutation(instructions * PER_INSTRUCTION)[:PER_INSTRUCTION] / (instructions * PER_INSTRUCTION)
        name, image = str(index), f"{index // PER_IMAGE}.jpg"
        samples.append(Sample(name, image, Path(image), WIDTH, HEIGHT, "", tuple(mask for _, mask in targets)))
        instances = (Instance(mask, float(score)) for mask, score in zip(chosen, scores, strict=True))
        answers.append(Prediction(name, tuple(instances)))
    return samples, answers


def reference(samples: Sequence[Sample], answers: Sequence[Prediction]) -> dict[str, dict[str, float]]:
    """gIoU, cIoU and mAP of all instructions and of each bin, by nested loops."""
    areas = [areas_of_pixels(sample, answer) for sample, answer in zip(samples, answers, strict=True)]
    groups = {"all": list(range(len(samples)))}
    groups |= {name: [i for i in groups["all"] if len(samples[i].targets) in counts] for name, counts in BINS.items()}
    figures = {}
    for name, members in groups.items():
        chosen = [areas[i] for i in members]
        common, either = (sum(column) for column in zip(*chosen, strict=True))
        ap = [nested_loops([samples[i] for i in members], [answers[i] for i in members], t) for t in IOU_THRESHOLDS]
        figures[name] = {
            "gIoU": float(np.mean([i / u if u else 1.0 for i, u in chosen])),
            "cIoU": common / either if either else 0.0,
            "mAP": float(np.mean(ap)),
        }
    return figures


def areas_of_pixels(sample: Sample, answer: Prediction) -> tuple[int, int]:
    predicted, wanted = pooled([i.mask for i in answer.instances]), pooled(sample.targets)
    return int((predicted & wanted).sum()), int((predicted | wanted).sum())


def pooled(rles: Sequence[Rle]) -> NDArray[np.bool_]:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    for rle in rles:
        mask |= coco.decode(rle).astype(bool)
    return mask


def nested_loops(samples: Sequence[Sample], answers: Sequence[Prediction], threshold: float) -> float:
    """Area under the interpolated precision-recall curve of one global ranking."""
    ranked = [(instance.score, i, instance.mask) for i, answer in enumerate(answers) for instance in answer.instances]
    ranked.sort(key=lambda one: -one[0])
    taken: list[set[int]] = [set() for _ in samples]
    hits = np.zeros(len(ranked))
    for position, (_, i, mask) in enumerate(ranked):
        best, best_target = 0.0, -1
        for target, wanted in enumerate(samples[i].targets):
            if target not in taken[i]:
                iou = float(coco.iou([mask], [wanted], [0])[0, 0])
                if iou > best:
                    best, best_target = iou, target
        if best_target >= 0 and best >= threshold:
            taken[i].add(best_target)
            hits[position] = 1
    total = sum(len(sample.targets) for sample in samples)
    if not total or not len(hits):
        return 0.0
    recall, precision = np.cumsum(hits) / total, np.cumsum(hits) / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(np.concatenate([[0.0], recall])) * envelope))


def ours(samples: Sequence[Sample], answers: Sequence[Prediction]) -> dict[str, dict[str, float]]:
    """The same numbers, and N_acc and T_acc, from overlaps that are computed once."""
    overlapping = overlaps(samples, answers)
    metrics = {
        name: values(inst2seg(group), len(group))
        for name, group in {"all": overlapping, **by_targets(overlapping)}.items()
    }
    return {
        name: {metric: group[metric] or 0.0 for metric in ("gIoU", "cIoU", "mAP")} for name, group in metrics.items()
    }


def coco_json(samples: Sequence[Sample], answers: Sequence[Prediction]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The samples as images of one category, and the predictions as its detections."""
    annotations: list[dict[str, Any]] = []
    detections = []
    for image, (sample, answer) in enumerate(zip(samples, answers, strict=True), 1):
        key = {"image_id": image, "category_id": 1}
        for mask in sample.targets:
            shape = {"segmentation": mask, "bbox": list(masks.bounding_box(mask)), "area": masks.area(mask)}
            annotations.append({"id": len(annotations) + 1, **key, **shape, "iscrowd": 0})
        detections += [{**key, "segmentation": i.mask, "score": i.score} for i in answer.instances]
    images = [{"id": i, "file_name": f"{i}.jpg", "height": HEIGHT, "width": WIDTH} for i in range(1, len(samples) + 1)]
    return {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "object"}]}, detections


def seconds(function: Callable[[], Any]) -> tuple[float, Any]:
    """Processor time, of all threads, and the result."""
    begun = time.process_time()
    result = function()
    return time.process_time() - begun, result


def take_turns(functions: dict[str, Callable[[], Any]], repeats: int) -> tuple[dict[str, float], dict[str, Any]]:
    """The median seconds and the last result of each."""
    taken: dict[str, list[float]] = {name: [] for name in functions}
    results = {}
    for _ in range(repeats):
        for name, function in functions.items():
            elapsed, results[name] = seconds(function)
            taken[name].append(elapsed)
    return {name: median(times) for name, times in taken.items()}, results


def measure_loops(samples: list[Sample], answers: list[Prediction], repeats: int) -> dict[str, Any]:
    functions = {"reference": lambda: reference(samples, answers), "workbench": lambda: ours(samples, answers)}
    times, results = take_turns(functions, repeats)
    for name, group in results["reference"].items():
        for metric, value in group.items():
            if abs(value - results["workbench"][name][metric]) > 1e-9:
                raise SystemExit(f"{metric} of {name} differs: {value} and {results['workbench'][name][metric]}")
    overlapping = overlaps(samples, answers)
    ranking = rank(overlapping)
    again = {
        "diagnosis": lambda: [diagnose(overlap) for overlap in overlapping],
        "2000 bootstrap draws of mAP": lambda: intervals(
            [o.image_id for o in overlapping], lambda weights: {"mAP": average_precision(ranking, weights).mean(axis=0)}
        ),
    }
    more, _ = take_turns(again, repeats)
    return {"seconds": times, "ratio": times["reference"] / times["workbench"], "from the same overlaps": more}


def measure_coco(samples: list[Sample], answers: list[Prediction], repeats: int) -> dict[str, Any]:
    truth, detections = coco_json(samples, answers)
    functions: dict[str, Callable[[], Any]] = {
        engine: partial(evaluate_files, truth, detections, engine=engine)
        for engine in ENGINES
        if importlib.util.find_spec(engine) is not None
    }
    times, results = take_turns(functions, repeats)
    for engine, metrics in results.items():
        for metric, value in results["pycocotools"].items():
            if abs((value or 0.0) - (metrics[metric] or 0.0)) > 1e-9:
                raise SystemExit(f"{metric} of {engine} differs: {metrics[metric]} and {value}")
    return {"seconds": times, "ratio": {name: times["pycocotools"] / times[name] for name in times}}


def measure_memory(predictions: int) -> dict[str, Any]:
    """Peak of a fresh process, in MiB, with its imports."""
    command = [sys.executable, __file__, "--peak-of", str(predictions)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    memory: dict[str, Any] = json.loads(done.stdout)
    return memory


def peak(predictions: int) -> dict[str, Any]:
    """Score a file with this many predictions: a few hundred samples, repeated."""
    count = predictions // PER_INSTRUCTION
    some, answers = generate(min(count, 200), seed=1)
    samples = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.jsonl"
        with path.open("w") as file:
            for i in range(count):
                one, answer = some[i % len(some)], answers[i % len(some)]
                samples.append(Sample(str(i), f"{i // PER_IMAGE}", Path("x"), WIDTH, HEIGHT, "", one.targets))
                instances = [{"mask": instance.mask, "score": instance.score} for instance in answer.instances]
                file.write(json.dumps({"sample_id": str(i), "instances": instances}) + "\n")
        size = path.stat().st_size
        elapsed, overlapping = seconds(lambda: overlaps(samples, read_predictions(path, samples)))
        scoring, _ = seconds(lambda: {name: values(inst2seg(g), len(g)) for name, g in by_targets(overlapping).items()})
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "predictions": count * PER_INSTRUCTION,
        "file in MB": round(size / 1e6),
        "peak in MiB": round(mib),
        "seconds to read and overlap": elapsed,
        "seconds to score": scoring,
    }


def table(results: dict[str, Any]) -> str:
    """A Markdown table for each measurement."""
    loops, engines, memory = results["inst2seg"], results["coco"], results["memory"]
    lines = [
        f"| {results['instructions']} instructions, 10 predictions each | seconds | times faster |",
        "|---|--:|--:|",
    ]
    lines += [f"| reference, nested loops | {loops['seconds']['reference']:.2f} | 1 |"]
    lines += [f"| ours | {loops['seconds']['workbench']:.2f} | {loops['ratio']:.1f} |"]
    lines += [f"| {name}, from the same overlaps | {s:.2f} | |" for name, s in loops["from the same overlaps"].items()]
    lines += ["", "| COCO AP of the same masks | seconds | times faster |", "|---|--:|--:|"]
    lines += [f"| {name} | {s:.2f} | {engines['ratio'][name]:.1f} |" for name, s in engines["seconds"].items()]
    lines += ["", "| memory | |", "|---|--:|"]
    lines += [
        f"| {name} | {value:.1f} |" if isinstance(value, float) else f"| {name} | {value} |"
        for name, value in memory.items()
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instructions", type=int, default=3328)
    parser.add_argument("--predictions", type=int, default=100_000, help="for the memory (%(default)s)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--peak-of", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak_of is not None:
        print(json.dumps(peak(options.peak_of)))
        return
    samples, answers = generate(options.instructions)
    results = {
        "instructions": options.instructions,
        "repeats": options.repeats,
        "inst2seg": measure_loops(samples, answers, options.repeats),
        "coco": measure_coco(samples, answers, options.repeats),
        "memory": measure_memory(options.predictions),
    }
    print(json.dumps(results, indent=2) if options.json else table(results))


if __name__ == "__main__":
    main()
