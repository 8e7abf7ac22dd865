import os
from itertools import islice

import pytest
import torch

from workbench.foundations.training.prefetch import ahead


def made(number: int) -> tuple[int, torch.Tensor, int]:
    if number == 9:
        raise ValueError("number 9 cannot be made")
    return number, torch.full((2,), float(number)), os.getpid()


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_come_in_order_from_the_first_whoever_makes_them(workers: int) -> None:
    before = torch.get_rng_state()
    found = list(islice(ahead(made, 3, workers), 5))
    assert [number for number, _, _ in found] == [3, 4, 5, 6, 7]
    assert [tensor.tolist() for _, tensor, _ in found] == [[n, n] for n in (3.0, 4.0, 5.0, 6.0, 7.0)]
    assert ({pid for _, _, pid in found} == {os.getpid()}) == (workers == 0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("workers", [0, 2])
def test_what_cannot_be_made_ends_the_training_with_its_error(workers: int) -> None:
    batches = ahead(made, 8, workers)
    assert next(batches)[0] == 8
    with pytest.raises(ValueError, match="number 9 cannot be made"):
        next(batches)
