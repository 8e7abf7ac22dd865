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
from e2e.instructsam.training.losses import PhraseTargets
from e2e.instructsam.training.recipe import Config
from e2e.instructsam.training.slot_head import SlotHead, place_slots, wanted_slots, what_stands
from e2e.instructsam.training.train import optimizer, prepare, prepare_told, start, step, tell, train
from e2e.single_pass.decoding import Prompt
from e2e.single_pass.examples import Example
from e2e.single_pass.tabletop_task import Task, conversations, draw, evaluate
from tests.e2e.conftest import SIDE, SLOTS
from workbench.data.errors import ConfigurationError
from workbench.plugins.recipes import read_config
from workbench.tabletop.vocabulary import CATEGORIES, COLOURS

TASK = Task(SIDE, count=3, phrase_share=0.5)
FROZEN = ["model.visual.", "model.grounding_model.model.vision_encoder."]


def config(qwen: Path, sam3: Path, **other: Any) -> Config:
    made: dict[str, Any] = {
        "seed": 0,
        "image_size": SIDE,
        "images": 2,
        "conversations": 3,
        "phrase_share": 1.0,
        "minutes": 0.05,
        "rate": 3e-3,
        "detector_rate": 3e-3,
        "frozen": FROZEN,
        "slots": SLOTS,
        "validation_scenes": 2,
        "tracking_uri": "none",
        "language_model": str(qwen),
        "segmenter": str(sam3),
        **other,
    }
    return made  # type: ignore[return-value]


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
        output = step(model, prepare(model, processor, [image], examples, "inference"))
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


@pytest.mark.slow
def test_slots_learn_without_the_detector_which_of_them_have_a_target(predictor: Predictor) -> None:
    scenes = [draw(0, number, TASK) for number in (1, 2)]
    model, head = predictor.model.train(), SlotHead(predictor.model.config.text_config.hidden_size)
    adam = torch.optim.AdamW([*model.parameters(), *head.parameters()], lr=3e-3)
    seen = prepare_told(model, predictor.processor, scenes, "inference")
    losses = []
    for _ in range(60):
        text, slot, named = tell(model, head, seen)
        (text + slot + named).backward()
        adam.step()
        adam.zero_grad()
        losses.append([slot.item(), named.item()])
    assert (np.array(losses[-1]) < 0.3 * np.array(losses[0])).all()
    assert all(p.grad is None for p in model.detector.parameters())


def test_slots_are_told_what_stands_where_they_start() -> None:
    scene = draw(0, 4, TASK)[0]
    thing = scene.objects[-1]
    starts = torch.tensor([[thing.centre[0] / SIDE, thing.centre[1] / SIDE], [9.0, 9.0]])
    categories, colours = what_stands(starts, scene)
    assert list(CATEGORIES)[categories[0] - 1] == thing.category
    assert list(COLOURS)[colours[0] - 1] == thing.colour
    assert (categories[1], colours[1]) == (0, 0)


def test_placed_slots_differ_by_their_places(predictor: Predictor) -> None:
    images = [draw(0, number, TASK)[0].image for number in range(3)]
    place_slots(predictor.model, predictor.processor, images)
    queries = predictor.model.model.mask_queries.detach()
    words = predictor.model.model.language_model.embed_tokens.weight.detach()
    assert float(queries.square().mean()) == pytest.approx(4 * float(words.square().mean()), rel=1e-3)
    starts = predictor.model.starts().detach()
    cells = (starts * 4).long()  # 4 x 4 image tokens at this size
    apart = (cells[0] != cells).any(1)
    assert apart.any()
    assert torch.equal((queries[0] != queries).any(1), apart)


def test_the_language_model_trains_alone_where_the_detector_is_asked_nothing(
    qwen_folder: Path, sam3_folder: Path, tmp_path: Path
) -> None:
    keys = config(qwen_folder, sam3_folder, images=0, more=1, steps=2, place_slots=True, query_rate=1e-2)
    before, _ = start(keys)
    train(keys, tmp_path)
    after = InstructSAM.from_pretrained(tmp_path / "final")
    same = {n: torch.equal(p.half(), dict(after.named_parameters())[n].half()) for n, p in before.named_parameters()}
    assert all(kept for name, kept in same.items() if name.startswith("model.grounding_model."))
    assert not same["model.mask_queries"]
    assert not same["model.language_model.norm.weight"]
    with pytest.raises(ConfigurationError, match="nothing would be trained"):
        train({**keys, "more": 0}, tmp_path / "none")  # type: ignore[typeddict-item]


def test_the_wanted_slots_are_those_that_start_nearest_to_a_target() -> None:
    mask = torch.zeros(2, 8, 8)
    mask[0, :4, :4] = mask[1, 4:, 4:] = 1
    starts = torch.tensor([[0.2, 0.2], [0.8, 0.2], [0.9, 0.9]])
    targets = [PhraseTargets(0, mask), PhraseTargets(1, mask[1:]), PhraseTargets(2, 0 * mask[:1])]
    assert wanted_slots(starts, targets).tolist() == [[1, 0, 1], [0, 0, 1], [0, 0, 0]]


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


def test_the_answer_alone_is_trained(predictor: Predictor) -> None:
    processor, model = predictor.processor, predictor.model
    example = Example(0, "the mug", [("mug", torch.zeros(1, SIDE, SIDE))])
    batch = collate(model, processor, [example], torch.tensor([[1, 8, 8]]), "inference")
    trained = batch.labels[0][batch.labels[0] != -100].tolist()
    config = model.config
    slots = [config.seg_start_token_index, *[config.seg_token_index] * SLOTS, config.seg_end_token_index]
    named = [config.ref_start_token_index, *processor.words("mug"), config.ref_end_token_index]
    assert trained == [*named, *slots, processor.end_token]


def test_the_reference_convention_differs_where_the_reference_does(predictor: Predictor) -> None:
    processor, model = predictor.processor, predictor.model
    example = Example(0, "the mug", [("mug", torch.zeros(1, SIDE, SIDE))])
    grids = torch.tensor([[1, 8, 8]])
    ours = collate(model, processor, [example], grids, "inference")
    theirs = collate(model, processor, [example], grids, "reference")
    assert torch.equal(ours.token_ids, theirs.token_ids)
    assert theirs.phrases == [processor.words("mug")]
    ((start, end),) = theirs.blocks[0]
    assert ours.blocks[0] == [(start, end + 1)]
    assert theirs.positions.shape == (3, *ours.positions.shape)
    assert ours.positions[0, start - 3 : start].diff().tolist() == [2, 1]


def test_more_targets_than_slots_are_refused(predictor: Predictor) -> None:
    example = Example(0, "all", [("object", torch.ones(SLOTS + 1, SIDE, SIDE))])
    with pytest.raises(ConfigurationError, match=f"{SLOTS + 1} instances, {SLOTS} slots"):
        collate(predictor.model, predictor.processor, [example], torch.tensor([[1, 8, 8]]), "inference")


@pytest.mark.slow
def test_a_run_trains_evaluates_and_can_be_continued(qwen_folder: Path, sam3_folder: Path, tmp_path: Path) -> None:
    first = config(qwen_folder, sam3_folder)
    train(first, tmp_path)
    lines = log(tmp_path)
    assert {"val AP50", "val gIoU", "val phrase"} <= lines[-1].keys()
    steps = lines[-1]["step"]
    assert steps > 0
    trained = Predictor.from_pretrained(tmp_path / "final")
    before, _ = from_parts(qwen_folder, sam3_folder, slots=SLOTS)
    moved = {
        name
        for name, tensor in trained.model.state_dict().items()
        if not torch.allclose(tensor, before.state_dict()[name], atol=1e-3)
    }
    assert not [name for name in moved if name.startswith(tuple(FROZEN))]
    assert "model.mask_queries" in moved
    train({**first, "minutes": 0.1}, tmp_path)
    assert log(tmp_path)[-1]["step"] > steps
    assert log(tmp_path)[-1]["seconds"] >= 6


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
    train(config(qwen_folder, sam3_folder, minutes=0.04, align_minutes=1.0), tmp_path)
    trained = Predictor.from_pretrained(tmp_path / "final").model
    before, _ = from_parts(qwen_folder, sam3_folder, slots=SLOTS)
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


def test_scenes_depend_on_seed_and_number_alone() -> None:
    (one, asked), (same, again) = draw(0, 5, TASK), draw(0, 5, TASK)
    assert np.array_equal(one.image, same.image)
    assert asked == again
    assert not np.array_equal(one.image, draw(0, 6, TASK)[0].image)
    assert not np.array_equal(one.image, draw(1, 5, TASK)[0].image)


def test_conversations_carry_the_masks_of_their_targets() -> None:
    drawn = [draw(0, number, TASK) for number in range(20)]
    images, examples = conversations(drawn, slots=2)
    assert len(images) == 20
    asked = [(i, question) for i, (_, questions) in enumerate(drawn) for question in questions]
    kept = [(i, question) for i, question in asked if len(question.targets) <= 2]
    assert 0 < len(kept) < len(asked)
    assert [example.image for example in examples] == [i for i, _ in kept]
    for example, (i, question) in zip(examples, kept, strict=True):
        ((phrase, masks),) = example.answer
        assert phrase == question.phrase
        if question.targets:
            expected = np.stack([drawn[i][0].objects[k].mask for k in question.targets])
            assert np.array_equal(masks.numpy().astype(bool), expected)
        else:
            assert masks.shape == (1, SIDE, SIDE)
            assert not masks.any()


def test_evaluation_counts_right_phrases(predictor: Predictor, write: Callable[..., None]) -> None:
    drawn = [draw(0, 3, TASK)]
    write(*[f"<{question.phrase}>" for question in drawn[0][1]])
    assert evaluate(predictor, drawn)["phrase"] == 1.0
    write(*["<no such thing>" for _ in drawn[0][1]])
    assert evaluate(predictor, drawn)["phrase"] == 0.0
