"""The measured cost of a step."""

import copy

import torch
from torch import nn

from workbench.foundations.training.measuring import Cost, measured


def test_passes_are_measured_and_nothing_is_trained() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 1))
    model[0].weight.requires_grad_(False)
    before, seen = copy.deepcopy(model.state_dict()), []

    def once(number: int) -> torch.Tensor:
        seen.append(number)
        return model(torch.ones(2, 4)).sum()  # type: ignore[no-any-return]

    cost = measured(once, model, torch.device("cpu"))
    assert seen == [0, 1, 2]
    assert (cost.parameters, cost.trained) == (49, 17)
    assert cost.seconds > 0
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_cost_is_said_for_the_run() -> None:
    cost = Cost(seconds=0.5, parameters=3_000_000, trained=1_000_000)
    said = cost.text(passes=4, steps=100, minutes=0, epoch=50)
    assert "parameters: 3.0 M, of which 1.0 M train" in said and "2.00 s a step" in said
    assert "an epoch: 50 steps, 2 min" in said and "the run: 100 steps, 3 min" in said
    assert "about 300 steps, 6 epochs" in cost.text(passes=4, steps=None, minutes=10, epoch=50)
