"""What a training takes to know its data: a file in the layout of the training of Inst2Seg is written, its index is
made, and the questions of pictures are read from it.

    python -m speed.training_data [--pictures 50000]

Each picture of 640 x 480 pixels has four questions with one mask. `file` and `index`: their sizes. `memory`: the most
that the process took above what it took before. `seconds`: of the processor, to make the index. `read`: the median to
find the questions of a random picture, without the picture itself, in milliseconds.
"""

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from workbench.data.masks import encode
from workbench.foundations.training.data.index import Limits, opened
from workbench.foundations.training.data.options import sources_of

HEIGHT, WIDTH, QUESTIONS, SHAPES, READ = 480, 640, 4, 8, 500


def write(path: Path, pictures: int) -> None:
    """A training file with so many pictures, which need not be there."""
    chance = np.random.default_rng(0)
    blobs = [gaussian_filter(chance.standard_normal((HEIGHT, WIDTH)), 20) > 0.03 for _ in range(SHAPES)]
    shapes = [json.dumps(encode(blob)) for blob in blobs]
    with path.open("w", encoding="utf-8") as file:
        for i in range(pictures):
            asked = [
                {"type": "sentence", "text": f"thing {i} {j}", "ann_type": "mask", "ann": [shapes[(i + j) % SHAPES]]}
                for j in range(QUESTIONS)
            ]
            entry = {"image": f"{i}.jpg", "height": HEIGHT, "width": WIDTH, "annotation": asked}
            file.write(("," if i else "[") + json.dumps(entry))
        file.write("]")


def measured(folder: Path, pictures: int) -> dict[str, float]:
    """The row of the table for a file of so many pictures; sizes and memory in MB."""
    path = folder / "train.json"
    write(path, pictures)
    (source,) = sources_of([{"benchmark": "inst2seg", "options": {"annotations": str(path), "images": str(folder)}}])
    before, begun = _most(), time.process_time()
    index = opened(source, folder / "index", Limits(most=10, boxes=True))
    seconds, memory = time.process_time() - begun, _most() - before
    chance, times = np.random.default_rng(0), []
    for number in chance.integers(len(index), size=READ):
        begun = time.perf_counter()
        index.lines(int(number))
        times.append(time.perf_counter() - begun)
    return {
        "pictures": len(index),
        "file": path.stat().st_size / 1e6,
        "index": sum(part.stat().st_size for part in (folder / "index").iterdir()) / 1e6,
        "memory": memory / 1e6,
        "seconds": seconds,
        "read": 1000 * statistics.median(times),
    }


def _most() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the row."""
    parser = argparse.ArgumentParser(prog="python -m speed.training_data", description="The cost of training data.")
    parser.add_argument("--pictures", type=int, default=50_000, help="of the file (%(default)s)")
    with tempfile.TemporaryDirectory() as folder:
        row = measured(Path(folder), parser.parse_args(arguments).pictures)
    print("  ".join(f"{name} {value:,.2f}" if value % 1 else f"{name} {value:,.0f}" for name, value in row.items()))


if __name__ == "__main__":
    main()
