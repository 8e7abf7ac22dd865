"""Writes the benchmark to disk: images, annotations in the schema of Inst2Seg-Bench, and what they were made from.

The annotation file is a list of `{image, height, width, annotation: [{text, mask}]}` with one COCO RLE per target and
no `mask` where nothing is asked for (source of the schema: evaluation/scripts of DCDmllm/InstructSAM). Keys of our
own: `kind` and `phrase` of an annotation; `objects` (all of the scene, with visible masks) and `seed` of an entry.
"""

import json
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from workbench.data import masks
from workbench.data.digests import file_digest
from workbench.data.errors import ConfigurationError
from workbench.tabletop.grammar import instructions
from workbench.tabletop.scenes import Scene, Split, make_scene
from workbench.tabletop.vocabulary import FIRST, VERSION
from workbench.tabletop.worlds import WORLDS

SPLITS: tuple[Split, ...] = ("train", "val", "test")
MANIFEST = "tabletop.json"
MIN_SIZE, MAX_SIZE = 64, 1024

_STREAM = 0x5EED


def generate(out: Path, *, scenes: int, per_scene: int, seed: int, size: int, world: str = FIRST.name) -> list[Path]:
    """Write train, val and test, `scenes` images each, to folders of these names in `out`; see `write`."""
    return [write(out / split, split, scenes, per_scene, seed, size, world) for split in SPLITS]


def write(out: Path, split: str, scenes: int, per_scene: int, seed: int, size: int, world: str = FIRST.name) -> Path:
    """Write one split to the folder `out`: `images/NNNNN.png`, `SPLIT.json` and `tabletop.json`; return `out`.

    `per_scene` instructions for each of `scenes` images of `size` x `size` pixels, in a world of `WORLDS`. The same
    arguments give the same bytes. The folder appears when it is complete; one that already holds these very files is
    kept as it is, and one that holds anything else raises `ConfigurationError`.
    """
    parameters = _parameters(split, scenes, per_scene, seed, size, world)
    if _holds(out, parameters):
        return out
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise ConfigurationError(f"{out} holds something else than {parameters}: remove it or choose another folder")
    partial = out.absolute().with_name(f".{out.absolute().name}.{os.getpid()}")
    try:
        (partial / "images").mkdir(parents=True)
        manifest = _write_files(partial, parameters)
        (partial / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        partial.rename(out)
    except OSError as error:
        if not _holds(out, parameters):  # unless another process has just written the same
            raise ConfigurationError(f"cannot write to {out}: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return out


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """What `tabletop.json` says, or None where the folder has none that can be read."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) else None


def scene_of(
    split: str, seed: int, number: int, size: int, world: str = FIRST.name
) -> tuple[Scene, np.random.Generator]:
    """Scene `number` of a split, and the generator that goes on to draw its instructions."""
    rng = np.random.default_rng(_scene_seed(split, seed, number))
    return make_scene(rng, size, _known(split), WORLDS[world]), rng


def _parameters(split: str, scenes: int, per_scene: int, seed: int, size: int, world: str) -> dict[str, Any]:
    for name, value, low, high in (
        ("scenes", scenes, 1, 99_999),
        ("per_scene", per_scene, 1, 20),
        ("seed", seed, 0, 2**32 - 1),
        ("size", size, MIN_SIZE, MAX_SIZE),
    ):
        if type(value) is not int or not low <= value <= high:
            raise ConfigurationError(f"tabletop: expected `{name}` to be an integer in {low}..{high}, got {value!r}")
    values = {"split": _known(split), "scenes": scenes, "per_scene": per_scene, "seed": seed, "size": size}
    if world not in WORLDS:
        raise ConfigurationError(f"tabletop: expected `world` to be one of {', '.join(WORLDS)}, got {world!r}")
    return {"version": VERSION, **values, **named(world)}


def named(world: str) -> dict[str, str]:
    """What tells the files of a world from those of the first one, which do not say it."""
    return {} if world == FIRST.name else {"world": world}


def _known(split: str) -> Split:
    for known in SPLITS:
        if split == known:
            return known
    raise ConfigurationError(f"tabletop: expected `split` to be one of {', '.join(SPLITS)}, got {split!r}")


def _scene_seed(split: str, seed: int, number: int) -> list[int]:
    return [_STREAM, SPLITS.index(_known(split)), seed, number]


def _holds(folder: Path, parameters: dict[str, Any]) -> bool:
    """Whether the folder holds complete files of these parameters."""
    manifest = read_manifest(folder)
    if manifest is None or {name: manifest.get(name) for name in parameters} != parameters:
        return False
    annotations = folder / f"{parameters['split']}.json"
    complete = len(list((folder / "images").glob("*.png"))) == parameters["scenes"]
    return complete and annotations.is_file() and file_digest(annotations) == manifest.get("digest")


def _write_files(folder: Path, parameters: dict[str, Any]) -> dict[str, Any]:
    split, seed, size = parameters["split"], parameters["seed"], parameters["size"]
    entries = []
    shown = time.monotonic()
    for number in range(parameters["scenes"]):
        scene, rng = scene_of(split, seed, number, size, parameters.get("world", FIRST.name))
        name = f"images/{number:05}.png"
        Image.fromarray(scene.image).save(folder / name, compress_level=6)
        entries.append({**_entry(scene, rng, name, parameters["per_scene"]), "seed": _scene_seed(split, seed, number)})
        if time.monotonic() - shown > 5:
            shown = time.monotonic()
            print(f"tabletop {split}: {number + 1}/{parameters['scenes']} scenes", file=sys.stderr, flush=True)
    annotations = folder / f"{split}.json"
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries)
    annotations.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    asked = [annotation for entry in entries for annotation in entry["annotation"]]
    return {"benchmark": "tabletop", **parameters, "counts": _counts(asked), "digest": file_digest(annotations)}


def _entry(scene: Scene, rng: np.random.Generator, name: str, per_scene: int) -> dict[str, Any]:
    height, width = scene.image.shape[:2]
    rles = masks.encode_all(np.stack([obj.mask for obj in scene.objects]))
    annotation = []
    for asked in instructions(scene, rng, per_scene):
        targets = {"mask": [rles[i] for i in asked.targets]} if asked.targets else {}
        annotation.append({"text": asked.text, **targets, "kind": asked.kind, "phrase": asked.phrase})
    objects = [
        {"mask": rle, "category": obj.category, "colour": obj.colour, "size": obj.size}
        for rle, obj in zip(rles, scene.objects, strict=True)
    ]
    return {"image": name, "height": height, "width": width, "annotation": annotation, "objects": objects}


def _counts(asked: Sequence[dict[str, Any]]) -> dict[str, Any]:
    kinds = Counter(annotation["kind"] for annotation in asked)
    sizes = [min(len(annotation.get("mask", ())), 2) for annotation in asked]
    forms = {name: sizes.count(size) for name, size in (("no_target", 0), ("single_target", 1), ("multi_target", 2))}
    return {"instructions": len(sizes), **forms, "kinds": dict(sorted(kinds.items()))}
