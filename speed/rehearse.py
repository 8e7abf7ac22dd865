"""A dress rehearsal at full size: a checkpoint with random weights, two samples of a comparison, what they took.

    python -m speed.rehearse                     the published 2B model's size, on a CPU in bfloat16
    python -m speed.rehearse --shape middle      the same in a minute

Everything is made in a scratch folder, which is removed at the end. Nothing is downloaded.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.data.numbers import many

NEEDED = {"full": (10.0, 6.0), "middle": (2.0, 0.5)}
"""Memory that has to be free, and room on the disk, in GiB."""
GIB = 2**30
SIDE = 640
"""Of the pictures, in pixels."""


@dataclass(frozen=True)
class Step:
    """What a command took: seconds of the clock and of processors, and bytes of memory at the peak of its process."""

    seconds: float
    processor: float
    memory: int


def run(words: Sequence[str], log: Path) -> Step:
    """Run a command of `workbench` in a process of its own, its output into a file; raises `SystemExit` with the end of
    the output where it fails."""
    begun = time.perf_counter()
    with log.open("wb") as output:
        arguments = [sys.executable, "-m", "workbench", *words]
        process = os.posix_spawn(
            sys.executable,
            arguments,
            os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, output.fileno(), 1), (os.POSIX_SPAWN_DUP2, output.fileno(), 2)],
        )
        try:
            _, status, usage = os.wait4(process, 0)
        except BaseException:
            os.kill(process, 15)
            os.wait4(process, 0)
            raise
    if code := os.waitstatus_to_exitcode(status):
        end = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
        raise SystemExit(f"rehearse: workbench {words[0]} ended with exit code {code}:\n{end}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Step(time.perf_counter() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)


def rehearse(shape: str, samples: int, settings: Sequence[str], scratch: Path) -> None:
    """Make the checkpoint, compare, and print what both took."""
    from workbench.tracking.load import load_run

    checkpoint, out = scratch / "checkpoint", scratch / "run"
    made = run(["make-checkpoint", shape, str(checkpoint)], scratch / "make.log")
    size = sum(file.stat().st_size for file in checkpoint.rglob("*") if file.is_file())
    print(
        f"checkpoint: {size / GIB:.2f} GiB in {made.seconds:.0f} s, {made.memory / GIB:.1f} GiB at the peak", flush=True
    )
    options = [f"instructsam.checkpoint={checkpoint}", "instructsam.device=cpu", "tabletop.scenes=1"]
    options += [f"tabletop.size={SIDE}", f"tabletop.root={scratch / 'data'}", *settings]
    words = ["compare", "--systems", "instructsam", "--benchmark", "tabletop", "--limit", str(samples)]
    words += [word for option in options for word in ("--set", option)]
    took = run([*words, "--out", str(out), "--tracking-uri", "none"], scratch / "compare.log")
    run_ = load_run(out)
    result = run_.results.systems["instructsam"]
    answered = [one.latency for one in run_.predictions("instructsam") if one.latency is not None]
    whole = f"{took.seconds:.0f} s ({took.processor:.0f} s of processors)"
    print(f"compare: {many(samples, 'sample')} of {SIDE} px, {result.n_failed} failed, {whole}")
    print(f"  load: {result.load or 0:.1f} s; first answer: {result.warm_up or 0:.1f} s")
    print(f"  a sample: {', '.join(f'{seconds:.1f}' for seconds in answered)} s")
    for kind, timing in result.latency.by_call.items():
        print(f"    {kind}: {timing.seconds_per_sample or 0:.1f} s")
    print(f"  memory at the peak: {took.memory / GIB:.1f} GiB")


def free_memory() -> float:
    """GiB of memory that programs can take; infinite where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return float("inf")
    return next(int(line.split()[1]) / 2**20 for line in lines if line.startswith("MemAvailable"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Rehearse where there is room; exit code 2 where there is not."""
    parser = argparse.ArgumentParser(description="A rehearsal with random weights, on a CPU in bfloat16.")
    parser.add_argument("--shape", choices=tuple(NEEDED), default="full", help="(%(default)s)")
    parser.add_argument("--samples", type=int, default=2, help="(%(default)s)")
    parser.add_argument("--scratch", type=Path, help="where the scratch folder is made (the system's temporary folder)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME.OPTION=VALUE", help="as in compare")
    options = parser.parse_args(arguments)
    memory, room = NEEDED[options.shape]
    folder = Path(options.scratch or tempfile.gettempdir())
    free = {"memory": free_memory(), "room": shutil.disk_usage(folder).free / GIB}
    if free["memory"] < memory or free["room"] < room:
        print(
            f"rehearse: expected {memory:g} GiB of free memory and {room:g} GiB of room in {folder}, got "
            f"{free['memory']:.1f} and {free['room']:.1f}",
            file=sys.stderr,
        )
        return 2
    with tempfile.TemporaryDirectory(prefix="rehearsal-", dir=folder) as scratch:
        rehearse(options.shape, options.samples, options.set, Path(scratch))
    return 0


if __name__ == "__main__":
    sys.exit(main())
