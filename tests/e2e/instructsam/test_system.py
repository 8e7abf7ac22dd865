"""InstructSAM as a system: what its options change, and that its identity says so."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from e2e.instructsam.predictor import Predictor
from e2e.instructsam.system import InstructSamSystem
from e2e.options import INSTRUCTSAM_TINY, TINY
from e2e.single_pass.predictor import Answer
from e2e.systems import instructsam_tiny
from speed.instructsam import scenes
from tests.e2e.seen import assert_same
from workbench.data.pictures import read_picture
from workbench.data.predictions import OK, Prediction
from workbench.data.samples import Sample
from workbench.foundations.checkpoints import tensor_shapes

SCENE = Path(__file__).parents[3] / "docs" / "scene.png"
PLAIN = {
    "system", "checkpoint", "digest", "threshold", "prompt", "max_new_tokens", "dtype", "slots", "slots_causal",
    "phrase_conditioning", "candidates",
}  # fmt: skip


Plain = tuple[InstructSamSystem, Prediction]


def made(**options: Any) -> InstructSamSystem:
    return instructsam_tiny(replace(INSTRUCTSAM_TINY, **{"threshold": 0.0, "image_size": 96, **options}))


@pytest.fixture(scope="module")
def plain() -> Plain:
    system = made()
    return system, answer(system)


def answer(system: InstructSamSystem) -> Prediction:
    pixels = read_picture(SCENE).pixels
    height, width = pixels.shape[:2]
    (prediction,) = system.predict([Sample("s", "i", Path(), width, height, "the green things")], [pixels])
    assert prediction.outcome == OK
    return prediction


def scores(prediction: Prediction) -> Sequence[float]:
    return [instance.score for instance in prediction.instances]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"quantize": "int8", "quantize_to": "detector"}, {"quantized": "int8, detector"}),
        ({"quantize": "int8-dynamic", "quantize_to": "vision"}, {"quantized": "int8-dynamic, vision"}),
        ({"dtype": "bfloat16"}, {}),
    ],
)
def test_a_smaller_model_answers_nearly_the_same_and_says_what_it_is(
    plain: Plain, options: dict[str, Any], said: dict[str, Any]
) -> None:
    full, before = plain
    system = made(**options)
    identity = system.identity()
    assert {name: identity[name] for name in set(identity) - PLAIN} == {"image_size": 96, "max_pixels": 16384, **said}
    assert identity != full.identity()
    assert system.weights < full.weights
    after = scores(answer(system))
    assert after != scores(before)
    assert after == pytest.approx(scores(before)[: len(after)], abs=0.1)


def test_the_further_it_goes_the_less_it_weighs(plain: Plain) -> None:
    weights = [made(quantize="int8", quantize_to=part).weights for part in ("language", "detector", "vision")]
    assert sorted({plain[0].weights, *weights}, reverse=True) == [plain[0].weights, *weights]


def test_the_weight_is_that_of_the_tensors_in_the_checkpoint(plain: Plain) -> None:
    numbers = sum(int(np.prod(shape)) for shape in tensor_shapes(TINY).values())
    assert plain[0].weights == plain[0].conditions().weights == 4 * numbers


def test_fewer_slots_weigh_less_and_give_as_many_answers(plain: Plain) -> None:
    system = made(slots=4)
    found = answer(system)
    assert system.identity() == {**plain[0].identity(), "slots": 4}
    assert system.weights < plain[0].weights
    assert len(found.instances) + len(found.candidates) == 4 * len(found.phrases)


def test_without_options_the_identity_is_what_it_was() -> None:
    assert set(made(image_size=None).identity()) == {*PLAIN, "max_pixels"}


def test_compiled_parts_answer_the_same(plain: Plain, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    compiled: list[str] = []
    # tracing alone takes half a minute; what is shown is which parts are compiled, and that they are asked as before
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self: compiled.append(type(self).__name__))
    system = made(compile=True)
    assert compiled == [
        "Tower", "VisionEncoder", "ImageEncoder", "SlotDecoder", "MaskDecoder", "Sam3DotProductScoring"
    ]  # fmt: skip
    assert system.identity() == {**plain[0].identity(), "compiled": True}
    assert scores(answer(system)) == scores(plain[1])


def test_one_instruction_alone_takes_fewer_passes_and_has_the_same_answer() -> None:
    shipped = Predictor.from_pretrained(TINY)
    passes: dict[bool, int] = {}
    answers: dict[bool, list[Answer]] = {}
    for guess in (True, False):
        taken: list[int] = []
        hook = shipped.model.model.language_model.register_forward_hook(lambda *_, taken=taken: taken.append(1))
        answers[guess] = [
            replace(shipped, guess=guess).segment_instructions([image], [[text]])[0][0]
            for image, texts in scenes(128, 2)
            for text in texts
        ]
        hook.remove()
        passes[guess] = len(taken)
    assert passes[True] < 0.8 * passes[False]
    for one, other in zip(answers[True], answers[False], strict=True):
        assert_same(one, other)
