"""The most memory that a process held."""

import sys
from pathlib import Path

import numpy as np
import pytest

from workbench.comparison import memory
from workbench.comparison.memory import peak_gpu_memory, peak_memory, reset_peak


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux counts anew")
def test_the_peak_is_that_of_what_was_held_at_once() -> None:
    before = reset_peak()
    for _ in range(3):
        held = np.ones(2**26, np.uint8)
        del held
    grown = peak_memory() - before
    assert 2**26 * 0.9 < grown < 2**26 * 2.5
    assert reset_peak() < before + grown / 2 + 2**22


def test_elsewhere_it_is_what_getrusage_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "nothing")
    monkeypatch.setattr(memory, "_CLEAR", tmp_path / "no folder" / "nothing")
    assert 2**24 < reset_peak() < 2**40


def test_without_torch_or_a_gpu_there_is_no_gpu_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    assert peak_gpu_memory() is None
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert peak_gpu_memory() is None
