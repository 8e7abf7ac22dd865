"""`import workbench` is free and offers what a notebook and the author of a plugin need."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import workbench


def test_importing_it_imports_nothing_else() -> None:
    code = "import workbench, sys; print(sorted(m for m in sys.modules if m in ('numpy', 'yaml', 'torch', 'PIL')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_all_that_it_lists_is_there_and_loads_no_model_code() -> None:
    code = (
        "import workbench, sys\n"
        "for name in dir(workbench): getattr(workbench, name)\n"
        "print(sorted({'torch', 'transformers', 'mlflow', 'pandas'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert {"System", "Sample", "Prediction", "Instance", "Trace", "masks", "compare", "Run"} <= set(dir(workbench))
    assert (Path(workbench.__file__).parent / "py.typed").exists()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = workbench.nothing


def test_objects_are_shown_shortly() -> None:
    mask = workbench.masks.encode(np.ones((24, 32), bool))
    sample = workbench.Sample("17", "i", Path("x.png"), 32, 24, "the red mug " * 20, targets=(mask, mask))
    shown = [
        repr(sample),
        repr(workbench.Instance(mask, 0.91234)),
        repr(workbench.Candidate(mask, 0.5, "low_score", "mug")),
        repr(workbench.Prediction("17", (workbench.Instance(mask, 1.0),), latency=0.1234)),
        repr(workbench.Trace()),
    ]
    assert shown[1:] == [
        "Instance(mask of 32x24, score 0.912)",
        "Candidate(mask of 32x24, score 0.5, dropped 'low_score', phrase 'mug')",
        "Prediction('17', 1 instances, ok, 0.123 s)",
        "Trace(0 calls, 0 candidates)",
    ]
    assert shown[0].startswith("Sample('17', 'the red mug") and shown[0].endswith("32x24, 2 targets)")
    assert all(len(text) < 120 for text in shown)


def test_parts_are_made_by_name_with_checked_options(tmp_path: Path) -> None:
    benchmark = workbench.make_benchmark("tabletop", scenes=1, per_scene=1, size=64, root=tmp_path / "t")
    assert len(list(benchmark.samples())) == 1
    with pytest.raises(workbench.ConfigurationError, match=r"tabletop\.scenes: expected a whole number from 1"):
        workbench.make_benchmark("tabletop", scenes=0)
