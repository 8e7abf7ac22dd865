"""The middle size: real sizes of vocabulary, slots, picture and detector, in seconds. Whole runs go through it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import Sam3Model

import workbench
from e2e.instructsam.config import published_config
from e2e.instructsam.shapes import WORDS, config_of
from reports.pages.report import write_report
from workbench.comparison.comparison import Comparison, predicted, scored
from workbench.comparison.memory import peak_memory, reset_peak
from workbench.data.samples import Sample
from workbench.foundations.checkpoints import tensor_shapes
from workbench.foundations.loading import load_model
from workbench.foundations.sam3.shapes import write_random as write_sam3

WIDTH, HEIGHT = 4000, 3000
MEMORY = 1.5 * 2**30
"""Bytes that a whole run on pictures of 12 megapixels, with oracles and report, may take beyond what was there."""
OPTIONS = {"device": "cpu", "image_size": 336, "max_pixels": 65536, "threshold": 0.5}


def test_middle_has_the_sizes_that_matter_of_the_published_one() -> None:
    middle, full = config_of("middle"), published_config()
    assert middle.text_config.vocab_size == full.text_config.vocab_size
    assert middle.max_seg_nums == full.max_seg_nums == 10
    assert middle.text_config.hidden_size == 256
    for part in ("detr_encoder_config", "detr_decoder_config", "mask_decoder_config"):
        assert getattr(middle.sam3_config, part).to_dict() == getattr(full.sam3_config, part).to_dict()
    assert middle.sam3_config.vision_config.image_size == 1008
    assert middle.sam3_config.vision_config.backbone_config.patch_size == 14


def test_sam3_of_the_middle_size_loads_as_any_other(tmp_path: Path) -> None:
    size = write_sam3("middle", tmp_path)
    assert size == 2 * sum(np.prod(shape) for shape in tensor_shapes(tmp_path).values())
    model = load_model(Sam3Model, tmp_path, torch.bfloat16)
    assert model.config.vision_config.image_size == 1008


@pytest.fixture(scope="module")
def system(middle: Path) -> Any:
    return workbench.make_system(
        "instructsam", checkpoint=str(middle), **{**OPTIONS, "image_size": 168}, dtype="float32"
    )


def _asked(count: int, side: int = 96) -> tuple[Sequence[Sample], Sequence[Any]]:
    rng = np.random.default_rng(0)
    samples = [Sample(f"s{n}", f"i{n}", Path(), side, side, f"the mug number {n}") for n in range(count)]
    return samples, [rng.integers(0, 256, (side, side, 3), dtype=np.uint8) for _ in samples]


def test_it_writes_its_phrase_feeds_all_slots_and_ends_alone_as_in_a_batch(system: Any) -> None:
    samples, images = _asked(2)
    together = system.predict(samples, images)
    for sample, image, answer in zip(samples, images, together, strict=True):
        (alone,) = system.predict([sample], [image])
        assert answer.outcome == "ok"
        assert answer.phrases == (WORDS,)
        assert len(answer.instances) + len(answer.candidates) == 10
        scores = [one.score for one in answer.instances]
        assert [one.score for one in alone.instances] == pytest.approx(scores, abs=1e-4)


def test_the_side_of_the_picture_has_to_fit_the_patches(middle: Path) -> None:
    with pytest.raises(workbench.ConfigurationError, match=r"expected a multiple of 28 .* has 1008\), got 1000"):
        workbench.make_system("instructsam", checkpoint=str(middle), device="cpu", image_size=1000)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Two pictures of 12 megapixels, the second without a target."""
    across, down = np.arange(WIDTH, dtype=np.uint32), np.arange(HEIGHT, dtype=np.uint32)[:, None]
    pixels = np.stack([across // 16 + 0 * down, down // 12 + 0 * across, (across + down) % 256], -1).astype(np.uint8)
    (tmp_path / "masks").mkdir()
    for name in ("a", "b"):
        Image.fromarray(pixels).save(tmp_path / f"{name}.jpg")
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask[500:1500, 800:2600] = 255
        Image.fromarray(mask).save(tmp_path / "masks" / f"{name}.png")
    rows = ["image,instruction,masks", "a.jpg,the mug,masks/a.png", "b.jpg,the lamp,"]
    (tmp_path / "instructions.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


@pytest.mark.slow
def test_a_run_on_large_pictures_goes_on_and_stays_within_its_memory(middle: Path, large: Path, tmp_path: Path) -> None:
    options = {"m": {"checkpoint": str(middle), **OPTIONS}, "folder": {"annotations": str(large)}}
    out = tmp_path / "run"
    before = reset_peak()
    with predicted(Comparison({"m": "instructsam"}, "folder", 1, settings=options), out):
        first = (out / "folder" / "m" / "predictions.jsonl").read_bytes()
    with scored(Comparison({"m": "instructsam"}, "folder", settings=options, oracles=True), out, False) as run:
        write_report(run, out / "report.html")
    grown = peak_memory() - before
    assert (out / "folder" / "m" / "predictions.jsonl").read_bytes().startswith(first)
    answers = run.predictions("m")
    assert [len(one.instances) + len(one.candidates) for one in answers] == [10, 10]
    assert all(one.outcome == "ok" for one in answers)
    assert {one.oracle for one in run.results.oracles} == {"scores", "deduplication", "presence"}
    assert (out / "report.html").stat().st_size < 8 * 2**20
    assert grown < MEMORY, f"{grown / 2**20:.0f} MiB"
