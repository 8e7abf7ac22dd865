"""The [SEG] token models as systems: traces, outcomes, and what is said where a checkpoint is missing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from e2e.options import ManyMasksOptions
from e2e.segtoken.predictor import Predictor
from e2e.segtoken.system import SegTokenSystem
from e2e.segtoken.training import train as training
from e2e.systems import multi_seg_tiny
from tests.e2e.conftest import SIDE
from tests.e2e.segtoken.scripted import says
from workbench.data.errors import ConfigurationError
from workbench.data.predictions import OK
from workbench.data.samples import Sample

IMAGE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def sample(name: str, instruction: str) -> Sample:
    return Sample(name, "a", Path(), SIDE, SIDE, instruction)


def test_a_missing_checkpoint_names_the_command_that_trains_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"workbench train e2e/configs/multi-seg-tiny\.yaml"):
        multi_seg_tiny(ManyMasksOptions(str(tmp_path / "none")))


@pytest.fixture
def system(many: Predictor, sam3_folder: Path, tmp_path: Path) -> SegTokenSystem:
    """The saved model as a system, sharing the fixture's model so that `says` scripts it."""
    training.save(many.model, many.processor, tmp_path / "tiny")
    made = multi_seg_tiny(ManyMasksOptions(str(tmp_path / "tiny"), str(sam3_folder), max_new_tokens=12, max_masks=4))
    made.predictor = replace(made.predictor, model=many.model)
    return made


def test_the_trace_has_the_tokens_of_the_answer(system: SegTokenSystem, many: Predictor) -> None:
    says(many, ("mug", 2))
    (prediction,) = system.predict([sample("s", "the mugs")], [IMAGE])
    assert prediction.outcome == OK
    assert prediction.phrases == ("mug",)
    assert len(prediction.instances) == 2
    assert [call.kind for call in prediction.calls] == ["encode", "llm", "segment", "decode"]
    assert prediction.calls[1].tokens_out == len(many.processor.words("mug")) + 2 + 2 + 1


def test_no_target_is_an_empty_answer_and_not_a_failure(system: SegTokenSystem, many: Predictor) -> None:
    says(many, ("pear", 0))
    (prediction,) = system.predict([sample("s", "the pear")], [IMAGE])
    assert (prediction.outcome, prediction.instances, prediction.phrases) == (OK, (), ("pear",))


@pytest.mark.parametrize(("phrase", "count"), [("mug", 4), ("mug " * 12, 0)])
def test_an_answer_that_reaches_a_bound_is_cut_off(
    system: SegTokenSystem, many: Predictor, phrase: str, count: int
) -> None:
    says(many, (phrase, count), end=False)
    (prediction,) = system.predict([sample("s", "the mugs")], [IMAGE])
    assert (prediction.outcome, prediction.instances) == ("cut_off", ())
    assert "no end within" in prediction.message


def test_a_too_long_instruction_is_its_own_samples_failure(system: SegTokenSystem, many: Predictor) -> None:
    says(many, ("mug", 1))
    found = system.predict([sample("1", "red mug " * 300), sample("2", "the mug")], [IMAGE, IMAGE])
    assert [prediction.outcome for prediction in found] == ["too_long", OK]
    assert [len(prediction.instances) for prediction in found] == [0, 1]
