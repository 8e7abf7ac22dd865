"""What runs beside the language model changes no answer, and leaves torch its threads."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from e2e.instructsam.predictor import Predictor
from e2e.single_pass.beside import beside
from speed.instructsam import scenes
from workbench.data.predictions import Trace

CPU = torch.device("cpu")


@pytest.fixture(params=[1, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_both_share_the_threads_until_it_is_waited_for(threads: int) -> None:
    with beside(torch.get_num_threads, CPU) as waited:
        during = torch.get_num_threads()
        assert (waited(), during) == ((1, 2) if threads == 3 else (1, 1))
        assert torch.get_num_threads() == threads


def test_a_mistake_in_it_is_raised_where_it_is_waited_for(threads: int) -> None:
    def fails() -> None:
        raise ValueError("no image")

    with pytest.raises(ValueError, match="no image"), beside(fails, CPU) as waited:
        waited()
    with pytest.raises(KeyError), beside(lambda: 1, CPU):
        raise KeyError
    assert torch.get_num_threads() == threads


def test_answers_are_the_same(predictor: Predictor, threads: int) -> None:
    (image, texts), *_ = scenes(64, 1)
    trace = Trace()
    apart = replace(predictor, side_by_side=True).segment_instructions([image], [texts[:2]], trace)
    assert apart == predictor.segment_instructions([image], [texts[:2]])
    assert [call.kind for call in trace.calls][:3] == ["encode", "llm", "encode"]
    assert torch.get_num_threads() == threads
