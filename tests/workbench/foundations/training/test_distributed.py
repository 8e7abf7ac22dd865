"""One process, and what several of them do together; two real ones are in `tests/e2e`."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from workbench.foundations.training import distributed
from workbench.foundations.training.distributed import (
    Processes,
    Several,
    join,
    random_states,
    restore_random_states,
)


def test_gradients_are_averaged_in_parts_that_hold_each_parameter_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "PART", 10)
    parameters = [nn.Parameter(torch.zeros(size)) for size in (4, 5, 3, 30, 1)]
    parts = [[p.numel() for p in part] for part in distributed._in_parts(parameters)]
    assert parts == [[4, 5], [3], [30], [1]]
    assert list(distributed._in_parts([])) == []


def test_alone_a_process_averages_nothing_and_clips_as_torch_does() -> None:
    alone = join("cpu")
    assert type(alone) is Processes and (alone.number, alone.count) == (0, 1)
    assert alone.sums({"loss": 2.0}) == {"loss": 2.0}
    assert alone.gather(torch.ones(2)).shape == (1, 2)
    parameter = nn.Parameter(torch.zeros(2))
    parameter.grad = torch.tensor([3.0, 4.0])
    alone.clip([parameter], 1.0)
    torch.testing.assert_close(parameter.grad, torch.tensor([0.6, 0.8]))


def test_random_states_come_back_but_not_those_of_another_number_of_processes() -> None:
    alone = Processes()
    states = random_states(alone)
    first = torch.rand(3)
    restore_random_states(alone, states)
    assert torch.equal(torch.rand(3), first)
    restore_random_states(alone, [torch.cat([states[0], states[0]])])
    assert not torch.equal(torch.rand(3), first)


def together(folder: str) -> None:
    """What each of two processes does."""
    processes = join("cpu")
    assert isinstance(processes, Several)
    number = float(processes.number)
    parameters = [nn.Parameter(torch.zeros(2)) for _ in range(2)]
    parameters[0].grad = torch.tensor([number, 4.0])
    processes.average(parameters)
    sums = processes.sums({"all": 1.0, f"of {processes.number}": 5.0})
    found = [parameters[0].grad, processes.gather(torch.tensor([number])).flatten()]
    torch.save({"found": found, "none": parameters[1].grad, "sums": sums}, Path(folder) / f"{processes.number}.pt")
    processes.close()


@pytest.mark.slow
def test_two_processes_share_gradients_numbers_and_sums(tmp_path: Path) -> None:
    launch = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=2, run_id="two", rdzv_backend="c10d", rdzv_endpoint="localhost:0",
        start_method="forkserver", max_restarts=0,
    )  # fmt: skip
    elastic_launch(launch, together)(str(tmp_path))
    for number in range(2):
        told = torch.load(tmp_path / f"{number}.pt", weights_only=True)
        assert told["found"][0].tolist() == [0.5, 4.0] and told["found"][1].tolist() == [0.0, 1.0]
        assert told["none"] is None and told["sums"] == {"all": 2.0, "of 0": 5.0, "of 1": 5.0}
