"""`workbench.ask` and `workbench.load`."""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image

import workbench
from tests.conftest import Install
from tests.workbench.asking.asked import boxes
from tests.workbench.toys import Threshold
from workbench.asking import api
from workbench.data.conditions import Conditions

made: list[str] = []


class Knowing(Threshold):
    """Knows little, and counts how often it is made."""

    def __init__(self, near: int, broken: bool) -> None:
        super().__init__(near, 0.0)
        self.broken = broken
        made.append("knowing")

    def conditions(self) -> Conditions:
        return Conditions(knows="boxes only")

    def predict(self, samples: Sequence[Any], images: Sequence[Any]) -> list[Any]:
        if self.broken:
            raise ValueError("the model is broken")
        return super().predict(samples, images)


def knowing(near: int = 60, broken: bool = False) -> Knowing:
    return Knowing(near, broken)


@pytest.fixture(autouse=True)
def installed(install: Install) -> Iterator[None]:
    install(
        "asked",
        {"systems": {"toy": "tests.workbench.toys:threshold", "knowing": "tests.workbench.asking.test_api:knowing"}},
    )
    api._kept.clear()
    made.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


def test_a_loaded_system_answers_about_arrays_and_images() -> None:
    with workbench.load("toy", threshold=80) as system:
        first = system.ask(boxes(), "the red box")
        second = system.ask(Image.fromarray(boxes(colour="blue")), "the red box")
    assert [len(answer.instances) for answer in (first, second)] == [1, 0]
    assert first.masks()[0].sum() == 300 and first.seconds is not None and len(first.calls) == 1
    with pytest.raises(workbench.ConfigurationError, match="toy was closed: load it again"):
        system.ask(boxes(), "the red box")


def test_a_system_that_knows_little_says_so_once() -> None:
    with workbench.load("knowing") as system:
        with pytest.warns(UserWarning, match=r"What knowing knows: boxes only\. Answers about other pictures"):
            answer = system.ask(boxes(), "the red box")
        assert system.ask(boxes(), "the blue box").warnings == answer.warnings != ()


def test_ask_keeps_what_it_loaded_until_others_are_asked() -> None:
    for options in ({}, {}, {"near": 61}, {}):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answers = workbench.ask(boxes(), "the red box", systems=["toy", "knowing"], options={"knowing": options})
        assert list(answers) == ["toy", "knowing"] and answers["toy"].colour != answers["knowing"].colour
    assert len(made) == 3


def test_one_system_may_be_asked_twice_under_two_names() -> None:
    given = workbench.ask(
        boxes(), "the red box", systems={"near": "toy", "far": "toy"}, options={"near": {"threshold": 1}}
    )
    assert list(given) == ["near", "far"]


def test_a_system_that_fails_is_an_answer() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answers = workbench.ask(boxes(), "the red box", systems="knowing", options={"knowing": {"broken": True}})
    assert answers["knowing"].outcome == "crashed" and "the model is broken" in answers["knowing"].message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"picture": "nowhere.png"}, "picture not found"),
        ({"instruction": "  "}, "expected an instruction, got '  '"),
        ({"systems": []}, "expected the name of a system"),
        ({"systems": ["tou"]}, "unknown system 'tou' \\(did you mean 'toy'"),
        ({"options": {"other": {}}}, "options of other, which is not asked: knowing"),
        ({"options": {"knowing": {"near": "x"}}}, "knowing.near: expected a whole number"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_loads(given: dict[str, Any], message: str) -> None:
    picture, instruction = given.pop("picture", boxes()), given.pop("instruction", "the red box")
    with pytest.raises(workbench.ConfigurationError, match=message):
        workbench.ask(picture, instruction, **{"systems": "knowing", **given})
    assert made == []


def test_the_shipped_systems_answer_about_a_large_noisy_picture() -> None:
    rng = np.random.default_rng(0)
    pixels = boxes(600, 900).astype(int) + rng.integers(-20, 20, (600, 900, 3))
    with pytest.warns(UserWarning, match="What instructsam-tiny knows: generated tabletop scenes only"):
        answers = workbench.ask(pixels.clip(0, 255).astype(np.uint8), "the red box", systems=["instructsam-tiny"])
    api._kept.clear()
    assert answers["instructsam-tiny"].outcome == "ok", answers["instructsam-tiny"].message
    assert answers["instructsam-tiny"].masks().shape[1:] == (600, 900)


@pytest.mark.parametrize("systems", [5, [5], ["toy", None]])
def test_systems_that_are_no_names_are_refused(systems: Any) -> None:
    with pytest.raises(workbench.ConfigurationError, match="expected names of systems, got"):
        workbench.ask(boxes(), "the red box", systems=systems)
