"""Bad input is recorded against its sample, with a message that says what is wrong, and stops nothing else."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.workbench.toys import HEIGHT, WIDTH, Rectangles, Threshold
from workbench.comparison.runner import run
from workbench.data import masks
from workbench.data.errors import ConfigurationError, SampleError
from workbench.data.predictions import Instance, Prediction
from workbench.data.samples import Sample
from workbench.plugins.interfaces import Image
from workbench.runs.run import Run
from workbench.scoring.finish import finish

WRONG_SIZE = masks.encode(np.ones((WIDTH, HEIGHT), bool))


class Answering(Threshold):
    """Replaces fields of its answer to `s1`."""

    def __init__(self, **changes: Any) -> None:
        super().__init__(60, 0.0)
        self.changes = changes
        self.asked: set[str] = set()

    def predict(self, samples: Sequence[Sample], images: Sequence[Image]) -> list[Prediction]:
        self.asked |= {sample.sample_id for sample in samples}
        found = super().predict(samples, images)
        return [replace(p, **self.changes) if p.sample_id == "s1" else p for p in found]


def _run(tmp_path: Path, system: Threshold | None = None, **changes: Any) -> Run:
    """Runs and scores four samples, `s1` of them changed."""
    benchmark = Rectangles(tmp_path / "data", 4, changes={"s1": changes})
    run({"toy": lambda: system or Answering()}, lambda: benchmark, tmp_path / "run")
    return finish(tmp_path / "run")


def _outcomes(found: Run) -> list[str]:
    assert found.results.systems["toy"].n_failed == 1
    return [p.outcome for p in found.predictions("toy")]


def _message(found: Run) -> str:
    return found.predictions("toy")[1].message


def _from_annotation(value: object) -> str:
    with pytest.raises(SampleError) as raised:
        masks.from_annotation(value, HEIGHT, WIDTH, "annotations.json: sample s1")
    return str(raised.value)


def test_a_missing_image(tmp_path: Path) -> None:
    found = _run(tmp_path, image_path=tmp_path / "data" / "none.png")
    assert _outcomes(found) == ["ok", "bad_sample", "ok", "ok"]
    assert _message(found) == f"image not found: {tmp_path / 'data' / 'none.png'}"


def test_a_truncated_png(tmp_path: Path) -> None:
    list(Rectangles(tmp_path / "data", 4).samples())
    path = tmp_path / "data" / "cut.png"
    path.write_bytes((tmp_path / "data" / "0.png").read_bytes()[:70])
    found = _run(tmp_path, image_path=path)
    assert _outcomes(found) == ["ok", "bad_sample", "ok", "ok"]
    assert _message(found).startswith(f"image cannot be read: {path}: ")


def test_an_image_of_another_size_than_its_annotation(tmp_path: Path) -> None:
    found = _run(tmp_path, width=WIDTH + 1, targets=())
    assert _outcomes(found) == ["ok", "bad_sample", "ok", "ok"]
    assert f"image is {WIDTH}x{HEIGHT} but its annotation says {WIDTH + 1}x{HEIGHT}" in _message(found)


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (WRONG_SIZE, f"annotations.json: sample s1: mask RLE is {HEIGHT}x{WIDTH} but the image is {WIDTH}x{HEIGHT}"),
        (None, "annotations.json: sample s1: expected a COCO RLE or polygons of at least 3 points, got None"),
    ],
    ids=["rle of wrong size", "null"],
)
def test_an_unusable_mask_in_an_annotation(tmp_path: Path, annotation: object, message: str) -> None:
    system = Answering()
    found = _run(tmp_path, system, problem=_from_annotation(annotation), targets=())
    assert _outcomes(found) == ["ok", "bad_sample", "ok", "ok"]
    assert _message(found).startswith(message)
    assert "s1" not in system.asked


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((Instance(WRONG_SIZE, 0.5),), f"instance 0: mask RLE is {HEIGHT}x{WIDTH} but the image is {WIDTH}x{HEIGHT}"),
        ((Instance({"size": [HEIGHT, WIDTH], "counts": "~~"}, 0.5),), "instance 0: mask RLE counts do not describe"),
        (None, "expected a sequence of instances, got NoneType"),
    ],
    ids=["rle of wrong size", "rle that is none", "null mask list"],
)
def test_an_unusable_mask_in_an_answer(tmp_path: Path, answer: Any, message: str) -> None:
    found = _run(tmp_path, Answering(instances=answer))
    assert _outcomes(found) == ["ok", "crashed", "ok", "ok"]
    assert _message(found).startswith(f"unusable answer: {message}")


@pytest.mark.parametrize("instruction", ["", " \n"])
def test_an_empty_instruction(tmp_path: Path, instruction: str) -> None:
    system = Answering()
    found = _run(tmp_path, system, instruction=instruction)
    assert _outcomes(found) == ["ok", "bad_sample", "ok", "ok"]
    assert _message(found) == "the instruction is empty"
    assert "s1" not in system.asked


def test_an_instruction_of_10000_characters_reaches_the_system_whole(tmp_path: Path) -> None:
    instruction = "the red box " + "x" * 9_988
    system = Answering()
    found = _run(tmp_path, system, instruction=instruction)
    assert [p.outcome for p in found.predictions("toy")] == ["ok"] * 4
    assert "s1" in system.asked
    assert found.samples()[1].instruction == instruction


@pytest.mark.parametrize("kind", [ConfigurationError, OSError])
def test_a_checkpoint_folder_without_weights_stops_before_any_work(tmp_path: Path, kind: type[Exception]) -> None:
    def without_weights() -> Threshold:
        raise kind(f"{tmp_path / 'checkpoint'} holds no weights")

    first = Answering()
    systems: dict[str, Callable[[], Threshold]] = {"first": lambda: first, "second": without_weights}
    with pytest.raises(ConfigurationError, match="checkpoint holds no weights"):
        run(systems, lambda: Rectangles(tmp_path / "data", 4), tmp_path / "run")
    assert first.asked == set()
    assert not (tmp_path / "data").exists()


def test_an_output_folder_that_cannot_be_written_stops_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    made: list[str] = []
    with pytest.raises(ConfigurationError, match=r"output folder .* cannot be written"):
        run(
            {"toy": lambda: made.append("toy") or Answering()},
            lambda: Rectangles(tmp_path / "data", 4),
            tmp_path / "file/run",
        )
    assert made == []


class Ending(Threshold):
    """Ends the program, or says what nobody can read, at `s1`."""

    def __init__(self, error: type[BaseException]) -> None:
        super().__init__(60, 0.0)
        self.error = error

    def predict(self, samples: Sequence[Sample], images: Sequence[Image]) -> list[Prediction]:
        if any(sample.sample_id == "s1" for sample in samples):
            raise self.error
        return super().predict(samples, images)


class _UnsayableError(Exception):
    def __str__(self) -> str:
        raise ValueError


@pytest.mark.parametrize("error", [SystemExit, _UnsayableError])
def test_a_system_that_ends_the_program_fails_on_that_sample_alone(tmp_path: Path, error: type[BaseException]) -> None:
    found = _run(tmp_path, Ending(error))
    assert _outcomes(found) == ["ok", "crashed", "ok", "ok"]
    assert _message(found).startswith(f"{error.__name__}: ")
