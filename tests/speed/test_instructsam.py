"""The benchmark of InstructSAM: every way answers the same samples, and the tables hold what was measured."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from e2e.instructsam.predictor import Predictor
from e2e.instructsam.training.train import save
from speed import instructsam
from speed.instructsam import (
    COMPILED,
    PER_IMAGE,
    WAYS,
    latency,
    main,
    random_predictor,
    scenes,
    shape_2b,
    take_turns,
    throughput,
)


@pytest.fixture
def folder(predictor: Predictor, tmp_path: Path) -> Path:
    save(predictor.model, predictor.processor, tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_every_way_answers_the_same_samples(way: object) -> None:
    asked = [(np.full((1, 1, 3), n, dtype=np.uint8), [f"{n}.{i}" for i in range(PER_IMAGE)]) for n in range(8)]
    calls = way.calls(asked)  # type: ignore[attr-defined]
    sizes = {sum(len(texts) for _, texts in call) for call in calls}
    assert sizes == {way.images * way.instructions}  # type: ignore[attr-defined]
    answered = [
        text for call in calls for image, texts in call for text in texts if text.startswith(f"{image[0, 0, 0]}.")
    ]
    assert sorted(answered) == sorted(text for _, texts in asked for text in texts)


def test_compiled_parts_are_a_way_of_their_own(predictor: Predictor) -> None:
    other = copy.deepcopy(predictor)
    ran: list[bool] = []
    for model in (predictor.model, other.model):
        model.model.language_model.register_forward_hook(lambda *_, model=model: ran.append(model is other.model))
    asked = scenes(64, 1)
    rows = throughput({"float32": predictor}, asked, 1, "processor", {"float32": other})
    assert [row["way"] for row in rows] == [*(way.name for way in WAYS), COMPILED.name]
    assert True in ran
    assert False in ran
    with pytest.raises(SystemExit):
        main(["--compile", "--shape", "2b"])


def test_all_arms_warm_up_and_then_take_turns() -> None:
    order: list[str] = []
    found = take_turns({name: lambda name=name: order.append(name) or [1.0] for name in "ab"}, rounds=2)  # type: ignore[misc]
    assert "".join(order) == "ababab"
    assert found == {"a": [[1.0], [1.0]], "b": [[1.0], [1.0]]}


@pytest.mark.parametrize("phrases", [1, 3])
def test_random_weights_write_as_many_phrases_as_they_are_given(predictor: Predictor, phrases: int) -> None:
    made = random_predictor(predictor.model.config, predictor.processor, 3, "cpu", torch.bfloat16, phrases)
    image, texts = scenes(64, 1)[0]
    assert {parameter.dtype for parameter in made.model.parameters()} == {torch.bfloat16}
    for _ in range(2):
        answers = made.segment_instructions([image], [texts[:2]])[0]
        assert [len(answer.phrases) for answer in answers] == [phrases, phrases]
        assert not any(answer.cut_off for answer in answers)
    assert predictor.model.slots == 4


def test_the_2b_shape_is_the_published_one() -> None:
    config, processor = shape_2b()
    made = random_predictor(config, processor, 10, "meta", torch.bfloat16)
    assert sum(parameter.numel() for parameter in made.model.parameters()) == 2_623_726_397
    assert processor.prompt("mug", (1, 8, 8)).count(config.image_token_id) == 16


@pytest.mark.slow
def test_the_tables_are_printed_and_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instructsam, "LONGEST", 3)  # a model with random weights ends no answer by itself
    options = ["--checkpoint", str(folder), "--rounds", "1", "--calls", "1", "--images", "2", "--size", "64"]
    counts = ["--slots", "1", "6", "--phrases", "1", "2", "--json", str(tmp_path / "figures.json")]
    assert main([*options, *counts]) == 0
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert len(figures["throughput"]) == 2 * len(WAYS)
    assert all(row["samples_per_second"] > 0 for row in figures["throughput"])
    assert figures["throughput"][0]["times_reference"] == 1
    assert [row["slots"] for row in figures["slots_latency"]] == [1, 6]
    assert [row["phrases"] for row in figures["phrases_latency"]] == [1, 2]
    assert figures["slots_latency"][1]["latency_ms"] == 1000 * figures["slots_latency"][1]["p50"] > 0
    assert figures["slots_latency"][1]["interval"] is None, "one round"
    shown = capsys.readouterr().out
    assert "| bfloat16 | ours, batch 32: 4 images, 8 instructions each |" in shown


def test_latency_has_an_interval_over_rounds_and_a_ratio_paired_by_round() -> None:
    rounds = [[0.1 + 0.01 * n, 0.1 + 0.01 * n] for n in range(12)]
    first, second = latency({1: rounds, 40: [[2 * call for call in calls] for calls in rounds]}, "slots")
    assert (first["slots"], first["times_first"], first["calls"]) == (1, 1.0, 24)
    assert first["p50"] == pytest.approx(np.median(rounds))
    low, high = first["interval"]
    assert low < first["p50"] < high
    assert second["times_first_interval"] == pytest.approx((2.0, 2.0)), "a slow round slows both"
    (few,) = latency({1: rounds[:9]}, "slots")
    assert few["interval"] is None


@pytest.mark.slow
def test_latency_against_slots_is_measured_and_drawn_alone(folder: Path, tmp_path: Path) -> None:
    options = ["--checkpoint", str(folder), "--measure", "slots", "--rounds", "10", "--calls", "1", "--size", "64"]
    files = [
        "--images",
        "1",
        "--slots",
        "1",
        "6",
        "--json",
        str(tmp_path / "k.json"),
        "--figure",
        str(tmp_path / "k.png"),
    ]
    assert main([*options, "--dtype", "float32", *files]) == 0
    figures = json.loads((tmp_path / "k.json").read_text())
    assert "throughput" not in figures and "phrases_latency" not in figures
    assert all(low <= row["p50"] <= high for row in figures["slots_latency"] for low, high in [row["interval"]])
    assert (tmp_path / "k.png").read_bytes().startswith(b"\x89PNG")


def test_a_figure_needs_the_slots(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--measure", "phrases", "--figure", "k.png"])
    assert "needs slots among --measure" in capsys.readouterr().err


def test_a_checkpoint_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--checkpoint", "./nowhere"]) == 2
    assert "./nowhere" in capsys.readouterr().err
