"""Writes what goes into a run: its manifest and its samples."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.data.conditions import Conditions
from workbench.data.manifest import VERSION, Manifest, read_manifest
from workbench.data.samples import Sample, sample_to_json
from workbench.plugins.interfaces import Benchmark
from workbench.runs.files import finite, read_json, write_json, write_whole
from workbench.runs.provenance import git_state, machine, versions


def write_inputs(
    path: Path,
    benchmark: Benchmark,
    samples: Sequence[Sample],
    systems: Mapping[str, Mapping[str, Any]],
    options: Mapping[str, Any],
    oracles: Mapping[str, Mapping[str, Any]] | None = None,
    remarks: Sequence[str] = (),
    conditions: Mapping[str, Conditions] | None = None,
) -> None:
    """Write the manifest and the samples; a continued run keeps its `created`.

    `systems` maps names to identities; `oracles` maps names to `{"system", "oracle", "identity", "note"}`: the identity
    of what runs for it, None where it is computed from the system's answers, and why it is not available, else None.
    `remarks` say what the benchmark left out or mended in its files, `conditions` how systems were made and set up.
    """
    manifest_path = path / "manifest.json"
    now = datetime.now(UTC).isoformat(timespec="seconds")
    root = benchmark.image_root().resolve()
    manifest = {
        "version": VERSION,
        "name": path.resolve().name,
        "created": manifest_in(path).created if manifest_path.exists() else now,
        "versions": versions(),
        "git": git_state(),
        "machine": machine(),
        "benchmark": {
            "name": benchmark.name,
            "protocol": benchmark.protocol,
            "identity": benchmark.identity(),
            "image_root": str(root.relative_to(path.resolve()) if root.is_relative_to(path.resolve()) else root),
            **({"remarks": list(remarks)} if remarks else {}),
        },
        "systems": dict(systems),
        **({"conditions": {name: one.to_json() for name, one in conditions.items()}} if conditions else {}),
        "options": dict(options),
        **({"oracles": dict(oracles)} if oracles else {}),
    }
    (path / "results.json").unlink(missing_ok=True)  # of an earlier, perhaps smaller, run of this folder
    checked = read_manifest(finite(manifest), str(manifest_path))
    write_json(manifest_path, checked.to_json())
    write_whole(path / benchmark.name / "samples.jsonl", (sample_to_json(sample, root) for sample in samples))


def manifest_in(folder: Path) -> Manifest:
    """The manifest of a run folder; raises `ConfigurationError` where there is none that can be read."""
    path = folder / "manifest.json"
    return read_manifest(read_json(path), str(path))
