"""The training of the [SEG] token models: it sees what generation sees, the loss falls, a run goes on."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

import e2e
from e2e.segtoken.config import Tokens
from e2e.segtoken.generation import generate
from e2e.segtoken.model import ENCODER
from e2e.segtoken.predictor import Predictor
from e2e.segtoken.training import train as training
from e2e.segtoken.training.examples import collate
from e2e.single_pass.examples import Example
from e2e.single_pass.tabletop_task import Task, draw
from tests.e2e.conftest import SIDE
from tests.e2e.segtoken.scripted import config, make, says, squares
from tests.workbench.foundations.training.data import written
from workbench.foundations.training.prefetch import weightless
from workbench.plugins.recipes import read_config
from workbench.tabletop.scenes import make_scene

IMAGE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
BOTH: Sequence[Tokens] = ("one", "many")


@pytest.mark.parametrize("count", [0, 1, 3])
def test_training_sees_the_states_that_generation_sees(many: Predictor, count: int) -> None:
    model, processor = many.model, many.processor
    patches, grids = processor.qwen_images([IMAGE])
    with torch.no_grad():
        tokens = model.encode_images(patches, grids)
    says(many, ("mug", count))
    prompt = many.prompt_for("the mug", 0, grids[0])
    (written,) = generate(model, [prompt], tokens, end_token=processor.end_token, max_new_tokens=12, max_masks=4)
    assert len(written.states) == count
    masks = squares(*[(0, 8 * n) for n in range(count)]) if count else torch.zeros(1, SIDE, SIDE)
    examples = [
        Example(0, "the mug", [("mug", masks)]),
        Example(0, "a longer instruction, for the padding", [("mug", squares((0, 0)))]),
    ]
    batch = collate(model, processor, examples, grids)
    with torch.no_grad():
        hidden = training.language_states(model, batch, tokens)[0]
    states = hidden[batch.token_ids[0] == model.config.seg_token_index]
    torch.testing.assert_close(states, written.states, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("tokens", BOTH)
def test_the_loss_falls_and_answers_end(tokens: Tokens, qwen_folder: Path, sam3_folder: Path) -> None:
    predictor = make(qwen_folder, sam3_folder, tokens)
    image = np.full((SIDE, SIDE, 3), 60, dtype=np.uint8)
    image[0:8, 0:8] = image[40:48, 40:48] = (200, 40, 40)
    examples = [
        Example(0, "the red mugs", [("red mug", squares((0, 0), (40, 40)))]),
        Example(0, "the pear", [("pear", torch.zeros(1, SIDE, SIDE, dtype=torch.uint8))]),
    ]
    keys = config(qwen_folder, sam3_folder, tokens)
    model, processor = predictor.model.train(), predictor.processor
    adam = training.optimizer(model, keys)
    head = training.PlaceHead(model.config.text_config.hidden_size)
    adam.add_param_group({"params": list(head.parameters()), "lr": 3e-3})
    totals = []
    for _ in range(60):
        losses = training.step(model, head, training.prepare(model, processor, [image], examples), torch.float32)
        losses.total(keys).backward()  # type: ignore[no-untyped-call]
        adam.step()
        adam.zero_grad()
        totals.append([losses.total(keys).item(), losses.text.item(), losses.bce.item() + losses.dice.item()])
    first, last = np.mean(totals[:3], axis=0), np.mean(totals[-3:], axis=0)
    assert last[0] < 0.5 * first[0]
    assert last[1] < 0.1 * first[1]
    assert last[2] < 0.9 * first[2]
    model.eval()
    answers = predictor.segment_instructions([image], [[example.instruction for example in examples]])[0]
    assert [answer.phrases for answer in answers] == [("red mug",), ("pear",)]
    assert not any(answer.cut_off for answer in answers)
    if tokens == "many":
        assert [len(answer.instances) for answer in answers] == [2, 0]


def test_the_place_of_a_mask_is_its_share_of_the_cells() -> None:
    masks = torch.zeros(2, 64, 64)
    masks[0, :8, :16] = 1  # two of 64 cells
    head = training.PlaceHead(4)
    with torch.no_grad():
        head.linear.weight.zero_()
        head.linear.bias.fill_(-50.0)
        head.linear.bias[:2] = 0
    assert head(torch.ones(2, 4), masks).item() == pytest.approx(np.log(2), abs=1e-5)
    assert head(torch.ones(1, 4), masks[1:]).item() == 0


def test_the_vision_encoders_do_not_train(many: Predictor, qwen_folder: Path, sam3_folder: Path) -> None:
    training.optimizer(many.model, config(qwen_folder, sam3_folder, "many"))
    trained = {name for name, parameter in many.model.named_parameters() if parameter.requires_grad}
    assert not any(name.startswith((ENCODER, "model.visual.")) for name in trained)
    assert any(name.startswith("model.detector.mask_decoder.") for name in trained)
    assert any(name.startswith("model.language_model.") for name in trained)


@pytest.mark.slow
@pytest.mark.parametrize("tokens", BOTH)
def test_a_run_trains_evaluates_and_resumes(
    tokens: Tokens, qwen_folder: Path, sam3_folder: Path, tmp_path: Path
) -> None:
    first = config(qwen_folder, sam3_folder, tokens, steps=3)
    training.train(first, tmp_path)
    training.train({**first, "steps": 6}, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "val gIoU" in line] == [3, 6]
    scene, asked = draw(0, 0, Task(SIDE, 2, 0.5), "val")
    trained = Predictor.from_pretrained(tmp_path / "final", sam3_folder)
    answers = trained.segment_instructions([scene.image], [[question.text for question in asked]])[0]
    assert len(answers) == len(asked)


@pytest.mark.slow
def test_it_learns_from_files_and_keeps_the_best_checkpoint(
    qwen_folder: Path, sam3_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenes = [make_scene(np.random.default_rng(n), SIDE) for n in range(4)]
    files, held = (written.coco(tmp_path / n, part) for n, part in (("a", scenes[:3]), ("b", scenes[3:])))
    data = [{"benchmark": "coco", "options": files, "kind": "category"}]
    validated = [{"benchmark": "coco", "options": held, "limit": 2}]
    settings = config(qwen_folder, sam3_folder, "many", epochs=1, images=1, data=data, validate_on=validated)
    training.dry_run(settings, tmp_path / "out")
    assert "the run: 3 steps" in capsys.readouterr().out
    training.train(settings, tmp_path / "out")
    lines = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 3 and "val coco AP" in lines[-1]
    assert [line["epochs"] for line in lines if "epochs" in line] == [pytest.approx(2 / 3)]  # of the steps on average
    Predictor.from_pretrained(tmp_path / "out" / "best", sam3_folder)


def test_the_two_configurations_differ_in_tokens_alone() -> None:
    folder = Path(e2e.__file__).parent / "configs"
    (name, _, one), (_, _, many) = (read_config(folder / f"{n}-tiny.yaml") for n in ("seg-token", "multi-seg"))
    assert name == "segtoken"
    assert (one.pop("tokens"), many.pop("tokens")) == ("one", "many")
    assert one == many
    stages = [
        read_config(folder / f"instructsam-tiny-{name}.yaml")[2] for name in ("stage1", "places", "stage2", "continued")
    ]
    assert one["minutes"] == sum(stage["minutes"] for stage in stages)


def test_a_copy_without_weights_makes_the_same_batches(many: Predictor) -> None:
    examples = [Example(0, "the mug", [("mug", squares((0, 0)))])]
    made = [
        training.prepare(model, many.processor, [IMAGE], examples) for model in (many.model, weightless(many.model))
    ]
    assert torch.equal(made[0].batch.token_ids, made[1].batch.token_ids)
    assert torch.equal(made[0].batch.positions, made[1].batch.positions)
