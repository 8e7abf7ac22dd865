"""The shipped checkpoints: small enough, and the whole comparison runs on them from the command line."""

import json
from pathlib import Path

import pytest

from agents.systems import CHECKPOINT as AGENT
from e2e.systems import MULTI_SEG, SEG_TOKEN
from e2e.systems import TINY as INSTRUCTSAM
from tests.forking import completed
from workbench.cli.main import main
from workbench.foundations.sam3.segmenter import TINY as SAM3

SYSTEMS = ("instructsam-tiny", "sam3-agent-tiny", "sam3-phrase-tiny")
METRICS = {"mAP", "AP50", "AP75", "gIoU", "cIoU", "N_acc", "T_acc"}


def test_checkpoints_are_safetensors_of_40_megabytes_at_most_each_with_a_card() -> None:
    shipped = [SAM3, AGENT, INSTRUCTSAM, *(folder for folder in (SEG_TOKEN, MULTI_SEG) if folder.exists())]
    files = [file for folder in shipped for file in folder.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= 40e6
    assert not [file for file in files if file.suffix in {".bin", ".pt", ".pth", ".pkl"}]
    for folder in shipped:
        assert list(folder.rglob("*.safetensors"))
        assert (folder / "README.md").exists()


@pytest.mark.slow
def test_the_three_systems_are_compared_end_to_end(tmp_path: Path) -> None:
    command = ["compare", "--systems", ",".join(SYSTEMS), "--benchmark", "tabletop", "--limit", "8", "--json"]
    done = completed(lambda: main([*command, "--out", str(tmp_path / "run")]))
    assert done.returncode == 0, done.stderr[-3000:]
    results = json.loads(done.stdout)
    assert set(results["systems"]) == set(SYSTEMS)
    for system in results["systems"].values():
        assert system["samples"] == 8
        assert set(system["metrics"]) >= METRICS
        assert {"p50", "p90", "p95", "p99"} <= set(system["latency"])
        encoded = system["latency"]["by_call"]["encode"]["calls_per_sample"]
        assert encoded == 1, "no system keeps image features from one sample to the next"
        assert {"duplicate", "missed", "wrong_instance"} <= set(system["diagnosis"])
        assert Path(system["store"]).exists()
        assert Path(system["report"]).exists()
