"""What a training would need, measured by a few passes of it: time, and memory with what the optimiser adds."""

import resource
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

GIB = 2**30
ADAM_BYTES = 8
"""AdamW keeps two numbers of four bytes for each that trains."""


@dataclass(frozen=True)
class Cost:
    """`seconds` of one pass forwards and backwards; `peak` bytes of the process or GPU in it; `optimizer` bytes to come
    with the first step; of `parameters`, how many are `trained`."""

    seconds: float
    peak: int
    optimizer: int
    parameters: int
    trained: int
    room: int
    """Bytes that the device has in all."""

    @property
    def needed(self) -> int:
        """Bytes of a step."""
        return self.peak + self.optimizer

    def text(self, passes: int, steps: int | None, minutes: float, epoch: float | None) -> str:
        """What the numbers mean for a run of `passes` passes a step; `epoch`: steps of one epoch."""
        step = self.seconds * passes
        lines = [
            f"parameters: {self.parameters / 1e6:,.1f} M, of which {self.trained / 1e6:,.1f} M train",
            f"memory: {self.peak / GIB:.2f} GiB in a pass, {self.optimizer / GIB:.2f} GiB more for AdamW, "
            f"{self.needed / GIB:.2f} of {self.room / GIB:.1f} GiB"
            + ("" if self.needed < self.room else ": it does not fit; fewer images or conversations, or more GPUs"),
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
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    for number in range(passes + 1):
        begun = time.monotonic()
        once(number).backward()  # type: ignore[no-untyped-call]
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.monotonic() - begun)
    model.zero_grad(set_to_none=True)
    trained = _count(p for p in model.parameters() if p.requires_grad)
    if device.type == "cuda":
        peak, room = torch.cuda.max_memory_allocated(device), torch.cuda.get_device_properties(device).total_memory
    else:
        peak, room = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, _memory()
    return Cost(min(seconds[1:]), peak, ADAM_BYTES * trained, _count(model.parameters()), trained, room)


def _count(parameters: Iterable[nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters)


def _memory() -> int:
    import os

    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
