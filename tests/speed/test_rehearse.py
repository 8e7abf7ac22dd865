"""The rehearsal: what it prints and removes. `make rehearse` is the real one."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from speed import rehearse
from tests.conftest import Install
from workbench.comparison.comparison import Comparison, scored


@pytest.fixture
def toys(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the two commands a small file and a comparison of toys, as the real ones take half a minute."""
    points = {
        "systems": {"toy": "tests.workbench.toys:threshold"},
        "benchmarks": {"toy": "tests.workbench.toys:rectangles"},
    }
    install("toys", points)

    def run(words: Sequence[str], log: Path) -> rehearse.Step:
        if words[0] == "make-checkpoint":
            Path(words[2]).mkdir()
            Path(words[2], "model.safetensors").write_bytes(bytes(2**20))
        else:
            out = Path(words[words.index("--out") + 1])
            settings = {"toy": {"folder": str(out.parent / "data")}}
            with scored(Comparison({"instructsam": "toy"}, "toy", int(words[6]), settings=settings), out, False):
                assert "tabletop.size=640" in words
        return rehearse.Step(60.0, 90.0, 3 * rehearse.GIB)

    monkeypatch.setattr(rehearse, "run", run)


@pytest.mark.usefixtures("toys")
def test_it_says_what_both_commands_took_and_removes_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    assert rehearse.main(["--shape", "middle", "--samples", "1", "--scratch", str(scratch)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "checkpoint: 0.00 GiB in 60 s, 3.0 GiB at the peak"
    assert said[1] == "compare: 1 sample of 640 px, 0 failed, 60 s (90 s of processors)"
    assert any(line.startswith("    segment: ") for line in said)
    assert said[-1] == "  memory at the peak: 3.0 GiB"
    assert list(scratch.iterdir()) == []


def test_without_room_nothing_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rehearse, "free_memory", lambda: 3.0)
    assert rehearse.main(["--scratch", str(tmp_path)]) == 2
    assert "expected 10 GiB of free memory" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_fails_is_shown_with_its_end(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"(?s)workbench make-checkpoint ended with exit code 2:.*invalid choice"):
        rehearse.run(["make-checkpoint", "huge", "x"], tmp_path / "log")
