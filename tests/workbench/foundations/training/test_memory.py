"""The memory of a training is told before its first step, and one that does not fit stops there."""

import os
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from workbench.data.errors import ConfigurationError
from workbench.foundations.training import memory
from workbench.foundations.training.memory import MOMENTS, check_memory
from workbench.foundations.training.recomputing import recompute

CPU = torch.device("cpu")
WIDTH, ROWS = 64, 1000


def layers(count: int = 4) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(*[nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Dropout(0.5)) for _ in range(count)])


def adam(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW([p for p in model.parameters() if p.requires_grad])


def estimated(model: nn.Module, **options: Any) -> memory.Needed:
    seen = torch.ones(ROWS, WIDTH)
    return check_memory(model, adam(model), lambda: model(seen).sum(), CPU, options)


def test_what_trains_counts_four_times_and_what_does_not_once(capsys: pytest.CaptureFixture[str]) -> None:
    model = layers()
    model[0].requires_grad_(False)
    found = estimated(model)
    each = (WIDTH + 1) * WIDTH * 4
    assert found.parameters == 4 * each
    assert found.gradients == 3 * each and found.optimizer == MOMENTS * 3 * each
    assert found.total == sum((found.parameters, found.gradients, found.optimizer, found.activations, found.other))
    assert capsys.readouterr().err.startswith("memory on cpu: parameters 0.00, gradients 0.00, optimizer 0.00")


def test_activations_are_what_the_way_back_needs() -> None:
    """Of each layer that has a gradient: what tanh made, the mask of the dropout and its scaled outcome, once each."""
    tensor = ROWS * WIDTH * 4
    assert 4 * 2 * tensor <= estimated(layers()).activations <= 4 * 4 * tensor


def test_layers_that_are_computed_again_keep_what_goes_into_them_and_give_the_same_gradients() -> None:
    plain, again = layers(), layers()
    recompute(again)
    tensor = ROWS * WIDTH * 4
    assert estimated(again).activations <= 4 * tensor < estimated(plain).activations
    gradients: list[Tensor] = []
    for model in (plain, again):
        torch.manual_seed(1)
        model(torch.ones(ROWS, WIDTH)).square().sum().backward()
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
    assert torch.equal(*gradients)


def test_the_random_numbers_of_the_first_step_are_not_used_up() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    model = layers()
    torch.manual_seed(5)
    estimated(model)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("room", "advice"),
    [
        (lambda needed: needed - 1, "checkpointing: true"),
        (lambda needed: needed - 1, "images: 1 with accumulate: 8 is the same batch"),
        (lambda _: 1, "a longer list `frozen` leaves less to train"),
    ],
)
def test_what_does_not_fit_stops_with_advice(monkeypatch: pytest.MonkeyPatch, room: Any, advice: str) -> None:
    monkeypatch.setattr(memory, "_in_use", lambda _: 0)
    model = layers()
    monkeypatch.setattr(memory, "_room", lambda _: 10**12)
    needed = estimated(model).total
    monkeypatch.setattr(memory, "_room", lambda _: room(needed))
    with pytest.raises(ConfigurationError, match=r"does not fit into the memory of cpu: at least .* GiB\.") as raised:
        estimated(model, images=4, accumulate=2)
    assert advice in str(raised.value)


def test_a_device_without_room_while_it_computes_stops_with_advice() -> None:
    def once() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    model = layers()
    with pytest.raises(ConfigurationError, match="does not fit"):
        check_memory(model, adam(model), once, CPU, {})


def test_nothing_is_computed_where_the_weights_alone_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    def never() -> None:
        raise AssertionError("computed")

    monkeypatch.setattr(memory, "_room", lambda _: 1)
    model = layers()
    with pytest.raises(ConfigurationError, match="does not fit"):
        check_memory(model, adam(model), never, CPU, {})


def test_a_cpu_has_the_memory_of_the_machine_or_less() -> None:
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0 < memory._in_use(CPU) < memory._room(CPU) < 1.5 * machine
