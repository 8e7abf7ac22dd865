"""Parquet files: rows are read one after the other, pictures written once, other files refused."""

from pathlib import Path

import numpy as np
import pytest

from tests.workbench.benchmarks.layouts import LEFT
from tests.workbench.benchmarks.parquet_cases import M_ROWS, ONE, names, row_m, write
from workbench.benchmarks import parquet, parquet_file, refcoco_m
from workbench.data.errors import ConfigurationError


def test_rows_are_read_when_they_are_needed(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", [row_m(ONE, f"{i}.jpg", ("cup", ["cup"], LEFT)) for i in range(30)])
    rows = parquet_file.ParquetRows(tmp_path / "a.parquet", ("image", "samples"))
    seen: list[str] = []
    samples = rows.samples(lambda row, where: seen.append(where) or [])  # type: ignore[func-returns-value]
    assert seen == []
    assert list(samples) == []
    assert (len(seen), rows.count) == (30, 30)
    first = next(iter(refcoco_m.read(tmp_path / "a.parquet", tmp_path / "images")))
    assert (first.sample_id, len(names(tmp_path / "images"))) == ("0", 1)


def test_files_that_are_no_such_table(tmp_path: Path) -> None:
    good = write(tmp_path / "good" / "m.parquet", M_ROWS).read_bytes()
    path = tmp_path / "m.parquet"
    for content in (b"", b"PAR1", b"{}", good[:-10], good[:200], b"PAR1" + good[500:], b"x" + good[1:] + b"x"):
        path.write_bytes(content)
        with pytest.raises(ConfigurationError, match=r"m\.parquet: "):
            list(refcoco_m.refcoco_m(str(path), None).samples())
    write(path, [{"image": b"", "text": "cup"}])
    with pytest.raises(
        ConfigurationError, match=r"expected the columns image, samples; samples is not there, but 'ima"
    ):
        refcoco_m.refcoco_m(str(path), None)
    with pytest.raises(ConfigurationError, match="mask is not there"):
        parquet.parquet(str(path), None)
    path.unlink()
    with pytest.raises(ConfigurationError, match=r"expected files \*\.parquet in this folder, found none"):
        refcoco_m.refcoco_m(str(tmp_path), None)
    with pytest.raises(ConfigurationError, match="refcoco-m: there is no annotation file"):
        refcoco_m.refcoco_m(str(tmp_path / "x"), None)
    with pytest.raises(ConfigurationError, match="there is no image folder"):
        refcoco_m.refcoco_m(str(tmp_path / "good"), str(tmp_path / "good" / "m.parquet"))


def test_damaged_files_are_refused_or_read(tmp_path: Path) -> None:
    raw = write(tmp_path / "m.parquet", M_ROWS).read_bytes()
    rng = np.random.default_rng(5)
    for _ in range(60):
        damaged = bytearray(raw)
        for place in rng.integers(4, len(raw) - 4, 4):
            damaged[place] = rng.integers(256)
        (tmp_path / "m.parquet").write_bytes(damaged)
        try:
            samples = list(refcoco_m.refcoco_m(str(tmp_path / "m.parquet"), None).samples())
        except ConfigurationError as error:
            assert "m.parquet" in str(error)
        else:
            assert all(s.problem is None or s.problem.startswith("m.parquet: sample ") for s in samples)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    path = write(tmp_path / "m.parquet", M_ROWS)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"the image folder .* cannot be made"):
        list(refcoco_m.read(path, tmp_path / "file" / "images"))
