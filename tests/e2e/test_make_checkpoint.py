"""`workbench make-checkpoint`."""

from pathlib import Path

import pytest

from workbench.cli.main import main
from workbench.foundations.checkpoints import tensor_shapes


def test_it_writes_a_checkpoint_and_replaces_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "sam3"
    assert main(["make-checkpoint", "middle", str(out), "--model", "sam3"]) == 0
    assert capsys.readouterr().out.startswith(f"{out}: sam3 middle, 0.08 GiB in bfloat16")
    assert "detr_decoder.query_embed.weight" in tensor_shapes(out)
    assert main(["make-checkpoint", "middle", str(out)]) == 2
    assert "expected a new or empty folder" in capsys.readouterr().err


def test_an_unknown_shape_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["make-checkpoint", "huge", "x"])
    assert "'middle', 'full'" in capsys.readouterr().err
