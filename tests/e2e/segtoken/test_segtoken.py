"""The [SEG] token models: what they are taught, how answers end, how one mask becomes instances, what is refused."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import e2e
from e2e.options import ManyMasksOptions, OneMaskOptions
from e2e.segtoken.config import Tokens
from e2e.segtoken.generation import generate
from e2e.segtoken.model import ENCODER, SegToken
from e2e.segtoken.predictor import Predictor, connected_parts
from e2e.segtoken.system import SegTokenSystem
from e2e.segtoken.training import train as training
from e2e.segtoken.training.examples import collate, ordered
from e2e.segtoken.training.recipe import Config
from e2e.single_pass.examples import Example
from e2e.single_pass.losses import IGNORED
from e2e.single_pass.tabletop_task import Task, draw
from e2e.systems import multi_seg_tiny, seg_token_tiny
from tests.e2e.conftest import SIDE, Script
from workbench.data.errors import ConfigurationError
from workbench.data.masks import area, decode
from workbench.data.predictions import OK
from workbench.data.samples import Sample
from workbench.plugins.recipes import read_config

IMAGE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
GRIDS = torch.tensor([[1, 8, 8]])
BOTH: Sequence[Tokens] = ("one", "many")


def make(qwen: Path, sam3: Path, tokens: Tokens) -> Predictor:
    torch.manual_seed(2)
    model, processor = SegToken.from_parts(qwen, sam3, tokens)
    return Predictor(model.eval(), processor, max_new_tokens=12, max_masks=4, smallest=1)


@pytest.fixture
def many(qwen_folder: Path, sam3_folder: Path) -> Predictor:
    return make(qwen_folder, sam3_folder, "many")


@pytest.fixture
def one(qwen_folder: Path, sam3_folder: Path) -> Predictor:
    return make(qwen_folder, sam3_folder, "one")


def says(predictor: Predictor, *answers: tuple[str, int], end: bool = True) -> None:
    """Make the model write, for each prompt of the next batch, a phrase and so many [SEG] tokens."""
    config, processor = predictor.model.config, predictor.processor
    lines = [
        [
            config.ref_start_token_index,
            *processor.words(phrase),
            config.ref_end_token_index,
            *[config.seg_token_index] * count,
            *([processor.end_token] if end else []),
        ]
        for phrase, count in answers
    ]
    predictor.model._modules["lm_head"] = Script(lines, config.text_config.vocab_size)


def squares(*corners: tuple[int, int]) -> torch.Tensor:
    masks = torch.zeros(len(corners), SIDE, SIDE, dtype=torch.uint8)
    for mask, (row, column) in zip(masks, corners, strict=True):
        mask[row : row + 8, column : column + 8] = 1
    return masks


def config(qwen: Path, sam3: Path, tokens: Tokens, **other: Any) -> Config:
    made: dict[str, Any] = {
        "tokens": tokens,
        "language_model": str(qwen),
        "segmenter": str(sam3),
        "seed": 0,
        "image_size": SIDE,
        "images": 2,
        "conversations": 3,
        "phrase_share": 0.5,
        "minutes": 0.05,
        "rate": 3e-3,
        "mask_rate": 3e-3,
        "bce_weight": 16.0,
        "dice_weight": 4.0,
        "validation_scenes": 2,
        "tracking_uri": "none",
        **other,
    }
    return made  # type: ignore[return-value]


def sample(name: str, instruction: str) -> Sample:
    return Sample(name, "a", Path(), SIDE, SIDE, instruction)


def test_many_tokens_go_in_reading_order_and_none_stands_for_no_target() -> None:
    masks = squares((40, 0), (0, 40), (0, 0))
    assert torch.equal(ordered(masks, "many"), squares((0, 0), (0, 40), (40, 0)))
    # inside one row of the grid the column decides, however the pixels lie
    assert torch.equal(ordered(squares((1, 40), (2, 0)), "many"), squares((2, 0), (1, 40)))
    assert len(ordered(torch.zeros(1, SIDE, SIDE), "many")) == 0


def test_one_token_stands_for_the_union_which_is_empty_without_targets() -> None:
    assert torch.equal(ordered(squares((0, 0), (40, 40)), "one")[0], squares((0, 0), (40, 40)).sum(0))
    assert ordered(torch.zeros(1, SIDE, SIDE), "one").shape == (1, SIDE, SIDE)


@pytest.mark.parametrize(("tokens", "counts"), [("one", [1, 1]), ("many", [2, 0])])
def test_the_answer_alone_is_trained_its_tokens_included(
    tokens: Tokens, counts: list[int], qwen_folder: Path, sam3_folder: Path
) -> None:
    predictor = make(qwen_folder, sam3_folder, tokens)
    own, processor = predictor.model.config, predictor.processor
    examples = [
        Example(0, "both of the mugs", [("mug", squares((0, 0), (40, 40)))]),
        Example(0, "pear", [("pear", torch.zeros(1, SIDE, SIDE, dtype=torch.uint8))]),
    ]
    batch = collate(predictor.model, processor, examples, GRIDS)
    assert len(batch.masks) == sum(counts)
    for row, (word, count) in enumerate(zip(("mug", "pear"), counts, strict=True)):
        named = [own.ref_start_token_index, *processor.words(word), own.ref_end_token_index]
        trained = batch.labels[row][batch.labels[row] != -100].tolist()
        assert trained == [*named, *[own.seg_token_index] * count, processor.end_token]
        assert (batch.owners == row).sum() == count


@pytest.mark.parametrize("count", [0, 1, 3])
def test_training_sees_the_states_that_generation_sees(many: Predictor, count: int) -> None:
    model, processor = many.model, many.processor
    patches, grids = processor.qwen_images([IMAGE])
    with torch.no_grad():
        tokens = model.encode_images(patches, grids)
    says(many, ("mug", count))
    prompt = many._prompt("the mug", 0, grids[0])
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
        losses = training.step(model, head, training.prepare(model, processor, [image], examples))
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


def test_the_answer_can_say_the_cells_of_its_masks_first(many: Predictor, one: Predictor) -> None:
    masks = squares((40, 8), (0, 40))
    examples = [Example(0, "a", [("mug", masks)]), Example(0, "b", [("pear", 0 * masks[:1])])]
    said = {}
    for name, predictor in (("many", many), ("one", one)):
        batch = collate(predictor.model, predictor.processor, examples, GRIDS, cells=True)
        seg, end = predictor.model.config.seg_token_index, predictor.processor.end_token
        for number, row in enumerate(batch.labels.tolist()):
            kept = [token for token in row if token not in (IGNORED, end)]
            text = predictor.processor.text([token for token in kept if token != seg]).split()
            said[name, number] = (text, kept.count(seg))
    assert said["many", 0][0][-4:] == ["5", "0", "1", "5"]
    assert said["one", 0][0][-4:] == ["5", "0;", "1", "5"]
    assert said["one", 1][0][-1] == "none"
    assert [said[key][1] for key in (("many", 0), ("many", 1), ("one", 0), ("one", 1))] == [2, 0, 1, 1]


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


def test_each_token_is_an_instance_with_its_own_probability_as_score(many: Predictor) -> None:
    says(many, ("mug", 3))
    (answer,) = many.segment_instructions([IMAGE], [["mugs"]])[0]
    assert answer.phrases == ("mug",)
    assert len(answer.instances) == 3
    assert answer.answer_tokens == len(many.processor.words("mug")) + 2 + 3 + 1
    # the script gives its token a logit of 1 and all others 0
    expected = np.e / (np.e + many.model.config.text_config.vocab_size - 1)
    assert [slot.score for slot in answer.instances] == pytest.approx([expected] * 3)


def test_a_batch_of_prompts_gives_each_its_own_answer(many: Predictor) -> None:
    says(many, ("mug", 1), ("red mug", 3), ("pear", 0))
    images = [IMAGE, IMAGE[::-1].copy()]
    (first, second), (third,) = many.segment_instructions(images, [["a", "much longer than the others"], ["c"]])
    assert [len(answer.instances) for answer in (first, second, third)] == [1, 3, 0]
    says(many, ("red mug", 3))
    alone = many.segment_instructions([IMAGE], [["much longer than the others"]])[0][0]
    for one, other in zip(alone.instances, second.instances, strict=True):
        assert (decode(one.mask) != decode(other.mask)).mean() < 0.01


def test_masks_belong_to_the_image_of_their_token(many: Predictor) -> None:
    model = many.model
    vision = model.detector.encode(many.processor.sam_images([IMAGE, IMAGE[::-1].copy()]))
    states = torch.randn(5, model.config.text_config.hidden_size, generator=torch.Generator().manual_seed(0))
    index = torch.tensor([1, 0, 1, 1, 0])
    with torch.no_grad():
        together = model.masks(vision, index, states)
        for n in range(5):
            alone = model.masks(vision, index[n : n + 1], states[n : n + 1])
            torch.testing.assert_close(together[n], alone[0], atol=1e-5, rtol=1e-4)


def test_one_token_ends_the_answer_and_its_parts_are_the_instances(
    one: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(one, ("mug", 3))
    logits = torch.full((1, 32, 32), -5.0)
    logits[0, 2:8, 2:8], logits[0, 20:30, 20:30] = 1.0, 5.0
    monkeypatch.setattr(SegToken, "masks", lambda *_: logits)
    (answer,) = one.segment_instructions([IMAGE], [["mugs"]])[0]
    assert not answer.cut_off
    assert len(answer.instances) == 2
    upper, lower = answer.instances
    assert 0.5 < upper.score < lower.score < 1
    assert decode(upper.mask)[10, 10]
    assert decode(lower.mask)[50, 50]


def test_parts_touch_by_sides_or_corners_and_small_ones_are_left_out() -> None:
    logits = torch.full((6, 6), -9.0)
    logits[0, 0] = logits[1, 1] = 9.0
    logits[4, 4] = 9.0
    assert [area(rle) for rle, _ in connected_parts(logits, (6, 6))] == [2, 1]
    assert [area(rle) for rle, _ in connected_parts(logits, (6, 6), smallest=2)] == [2]
    assert connected_parts(torch.full((6, 6), -9.0), (6, 6)) == []


@pytest.mark.parametrize("tokens", BOTH)
def test_a_checkpoint_answers_as_what_was_saved_and_holds_no_vision_encoder_of_sam3(
    tokens: Tokens, qwen_folder: Path, sam3_folder: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    made = make(qwen_folder, sam3_folder, tokens)
    training.save(made.model.half().float(), made.processor, tmp_path)
    assert not [name for name in load_file(tmp_path / "model.safetensors") if name.startswith(ENCODER)]
    loaded = Predictor.from_pretrained(tmp_path, sam3_folder, max_new_tokens=12, max_masks=4, smallest=1)
    says(made, ("mug", 2))
    says(loaded, ("mug", 2))
    # the vision encoder was halved in memory, but is read as its checkpoint has it
    answers = [p.segment_instructions([IMAGE], [["mugs"]])[0][0] for p in (made, loaded)]
    assert answers[0].phrases == answers[1].phrases
    for before, after in zip(answers[0].instances, answers[1].instances, strict=True):
        assert (decode(before.mask) != decode(after.mask)).mean() < 0.02


def test_another_sam3_and_broken_checkpoints_are_refused(many: Predictor, sam3_folder: Path, tmp_path: Path) -> None:
    training.save(many.model, many.processor, tmp_path / "tiny")
    other = tmp_path / "sam3"
    shutil.copytree(sam3_folder, other)
    record = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**record, "other": 1}))
    with pytest.raises(ConfigurationError, match="belongs to the SAM3 checkpoint of digest"):
        SegToken.from_pretrained(tmp_path / "tiny", other)
    with pytest.raises(ConfigurationError, match="trained with tokens: many, expected tokens: one"):
        seg_token_tiny(OneMaskOptions(str(tmp_path / "tiny"), str(sam3_folder)))
    with pytest.raises(ConfigurationError, match="max_masks: expected a whole number of at least 1, got 0"):
        multi_seg_tiny(ManyMasksOptions(str(tmp_path / "tiny"), str(sam3_folder), max_masks=0))
    (tmp_path / "tiny" / "model.safetensors").unlink()
    with pytest.raises(ConfigurationError, match="no weights"):
        SegToken.from_pretrained(tmp_path / "tiny", sam3_folder)


def test_a_missing_checkpoint_names_the_command_that_trains_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"workbench train e2e/configs/multi-seg-tiny\.yaml"):
        multi_seg_tiny(ManyMasksOptions(str(tmp_path / "none")))


@pytest.fixture
def system(many: Predictor, sam3_folder: Path, tmp_path: Path) -> SegTokenSystem:
    """The saved model as a system, sharing the fixture's model so that `says` scripts it."""
    training.save(many.model, many.processor, tmp_path / "tiny")
    made = multi_seg_tiny(ManyMasksOptions(str(tmp_path / "tiny"), str(sam3_folder), max_new_tokens=12, max_masks=4))
    made.predictor = replace(made.predictor, model=many.model)
    return made


def test_the_trace_has_the_tokens_of_the_answer(system: SegTokenSystem, many: Predictor) -> None:
    says(many, ("mug", 2))
    (prediction,) = system.predict([sample("s", "the mugs")], [IMAGE])
    assert prediction.outcome == OK
    assert prediction.phrases == ("mug",)
    assert len(prediction.instances) == 2
    assert [call.kind for call in prediction.calls] == ["encode", "llm", "segment", "decode"]
    assert prediction.calls[1].tokens_out == len(many.processor.words("mug")) + 2 + 2 + 1


def test_no_target_is_an_empty_answer_and_not_a_failure(system: SegTokenSystem, many: Predictor) -> None:
    says(many, ("pear", 0))
    (prediction,) = system.predict([sample("s", "the pear")], [IMAGE])
    assert (prediction.outcome, prediction.instances, prediction.phrases) == (OK, (), ("pear",))


@pytest.mark.parametrize(("phrase", "count"), [("mug", 4), ("mug " * 12, 0)])
def test_an_answer_that_reaches_a_bound_is_cut_off(
    system: SegTokenSystem, many: Predictor, phrase: str, count: int
) -> None:
    says(many, (phrase, count), end=False)
    (prediction,) = system.predict([sample("s", "the mugs")], [IMAGE])
    assert (prediction.outcome, prediction.instances) == ("cut_off", ())
    assert "no end within" in prediction.message


def test_a_too_long_instruction_is_its_own_samples_failure(system: SegTokenSystem, many: Predictor) -> None:
    says(many, ("mug", 1))
    found = system.predict([sample("1", "red mug " * 300), sample("2", "the mug")], [IMAGE, IMAGE])
    assert [prediction.outcome for prediction in found] == ["too_long", OK]
    assert [len(prediction.instances) for prediction in found] == [0, 1]


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
