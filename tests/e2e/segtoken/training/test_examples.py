"""What the [SEG] token models are taught."""

from pathlib import Path

import pytest
import torch

from e2e.segtoken.config import Tokens
from e2e.segtoken.predictor import Predictor
from e2e.segtoken.training.examples import collate, ordered
from e2e.single_pass.examples import Example
from e2e.single_pass.losses import IGNORED
from tests.e2e.conftest import SIDE
from tests.e2e.segtoken.scripted import make, squares

GRIDS = torch.tensor([[1, 8, 8]])


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
