"""The single-pass systems as the bench uses them."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from e2e.instructsam.predictor import Predictor
from e2e.instructsam.system import InstructSamSystem
from e2e.options import InstructSamOptions
from e2e.systems import instructsam
from workbench.data.errors import ConfigurationError
from workbench.data.masks import Rle, encode
from workbench.data.predictions import OK, Prediction
from workbench.data.samples import Sample
from workbench.foundations.devices import Place
from workbench.plugins import registry
from workbench.systems.phrase import PhraseSystem

Write = Callable[..., None]
IMAGE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)


@pytest.fixture
def folder(predictor: Predictor, tmp_path: Path) -> Path:
    predictor.model.save_pretrained(tmp_path / "tiny")
    predictor.processor.save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.fixture
def system(folder: Path, predictor: Predictor) -> InstructSamSystem:
    """The saved model as a system, sharing the fixture's model so that `write` scripts it."""
    made = instructsam(InstructSamOptions(str(folder), 0.2, device="cpu", dtype="float32", max_new_tokens=12))
    made.predictor = replace(made.predictor, model=predictor.model, guess=False)
    return made


def sample(name: str, instruction: str, image: str = "a") -> Sample:
    return Sample(name, image, Path(), 64, 64, instruction)


def test_an_answer_carries_masks_phrases_and_the_trace(system: InstructSamSystem, write: Write) -> None:
    write("<mug>")
    (prediction,) = system.predict([sample("s", "the mug")], [IMAGE])
    assert prediction.outcome == OK
    assert prediction.phrases == ("mug",)
    assert prediction.instances
    assert all(0.2 < instance.score <= 1 for instance in prediction.instances)
    assert [call.kind for call in prediction.calls] == ["encode", "llm", "segment", "decode"]
    llm = prediction.calls[1]
    assert llm.tokens_in > 16
    assert llm.tokens_out == len(system.predictor.processor.words("mug")) + 3
    assert llm.note.reply == "mug"
    assert Prediction.from_json(prediction.to_json()) == prediction


def test_samples_of_one_image_share_its_features(system: InstructSamSystem, write: Write) -> None:
    encoded: list[int] = []
    hook = system.predictor.model.detector.vision_encoder.register_forward_pre_hook(
        lambda _module, args: encoded.append(len(args[0]))
    )
    write("<mug>", "<pear>", "none")
    samples = [sample("1", "mug", "a"), sample("2", "book", "b"), sample("3", "pear", "a")]
    predictions = system.predict(samples, [IMAGE, IMAGE[::-1].copy(), IMAGE])
    hook.remove()
    assert encoded == [2]
    assert [prediction.sample_id for prediction in predictions] == ["1", "2", "3"]
    # prompts are grouped by image, so the second line was written for sample 3
    assert [prediction.phrases for prediction in predictions] == [("mug",), (), ("pear",)]
    assert all(call.note.batch == 3 for prediction in predictions for call in prediction.calls)


def test_an_instruction_too_long_for_the_context_has_its_own_outcome(system: InstructSamSystem) -> None:
    (prediction,) = system.predict([sample("s", "red mug " * 300)], [IMAGE])
    assert prediction.outcome == "too_long"
    assert "tokens" in prediction.message
    assert prediction.instances == ()


def test_an_answer_cut_off_before_any_phrase_has_its_own_outcome(system: InstructSamSystem, write: Write) -> None:
    write("red " * 40, end=False)
    (prediction,) = system.predict([sample("s", "mug")], [IMAGE])
    assert prediction.outcome == "cut_off"
    assert "12 tokens" in prediction.message


def test_an_answer_cut_off_after_a_phrase_keeps_it(system: InstructSamSystem, write: Write) -> None:
    write("<mug>" + "red " * 40, end=False)
    (prediction,) = system.predict([sample("s", "mug")], [IMAGE])
    assert prediction.outcome == OK
    assert prediction.phrases == ("mug",)
    assert [call.note.mistake for call in prediction.calls] == [None, "cut_off", None, None]


def test_an_answer_that_repeats_itself_has_its_own_outcome(system: InstructSamSystem, write: Write) -> None:
    system.predictor = replace(system.predictor, max_new_tokens=40)
    write("<" + "red " * 40, end=False)
    (prediction,) = system.predict([sample("s", "mug")], [IMAGE])
    assert prediction.outcome == "repeating" and "again and again: red red" in prediction.message
    assert "repeating" in [call.note.mistake for call in prediction.calls]


def test_all_slots_below_the_threshold_are_candidates(system: InstructSamSystem, write: Write) -> None:
    write("<mug>")
    system.predictor = replace(system.predictor, threshold=0.9999)
    (prediction,) = system.predict([sample("s", "mug")], [IMAGE])
    assert prediction.instances == ()
    assert len(prediction.candidates) == system.predictor.model.slots
    for candidate in prediction.candidates:
        assert candidate.dropped == "low_score"
        assert candidate.phrase == "mug"
        assert candidate.score <= 0.9999


def test_the_identity_names_the_checkpoint_without_its_path(system: InstructSamSystem, folder: Path) -> None:
    identity = system.identity()
    assert identity["checkpoint"] == "tiny"
    assert str(folder.parent) not in str(identity)
    assert identity["threshold"] == 0.2
    options = replace(system.options, threshold=0.5)
    other = instructsam(options).identity()
    assert other["digest"] == identity["digest"]
    assert other != identity
    assert "resize" not in identity and "device" not in identity, "as before there were these entries"
    system.place = Place("cuda:1", "float32")
    assert system.identity() == {**identity, "device": "cuda"}
    resized = instructsam(replace(system.options, resize="probabilities"))
    assert resized.identity() == {**identity, "resize": "probabilities"}
    assert "probabilities" in str(resized.conditions().resizing) and "logits" in str(system.conditions().resizing)
    assert resized.predictor.resize == "probabilities"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"threshold": 1.5}, "threshold"),
        ({"prompt": "no place"}, "prompt"),
        ({"dtype": "int8"}, "dtype"),
        ({"max_new_tokens": 0}, "max_new_tokens"),
        ({"device": "nonsense"}, "device: expected .* device .*, got 'nonsense'"),
        ({"device": "cuda:99"}, "device: expected .*, got 'cuda:99': .*here"),
        ({"revision": "main"}, "only a hub name has revisions"),
    ],
)
def test_a_wrong_option_is_named(folder: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        instructsam(InstructSamOptions(str(folder), **{"device": "cpu", "dtype": "float32", **options}))


def test_the_factories_are_registered() -> None:
    for name in ("instructsam", "instructsam-tiny", "sam3-phrase-tiny"):
        assert callable(registry.load("systems", name))


def test_listing_systems_imports_no_model_code() -> None:
    code = "import sys, e2e.systems; print([m for m in ('torch', 'transformers', 'mlflow') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


class Echo:
    """A segmenter that finds the whole image once per word."""

    def identity(self) -> dict[str, Any]:
        return {"segmenter": "echo"}

    def encode(self, image: np.ndarray) -> tuple[int, int]:
        return image.shape[0], image.shape[1]

    def segment(self, features: tuple[int, int], phrases: list[str]) -> list["Found"]:
        whole = encode(np.ones(features, dtype=bool))
        return [Found([whole] * len(phrase.split()), [0.9] * len(phrase.split())) for phrase in phrases]


class Found:
    def __init__(self, masks: list[Rle], scores: list[float]) -> None:
        self.masks, self.scores = masks, scores


def test_the_floor_asks_the_segmenter_for_the_instruction_itself() -> None:
    system = PhraseSystem(Echo())
    predictions = system.predict([sample("1", "the red mug"), sample("2", "")], [IMAGE, IMAGE])
    assert [len(prediction.instances) for prediction in predictions] == [3, 0]
    assert predictions[0].phrases == ("the red mug",)
    assert [call.kind for call in predictions[0].calls] == ["encode", "segment"]
    assert system.identity() == {"system": "sam3-phrase", "segmenter": "echo"}
