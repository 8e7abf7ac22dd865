"""One process, and what several of them do together; two real ones are in `tests/e2e`."""

import pytest
import torch
from torch import nn

from workbench.foundations.training import distributed
from workbench.foundations.training.distributed import (
    Processes,
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


def test_the_second_process_goes_on_with_its_own_random_numbers() -> None:
    second = Processes()
    second.number, second.count = 1, 2
    states, expected = [], []
    for seed in (1, 2):
        torch.manual_seed(seed)
        states.append(torch.get_rng_state())
        expected.append(torch.rand(4))
    restore_random_states(second, [torch.stack(states)])
    assert torch.equal(torch.rand(4), expected[1])
