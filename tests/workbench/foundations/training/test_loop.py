"""A training loop is saved and goes on."""

import json
from pathlib import Path

import torch

from workbench.foundations.training.loop import Loop


def test_a_loop_goes_on_where_it_was_saved(tmp_path: Path) -> None:
    torch.manual_seed(0)

    def fresh() -> Loop:
        model = torch.nn.Linear(2, 1)
        return Loop(tmp_path, model, torch.optim.AdamW(model.parameters(), lr=0.1), minutes=1)

    first = fresh()
    first.update(first.model(torch.ones(4, 2)).square().mean())
    first.record(4, {"loss": 1.0})
    first.save()
    first.save()
    assert [json.loads(line)["loss"] for line in (tmp_path / "log.jsonl").read_text().splitlines()] == [1.0]
    second = fresh()
    assert (second.step, second.samples) == (1, 4)
    assert second.elapsed >= first._elapsed_before
    torch.testing.assert_close(second.model.state_dict(), first.model.state_dict())
