"""Questions on disk: the same at every level, kept where they are there, refused where they are others."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.workbench.toys import Rectangles
from workbench.data.errors import ConfigurationError
from workbench.plugins.perturbations import Axis, Question, axis, declared
from workbench.stress.writing import Source, read, write


@axis("Grey", (0, 1, 2))
def grey(question: Question, level: float, rng: np.random.Generator) -> Question | None:
    """Not for green boxes at level 2."""
    if level == 2 and "green" in question.sample.instruction:
        return None
    return question.seen((question.image // (level + 1)).astype(np.uint8)) if level else question


def about() -> Axis:
    found = declared(grey)
    assert found is not None
    return found


def source(tmp_path: Path, limit: int = 8) -> Source:
    return Source(Rectangles(tmp_path / "data", 12), limit, 0)


def test_a_question_that_cannot_be_changed_at_one_level_is_left_out_at_all(tmp_path: Path) -> None:
    folder = write(tmp_path / "questions", "grey", grey, about(), source(tmp_path, 12))
    facts, samples = read(folder)
    base = list(Rectangles(tmp_path / "data", 12).samples())
    green = sum("green" in sample.instruction for sample in base)
    assert 0 < green == facts["left_out"] and len(samples) == 3 * (12 - green)
    assert [sample.sample_id for sample in samples[:3]] == [f"{samples[0].facts['question']}@{n}" for n in (0, 1, 2)]
    assert {sample.image_id for sample in samples} <= {sample.image_id for sample in base}
    plain = next(sample for sample in base if sample.sample_id == samples[0].facts["question"])
    assert np.array_equal(samples[0].load_image(), plain.load_image())
    assert np.array_equal(samples[2].load_image(), plain.load_image() // 3)
    assert samples[0].targets == plain.targets


def test_random_questions_are_others_by_another_seed(tmp_path: Path) -> None:
    base = Rectangles(tmp_path / "data", 12)
    asked = []
    for seed in (0, 0, 1):
        few = Source(base, 4, seed, sample="random")
        folder = write(tmp_path / f"q{seed}", "grey", grey, about(), few)
        asked.append([sample.facts["question"] for sample in read(folder)[1][::3]])
    assert asked[0] == asked[1] != asked[2] and len(asked[0]) == 4
    assert asked[0] != [sample.sample_id for sample in base.samples()][:4]


def test_equal_pictures_share_a_file(tmp_path: Path) -> None:
    folder = write(tmp_path / "questions", "grey", grey, about(), source(tmp_path))
    files = list((folder / "pictures").iterdir())
    samples = read(folder)[1]
    assert len(files) == len({sample.image_path for sample in samples}) < len(samples)


def test_what_is_there_is_kept_and_other_questions_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "questions", "grey", grey, about(), source(tmp_path))
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    write(folder, "grey", grey, about(), source(tmp_path))
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    with pytest.raises(ConfigurationError, match="holds other questions of grey"):
        write(folder, "grey", grey, about(), source(tmp_path, 5))
    with (folder / "samples.jsonl").open("a") as file:
        file.write("\n")
    write(folder, "grey", grey, about(), source(tmp_path))  # damaged: written again
    assert len(read(folder)[1]) == 24


def test_a_picture_that_cannot_be_read_is_left_out_and_nothing_left_is_said(tmp_path: Path) -> None:
    few = source(tmp_path, 12)
    list(few.base.samples())  # type: ignore[union-attr]
    Image.new("RGB", (5, 5)).save(tmp_path / "data" / "0.png")
    folder = write(tmp_path / "questions", "grey", grey, about(), few)
    assert "s0" not in {sample.facts["question"] for sample in read(folder)[1]}
    with pytest.raises(ConfigurationError, match="not one question can be changed"):
        write(tmp_path / "none", "never", lambda question, level, rng: None, about(), few)
    assert not (tmp_path / "none").exists()


def test_an_axis_that_fails_is_named_with_its_level(tmp_path: Path) -> None:
    def broken(question: Question, level: float, rng: np.random.Generator) -> Question:
        return replace(question, image=question.image / 0 if level else question.image).nothing  # type: ignore[attr-defined,no-any-return]

    with pytest.raises(ConfigurationError, match=r"axis broken failed at level 0: .*nothing"):
        write(tmp_path / "questions", "broken", broken, about(), source(tmp_path))
    with pytest.raises(ConfigurationError, match=r"expected a `workbench.Question` or None, got 'text'"):
        write(tmp_path / "questions", "text", lambda question, level, rng: "text", about(), source(tmp_path))  # type: ignore[arg-type,return-value]
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
