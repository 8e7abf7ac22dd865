"""The training recipes of SAM3 and of the tiny language model: they learn, they resume, their parts are right."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from workbench.foundations.qwen import cell_head, conversations
from workbench.foundations.qwen import model as qwen_model
from workbench.foundations.qwen import training as qwen
from workbench.foundations.sam3 import architecture as sam3_model
from workbench.foundations.sam3 import dense as sam3_dense
from workbench.foundations.sam3 import losses as sam3_losses
from workbench.foundations.sam3 import training as sam3
from workbench.foundations.sam3.segmenter import TINY, Sam3Segmenter
from workbench.foundations.training.loop import Loop
from workbench.foundations.training.tokenizer import chat_tokenizer, clip_tokenizer
from workbench.tabletop.phrases import parse
from workbench.tabletop.training_phrases import any_phrase, held_out
from workbench.tabletop.training_scenes import draw
from workbench.tabletop.vocabulary import CATEGORIES, SIZES


@pytest.fixture(scope="module")
def detector() -> tuple[Any, Any]:
    torch.manual_seed(0)
    tokenizer = clip_tokenizer()
    ids = (tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id)
    return sam3_model.build(64, len(tokenizer), *ids), tokenizer


def test_a_scene_depends_on_seed_split_and_number_alone() -> None:
    again = [draw(3, 7, size=64, asked=2) for _ in range(2)]
    assert np.array_equal(again[0].image, again[1].image)
    assert again[0].instructions == again[1].instructions
    assert not np.array_equal(draw(3, 7, size=64).image, draw(3, 7, size=64, split="val").image)


def test_training_pass_equals_the_stock_model(detector: tuple[Any, Any]) -> None:
    model, tokenizer = detector
    tokens = tokenizer(["red mug", "large blue timepiece"], padding=True, return_tensors="pt")
    image = sam3.pixels([draw(0, 0, size=64)])
    model.eval()
    with torch.no_grad():
        stock = model(
            pixel_values=image.expand(2, -1, -1, -1), input_ids=tokens.input_ids, attention_mask=tokens.attention_mask
        )
        text = model.get_text_features(tokens.input_ids, tokens.attention_mask).pooler_output
        ours = sam3_model.detect(
            model,
            model.vision_encoder(image),
            text,
            tokens.attention_mask.bool(),
            torch.tensor([0, 0]),
            torch.full((2, 3, 4), 0.5),
        )
    torch.testing.assert_close(ours.logits[-1], stock.pred_logits, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(ours.masks, stock.pred_masks, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(ours.presence[-1], stock.presence_logits[:, 0], atol=1e-4, rtol=1e-4)
    corners = torch.cat(
        [ours.boxes[-1][..., :2] - ours.boxes[-1][..., 2:] / 2, ours.boxes[-1][..., :2] + ours.boxes[-1][..., 2:] / 2],
        -1,
    )
    torch.testing.assert_close(corners, stock.pred_boxes, atol=1e-4, rtol=1e-4)


def test_a_target_is_matched_with_the_query_that_starts_nearest() -> None:
    anchors = torch.tensor([[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]])
    boxes = torch.tensor([[0.8, 0.7, 0.5, 0.5], [0.2, 0.2, 0.1, 0.1], [0.3, 0.2, 0.1, 0.1]])
    rows, columns = sam3_losses.assign(anchors, boxes)
    assert dict(zip(columns.tolist(), rows.tolist(), strict=True)) == {0: 3, 1: 0, 2: 1}


def test_generalised_iou_of_known_boxes() -> None:
    a = torch.tensor([[0.25, 0.5, 0.5, 1.0]])
    b = torch.tensor([[0.25, 0.5, 0.5, 1.0], [0.75, 0.5, 0.5, 1.0], [0.5, 0.5, 1.0, 1.0]])
    torch.testing.assert_close(sam3_losses.generalised_iou(a, b), torch.tensor([1.0, 0.0, 0.5]))


def test_boxes_of_masks_are_centre_and_extent() -> None:
    mask = np.zeros((1, 10, 20), dtype=bool)
    mask[0, 2:6, 5:15] = True
    np.testing.assert_allclose(sam3_dense.boxes_of(mask), [[0.5, 0.4, 0.5, 0.4]])


def test_patches_are_those_of_the_stock_processor() -> None:
    from transformers import Qwen2VLImageProcessorPil

    image = np.random.default_rng(0).integers(0, 255, (64, 96, 3), dtype=np.uint8)
    stock = Qwen2VLImageProcessorPil(
        do_resize=False, image_mean=[0.5] * 3, image_std=[0.5] * 3, patch_size=8, merge_size=2
    )(images=image, return_tensors="pt")
    torch.testing.assert_close(qwen_model.patches(image[None]), stock.pixel_values, atol=1e-5, rtol=0)


def test_conversations_answer_from_the_scene() -> None:
    scene = draw(0, 5, size=128, asked=4)
    at = conversations.cells(scene)
    for question, answer in conversations.conversation(scene, np.random.default_rng(0)):
        for x, y in (
            place.split()[:2]
            for place in answer.split(": ")[-1].replace("-> ", "; ").split("; ")
            if place[:1].isdigit()
        ):
            assert (int(x), int(y)) in at, (question, answer)


@pytest.mark.parametrize("text", ["large red mug", "Segment the 2 dice!", "чашка ☕ <think>", '{"a": [1, 12]}'])
def test_any_text_survives_the_tokenizer(text: str) -> None:
    tokenizer = chat_tokenizer(["the large red mug", "segment the dice"], 400)
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False).input_ids) == text


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


@pytest.mark.slow
def test_sam3_learns(detector: tuple[Any, Any]) -> None:
    model, tokenizer = detector
    heads = {"head": sam3.DenseHead(160, 64), "match": sam3.MatchHead()}
    both = torch.nn.ModuleDict({"model": model.train(), **heads})
    scenes = [draw(0, number, size=64) for number in range(5)]

    def loss() -> torch.Tensor:
        torch.manual_seed(0)
        terms, _ = sam3.concept_terms(both, tokenizer, scenes, np.random.default_rng(0), 3, 3)
        return torch.stack([sam3.WEIGHTS[name] * value for name, value in terms.items()]).sum()

    assert _descend(both, loss) < 0.8


@pytest.mark.slow
def test_the_language_model_learns() -> None:
    torch.manual_seed(0)
    tokenizer = chat_tokenizer(conversations.corpus()[:4000])
    both = torch.nn.ModuleDict({"model": qwen_model.build(tokenizer, 128), "head": cell_head.CellHead(192)})
    encoder = qwen.Encoder(tokenizer, 128)
    scenes = [draw(0, number, size=128, asked=3) for number in range(3)]
    batch = qwen.prepare(encoder, scenes, 2, np.random.default_rng(0))

    def loss() -> torch.Tensor:
        text, dense, _ = qwen.losses(both, encoder, batch)
        return text + dense

    assert _descend(both, loss) < 0.8


def test_the_dense_head_is_told_what_each_pixel_is_and_where_its_object_is() -> None:
    scene = draw(0, 5, size=128)
    truth = cell_head.cell_truth([scene])
    (categories, colours, sizes), centres = truth.words, truth.centres
    assert len(categories) == len(colours) == len(sizes) == len(centres) == 64 * 16
    for row, column in [(0, 0), (9, 22), (30, 3), *np.argwhere(scene.index[2::4, 2::4] > 0)[::40].tolist()]:
        token, within = (row // 4) * 8 + column // 4, (row % 4) * 4 + column % 4
        number = scene.index[2 + 4 * row, 2 + 4 * column]
        place = token * 16 + within
        assert (categories[place] > 0) == (number > 0)
        if number:
            thing = scene.objects[number - 1]
            assert list(CATEGORIES)[categories[place] - 1] == thing.category
            assert list(SIZES)[sizes[place] - 1] == thing.size
            rows, columns = np.nonzero(scene.masks()[number - 1])
            seen_from = np.array([column + 0.5, row + 0.5]) / 4
            np.testing.assert_allclose(
                seen_from + centres[place].numpy(), [columns.mean() / 16, rows.mean() / 16], atol=1e-4
            )


@pytest.mark.slow
def test_sam3_goes_on_from_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third phase alone, from a checkpoint; the dense head, which no checkpoint holds, is fitted first."""
    monkeypatch.setattr(sam3, "READ_OUT_STEPS", 2)
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self: None)
    recipe: Any = {
        "seed": 3, "image_size": 128, "minutes": 0.2, "rate": 1e-6, "known_rate": 1e-6, "images": 1, "phrases": 2,
        "more": 1, "start": str(TINY), "tracking_uri": "none",
    }  # fmt: skip
    sam3.train(recipe, tmp_path)
    before, after = (Sam3Segmenter(folder).model.state_dict() for folder in (TINY, tmp_path / "final"))
    assert not (tmp_path / "dense").exists()
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert changed
    assert all(torch.allclose(before[name].float(), after[name].float(), atol=1e-2) for name in changed)


def _descend(model: torch.nn.Module, loss: Any, steps: int = 12) -> float:
    """Last loss over the first."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    values = []
    for _ in range(steps):
        value = loss()
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(float(value.detach()))
    return values[-1] / values[0]


def test_training_asks_for_every_form_of_phrase_absent_too_and_for_no_held_out_combination() -> None:
    rng = np.random.default_rng(0)
    asked: dict[tuple[bool, bool, bool], list[bool]] = {}
    for number in range(400):
        objects = draw(0, number % 40, size=64).objects
        phrase = any_phrase(objects, rng)
        assert not held_out(phrase)
        form = (phrase.noun in CATEGORIES, phrase.colour is not None, phrase.size is not None)
        asked.setdefault(form, []).append(any(map(phrase.matches, objects)))
    assert len(asked) == 8
    assert all(any(present) and not all(present) for present in asked.values())
    for number in range(60):
        scene = draw(0, number, size=64, asked=4)
        assert not any(held_out(parse(instruction.phrase)) for instruction in scene.instructions)
