"""What every training run needs apart from its loss: a schedule, checkpoints from which it resumes, and progress."""

import json
import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import nn

from workbench.foundations.training.distributed import Processes
from workbench.foundations.training.state import FILE, TrainingState

SAVE_EVERY = 120.0
"""Seconds between two states, where writing one takes no longer than `SAVING` of them."""
SAVING = 0.02
"""The most of the time that is spent on writing states."""
Track = Callable[[int, Mapping[str, float]], None]
"""Receives the step and numbers of it."""


class Loop:
    """Bookkeeping of one run in folder `out`: elapsed time survives a kill, because it is part of the checkpoint.

    `progress` runs from 0 to 1 over `minutes` of wall clock (all sessions together), or over `steps` where given, which
    makes a run that was killed and resumed equal to one that was not; learning rates follow it: linear warm-up over
    the first 2 %, then cosine to 2 % of the peak. A state is saved every `save_every` seconds; by default every two
    minutes, or as rarely as it takes to spend no more than a fiftieth of the time on it. Of several `processes` all
    make the same calls, the first one writes, and the log has the means of all. `track` receives the step and each line
    of the log. Raises `ConfigurationError` where the folder has the state of another training.
    """

    def __init__(
        self,
        out: Path,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        minutes: float,
        steps: int | None = None,
        save_every: float | None = None,
        processes: Processes | None = None,
        track: Track | None = None,
    ) -> None:
        self.out, self.model, self.optimizer = out, model, optimizer
        self.seconds, self.steps, self.save_every = minutes * 60, steps, save_every
        self.processes, self._track = processes or Processes(), track
        self.step = 0
        self.samples = 0
        self._elapsed_before = 0.0
        self._state = TrainingState(model, optimizer, self.processes)
        self._begun = self._saved = self._logged = self.processes.now()
        self._saving = 0.0
        self._sums: dict[str, float] = {}
        self._count = 0
        self.peaks = [group["lr"] for group in optimizer.param_groups]
        out.mkdir(parents=True, exist_ok=True)
        self._resume()

    @property
    def elapsed(self) -> float:
        return self._elapsed_before + self.processes.now() - self._begun

    @property
    def progress(self) -> float:
        if self.steps is not None:
            # the progress includes this step, or the first one would have a learning rate of 0
            return min(1.0, (self.step + 1) / self.steps)
        return min(1.0, self.elapsed / self.seconds)

    @property
    def finished(self) -> bool:
        return self.elapsed >= self.seconds if self.steps is None else self.step >= self.steps

    def rate(self) -> float:
        """Factor on the peak learning rates at the present progress."""
        p = self.progress
        return min(p / 0.02, 1.0) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * p)))

    def update(self, loss: torch.Tensor, clip: float = 1.0) -> None:
        """One optimiser step from a loss; gradients are clipped to norm `clip`."""
        factor = self.rate()
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * factor
        loss.backward()  # type: ignore[no-untyped-call]
        self.processes.average(self.model.parameters())
        self.processes.clip([p for p in self.model.parameters() if p.grad is not None], clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def record(self, samples: int, values: Mapping[str, float]) -> None:
        """Count one step; log a mean of the values every 20 s, and save a state when it is time for one."""
        self.step += 1
        self.samples += samples
        self._count += 1
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        now = self.processes.now()
        if now - self._logged > 20:
            self._log_means(now)
        if now - self._saved > (max(SAVE_EVERY, self._saving / SAVING) if self.save_every is None else self.save_every):
            self.save()

    def _log_means(self, now: float) -> None:
        if self._count:
            count = self._count * self.processes.count
            self.log({name: value / count for name, value in self.processes.sums(self._sums).items()})
        self._sums, self._count, self._logged = {}, 0, now

    def log(self, values: Mapping[str, float]) -> None:
        """Append one line to `log.jsonl`, print it and track it."""
        elapsed = self.elapsed
        if self.processes.number:
            return
        line = {"step": self.step, "samples": self.samples, "seconds": round(elapsed, 1), **values}
        with (self.out / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        shown = "  ".join(f"{name} {value:.3f}" for name, value in values.items())
        minutes = max(0.0, self.seconds - elapsed) / 60
        left = f"{minutes:.1f} min" if self.steps is None else f"{self.steps - self.step} steps"
        print(
            f"step {self.step}  {self.samples / elapsed:.1f} samples/s  {left} left  {shown}",
            file=sys.stderr,
            flush=True,
        )
        if self._track:
            self._track(self.step, values)

    def save(self) -> None:
        """Write `resume.pt`, from which the next `Loop` in this folder continues. A kill during writing leaves the old
        file intact.

        The steps since the last log line are written as one line first, so that the log reaches as far as the
        checkpoint.
        """
        begun = self.processes.now()
        self._log_means(begun)
        self._state.write(self.out, {"step": self.step, "samples": self.samples, "elapsed": self.elapsed})
        self._saved = self.processes.now()
        self._saving = self._saved - begun

    def _resume(self) -> None:
        state = self._state.read(self.out)
        if state is None:
            return
        self.step, self.samples, self._elapsed_before = state["step"], state["samples"], state["elapsed"]
        path = self.out / FILE
        print(f"resumed {path} at step {self.step}, {self._elapsed_before / 60:.1f} min in", file=sys.stderr)
