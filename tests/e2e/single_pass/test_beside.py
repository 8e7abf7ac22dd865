"""What runs beside the language model changes no answer."""

from dataclasses import replace

import pytest
import torch

from e2e.instructsam.predictor import Predictor
from e2e.single_pass.beside import beside
from speed.instructsam import scenes
from workbench.data.predictions import Trace


def test_a_mistake_in_it_is_raised() -> None:
    def fails() -> None:
        raise ValueError("no image")

    with pytest.raises(ValueError, match="no image"), beside(fails, torch.device("cpu")) as waited:
        waited()


def test_answers_are_the_same(predictor: Predictor) -> None:
    (image, texts), *_ = scenes(64, 1)
    trace, running = Trace(), list[int]()
    encoder = predictor.model.detector.vision_encoder
    hook = encoder.register_forward_pre_hook(lambda *_: running.append(len(trace.calls)))
    apart = replace(predictor, side_by_side=True).segment_instructions([image], [texts[:2]], trace)
    hook.remove()
    assert apart == predictor.segment_instructions([image], [texts[:2]])
    assert [call.kind for call in trace.calls][:3] == ["encode", "llm", "encode"]
    assert running == [3], "on a CPU the detector's image encoder is counted in the second of them"
