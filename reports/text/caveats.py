"""What a reader should know before relying on the verdict of a comparison."""

import json
from collections.abc import Sequence
from typing import Any

from workbench.data.conditions import strangers
from workbench.data.manifest import Manifest, ShardEntry
from workbench.data.numbers import many
from workbench.data.results import Results
from workbench.scoring.verdict import busy

REMARKS = 5
"""Remarks about the benchmark's files that are listed; the results have more of them."""


def caveats(results: Results, manifest: Manifest) -> list[str]:
    """What a reader should know before relying on the verdict; often nothing."""
    notes = []
    if manifest.options.shard:
        notes.append(
            f"This is shard {manifest.options.shard} of a comparison: the numbers are of its part of the samples. "
            "workbench merge joins the shards."
        )
    for name, system in results.systems.items():
        if system.n_failed:
            how = ", ".join(f"{outcome.replace('_', ' ')} {count}" for outcome, count in system.failures.items())
            notes.append(f"{name} failed on {system.n_failed} of {many(system.samples, 'sample')} ({how}).")
        timed = system.latency.samples
        if timed < system.samples:
            asked = many(system.samples, "sample")
            notes.append(f"The latency of {name} rests on the {timed} of {asked} that were timed.")
    notes += busy(results)
    if results.benchmark.only_boxes:
        notes.append(
            "The benchmark annotates boxes: metrics, failures and the recall funnel compare the boxes of answers, "
            "which are those of their masks where a system predicts no boxes of its own."
        )
    if results.draws:
        latencies = f", those of latencies and costs on {results.latency_draws:,}" if results.latency_draws else ""
        notes.append(
            f"Intervals of metrics over more than 10,000 images rest on {results.draws} bootstrap draws in place of "
            f"2,000, as only a standard error is read from them, which is then off by 3 %{latencies}."
        )
    unscored = max((s.unscored for s in results.systems.values()), default=0)
    if unscored:
        notes.append(f"Not scored, as the annotation is unusable: {many(unscored, 'sample')}.")
    notes += strangers(manifest.conditions, manifest.benchmark.name, results.has_truth)
    remarks = results.benchmark.remarks
    notes += [f"Benchmark files: {remark}" for remark in remarks[:REMARKS]]
    if len(remarks) > REMARKS:
        notes.append(f"Benchmark files: {many(len(remarks) - REMARKS, 'more remark')}, which `workbench check` lists.")
    notes += mixed([_as_run(manifest, shard) for shard in manifest.shards])
    if manifest.git.dirty:
        notes.append("The code had uncommitted changes.")
    return notes


def _as_run(manifest: Manifest, shard: ShardEntry) -> Manifest:
    """The manifest of the shard of a run that was joined from shards."""
    return manifest.model_copy(update={"machine": shard.machine, "git": shard.git, "versions": shard.versions})


def mixed(manifests: Sequence[Manifest]) -> list[str]:
    """What differs between compared runs, apart from their systems, where that matters."""
    notes = []
    if len({_text(m.machine.to_json()) for m in manifests}) > 1:
        notes.append("The runs were made on different machines: their times do not compare.")
    if len({m.options.mode for m in manifests}) > 1:
        notes.append("The runs were made in different modes (latency, throughput): their times do not compare.")
    if any(m.options.repeats for m in manifests):
        notes.append("Times of different runs are those of first answers: repeats in turns are of one run's systems.")
    commits = list(dict.fromkeys(str(m.git.commit)[:7] for m in manifests))
    if len(commits) > 1:
        notes.append(f"The runs were made by different versions of the code ({', '.join(commits)}).")
    libraries = {name for m in manifests for name in m.versions}
    changed = sorted(name for name in libraries if len({m.versions.get(name) for m in manifests}) > 1)
    if changed:
        notes.append(f"The runs were made with different versions of {', '.join(changed)}.")
    return notes


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
