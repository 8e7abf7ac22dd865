"""Which tokens of a conversation are trained, by either convention."""

import pytest
import torch

from e2e.instructsam.predictor import Predictor
from e2e.instructsam.training.examples import collate
from e2e.single_pass.examples import Example
from tests.e2e.conftest import SIDE, SLOTS
from workbench.data.errors import ConfigurationError


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
