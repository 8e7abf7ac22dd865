"""The rehearsal, at the middle size."""

from pathlib import Path

import pytest

from speed import rehearse


@pytest.mark.slow
def test_it_makes_a_checkpoint_compares_says_what_that_took_and_removes_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ["--set", "instructsam.image_size=168"]
    assert rehearse.main(["--shape", "middle", "--samples", "1", "--scratch", str(tmp_path), *small]) == 0
    said = capsys.readouterr().out
    assert "checkpoint: 0.16 GiB" in said
    assert "compare: 1 sample of 640 px, 0 failed" in said
    assert {line.split(":")[0].strip() for line in said.splitlines()} >= {"encode", "llm", "segment", "decode"}
    peak = float(said.split("memory at the peak: ")[1].split()[0])
    assert 0.3 < peak < 3
    assert list(tmp_path.iterdir()) == []


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
