"""Devices: what `auto` means, which are refused and why, and what an identity says of them."""

from pathlib import Path

import pytest
import torch

from agents.options import PUBLISHED, TINY
from e2e.options import INSTRUCTSAM, INSTRUCTSAM_TINY
from workbench.cli.main import main
from workbench.data.errors import ConfigurationError
from workbench.foundations.devices import Place, place, say, unusable
from workbench.foundations.sam3 import segmenter


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "A GPU")


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.usefixtures("gpu")
def test_auto_is_the_gpu_where_torch_sees_one(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = place("auto")
    assert chosen == Place("cuda", "bfloat16") and chosen.dtype is torch.bfloat16
    say("SAM3 x", "auto", chosen)
    assert capsys.readouterr().err == "SAM3 x: on cuda (A GPU), in bfloat16\n"
    assert unusable("cuda:1") == "there is 1 GPU here, numbered from cuda:0"
    assert place("cpu").device == "cpu"


@pytest.mark.usefixtures("no_gpu")
def test_auto_is_the_cpu_where_torch_sees_no_gpu(capsys: pytest.CaptureFixture[str]) -> None:
    say("SAM3 x", "auto", place("auto"))
    assert "SAM3 x: on cpu (torch finds no GPU here" in capsys.readouterr().err
    say("SAM3 x", "cpu", place("cpu"))
    assert capsys.readouterr().err == ""
    say("SAM3 x", "cpu", place("cpu", "float16"))
    assert "no fast kernels for float16 on a CPU; bfloat16" in capsys.readouterr().err
    with pytest.raises(ConfigurationError, match=r"'cuda' cannot be used: torch .* finds no GPU here; .* take cpu"):
        place("cuda")


@pytest.mark.parametrize("device", ["nonsense", "meta", ""])
def test_what_is_no_device_for_a_model_is_refused(device: str) -> None:
    assert unusable(device)


def test_an_identity_names_a_place_other_than_float32_on_a_cpu() -> None:
    assert Place("cpu", "float32").identity() == {}
    assert Place("cpu", "bfloat16").identity() == {"device": "cpu", "precision": "bfloat16"}
    assert Place("cuda:1", "bfloat16").identity() == Place("cuda", "bfloat16").identity()
    assert str(Place("cuda:1", "bfloat16")) == "cuda, bfloat16"


def test_published_models_take_a_gpu_and_tiny_ones_stay_on_the_cpu() -> None:
    assert (PUBLISHED.device, INSTRUCTSAM.device) == ("auto", "auto")
    assert (TINY.device, INSTRUCTSAM_TINY.device) == ("cpu", "cpu")


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("option", ["sam3-agent.device", "sam3-agent.segmenter_device", "sam3-phrase-tiny.device"])
def test_a_device_is_refused_before_anything_loads(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(segmenter, "Sam3Segmenter", lambda *_, **__: pytest.fail("it loads"))
    system = option.partition(".")[0]
    command = ["compare", "--systems", f"sam3-phrase-tiny,{system}", "--benchmark", "tabletop"]
    if system == "sam3-phrase-tiny":
        command[2] = system
    assert main([*command, "--set", f"{option}=cuda", "--out", str(tmp_path / "run")]) == 2
    assert f"{option}: expected a text that names a device which torch can use here" in capsys.readouterr().err


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("recipe", ["qwen-tiny", "instructsam-2b-stage1", "seg-token-tiny", "agent-lm-tiny"])
def test_training_refuses_a_device_before_anything_loads(
    recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", recipe, "--set", "device=cuda", "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert "device 'cuda' cannot be used: torch" in said and "no weights" not in said and "not found" not in said
