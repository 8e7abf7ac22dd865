"""The processes that train one model together, on one machine or on several machines with a shared output folder."""

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

import torch
from torch import Tensor, nn

from workbench.foundations.training.sharding import is_sharded, own_part

PART = 2**26
"""Gradients that are averaged at once, in numbers, about: each part is copied for it."""


class Processes:
    """A process that trains alone. `Several` has the same methods for several processes. `number` is the process's
    place among `count`.
    """

    number, count = 0, 1

    def place(self, device: str) -> torch.device:
        """The device of this process, where `device` is the kind that was asked for."""
        return torch.device(device)

    def now(self) -> float:
        """Seconds on a clock that is the same for all processes, so that all of them take each decision together."""
        return time.monotonic()

    def average(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by its mean over all processes."""

    def clip(self, parameters: Iterable[nn.Parameter], most: float) -> None:
        """Scale the gradients so that together they have norm `most` at the most."""
        nn.utils.clip_grad_norm_(parameters, most)

    def sums(self, values: Mapping[str, float]) -> dict[str, float]:
        """The sums over all processes of numbers by name; a process may lack some."""
        return dict(values)

    def gather(self, tensor: Tensor) -> Tensor:
        """The tensors `[...]` of all processes, `[count, ...]`."""
        return tensor[None]

    def close(self) -> None:
        """Wait for the other processes and leave the group."""


class Several(Processes):
    """Processes that `accelerate launch` or `torchrun` started. All calls are collective: each process makes them, in
    the same order."""

    def __init__(self, device: str) -> None:
        from accelerate import Accelerator
        from accelerate.utils import InitProcessGroupKwargs

        # the others wait while the first one validates
        patience = InitProcessGroupKwargs(timeout=timedelta(days=1))
        self._accelerator = Accelerator(cpu=torch.device(device).type == "cpu", kwargs_handlers=[patience])
        self.number, self.count = self._accelerator.process_index, self._accelerator.num_processes

    def place(self, device: str) -> torch.device:
        placed: torch.device = self._accelerator.device
        return placed

    def now(self) -> float:
        from accelerate.utils import broadcast

        clock = torch.tensor([time.monotonic()], dtype=torch.float64, device=self._accelerator.device)
        return float(broadcast(clock))

    def average(self, parameters: Iterable[nn.Parameter]) -> None:
        # of a sharded one each process has the mean already
        trained = [p for p in parameters if p.requires_grad and not is_sharded(p)]
        reached = torch.tensor([float(p.grad is not None) for p in trained], device=self._accelerator.device)
        # a parameter without a gradient in any process stays without one, so that the optimiser leaves it alone
        shared = [p for p, n in zip(trained, self._accelerator.reduce(reached).tolist(), strict=True) if n]
        for some in _in_parts(shared):
            own = [torch.zeros_like(p) if p.grad is None else p.grad for p in some]
            mean = self._accelerator.reduce(torch.cat([g.flatten().float() for g in own]), "mean")
            for parameter, part in zip(some, mean.split([p.numel() for p in some]), strict=True):
                parameter.grad = part.view_as(parameter).to(parameter.dtype)

    def clip(self, parameters: Iterable[nn.Parameter], most: float) -> None:
        reached = [p for p in parameters if p.grad is not None]
        if not any(is_sharded(p) for p in reached):
            super().clip(reached, most)
            return
        squares = {True: torch.zeros((), device=self._accelerator.device)}
        squares[False] = squares[True].clone()
        for p in reached:
            squares[is_sharded(p)] += own_part(p.grad).float().square().sum()  # type: ignore[arg-type]
        norm = (self._accelerator.reduce(squares[True]) + squares[False]).sqrt()
        for p in reached:
            own_part(p.grad).mul_((most / (norm + 1e-6)).clamp(max=1.0))  # type: ignore[arg-type]

    def sums(self, values: Mapping[str, float]) -> dict[str, float]:
        from accelerate.utils import gather_object

        found: dict[str, float] = {}
        for one in gather_object([dict(values)]):
            for name, value in one.items():
                found[name] = found.get(name, 0.0) + value
        return found

    def gather(self, tensor: Tensor) -> Tensor:
        gathered: Tensor = self._accelerator.gather(tensor[None].to(self._accelerator.device))
        return gathered.cpu()

    def close(self) -> None:
        self._accelerator.wait_for_everyone()
        self._accelerator.end_training()


def join(device: str) -> Processes:
    """The processes that this one was started with: several where a launcher set `WORLD_SIZE`, else it alone."""
    return Several(device) if int(os.environ.get("WORLD_SIZE", "1")) > 1 else Processes()


def _in_parts(parameters: Sequence[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    part: list[nn.Parameter] = []
    for parameter in parameters:
        if part and sum(p.numel() for p in part) + parameter.numel() > PART:
            yield part
            part = []
        part.append(parameter)
    if part:
        yield part


def random_states(processes: Processes) -> list[Tensor]:
    """The states of all processes' random generators, `[count, bytes]`: the CPU's, and the GPU's where one is used."""
    states = [torch.get_rng_state()]
    if torch.cuda.is_available():
        states.append(torch.cuda.get_rng_state())
    return [processes.gather(state) for state in states]


def restore_random_states(processes: Processes, states: Sequence[Tensor]) -> None:
    """Restore the random generators to `random_states`; does nothing where another number of processes saved them."""
    if not states or len(states[0]) != processes.count:
        return
    # a copy: torch 2.13 reads a row but the first beyond the tensor's end, and the process ends by a fault or goes on
    # with any numbers
    torch.set_rng_state(states[0][processes.number].clone())
    if len(states) > 1 and torch.cuda.is_available():
        torch.cuda.set_rng_state(states[1][processes.number].clone())
