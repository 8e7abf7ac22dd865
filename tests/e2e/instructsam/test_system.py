"""InstructSAM as a system: what its options change, and that its identity says so."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from e2e.instructsam.system import InstructSamSystem
from e2e.options import InstructSamOptions
from e2e.systems import instructsam
from workbench.data.predictions import OK, Prediction
from workbench.data.samples import Sample
from workbench.foundations.checkpoints import tensor_shapes
from workbench.plugins.interfaces import Image

PLAIN = {
    "system", "checkpoint", "digest", "threshold", "prompt", "max_new_tokens", "dtype", "slots", "slots_causal",
    "phrase_conditioning", "candidates",
}  # fmt: skip


def made(folder: Path, **options: Any) -> InstructSamSystem:
    given = {"device": "cpu", "dtype": "float32", "image_size": 168, "threshold": 0.0, **options}
    return instructsam(InstructSamOptions(str(folder), **given))


@pytest.fixture(scope="module")
def plain(middle: Path) -> tuple[InstructSamSystem, Prediction]:
    system = made(middle)
    return system, answer(system)


def answer(system: InstructSamSystem) -> Prediction:
    pixels: Image = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    (prediction,) = system.predict([Sample("s", "i", Path(), 96, 96, "the mug")], [pixels])
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
        ({"slots": 4}, {}),
    ],
)
def test_a_smaller_model_answers_nearly_the_same_and_says_what_it_is(
    middle: Path, plain: tuple[InstructSamSystem, Prediction], options: dict[str, Any], said: dict[str, Any]
) -> None:
    full, before = plain
    system = made(middle, **options)
    identity = system.identity()
    assert {name: identity[name] for name in set(identity) - PLAIN} == {"image_size": 168, **said}
    assert identity != full.identity()
    assert system.weights < full.weights
    after = scores(answer(system))
    assert after != scores(before)
    assert after == pytest.approx(scores(before)[: len(after)], abs=0.02)


def test_the_further_it_goes_the_less_it_weighs(middle: Path, plain: tuple[InstructSamSystem, Prediction]) -> None:
    weights = [made(middle, quantize="int8", quantize_to=part).weights for part in ("language", "detector", "vision")]
    assert sorted({plain[0].weights, *weights}, reverse=True) == [plain[0].weights, *weights]


def test_the_weight_is_that_of_the_tensors_in_the_checkpoint(
    middle: Path, plain: tuple[InstructSamSystem, Prediction]
) -> None:
    numbers = sum(int(np.prod(shape)) for shape in tensor_shapes(middle).values())
    assert plain[0].weights == plain[0].conditions().weights == 4 * numbers


def test_without_options_the_identity_is_what_it_was(middle: Path) -> None:
    assert set(made(middle, image_size=None).identity()) == PLAIN


def test_compiled_parts_answer_the_same(
    middle: Path, plain: tuple[InstructSamSystem, Prediction], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    compiled: list[str] = []
    # tracing alone takes half a minute; what is shown is which parts are compiled, and that they are asked as before
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self: compiled.append(type(self).__name__))
    system = made(middle, compile=True)
    assert compiled == [
        "Qwen3VLVisionModel", "Sam3VisionModel", "Sam3DetrEncoder", "SlotDecoder", "Sam3MaskDecoder",
        "Sam3DotProductScoring",
    ]  # fmt: skip
    assert system.identity() == {**plain[0].identity(), "compiled": True}
    assert scores(answer(system)) == scores(plain[1])
