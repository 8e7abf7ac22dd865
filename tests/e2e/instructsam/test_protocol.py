"""The published protocol of each benchmark, under one name."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from e2e.instructsam.protocol import PUBLISHED, protocol_of
from e2e.instructsam.system import InstructSamSystem
from e2e.options import SUFFIX, InstructSamOptions
from e2e.systems import instructsam
from workbench.data.errors import ConfigurationError
from workbench.data.samples import Sample

ASKED = "the cup that is used for tea"


def sample(kind: str | None = None, instruction: str = ASKED) -> Sample:
    return Sample("s", "i", Path(), 64, 64, instruction, kind=kind)


@pytest.mark.parametrize(
    ("benchmark", "kind", "prompt", "threshold"),
    [
        ("inst2seg", None, f"{ASKED} Please output the segmentation mask.", 0.3),
        ("inst2seg", "attribute", f"{ASKED} Please output the segmentation mask.", 0.3),
        ("gseval", "part", f"{ASKED} Please output the segmentation mask.", 0.3),
        ("roborefit", None, f"{ASKED} Please output the segmentation mask.", 0.5),
        ("grefcoco", None, f"Can you segment '{ASKED}' in the image?", 0.3),
        ("reasonseg", "long", f"{ASKED} Please output the segmentation mask.", 0.3),
        ("reasonseg", "short", f"Please segment the '{ASKED}' in the image.", 0.3),
    ],
)
def test_a_sample_is_asked_as_its_authors_do(benchmark: str, kind: str | None, prompt: str, threshold: float) -> None:
    protocol = protocol_of(benchmark)
    assert protocol.prompt(sample(kind)) == prompt
    assert protocol.threshold == threshold


def test_a_suffix_that_is_there_is_not_said_twice_and_braces_are_the_instructions_own() -> None:
    asked = sample(instruction="the {instruction} Please output the segmentation mask.")
    assert protocol_of("inst2seg").prompt(asked) == asked.instruction
    assert protocol_of("grefcoco").prompt(sample(instruction="a {b}")) == "Can you segment 'a {b}' in the image?"


@pytest.fixture
def folder(predictor: Any, tmp_path: Path) -> Path:
    predictor.model.save_pretrained(tmp_path / "tiny")
    predictor.processor.save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


def made(folder: Path, **options: Any) -> InstructSamSystem:
    return instructsam(InstructSamOptions(str(folder), device="cpu", dtype="float32", protocol="published", **options))


def test_both_kinds_of_reasonseg_are_asked_in_one_run_and_the_identity_says_how(folder: Path) -> None:
    system = made(folder)
    system.follow(SimpleNamespace(name="reasonseg"))  # type: ignore[arg-type]
    heard: list[str] = []
    words = system.predictor.processor.words
    system.predictor.processor.words = lambda text: (heard.append(text), words(text))[1]  # type: ignore[method-assign]
    system.predict([sample("long"), sample("short")], [_image(), _image()])
    assert heard == [f"{ASKED} Please output the segmentation mask.", f"Please segment the '{ASKED}' in the image."]
    identity = system.identity()
    assert (identity["protocol"], identity["threshold"]) == ("published", 0.3)
    assert identity["prompt"] == {"other": SUFFIX, "short": "Please segment the '{instruction}' in the image."}


def test_the_threshold_is_that_of_the_benchmark(folder: Path) -> None:
    system = made(folder)
    system.follow(SimpleNamespace(name="roborefit"))  # type: ignore[arg-type]
    assert system.predictor.threshold == system.identity()["threshold"] == 0.5
    stated = system.conditions()
    assert (stated.threshold, stated.threshold_option) == (0.5, None)
    assert stated.threshold_chosen == "that of its authors for this benchmark"


def test_without_it_nothing_changes(folder: Path) -> None:
    system = instructsam(InstructSamOptions(str(folder), device="cpu", dtype="float32"))
    before = system.identity()
    system.follow(SimpleNamespace(name="reasonseg"))  # type: ignore[arg-type]
    assert system.identity() == before
    assert "protocol" not in before
    assert (before["prompt"], before["threshold"]) == (SUFFIX, 0.3)


def test_a_benchmark_without_a_published_protocol_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"none for tabletop, only for {', '.join(PUBLISHED)}"):
        made(folder).follow(SimpleNamespace(name="tabletop"))  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "value"), [("prompt", "find {instruction}"), ("threshold", 0.2)])
def test_a_prompt_or_threshold_beside_it_is_refused(folder: Path, name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(f"expected no {name} beside protocol=published")):
        made(folder, **{name: value})


def _image() -> Any:
    import numpy as np

    return np.zeros((64, 64, 3), dtype=np.uint8)
