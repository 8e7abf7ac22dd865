"""SAM3 by phrase: features once per image, phrases in a batch, thresholds as documented, clear errors."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.workbench.foundations.hub_cache import COMMIT, cache
from workbench.data.errors import ConfigurationError
from workbench.data.masks import decode
from workbench.foundations.devices import Place
from workbench.foundations.sam3 import training as recipe
from workbench.foundations.sam3.architecture import build
from workbench.foundations.sam3.segmenter import Sam3Segmenter
from workbench.foundations.training.tokenizer import clip_tokenizer
from workbench.systems.phrase import PhraseSystem

PHRASES = ["mug", "large red mug", "purple object"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    tokenizer = clip_tokenizer()
    model = build(64, len(tokenizer), tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id)
    folder = tmp_path_factory.mktemp("sam3")
    recipe.save(model, tokenizer, folder / "tiny")
    return folder / "tiny"


@pytest.fixture(scope="module")
def segmenter(checkpoint: Path) -> Sam3Segmenter:
    return Sam3Segmenter(checkpoint, threshold=0.0)


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (96, 80, 3), dtype=np.uint8)


def test_features_are_computed_once_for_all_phrases(segmenter: Sam3Segmenter, image: np.ndarray) -> None:
    passes = []
    handle = segmenter.model.vision_encoder.register_forward_hook(lambda *_: passes.append(1))
    features = segmenter.encode(image)
    segmenter.segment(features, PHRASES)
    segmenter.segment(features, PHRASES[:1])
    handle.remove()
    assert len(passes) == 1


def test_phrases_in_a_batch_answer_as_alone(segmenter: Sam3Segmenter, image: np.ndarray) -> None:
    features = segmenter.encode(image)
    together = segmenter.segment(features, PHRASES)
    for phrase, found in zip(PHRASES, together, strict=True):
        alone = segmenter.segment(features, [phrase])[0]
        np.testing.assert_allclose(alone.scores, found.scores, atol=1e-5)
        differing = [np.mean(decode(a) != decode(b)) for a, b in zip(alone.masks, found.masks, strict=True)]
        assert max(differing) < 1e-3


def test_the_way_of_resizing_decides_masks_and_identity(
    segmenter: Sam3Segmenter, image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    features, before = segmenter.encode(image), segmenter.identity()
    usual = segmenter.segment(features, PHRASES[:1])[0]
    monkeypatch.setattr(segmenter, "resize", "logits")
    other = segmenter.segment(features, PHRASES[:1])[0]
    assert usual.scores == other.scores and usual.masks != other.masks
    assert "resize" not in before and segmenter.identity() == {**before, "resize": "logits"}
    assert segmenter.conditions().threshold == 0.0 and "logits" in str(segmenter.conditions().resizing)
    assert PhraseSystem(segmenter).conditions().threshold_option == "threshold"


def test_several_images_at_once_answer_as_alone(segmenter: Sam3Segmenter, image: np.ndarray) -> None:
    images = [image, image[:64, ::-1].copy(), image]
    together = segmenter.segment_all(list(zip(segmenter.encode_all(images), PHRASES, strict=True)))
    for one, phrase, found in zip(images, PHRASES, together, strict=True):
        alone = segmenter.segment(segmenter.encode(one), [phrase])[0]
        assert {decode(mask).shape for mask in found.masks} == {one.shape[:2]}
        np.testing.assert_allclose(alone.scores, found.scores, atol=1e-5)
        differing = [np.mean(decode(a) != decode(b)) for a, b in zip(alone.masks, found.masks, strict=True)]
        assert max(differing) < 1e-3


def test_scores_and_masks_are_those_of_the_model(segmenter: Sam3Segmenter, image: np.ndarray) -> None:
    found = segmenter.segment(segmenter.encode(image), PHRASES[:1])[0]
    tokens = segmenter.tokenizer(PHRASES[:1], return_tensors="pt")
    with torch.inference_mode():
        out = segmenter.model(
            pixel_values=segmenter.preprocess(image), input_ids=tokens.input_ids, attention_mask=tokens.attention_mask
        )
    scores = (out.pred_logits.sigmoid() * out.presence_logits.sigmoid())[0]
    np.testing.assert_allclose(found.scores, scores.sort(descending=True).values.numpy(), atol=1e-5)
    assert [decode(mask).shape for mask in found.masks] == [(96, 80)] * len(found.masks)


def test_the_threshold_is_strict(checkpoint: Path, segmenter: Sam3Segmenter, image: np.ndarray) -> None:
    every = segmenter.segment(segmenter.encode(image), ["mug"])[0].scores
    strict = Sam3Segmenter(checkpoint, threshold=every[3])
    assert strict.segment(strict.encode(image), ["mug"])[0].scores == every[:3]


def test_no_phrase_gives_no_result(segmenter: Sam3Segmenter, image: np.ndarray) -> None:
    assert segmenter.segment(segmenter.encode(image), []) == []


def test_long_and_foreign_phrases_are_cut_not_refused(segmenter: Sam3Segmenter, image: np.ndarray) -> None:
    assert len(segmenter.segment(segmenter.encode(image), ["mug " * 500, "", "чашка ☕"])) == 3


def test_a_folder_without_weights_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigurationError, match=r"no weights.*" + tmp_path.name):
        Sam3Segmenter(tmp_path)


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ConfigurationError, match=r"pytorch_model\.bin"):
        Sam3Segmenter(tmp_path)


def test_identity_names_no_path(segmenter: Sam3Segmenter, checkpoint: Path) -> None:
    identity = segmenter.identity()
    assert identity["segmenter"] == "tiny"
    assert str(checkpoint.parent) not in str(identity)


def test_a_hub_name_loads_from_the_cache_and_its_commit_is_part_of_the_identity(
    checkpoint: Path, segmenter: Sam3Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache("owner/sam3", checkpoint, tmp_path, monkeypatch)
    cached = Sam3Segmenter("owner/sam3", threshold=0.0)
    digest = f"hub:owner/sam3@{COMMIT}"
    assert cached.identity() == {**segmenter.identity(), "segmenter": "owner/sam3", "digest": digest}
    cached.place = Place("cuda:1", "bfloat16")
    assert cached.identity()["device"] == "cuda" and cached.identity()["precision"] == "bfloat16"
    assert cached.conditions().device == "cuda, bfloat16" and segmenter.conditions().device == "cpu, float32"


@pytest.mark.parametrize(
    ("options", "identity"),
    [
        ({"dtype": "bfloat16"}, {"device": "cpu", "precision": "bfloat16"}),
        ({"quantize": "int8"}, {"quantized": "int8"}),
        ({"quantize": "int8-dynamic", "dtype": "bfloat16"}, {"quantized": "int8-dynamic", "precision": "bfloat16"}),
    ],
)
def test_a_smaller_one_finds_nearly_the_same_and_says_what_it_is(
    checkpoint: Path, segmenter: Sam3Segmenter, image: np.ndarray, options: dict[str, str], identity: dict[str, str]
) -> None:
    smaller = Sam3Segmenter(checkpoint, threshold=0.0, **options)
    assert identity.items() <= smaller.identity().items()
    assert not identity.keys() & segmenter.identity().keys()
    assert smaller.weights < segmenter.weights == segmenter.conditions().weights
    (before,), (after,) = (one.segment(one.encode(image), PHRASES[:1]) for one in (segmenter, smaller))
    assert after.scores != before.scores
    assert after.scores == pytest.approx(before.scores, abs=0.02)
