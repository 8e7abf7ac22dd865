"""Which query learns which target, and the IoU of boxes that the loss uses."""

import torch

from workbench.foundations.sam3 import losses as sam3_losses


def test_a_target_is_matched_with_the_query_that_starts_nearest() -> None:
    anchors = torch.tensor([[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]])
    boxes = torch.tensor([[0.8, 0.7, 0.5, 0.5], [0.2, 0.2, 0.1, 0.1], [0.3, 0.2, 0.1, 0.1]])
    rows, columns = sam3_losses.assign(anchors, boxes)
    assert dict(zip(columns.tolist(), rows.tolist(), strict=True)) == {0: 3, 1: 0, 2: 1}


def test_by_cost_a_target_is_matched_with_the_query_that_scores_and_fits_best() -> None:
    boxes = torch.tensor([[0.2, 0.2, 0.2, 0.2], [0.2, 0.2, 0.2, 0.2], [0.8, 0.8, 0.2, 0.2]])
    targets = torch.tensor([[0.8, 0.8, 0.2, 0.2], [0.2, 0.2, 0.2, 0.2]])
    queries, chosen = sam3_losses.assign_by_cost(torch.tensor([-3.0, 3.0, 0.0]), boxes, targets)
    assert dict(zip(chosen.tolist(), queries.tolist(), strict=True)) == {0: 2, 1: 1}


def test_generalised_iou_of_known_boxes() -> None:
    a = torch.tensor([[0.25, 0.5, 0.5, 1.0]])
    b = torch.tensor([[0.25, 0.5, 0.5, 1.0], [0.75, 0.5, 0.5, 1.0], [0.5, 0.5, 1.0, 1.0]])
    torch.testing.assert_close(sam3_losses.generalised_iou(a, b), torch.tensor([1.0, 0.0, 0.5]))
