import subprocess
import sys
from pathlib import Path

import pytest

from workbench.data.errors import ConfigurationError
from workbench.tabletop.benchmark import tabletop


def test_first_use_writes_the_files_and_the_next_reads_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first = tabletop(scenes=3, per_scene=2, size=64)
    folder = first.image_root()
    assert folder.parent == Path("data") and folder.name.startswith("tabletop-v")
    written = (folder / "test.json").stat().st_mtime_ns
    again = tabletop(scenes=3, per_scene=2, size=64)
    assert (folder / "test.json").stat().st_mtime_ns == written
    assert list(again.samples()) == list(first.samples()) and len(list(first.samples())) == 6


def test_parameters_have_folders_and_identities_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = [tabletop(**{"scenes": 2, "per_scene": 1, "size": 64, **o}) for o in ({}, {"seed": 1}, {"split": "val"})]
    assert len({benchmark.image_root() for benchmark in made}) == 3
    assert len({benchmark.identity()["digest"] for benchmark in made}) == 3


def test_samples_are_sound_and_know_the_rest_of_the_scene(tmp_path: Path) -> None:
    benchmark = tabletop(scenes=4, per_scene=3, size=64, root=str(tmp_path / "t"))
    for sample in benchmark.samples():
        assert sample.problem is None and sample.kind
        assert sample.load_image().shape == (64, 64, 3)
        assert len(sample.targets) + len(sample.others) >= 3
        assert not [other for other in sample.others if other.mask in sample.targets]
    assert (benchmark.name, benchmark.protocol) == ("tabletop", "inst2seg")


def test_edited_files_are_not_mistaken_for_the_benchmark(tmp_path: Path) -> None:
    benchmark = tabletop(scenes=2, per_scene=1, size=64, root=str(tmp_path / "t"))
    benchmark.annotations.write_text("[]")
    with pytest.raises(ConfigurationError, match="remove it or choose another folder"):
        tabletop(scenes=2, per_scene=1, size=64, root=str(tmp_path / "t"))


def test_the_plugin_module_imports_nothing_heavy() -> None:
    heavy = "[m for m in ('numpy', 'PIL', 'pycocotools') if m in sys.modules]"
    code = f"import sys, workbench.tabletop.benchmark; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
