"""How command lines are read: options reach what they are meant for, and wrong ones are refused at once."""

import shlex
import sys
from pathlib import Path

import pytest

from workbench.cli.completion import subcommands
from workbench.cli.examples import EXAMPLES
from workbench.cli.main import main
from workbench.cli.parser import build_parser, parse


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("sam3-agent-tiny.overlap=much", "a number from 0 to 1, got 'much'"),
        ("sam3-agent-tiny.checks=maybe", "true or false, got 'maybe'"),
        ("sam3-agent-tiny.time_limit=nan", "a number above 0, got 'nan'"),
        ("sam3-agent-tiny.concurrency=-1", "a whole number of at least 1, got '-1'"),
        ("sam3-agent-tiny.segmenter=sam4", "a text that names one of the segmenters (sam3, sam3-tiny), got 'sam4'"),
        ("sam3-phrase-tiny.threshold=hi", "a number from 0 to 1, or none, got 'hi'"),
        ("instructsam-tiny.batch_size=two", "a whole number of at least 1, got 'two'"),
        ("instructsam-tiny.dtype=int8", "a text that is one of float32, bfloat16, float16, got 'int8'"),
    ],
)
def test_an_option_that_does_not_fit_is_refused_before_a_model_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], setting: str, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    before = "torch" in sys.modules
    assert main(["compare", "--systems", setting.partition(".")[0], "--benchmark", "tabletop", "--set", setting]) == 2
    assert f"workbench: {setting.partition('=')[0]}: expected {expected}" in capsys.readouterr().err
    assert ("torch" in sys.modules) == before
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("folder", ["2018", "no", "on", "2024-01-05", "none", "1e-3"])
def test_a_folder_may_have_any_name(workplace: Path, capsys: pytest.CaptureFixture[str], folder: str) -> None:
    assert main(["generate", "tabletop", "--out", folder, "--scenes", "1", "--per-scene=1", "--size", "64"]) == 0
    given = ["--set", f"inst2seg.annotations={folder}/test/test.json", "--set", f"inst2seg.images=./{folder}/test"]
    assert main(["check", "inst2seg", *given]) == 0
    assert main(["check", "inst2seg", "--annotations", f"{folder}/test/test.json", "--images", f"{folder}/test"]) == 0
    assert "1 samples, 1 usable; 1 images; nothing is missing or broken" in capsys.readouterr().out


def test_a_command_that_is_misspelt_is_told_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["comapre", "--systems", "instructsam-tiny"])
    assert ended.value.code == 2
    assert "unknown command 'comapre' (did you mean 'compare'?)" in capsys.readouterr().err


def test_every_command_has_examples_that_it_accepts(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(EXAMPLES) == set(subcommands(build_parser()))
    for name, examples in EXAMPLES.items():
        with pytest.raises(SystemExit):
            parse([name, "--help"])
        said = capsys.readouterr().out
        for example in examples:
            assert f"\n  {example}\n" in said
            words = shlex.split(example.partition(" > ")[0])
            assert words[:2] == ["workbench", name]
            parse(words[1:])
