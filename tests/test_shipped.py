"""The shipped checkpoints: small enough, safe to load, each with a card. `tests/test_readme.py` compares them."""

from agents.systems import CHECKPOINT as AGENT
from e2e.systems import MULTI_SEG, SEG_TOKEN
from e2e.systems import TINY as INSTRUCTSAM
from workbench.foundations.sam3.segmenter import TINY as SAM3


def test_checkpoints_are_safetensors_of_40_megabytes_at_most_each_with_a_card() -> None:
    shipped = [SAM3, AGENT, INSTRUCTSAM, *(folder for folder in (SEG_TOKEN, MULTI_SEG) if folder.exists())]
    files = [file for folder in shipped for file in folder.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= 40e6
    assert not [file for file in files if file.suffix in {".bin", ".pt", ".pth", ".pkl"}]
    for folder in shipped:
        assert list(folder.rglob("*.safetensors"))
        assert (folder / "README.md").exists()
