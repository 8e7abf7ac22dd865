"""What 100,000 samples of three systems take after the models: store, scores, report and MLflow, seconds and memory.

    python -m speed.scale_scores [--samples 100000] [--folder DIR] [--json]

A run folder is made of generated answers to pictures of 640x480: two single passes (`pass-a`, `pass-b`) that keep the
masks that scored too low, and an agent (`agent`) whose conversation takes about 80 KB a sample as JSON. The first 2,000
answers of each go through the store that a comparison writes to; the other lines are theirs again, under other ids and
with other scores. Then each part works on the folder in a process of its own:

    store      2,000 answers of each system are appended, each with its `fsync`
    continue   the three stores are opened again, as a comparison does that goes on
    scores     `finish`: overlaps, metrics with intervals, differences, curves, `results.json`, `samples.parquet`
    report     the page and its figures
    mlflow     everything is logged to a local store

Seconds are of the clock and of all processors together. The peak is that of the part's process with its imports and the
processes that it starts, all together: what they share counts once (`Pss` of Linux, read twice a second).
With --folder what is there is kept and used again; else a temporary folder is deleted.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from speed.metrics import HEIGHT, WIDTH, ellipse
from workbench.data.digests import digest
from workbench.data.masks import Rle, encode
from workbench.data.notes import Note
from workbench.data.predictions import Call, Candidate, Instance, Prediction
from workbench.data.samples import Sample
from workbench.runs.files import read_records, sealed
from workbench.runs.inputs import write_inputs
from workbench.runs.store import Store

PARTS = ("store", "continue", "scores", "report", "mlflow")
SYSTEMS = ("pass-a", "pass-b", "agent")
KINDS = ("category", "attribute", "relation", "count")
PICTURES, PER_IMAGE = 16, 4
SHAPES, NEAR = 300, 5
ROUNDS, THOUGHT = 9, 900
"""Requests of the agent's conversation, and the characters of each reply: 80 KB as JSON."""
SLOTS = 15
APPENDED = 2000
"""Answers of each system that go through the store."""
TEXT = "the person who stands left of a red cup near window looks at two small white dogs on wooden table while"
WORDS = TEXT.split()


class Scenes:
    """The generated benchmark: 640x480, four instructions an image, none to three targets each."""

    name = "scale"
    protocol = "inst2seg"

    def __init__(self, root: Path, count: int) -> None:
        self.root, self.count = root, count

    def identity(self) -> dict[str, Any]:
        return {"samples": self.count, "version": 1}

    def image_root(self) -> Path:
        return self.root

    def samples(self) -> Iterator[Sample]:
        return (sample(number, self.root) for number in range(self.count))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="keep the run folder here, and use it again")
    parser.add_argument("--parts", default=",".join(PARTS), help="%(default)s")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print(json.dumps(measured(options.part, options.folder, options.samples)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        parts = {part: in_a_process(part, folder, options.samples) for part in options.parts.split(",")}
    results = {"samples": options.samples, "systems": SYSTEMS, "parts": parts}
    print(json.dumps(results, indent=2) if options.json else table(results))


def in_a_process(part: str, folder: Path, count: int) -> dict[str, Any]:
    words = ["--part", part, "--folder", str(folder), "--samples", str(count)]
    command = [sys.executable, "-m", "speed.scale_scores", *words]
    peak = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE) as done:
        while done.poll() is None:
            time.sleep(0.5)
            peak = max(peak, memory_of(done.pid))
        assert done.stdout is not None
        told = done.stdout.read().decode()
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, command)
    found: dict[str, Any] = json.loads(told.splitlines()[-1]) | {"peak in MB": round(peak * 1024 / 1e6)}
    print(f"{part}: {found}", file=sys.stderr)
    return found


def memory_of(process: int) -> int:
    """KB of memory of a process and those that it started; pages of several of them count once."""
    total, waiting = 0, [process]
    while waiting:
        one = Path("/proc") / str(waiting.pop())
        with suppress(OSError):  # it has ended
            lines = (one / "smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
            for thread in (one / "task").iterdir():
                waiting += map(int, (thread / "children").read_text().split())
    return total


def measured(part: str, folder: Path, count: int) -> dict[str, Any]:
    """Do one part, and say its seconds."""
    before, begun = os.times(), time.perf_counter()
    more = DO[part](folder, count)
    elapsed, after = time.perf_counter() - begun, os.times()
    return {
        "seconds": round(elapsed, 1),
        "processor seconds": round(sum(after[:4]) - sum(before[:4]), 1),
        **(more or {}),
    }


def run_folder(folder: Path) -> Path:
    return folder / "run"


def write_store(folder: Path, count: int) -> dict[str, Any]:
    """The seconds are those of the appended answers alone."""
    run, scenes = run_folder(folder), Scenes(folder / "pictures", count)
    write_pictures(scenes.root)
    (run / scenes.name).mkdir(parents=True, exist_ok=True)
    write_inputs(run, scenes, list(scenes.samples()), {name: identity(name) for name in SYSTEMS}, {"mode": "latency"})
    sizes, spent, processor = {}, 0.0, 0.0
    for name in SYSTEMS:
        path = run / scenes.name / name / "predictions.jsonl"
        given = [(one, answer(name, int(one.sample_id), one)) for one in islice(scenes.samples(), APPENDED)]
        begun, before = time.perf_counter(), time.process_time()
        with Store(path.parent, identity(name)) as store:
            store.add_session({"started": "2026-01-01T00:00:00+00:00", "load": 1.0, "warm_up": 1.0, "todo": count})
            for asked, one in given:
                image, words = digest(asked.image_path.name), digest(asked.instruction)
                store.append(one, image, words, one.latency or 0.0)
        spent, processor = spent + time.perf_counter() - begun, processor + time.process_time() - before
        fill(path, islice(scenes.samples(), APPENDED, None))
        sizes[name] = path.stat().st_size
    sizes["samples"] = (run / scenes.name / "samples.jsonl").stat().st_size
    return {
        "seconds": round(spent, 1),
        "processor seconds": round(processor, 1),
        "bytes a sample": {name: round(size / count) for name, size in sizes.items()},
    }


def fill(path: Path, samples: Iterable[Sample]) -> None:
    """The lines of a store again, for further samples."""
    records = read_records(path)
    with path.open("ab") as file:
        for one in samples:
            number = int(one.sample_id)
            record, factor = records[number % APPENDED], 1 - number * 1e-8
            masks = {
                key: [{**mask, "score": mask["score"] * factor} for mask in record[key]]
                for key in ("instances", "candidates")
            }
            about = {"image": digest(one.image_path.name), "instruction": digest(one.instruction)}
            file.write(sealed({**record, "sample_id": one.sample_id, **masks, **about}))


def go_on(folder: Path, count: int) -> None:
    run, scenes = run_folder(folder), Scenes(folder / "pictures", count)
    samples = list(scenes.samples())
    with ExitStack() as stack:
        for name in SYSTEMS:
            store = stack.enter_context(Store(run / scenes.name / name, identity(name)))
            for one in samples:
                store.check(one.sample_id, digest(one.image_path.name), digest(one.instruction))


def score(folder: Path, count: int) -> None:
    from workbench.scoring.finish import finish

    finish(run_folder(folder))


def report(folder: Path, count: int) -> dict[str, Any]:
    from reports.figures.catalogue import write_figures
    from reports.pages.report import write_report
    from workbench.runs.run import add_report
    from workbench.tracking.load import load_run

    run = load_run(run_folder(folder))
    page = write_report(run, run.path / "report.html")
    write_figures(run, run.path / "figures")
    add_report(run, page)
    return {"bytes of the page": page.stat().st_size}


def log(folder: Path, count: int) -> None:
    from workbench.tracking.load import load_run
    from workbench.tracking.log import track
    from workbench.tracking.stores import sqlite_uri

    track(load_run(run_folder(folder)), sqlite_uri(folder / "mlflow.db"))


DO: dict[str, Callable[[Path, int], Any]] = {
    "store": write_store, "continue": go_on, "scores": score, "report": report, "mlflow": log
}  # fmt: skip


def identity(system: str) -> dict[str, Any]:
    return {"system": {"name": system, "version": 1}}


def write_pictures(root: Path) -> None:
    from PIL import Image

    root.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(0)
    for number in range(PICTURES):
        small = Image.fromarray(chance.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        small.resize((WIDTH, HEIGHT)).save(root / f"{number}.png")


@cache
def shapes() -> list[list[Rle]]:
    """Of each shape, its mask and masks near it."""
    chance = np.random.default_rng(1)
    found = []
    for _ in range(SHAPES):
        shape, mask = ellipse(chance)
        found.append([mask, *(ellipse(chance, shape)[1] for _ in range(NEAR))])
    return found


@cache
def places() -> list[Rle]:
    """Small masks in many places, which are on no target."""
    chance = np.random.default_rng(2)
    blank = np.zeros((HEIGHT, WIDTH), dtype=bool)
    found = []
    for _ in range(SHAPES):
        y, x = chance.integers(0, HEIGHT - 30), chance.integers(0, WIDTH - 30)
        mask = blank.copy()
        mask[y : y + 30, x : x + 30] = True
        found.append(encode(mask))
    return found


def chosen(number: int) -> list[int]:
    """The shapes that are the targets of a sample."""
    chance = np.random.default_rng([3, number % APPENDED])
    return [int(one) for one in chance.choice(SHAPES, chance.choice(4, p=[0.15, 0.55, 0.2, 0.1]), replace=False)]


def sample(number: int, root: Path) -> Sample:
    image = number // PER_IMAGE
    targets = tuple(shapes()[one][0] for one in chosen(number))
    path = root / f"{image % PICTURES}.png"
    words = " ".join(WORDS[(number * 7 + place) % len(WORDS)] for place in range(8))
    return Sample(str(number), f"{image}.jpg", path, WIDTH, HEIGHT, words, targets, kind=KINDS[number % len(KINDS)])


def answer(system: str, number: int, asked: Sample) -> Prediction:
    """What a system says: most targets found, more or less well, some things that nobody asked for."""
    chance = np.random.default_rng([4 + SYSTEMS.index(system), number])
    instances = [
        Instance(shapes()[shape][int(chance.integers(1, NEAR + 1))], float(chance.uniform(0.5, 1)))
        for shape in chosen(number)
        if chance.random() < 0.85
    ]
    if chance.random() < 0.2:
        instances.append(Instance(places()[int(chance.integers(SHAPES))], float(chance.uniform(0.5, 0.8))))
    spare = [places()[int(one)] for one in chance.integers(SHAPES, size=SLOTS if system != "agent" else 4)]
    reason = "low_score" if system != "agent" else "unselected"
    candidates = tuple(Candidate(mask, float(chance.uniform(0, 0.5)), reason) for mask in spare)
    calls = talk(chance, asked, candidates) if system == "agent" else passes(chance)
    seconds = sum(call.duration for call in calls) + float(chance.uniform(0.001, 0.01))
    return Prediction(
        asked.sample_id, tuple(instances), latency=seconds, calls=calls, candidates=candidates,
        phrases=("a red cup",), processor=seconds, waited=0.0,
    )  # fmt: skip


def passes(chance: np.random.Generator) -> tuple[Call, ...]:
    encode_s, decode_s = (float(one) for one in chance.gamma(8, 0.01, size=2))
    return (
        Call("encode", 0.0, encode_s, processor=encode_s),
        Call("decode", encode_s, decode_s, 300, 12, {"reply": "a red cup", "phrase": "a red cup"}, decode_s),  # type: ignore[arg-type]
    )


def talk(chance: np.random.Generator, asked: Sample, seen: tuple[Candidate, ...]) -> tuple[Call, ...]:
    """An agent's conversation: each request sends all that was said before, with the masks marked in the pictures."""
    calls: list[Call] = []
    marked = [one.mask["counts"] for one in seen] + [mask["counts"] for mask in asked.targets]
    sent: list[dict[str, Any]] = [
        {"role": "user", "picture": "raw", "masks": []}, {"role": "user", "text": f"Segment {asked.instruction}."}
    ]  # fmt: skip
    begun = 0.0
    for turn in range(ROUNDS):
        words = " ".join(WORDS[int(one)] for one in chance.integers(len(WORDS), size=THOUGHT // 4))
        reply = (
            f'<think>{words}</think><tool>{{"name": "segment_phrase", "parameters": {{"text_prompt": "cup"}}}}</tool>'
        )
        spent = float(chance.gamma(8, 0.02))
        note = {
            "request": "main",
            "about": "masks_rendered",
            "sent": list(sent),
            "reply": reply,
            "tool": "segment_phrase",
        }
        calls.append(Call("llm", begun, spent, 900 + 500 * turn, 220, Note.from_json(note), 0.01))
        begun += spent
        calls.append(Call("segment", begun, 0.05, note=Note(phrase="cup", masks=len(seen)), processor=0.05))
        calls.append(Call("render", begun + 0.05, 0.01, note=Note(picture="all_masks", marked=marked), processor=0.01))
        begun += 0.06
        sent.append({"role": "user", "picture": "all_masks", "masks": marked})
        sent.append({"role": "user", "text": f"{len(seen)} masks were found: {words}"})
    return tuple(calls)


def table(results: dict[str, Any]) -> str:
    """A Markdown table of the parts, and the bytes that a sample takes."""
    lines = [
        f"| {results['samples']:,} samples x {len(SYSTEMS)} systems | s | processor s | peak MB |",
        "|---|--:|--:|--:|",
    ]
    for part, found in results["parts"].items():
        peak = found["peak in MB"]
        lines.append(f"| {part} | {found['seconds']:.0f} | {found['processor seconds']:.0f} | {peak:,} |")
    for name, size in results["parts"].get("store", {}).get("bytes a sample", {}).items():
        lines.append(f"{name}: {size:,} bytes a sample")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
