"""What of a training is kept: what trains, and a trace of what does not."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from workbench.data.errors import ConfigurationError
from workbench.foundations.training.distributed import Processes
from workbench.foundations.training.loop import Loop
from workbench.foundations.training.state import TrainingState


def model(seed: int = 0, width: int = 3) -> nn.Module:
    torch.manual_seed(seed)
    made = nn.Sequential(nn.Linear(256, 256), nn.Linear(256, width))
    made[0].requires_grad_(False)
    return made


def optimizer(of: nn.Module, rate: float = 0.1) -> torch.optim.Optimizer:
    return torch.optim.AdamW([p for p in of.parameters() if p.requires_grad], lr=rate)


def stepped(seed: int = 0) -> TrainingState:
    """A state after one step."""
    made = model(seed)
    adam = optimizer(made)
    made(torch.ones(2, 256)).square().mean().backward()
    adam.step()
    return TrainingState(made, adam, Processes())


def test_only_what_trains_is_written_and_it_comes_back_bit_by_bit(tmp_path: Path) -> None:
    first = stepped()
    first.write(tmp_path, {"step": 1})
    kept: dict[str, Any] = torch.load(tmp_path / "resume.pt", weights_only=True)
    assert set(kept["model"]) == {"1.weight", "1.bias"} == set(kept["optimizer"]["state"])
    assert (tmp_path / "resume.pt").stat().st_size < 256 * 256 * 4 / 4
    made = model()
    second = TrainingState(made, optimizer(made), Processes())
    assert second.read(tmp_path) is not None
    torch.testing.assert_close(made.state_dict(), first.model.state_dict(), rtol=0, atol=0)
    for parameter, other in zip(made[1].parameters(), first.model[1].parameters(), strict=True):  # type: ignore[index]
        moments, others = second.optimizer.state[parameter], first.optimizer.state[other]
        assert all(torch.equal(moments[name], others[name]) for name in ("step", "exp_avg", "exp_avg_sq"))


def test_a_state_of_the_time_when_all_weights_were_written_is_still_read(tmp_path: Path) -> None:
    first = stepped()
    old = {"model": first.model.state_dict(), "optimizer": first.optimizer.state_dict()}
    torch.save({**old, "step": 7, "samples": 3, "elapsed": 1.5}, tmp_path / "resume.pt")
    made = model(seed=1)
    loop = Loop(tmp_path, made, optimizer(made), minutes=1)
    assert (loop.step, loop.samples) == (7, 3)
    torch.testing.assert_close(made.state_dict(), first.model.state_dict(), rtol=0, atol=0)
    loop.save()
    assert set(torch.load(tmp_path / "resume.pt", weights_only=True)["model"]) == {"1.weight", "1.bias"}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"seed": 1}, "the weights that do not train are no longer those of its start"),
        ({"width": 4}, r"of another size: 1\.weight, 1\.bias"),
    ],
)
def test_a_state_of_another_training_is_refused(tmp_path: Path, changed: dict[str, int], words: str) -> None:
    stepped().write(tmp_path, {"step": 1})
    made = model(**changed)
    with pytest.raises(ConfigurationError, match=words) as raised:
        Loop(tmp_path, made, optimizer(made), minutes=1)
    assert str(tmp_path / "resume.pt") in str(raised.value) and "another --out" in str(raised.value)


def test_a_state_of_other_parameters_or_a_newer_layout_is_refused(tmp_path: Path) -> None:
    state = stepped()
    state.write(tmp_path, {"step": 1})
    made = model()
    made.requires_grad_(True)
    with pytest.raises(ConfigurationError, match=r"not the same parameters train: 0\.bias, 0\.weight"):
        TrainingState(made, optimizer(made), Processes()).read(tmp_path)
    kept = torch.load(tmp_path / "resume.pt", weights_only=True)
    torch.save({**kept, "version": 99}, tmp_path / "resume.pt")
    with pytest.raises(ConfigurationError, match="newer version"):
        state.read(tmp_path)
    torch.save({"model": {}, "optimizer": {}}, tmp_path / "resume.pt")
    with pytest.raises(ConfigurationError, match="of another training"):
        state.read(tmp_path)


def test_writing_that_takes_long_is_done_less_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most a fiftieth of the time: after 10 s of writing, not again before 500 s are over."""
    clock = {"now": 0.0}
    processes = Processes()
    monkeypatch.setattr(processes, "now", lambda: clock["now"])
    made = model()
    loop = Loop(tmp_path, made, optimizer(made), minutes=60, processes=processes)
    saves: list[float] = []
    write = loop._state.write

    def slow(*arguments: Any) -> None:
        saves.append(clock["now"])
        clock["now"] += 10
        write(*arguments)

    monkeypatch.setattr(loop._state, "write", slow)
    while clock["now"] < 1500:
        clock["now"] += 20
        loop.record(1, {"loss": 1.0})
    assert saves == [140, 670, 1200]
