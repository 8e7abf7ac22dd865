"""The parts of the prepared measurement of full size, on a tiny model."""

import pytest
import torch

from e2e.instructsam.predictor import Predictor
from speed import gpu
from speed.gpu import Clock, Operations, bandwidth, in_batches, latency, main, parse, tables
from speed.instructsam import scenes
from speed.scripted import script


def test_one_sample_is_told_by_part_and_against_the_reference(predictor: Predictor) -> None:
    found = latency(script(predictor, 1), scenes(64, 1)[0], Clock("cpu", 1), 2)
    assert set(found) == {*gpu.PARTS, "ours", "reference", "times", "operations", "reference_operations"}
    assert sum(found[kind] for kind in gpu.PARTS) <= found["ours"] * 1.5
    assert all(value > 0 for value in found.values())
    assert found["operations"] < 0.7 * found["reference_operations"]


def test_operations_count_the_same_with_and_without_gradients() -> None:
    layer, states = torch.nn.Linear(8, 8), torch.ones(1, 2, 3, 8)
    counts = []
    for mode in (torch.enable_grad, torch.inference_mode):
        with mode(), Operations() as counted:
            torch.nn.functional.scaled_dot_product_attention(layer(states), states, states).flatten(1).relu()
        counts.append(counted.count)
    assert counts[0] == counts[1] > 2


def test_operations_that_start_nothing_are_not_counted() -> None:
    numbers = torch.ones(4, 6)
    with Operations() as counted:
        (numbers.view(6, 4).t()[1:] * 2).add_(1)
        torch.empty(3)
    assert counted.count == 2


def test_a_token_is_told_by_answers_with_more_phrases(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "COPIED", 2**22)
    found = bandwidth(script(predictor, 1), scenes(64, 1)[0], Clock("cpu", 1), 2)
    layers = predictor.model.model.language_model.layers
    numbers = sum(p.numel() for layer in layers for p in layer.parameters())
    numbers += predictor.model.model.language_model.embed_tokens.weight.numel()
    assert found["weights_gb"] == pytest.approx(4 * numbers / 1e9)
    assert found["share"] == pytest.approx(found["limit_ms"] / found["token_ms"])


def test_what_there_is_no_time_for_is_left_out_and_named(predictor: Predictor) -> None:
    clock = Clock("cpu", 0)
    assert in_batches(script(predictor, 1), scenes(64, 1), clock, 3) == []
    assert len(clock.times(lambda: None, 3)) == 1
    result = {
        "shape": "middle", "machine": "m", "precision": "float32", "size": 64, "weights_gib": 1.0, "memory_gib": 2.0,
        "latency": {"llm": 3.0, "ours": 4.0, "reference": 8.0, "times": 2.0, "operations": 1500,
        "reference_operations": 3000}, "bandwidth": None, "batches": [],
        "memory_batches_gib": 2.0, "segmenter": None, "left_out": ["bandwidth", "batches", "segmenter"],
    }  # fmt: skip
    shown = tables(result)
    assert "| times as long | 2.00 |\n| operations started | 1,500 |" in shown
    assert shown.endswith("There was no time for: bandwidth, batches, segmenter.")


def test_a_machine_without_a_gpu_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert main([]) == 2
    assert "torch" in capsys.readouterr().err
    assert parse([]).minutes == 8
