"""Training: the loss falls, what is trained is what inference does, runs resume, and the result loads."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import e2e
from e2e.instructsam.generation import generate
from e2e.instructsam.model import InstructSAM
from e2e.instructsam.predictor import Predictor
from e2e.instructsam.training.assembly import from_parts
from e2e.instructsam.training.examples import collate
from e2e.instructsam.training.forward import language_states
from e2e.instructsam.training.passes import prepare, step
from e2e.instructsam.training.train import optimizer, start, train
from e2e.single_pass.decoding import Prompt
from e2e.single_pass.examples import Example
from tests.e2e.conftest import SIDE, SLOTS
from tests.e2e.instructsam.training.settings import FROZEN, config
from workbench.data.errors import ConfigurationError
from workbench.plugins.recipes import read_config


def log(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_the_loss_falls_and_the_model_learns_to_say_the_phrase(predictor: Predictor) -> None:
    image = np.full((SIDE, SIDE, 3), 60, dtype=np.uint8)
    image[8:24, 8:24] = (200, 40, 40)
    image[40:60, 30:60] = (40, 40, 200)
    masks = np.zeros((2, SIDE, SIDE), dtype=np.uint8)
    masks[0, 8:24, 8:24] = masks[1, 40:60, 30:60] = 1
    examples = [
        Example(0, "the red mug", [("red mug", torch.from_numpy(masks[:1]))]),
        Example(0, "blue things", [("blue object", torch.from_numpy(masks[1:]))]),
        Example(0, "the pear", [("pear", torch.zeros(1, SIDE, SIDE))]),
    ]
    model, processor = predictor.model.train(), predictor.processor
    adam = torch.optim.AdamW(model.parameters(), lr=3e-3)
    rates = torch.optim.lr_scheduler.LinearLR(adam, 1.0, 0.1, total_iters=120)
    losses = []
    for _ in range(120):
        output = step(model, prepare(model, processor, [image], examples, "inference"), torch.float32)
        output.loss.backward()
        adam.step()
        rates.step()
        adam.zero_grad()
        losses.append([output.loss.item(), output.text.item(), output.slots.total.item()])
    first, last = np.mean(losses[:3], axis=0), np.mean(losses[-3:], axis=0)
    assert last[0] < 0.3 * first[0]
    assert last[1] < 0.1 * first[1]
    assert last[2] < 0.6 * first[2]
    model.eval()
    answers = predictor.segment_instructions([image], [[example.instruction for example in examples]])[0]
    assert [answer.phrases for answer in answers] == [("red mug",), ("blue object",), ("pear",)]


def test_the_language_model_trains_alone_where_the_detector_is_asked_nothing(
    qwen_folder: Path, sam3_folder: Path, tmp_path: Path
) -> None:
    keys = config(
        qwen_folder, sam3_folder, images=0, more=1, steps=2, place_slots=True, place_scenes=8, query_rate=1e-2
    )
    before, _ = start(keys)
    train(keys, tmp_path)
    after = InstructSAM.from_pretrained(tmp_path / "final")
    same = {n: torch.equal(p.half(), dict(after.named_parameters())[n].half()) for n, p in before.named_parameters()}
    assert all(kept for name, kept in same.items() if name.startswith("model.grounding_model."))
    assert not same["model.mask_queries"]
    assert not same["model.language_model.norm.weight"]
    with pytest.raises(ConfigurationError, match="nothing would be trained"):
        train({**keys, "more": 0}, tmp_path / "none")  # type: ignore[typeddict-item]


@pytest.mark.parametrize("phrases", [["mug"], ["red mug", "small pear"]])
def test_training_by_the_inference_convention_sees_what_generation_sees(
    predictor: Predictor, write: Callable[..., None], phrases: list[str]
) -> None:
    model, processor = predictor.model, predictor.processor
    image = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    patches, grids = processor.qwen_images([image])
    with torch.no_grad():
        tokens = model.encode_images(patches, grids)
    write(", ".join(f"<{phrase}>" for phrase in phrases))
    prompt = Prompt(processor.prompt("the mug", (1, 8, 8)), 0)
    (written,) = generate(model, [prompt], tokens, end_token=processor.end_token, max_new_tokens=30)
    empty = torch.zeros(1, SIDE, SIDE)
    examples = [
        Example(0, "the mug", [(phrase, empty) for phrase in phrases]),
        Example(0, "a longer instruction, for the padding", [("mug", empty)]),
    ]
    batch = collate(model, processor, examples, grids, "inference")
    with torch.no_grad():
        hidden = language_states(model, batch, tokens)[0]
    slots = hidden[batch.token_ids[0] == model.config.seg_token_index].view(-1, SLOTS, hidden.shape[-1])
    torch.testing.assert_close(slots, written.slot_states, atol=1e-5, rtol=1e-4)
    assert batch.phrases[: len(phrases)] == written.phrases


@pytest.mark.slow
def test_a_run_trains_evaluates_and_can_be_continued(qwen_folder: Path, sam3_folder: Path, tmp_path: Path) -> None:
    first = config(qwen_folder, sam3_folder)
    train(first, tmp_path)
    lines = log(tmp_path)
    assert {"val AP50", "val gIoU", "val phrase"} <= lines[-1].keys()
    steps = lines[-1]["step"]
    assert steps > 0
    minutes = lines[-1]["seconds"] / 60 + 0.01
    trained = Predictor.from_pretrained(tmp_path / "final")
    before, _ = from_parts(qwen_folder, sam3_folder, slots=SLOTS)
    moved = {
        name
        for name, tensor in trained.model.state_dict().items()
        if not torch.allclose(tensor, before.state_dict()[name], atol=1e-3)
    }
    assert not [name for name in moved if name.startswith(tuple(FROZEN))]
    assert "model.mask_queries" in moved
    train({**first, "minutes": minutes}, tmp_path)
    assert log(tmp_path)[-1]["step"] > steps
    assert log(tmp_path)[-1]["seconds"] >= 60 * minutes - 0.1, "it uses the minutes that are left"


@pytest.mark.slow
def test_stage_two_starts_from_the_checkpoint_of_stage_one(predictor: Predictor, tmp_path: Path) -> None:
    predictor.model.save_pretrained(tmp_path / "one")
    predictor.processor.save_pretrained(tmp_path / "one")
    second = config(tmp_path, tmp_path, start=str(tmp_path / "one"), phrase_share=0.3, accumulate=2)
    model, _ = start(second)
    assert torch.equal(model.model.mask_queries, predictor.model.model.mask_queries)
    train({**second, "minutes": 0.02}, tmp_path / "two")
    assert (tmp_path / "two" / "final" / "model.safetensors").exists()


CONFIGS = Path(e2e.__file__).parent / "configs"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("instructsam-*.yaml")), ids=lambda path: path.stem)
def test_the_shipped_configurations_fit_the_recipe(path: Path) -> None:
    name, _, keys = read_config(path)
    assert name == "instructsam"
    assert ("start" in keys) != ("language_model" in keys)


def test_loss_settings_go_into_the_checkpoint(qwen_folder: Path, sam3_folder: Path) -> None:
    model, _ = start(config(qwen_folder, sam3_folder, dice_weight=3.0, sample_points=True))
    assert (model.config.dice_loss_weight, model.config.bce_loss_weight) == (3.0, 2.0)
    assert model.config.loss_sample_points


@pytest.mark.slow
def test_the_detector_waits_until_the_rest_is_aligned(qwen_folder: Path, sam3_folder: Path, tmp_path: Path) -> None:
    settings = config(qwen_folder, sam3_folder, steps=3, align_minutes=60.0)
    torch.manual_seed(settings["seed"])
    before, _ = start(settings)
    train(settings, tmp_path)
    trained = Predictor.from_pretrained(tmp_path / "final").model
    for name, tensor in before.detector.state_dict().items():
        assert torch.allclose(tensor, trained.detector.state_dict()[name], atol=1e-3), name
    assert not torch.allclose(
        before.model.text_hidden_fcs[0][0].weight, trained.model.text_hidden_fcs[0][0].weight, atol=1e-3
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"language_model": None}, "language_model"),
        ({"convention": "other"}, "convention"),
        ({"frozen": [""]}, "frozen"),
        ({"phrase_share": 2.0}, "phrase_share"),
        ({"box_weight": -1.0}, "box_weight"),
        ({"union_weight": float("nan")}, "union_weight"),
        ({"duplicate_weight": -0.5}, "duplicate_weight"),
    ],
)
def test_a_wrong_key_is_named(
    qwen_folder: Path, sam3_folder: Path, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    wrong = {k: v for k, v in {**config(qwen_folder, sam3_folder), **change}.items() if v is not None}
    with pytest.raises(ConfigurationError, match=words):
        train(wrong, tmp_path)  # type: ignore[arg-type]


def test_the_groups_have_their_own_learning_rates(predictor: Predictor, qwen_folder: Path, sam3_folder: Path) -> None:
    made = optimizer(predictor.model, config(qwen_folder, sam3_folder, rate=1.0, detector_rate=2.0))
    names = {id(parameter): name for name, parameter in predictor.model.named_parameters()}
    language, detector, queries = ([names[id(p)] for p in group["params"]] for group in made.param_groups)
    assert [group["lr"] for group in made.param_groups] == [1.0, 2.0, 2.0]
    assert "model.language_model.norm.weight" in language
    assert "model.text_hidden_fcs.0.0.weight" in detector
    assert queries == ["model.mask_queries"]
    assert not [name for name in language + detector if name.startswith(tuple(FROZEN))]
    faster = optimizer(predictor.model, config(qwen_folder, sam3_folder, rate=1.0, detector_rate=2.0, query_rate=3.0))
    assert [group["lr"] for group in faster.param_groups] == [1.0, 2.0, 3.0]
