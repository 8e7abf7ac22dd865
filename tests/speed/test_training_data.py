"""What a training takes to know its data."""

from pathlib import Path

from speed.training_data import measured


def test_a_row_says_what_was_indexed(tmp_path: Path) -> None:
    row = measured(tmp_path, 30)
    assert row["pictures"] == 30
    assert 0.5 < row["index"] / row["file"] < 1.5
    assert row["memory"] >= 0 and row["seconds"] > 0 and row["read"] > 0
