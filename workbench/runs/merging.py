"""Joins the shards of a comparison (`compare --shard 3/8`) into one run."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.data.digests import flatten
from workbench.data.errors import ConfigurationError
from workbench.data.manifest import Manifest, ShardEntry
from workbench.data.shards import Shard, joined, read_shard
from workbench.runs.checks import REPEATS
from workbench.runs.files import (
    check_writable,
    complete_lines,
    held,
    read_json,
    read_whole,
    replacing,
    write_json,
    write_whole,
)
from workbench.runs.inputs import manifest_in

JOURNALS = ("predictions.jsonl", "sessions.jsonl", REPEATS)
"""Files of a system's store whose lines are put together."""
_SHOWN = 3


@dataclass(frozen=True)
class Merged:
    """A run folder that was joined. `missing`: by system, how many of the samples have no prediction."""

    path: Path
    samples: int
    missing: Mapping[str, int]


@dataclass(frozen=True)
class _Part:
    path: Path
    shard: Shard
    manifest: Manifest

    @property
    def benchmark(self) -> Path:
        return self.path / self.manifest.benchmark.name


def merge(folders: Sequence[Path], out: Path) -> Merged:
    """Join the run folders of all shards into the run folder `out`; the shards stay as they are.

    Shards may be incomplete: what is there is joined, and `missing` counts the rest. The order of the folders does not
    matter. Raises `ConfigurationError`, and writes nothing, where a folder is no shard, shards are missing, given twice
    or of different comparisons, or where `out` holds a run already.
    """
    parts = sorted((_part(folder) for folder in folders), key=lambda part: part.shard.number)
    _check_all_there(parts)
    for part in parts[1:]:
        _check_same(parts[0], part)
    if (out / "manifest.json").exists():
        raise ConfigurationError(f"{out} holds a run already: choose another --out")
    check_writable(out)
    with ExitStack() as stack:
        for folder in (out, *(part.path for part in parts)):
            stack.enter_context(held(folder))
        samples = joined(_samples(parts))
        manifest = _manifest(parts, out)
        folder = out / manifest.benchmark.name
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / "samples.jsonl", samples)
        missing = {}
        for system in (*manifest.systems, *(name for name, one in manifest.oracles.items() if one.identity)):
            (folder / system).mkdir(exist_ok=True)
            _copy_stores([part.benchmark / system for part in parts], folder / system)
            missing[system] = len(samples) - _answered(folder / system)
        write_json(out / "manifest.json", manifest.to_json())  # last: what has none is no run, and is joined anew
    return Merged(out, len(samples), {system: count for system, count in missing.items() if count})


def _part(folder: Path) -> _Part:
    if not (folder / "manifest.json").is_file():
        raise ConfigurationError(f"{folder} is no run folder: expected a folder of `workbench compare --shard 3/8`")
    manifest = manifest_in(folder)
    if manifest.options.shard is None:
        raise ConfigurationError(f"{folder} is no shard: expected a folder of `workbench compare --shard 3/8`")
    return _Part(folder, read_shard(manifest.options.shard), manifest)


def _check_all_there(parts: Sequence[_Part]) -> None:
    if not parts:
        raise ConfigurationError("expected the folders of all shards, got none")
    counts = sorted({part.shard.count for part in parts})
    if len(counts) > 1:
        raise ConfigurationError(
            f"expected shards of one division, got some of {' and some of '.join(map(str, counts))}"
        )
    first: dict[int, Path] = {}
    for part in parts:
        if part.shard.number in first:
            raise ConfigurationError(f"shard {part.shard} is there twice: {first[part.shard.number]} and {part.path}")
        first[part.shard.number] = part.path
    if absent := [str(Shard(number, counts[0])) for number in range(1, counts[0] + 1) if number not in first]:
        raise ConfigurationError(f"{len(absent)} of {counts[0]} shards are missing: {', '.join(absent)}")


def _check_same(first: _Part, part: _Part) -> None:
    """Raise `ConfigurationError` where two shards are of different comparisons."""
    before, now = (flatten(_comparison(one.manifest)) for one in (first, part))
    keys = sorted(before.keys() | now.keys())
    changed = [key for key in keys if before.get(key, "absent") != now.get(key, "absent")]
    if changed:
        shown = "; ".join(
            f"{key} is {before.get(key, 'absent')!r} and {now.get(key, 'absent')!r}" for key in changed[:_SHOWN]
        )
        more = f"; and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        raise ConfigurationError(f"{first.path} and {part.path} are of different comparisons: {shown}{more}")


def _comparison(manifest: Manifest) -> dict[str, Any]:
    """What all shards of a comparison have in common."""
    found = manifest.to_json()
    options = {key: value for key, value in found["options"].items() if key not in ("shard", "budget")}
    benchmark = {key: value for key, value in found["benchmark"].items() if key not in ("image_root", "remarks")}
    return {
        "benchmark": benchmark,
        "systems": found["systems"],
        "oracles": found.get("oracles", {}),
        "options": options,
    }


def _samples(parts: Sequence[_Part]) -> list[list[dict[str, Any]]]:
    """The samples of each shard; raises `ConfigurationError` where they do not belong together."""
    found = [read_whole(part.benchmark / "samples.jsonl") for part in parts]
    total = sum(map(len, found))
    for part, samples in zip(parts, found, strict=True):
        if len(samples) != part.shard.size(total):
            raise ConfigurationError(
                f"{part.path} has {len(samples)} samples, and shard {part.shard} of {total} has "
                f"{part.shard.size(total)}: the shards are of different samples"
            )
    ids = [sample["sample_id"] for samples in found for sample in samples]
    if len(set(ids)) < total:
        twice = next(name for name in ids if ids.count(name) > 1)
        raise ConfigurationError(f"sample {twice!r} is in several shards: they are of different samples")
    return found


def _manifest(parts: Sequence[_Part], out: Path) -> Manifest:
    """That of the first shard, with where each shard was run."""
    first = parts[0].manifest
    roots = [(part.path / part.manifest.benchmark.image_root).resolve() for part in parts]
    here = next((root for root in roots if root.exists()), roots[0])
    shards = [
        ShardEntry(
            shard=str(part.shard),
            created=part.manifest.created,
            machine=part.manifest.machine,
            git=part.manifest.git,
            versions=part.manifest.versions,
        )
        for part in parts
    ]
    options = first.options.model_dump(exclude_unset=True, exclude={"shard"})
    return first.model_copy(
        update={
            "name": out.resolve().name,
            "created": min(part.manifest.created for part in parts),
            "benchmark": first.benchmark.model_copy(update={"image_root": str(here)}),
            "options": type(first.options)(**options),
            "shards": shards,
        }
    )


def _copy_stores(stores: Sequence[Path], out: Path) -> None:
    """Put the journals of stores together, in the order of the shards."""
    identity = next((store / "identity.json" for store in stores if (store / "identity.json").exists()), None)
    if identity is not None:
        write_json(out / "identity.json", read_json(identity))
    for name in JOURNALS:
        with replacing(out / name) as file:
            file.writelines(_lines([store / name for store in stores]))


def _lines(paths: Sequence[Path]) -> Iterator[bytes]:
    for path in paths:
        if path.exists():
            yield from complete_lines(path)


def _answered(store: Path) -> int:
    """How many samples have a prediction; one of them is in memory at a time."""
    return len({json.loads(line)["sample_id"] for line in complete_lines(store / JOURNALS[0])})
