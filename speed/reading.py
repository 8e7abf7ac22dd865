"""What reading the large benchmarks takes: files of the published size are written, and read in a process each.

    python -m speed.reading [--share 1] [--json]

Rows of the table: `saco`, 62,000 phrases with three annotators; `omnilabel`, 25,000 images asked for 168,000
descriptions; `coco`, 5,000 images asked for 80 categories; `d3`, 10,578 images asked for all 422 descriptions each. The
files are made up and have the published layout; masks are polygons of 20 to 60 points.

`file`: size of the annotation files. `samples`: how many are read, one after the other, none kept. `memory`: the most
that the process took above what it took before it opened the files. `seconds`: of the processor. `first`: seconds until
the first sample is there. `share` makes everything that much smaller.
"""

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.benchmarks.coco import coco
from workbench.benchmarks.d3 import d3
from workbench.benchmarks.omnilabel import omnilabel
from workbench.benchmarks.saco import saco

HEIGHT, WIDTH = 480, 640
Item = dict[str, Any]


def outline(chance: np.random.Generator) -> list[float]:
    """A polygon `[x, y, ...]` around a random place, in pixels."""
    angles = np.sort(chance.uniform(0, 2 * np.pi, chance.integers(20, 60)))
    radius = chance.uniform(10, 90, len(angles))
    points = np.stack([WIDTH / 2 + np.cos(angles) * radius, HEIGHT / 2 + np.sin(angles) * radius], axis=1)
    return [round(float(value), 2) for value in points.ravel()]


def box(chance: np.random.Generator) -> list[float]:
    """A box `[x, y, width, height]` in pixels."""
    return [round(float(value), 2) for value in (*chance.uniform(0, 200, 2), *chance.uniform(10, 250, 2))]


def image(number: int, **more: Any) -> Item:
    """An entry of `images`."""
    return {"id": number, "file_name": f"{number:012}.jpg", "height": HEIGHT, "width": WIDTH, **more}


def write(path: Path, lists: dict[str, Iterator[Item]]) -> None:
    """A JSON object of lists, entry by entry."""
    with path.open("w", encoding="utf-8") as file:
        for i, (name, items) in enumerate(lists.items()):
            file.write(f'{"," if i else "{"}"{name}": [')
            for j, item in enumerate(items):
                file.write(("," if j else "") + json.dumps(item))
            file.write("]")
        file.write("}")


def write_saco(folder: Path, share: float) -> None:
    """Three files with a phrase an image, an eighth of which has targets, three each."""
    count = round(62_000 * share)
    for letter in "abc":
        path = folder / f"gold_all_merged_{letter}_release_test.json"
        chance = np.random.default_rng(ord(letter))
        images = (image(i, text_input=f"thing {i % 5000}", is_instance_exhaustive=1) for i in range(count))
        objects = (
            {"id": i * 3 + k, "image_id": i, "bbox": [0.1, 0.1, 0.5, 0.5], "segmentation": [outline(chance)]}
            for i in range(0, count, 8)
            for k in range(3)
        )
        write(path, {"images": images, "annotations": objects})


def write_omnilabel(folder: Path, share: float) -> None:
    """Boxes under descriptions that ask six or seven images each."""
    count = round(25_000 * share)
    chance = np.random.default_rng(0)
    descriptions = (
        {
            "id": i + 1,
            "text": f"the object number {i} that lies beside the other",
            "image_ids": sorted({(i * 7 + k * 13) % count for k in range(7 if i % 10 < 2 else 6)}),
            "anno_info": {"type": "object_description"},
        }
        for i in range(round(27_100 * share))
    )
    boxes = (
        {"id": i + 1, "image_id": i % count, "bbox": box(chance), "description_ids": [i // 7 + 1]}
        for i in range(count * 7)
    )
    path = folder / "dataset_all_val.json"
    write(path, {"images": (image(i) for i in range(count)), "descriptions": descriptions, "annotations": boxes})


def categorised(
    path: Path, images: int, names: Sequence[str], objects: int, outlined: bool, chance: np.random.Generator
) -> None:
    """A file in the layout of COCO with so many objects an image."""
    annotations = (
        {
            "id": i + 1,
            "image_id": i % images,
            "category_id": int(chance.integers(1, len(names) + 1)),
            "bbox": box(chance),
            "area": 100.0,
            "iscrowd": 0,
            **({"segmentation": [outline(chance)]} if outlined else {}),
        }
        for i in range(images * objects)
    )
    categories = ({"id": i, "name": name} for i, name in enumerate(names, 1))
    write(path, {"images": (image(i) for i in range(images)), "categories": categories, "annotations": annotations})


def write_coco(folder: Path, share: float) -> None:
    """80 categories, seven objects an image."""
    path, names = folder / "instances_val2017.json", [f"category {i}" for i in range(80)]
    categorised(path, round(5_000 * share), names, 7, True, np.random.default_rng(0))


def write_d3(folder: Path, share: float) -> None:
    """422 descriptions, two objects an image; every image is asked all."""
    path, names = folder / "d3_full_annotations.json", [f"a person who does thing {i}" for i in range(422)]
    categorised(path, round(10_578 * share), names, 2, False, np.random.default_rng(0))


WAYS: dict[str, tuple[Callable[[Path, float], None], str, Callable[..., Any]]] = {
    "saco": (write_saco, "gold_all_merged_a_release_test.json", saco),
    "omnilabel": (write_omnilabel, "dataset_all_val.json", omnilabel),
    "coco": (write_coco, "instances_val2017.json", coco),
    "d3": (write_d3, "d3_full_annotations.json", d3),
}
"""Writes the files, the name of the one to read, and reads it"""
OPTIONS = {"d3": {"setting": "inter"}}


def peak() -> float:
    """The most memory that this process took so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def read(name: str, share: float) -> Item:
    """Write the files of a benchmark and read them in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        context = multiprocessing.get_context("spawn")
        with context.Pool(1) as writer:
            writer.apply(_write, (name, folder, share))
        with context.Pool(1) as reader:
            return reader.apply(_read, (name, folder))


def _write(name: str, folder: str, share: float) -> None:
    WAYS[name][0](Path(folder), share)


def _read(name: str, folder: str) -> Item:
    _, file, make = WAYS[name]
    before, begun = peak(), _seconds()
    samples = iter(make(str(Path(folder, file)), None, **OPTIONS.get(name, {})).samples())
    next(samples)
    first = _seconds() - begun
    count = 1 + sum(1 for _ in samples)
    size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 2**20
    return {
        "benchmark": name,
        "file": round(size),
        "samples": count,
        "memory": round(peak() - before),
        "seconds": round(_seconds() - begun, 1),
        "first": round(first, 1),
    }


def _seconds() -> float:
    times = os.times()
    return times.user + times.system


def main() -> None:
    parser = argparse.ArgumentParser(description="What reading the large benchmarks takes.")
    parser.add_argument("--share", type=float, default=1)
    parser.add_argument("--only", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = []
    for name in options.only:
        rows.append(row := read(name, options.share))
        if not options.json:
            if len(rows) == 1:
                print(f"{'':10}{'file MiB':>10}{'samples':>12}{'memory MiB':>12}{'seconds':>9}{'first':>8}", flush=True)
            print(
                f"{name:10}{row['file']:>10}{row['samples']:>12,}{row['memory']:>12}{row['seconds']:>9}{row['first']:>8}",
                flush=True,
            )
    if options.json:
        print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
