"""What a training would take, measured by a few passes of it; `workbench.foundations.training.memory` says what of a
device's memory.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Cost:
    """`seconds` of one pass forwards and backwards; of `parameters`, how many are `trained`."""

    seconds: float
    parameters: int
    trained: int

    def text(self, passes: int, steps: int | None, minutes: float, epoch: float | None) -> str:
        """What the numbers mean for a run of `passes` passes a step; `epoch`: steps of one epoch."""
        step = self.seconds * passes
        lines = [
            f"parameters: {self.parameters / 1e6:,.1f} M, of which {self.trained / 1e6:,.1f} M train",
            f"time: {step:.2f} s a step",
        ]
        if epoch is not None:
            lines.append(f"  an epoch: {epoch:,.0f} steps, {_duration(epoch * step)}")
        if steps is not None:
            lines.append(f"  the run: {steps:,} steps, {_duration(steps * step)}")
        else:
            about = "" if epoch is None else f", {minutes * 60 / step / epoch:.2g} epochs"
            lines.append(f"  the run: {minutes:g} min, about {minutes * 60 / step:,.0f} steps{about}")
        return "\n".join(lines)


def measured(once: Callable[[int], Tensor], model: nn.Module, device: torch.device, passes: int = 2) -> Cost:
    """The cost of `once(number)`, which returns the loss of a pass, after a first one that warms up. Gradients are
    computed and thrown away, and no step is made.
    """
    seconds = []
    for number in range(passes + 1):
        begun = time.monotonic()
        once(number).backward()  # type: ignore[no-untyped-call]
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.monotonic() - begun)
    model.zero_grad(set_to_none=True)
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return Cost(min(seconds[1:]), sum(n for n, _ in sizes), sum(n for n, trains in sizes if trains))


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
