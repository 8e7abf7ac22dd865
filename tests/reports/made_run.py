"""A run folder with drawn scenes and constructed answers, written by the bench's own writers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from scipy.ndimage import binary_dilation, shift

from workbench.data.masks import decode, encode
from workbench.data.predictions import Call, Candidate, Instance, Note, Prediction, Sent
from workbench.data.samples import Sample, SceneObject
from workbench.runs.inputs import write_inputs
from workbench.runs.run import Run
from workbench.runs.store import Store
from workbench.scoring.finish import finish

COLOURS = {"red": "#c4443a", "blue": "#4062b0", "green": "#54945a", "yellow": "#dEb648", "purple": "#805896"}
SHAPES = ("ball", "box", "ring")
HOSTILE = '<script>alert(1)</script></script> & the "red" box'
SINGLE, AGENT = "single-pass", "agent"


@dataclass(frozen=True)
class Drawn:
    """`mask` `[H, W] bool`, the object's shape and the name of its colour."""

    mask: np.ndarray
    shape: str
    colour: str


class MadeBenchmark:
    name = "drawn"
    protocol = "inst2seg"

    def __init__(self, root: Path, samples: Sequence[Sample]) -> None:
        self._root, self._samples = root, samples

    def identity(self) -> dict[str, Any]:
        return {"version": 1, "split": "test", "seed": 0, "digest": "5f0c1d8e2b7a"}

    def samples(self) -> Sequence[Sample]:
        return self._samples

    def image_root(self) -> Path:
        return self._root


def make_run(
    folder: Path,
    *,
    samples: int = 60,
    per_image: int = 3,
    size: int = 96,
    systems: Sequence[str] = (SINGLE, AGENT),
    no_targets: bool = True,
    failing: bool = False,
    seed: int = 0,
    name: str = "run",
    hostile: bool = False,
) -> Run:
    """Write and score a run called `name`. `failing`: every answer of every system ends in a failure; `seed`: of the
    answers, the samples are always the same; `hostile`: every text that data can bring is `HOSTILE`."""
    asked = make_samples(folder / "images", samples, per_image, size, no_targets)
    if hostile:
        asked = [replace(sample, instruction=HOSTILE, kind=HOSTILE) for sample in asked]
    out = folder / name
    (out / MadeBenchmark.name).mkdir(parents=True)
    benchmark = MadeBenchmark(folder / "images", asked)
    identities = {name: {"name": name, "checkpoint": f"digest-of-{name}", "threshold": 0.3} for name in systems}
    for identity in identities.values() if hostile else ():
        identity[HOSTILE] = HOSTILE
    write_inputs(out, benchmark, asked, identities, {"mode": "latency", "limit": None, "seed": 0})
    for place, system in enumerate(systems, seed):
        answer = failed_answer if failing else agent_answer if system.startswith(AGENT) else single_answer
        answer = spoiled(answer) if hostile else answer
        write_answers(out / benchmark.name / system, asked, answer, np.random.default_rng(place), identities[system])
    return finish(out)


def make_samples(root: Path, count: int, per_image: int, size: int, no_targets: bool) -> list[Sample]:
    root.mkdir(parents=True)
    rng = np.random.default_rng(7)
    made: list[Sample] = []
    while len(made) < count:
        path = root / f"scene-{len(made) // per_image:04d}.png"
        objects = draw_scene(path, size, rng)
        for _ in range(min(per_image, count - len(made))):
            kind, instruction, targets = instruct(objects, rng, no_targets)
            others = [SceneObject(encode(o.mask), o.shape) for o in objects if all(o is not t for t in targets)]
            instruction = HOSTILE if len(made) == 1 else instruction
            masks = tuple(encode(target.mask) for target in targets)
            name = f"drawn-{len(made):05d}"
            made.append(Sample(name, path.stem, path, size, size, instruction, masks, tuple(others), kind=kind))
    return made


def draw_scene(path: Path, size: int, rng: np.random.Generator) -> list[Drawn]:
    """Three to nine objects, each in a cell of its own."""
    picture = Image.new(
        "RGB", (4 * size, 4 * size), tuple(int(v) for v in rng.integers([196, 184, 160], [222, 210, 190]))
    )
    objects = []
    for cell in rng.permutation(9)[: rng.integers(3, 8)]:
        side = rng.uniform(0.16, 0.27)
        x, y = (np.array([cell % 3, cell // 3]) + 0.5) / 3 + rng.uniform(-0.03, 0.03, 2) - side / 2
        shape, colour = str(rng.choice(SHAPES)), str(rng.choice(list(COLOURS)))
        mask = Image.new("L", picture.size)
        draw_shape(mask, shape, [4 * size * v for v in (x, y, x + side, y + side)])
        shadow = mask.filter(ImageFilter.GaussianBlur(size / 16)).point(lambda v: v * 0.35)
        picture.paste("#3a3128", (size // 12, size // 8), shadow)
        picture.paste(COLOURS[colour], (0, 0), mask)
        objects.append(Drawn(np.asarray(mask.resize((size, size), Image.Resampling.BOX)) > 127, shape, colour))
    picture.resize((size, size), Image.Resampling.LANCZOS).save(path)
    return objects


def draw_shape(mask: Image.Image, shape: str, box: Sequence[float]) -> None:
    draw = ImageDraw.Draw(mask)
    if shape == "box":
        draw.rounded_rectangle(box, (box[2] - box[0]) / 8, fill=255)
        return
    draw.ellipse(box, fill=255)
    if shape == "ring":
        inset = (box[2] - box[0]) * 0.27
        draw.ellipse([box[0] + inset, box[1] + inset, box[2] - inset, box[3] - inset], fill=0)


def instruct(objects: Sequence[Drawn], rng: np.random.Generator, no_targets: bool) -> tuple[str, str, list[Drawn]]:
    """Kind, instruction and the objects it asks for."""
    chosen = objects[rng.integers(len(objects))]
    largest = sorted(objects, key=lambda o: -o.mask.sum())[:2]
    choices: list[tuple[str, str, list[Drawn]]] = [
        ("category", f"every {chosen.shape} on the table", [o for o in objects if o.shape == chosen.shape]),
        ("attribute", f"whatever is {chosen.colour}", [o for o in objects if o.colour == chosen.colour]),
        ("relation", "the object furthest to the left", [min(objects, key=lambda o: np.nonzero(o.mask)[1].mean())]),
        ("counting", "the two largest things", largest),
    ]
    if no_targets:
        choices.append(("absent", "the teapot with the broken handle", []))
    return choices[rng.integers(len(choices))]


def write_answers(
    folder: Path, samples: Sequence[Sample], answer: Callable[..., Prediction], rng: np.random.Generator, identity: Any
) -> None:
    with Store(folder, identity) as store:
        store.add_session({"started": "2025-01-01T00:00:00+00:00", "load": 1.2, "warm_up": 0.3, "todo": len(samples)})
        for sample in samples:
            prediction = answer(sample, rng)
            store.append(prediction, "image", "instruction", prediction.latency or 0.0)


def single_answer(sample: Sample, rng: np.random.Generator) -> Prediction:
    calls = timed([("llm", 0.024), ("encode", 0.018), ("segment", 0.009), ("decode", 0.002)], rng)
    calls[0].tokens_in, calls[0].tokens_out = 48, 14
    calls[0].note = Note(reply=f"<ref>{sample.kind}</ref>")
    found, _ = constructed(sample, rng, 0.8)
    return Prediction(
        sample.sample_id, tuple(found), latency=ended(calls), calls=tuple(calls), phrases=(f"{sample.kind} thing",)
    )


def agent_answer(sample: Sample, rng: np.random.Generator) -> Prediction:
    phrases = ("thing", "object", "small object")[: rng.integers(1, 4)]
    steps = [("encode", 0.018)] + [("llm", 0.16), ("segment", 0.01), ("render", 0.03)] * len(phrases) + [("llm", 0.15)]
    calls = timed(steps, rng)
    rounds = iter(phrases)
    for call in calls:
        if call.kind == "llm":
            call.tokens_in, call.tokens_out = 900, 60
            call.note = Note(
                reply='<think>One image so far, so I must segment.</think><tool>{"name": "segment_phrase"}</tool>'
            )
        if call.kind == "segment":
            call.note = Note(phrase=next(rounds), masks=len(sample.targets))
    found, dropped = constructed(sample, rng, 0.68)
    if rng.random() < 0.07:
        message = "reply 3 of 3 held no <tool> tag: 'I will look for it'"
        return Prediction(sample.sample_id, (), "malformed_call", message, ended(calls), tuple(calls), (), phrases)
    return Prediction(sample.sample_id, tuple(found), "ok", "", ended(calls), tuple(calls), tuple(dropped), phrases)


def spoiled(answer: Callable[..., Prediction]) -> Callable[..., Prediction]:
    """Answers whose every text is `HOSTILE`, some of which are failures."""

    def spoil(sample: Sample, rng: np.random.Generator) -> Prediction:
        made = answer(sample, rng)
        sent = [Sent("user", HOSTILE)]
        note = Note(reply=HOSTILE, phrase=HOSTILE, failed=HOSTILE, sent=sent, extra={HOSTILE: HOSTILE})
        calls = tuple(replace(call, note=note) for call in made.calls)
        dropped = tuple(replace(candidate, phrase=HOSTILE) for candidate in made.candidates)
        return replace(made, message=HOSTILE, phrases=(HOSTILE,), calls=calls, candidates=dropped)

    return spoil


def failed_answer(sample: Sample, rng: np.random.Generator) -> Prediction:
    return Prediction(sample.sample_id, outcome="crashed", message="RuntimeError: out of memory")


def timed(steps: Sequence[tuple[Any, float]], rng: np.random.Generator) -> list[Call]:
    calls: list[Call] = []
    for kind, seconds in steps:
        calls.append(Call(kind, ended(calls), float(seconds * rng.lognormal(0, 0.3))))
    return calls


def ended(calls: Sequence[Call]) -> float:
    return calls[-1].start + calls[-1].duration + 0.0004 if calls else 0.0


def constructed(sample: Sample, rng: np.random.Generator, skill: float) -> tuple[list[Instance], list[Candidate]]:
    """Instances and dropped candidates: targets are found with probability `skill`, errors of every kind occur."""
    found: list[Instance] = []
    dropped: list[Candidate] = []
    for target in map(decode, sample.targets):
        chance = rng.random()
        if chance < skill:
            found.append(Instance(encode(moved(target, rng, 0.008)), float(rng.uniform(0.6, 0.98))))
            if rng.random() < 0.08:
                found.append(Instance(encode(moved(target, rng, 0.02)), float(rng.uniform(0.3, 0.6))))
        elif chance < skill + 0.1:
            found.append(Instance(encode(moved(target, rng, 0.09)), float(rng.uniform(0.4, 0.8))))
        elif chance < skill + 0.2:
            reason = str(rng.choice(["rejected", "unselected", "low_score"]))
            dropped.append(Candidate(encode(target), float(rng.uniform(0.2, 0.6)), reason, "thing"))  # type: ignore[arg-type]
    if sample.others and rng.random() < 0.14:
        found.append(Instance(encode(moved(decode(sample.others[0].mask), rng, 0.01)), float(rng.uniform(0.3, 0.7))))
    return found, dropped


def moved(mask: np.ndarray, rng: np.random.Generator, share: float) -> np.ndarray:
    """The mask shifted by about `share` of its image's side, sometimes a little larger."""
    result = shift(mask.astype(float), rng.normal(0, share * len(mask), 2), order=0) > 0.5
    return binary_dilation(result) if rng.random() < 0.5 else result
