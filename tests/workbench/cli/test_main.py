"""The installed command, and how quickly it lists what there is."""

import json
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path


def test_list_is_quick_and_imports_no_torch() -> None:
    heavy = "{'torch', 'transformers', 'mlflow', 'langgraph', 'matplotlib', 'pandas', 'scipy'}"
    code = (
        "import sys; from workbench.cli.main import main; main(['list', '--json'])\n"
        f"print(sorted({heavy} & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert json.loads(done.stdout)["benchmarks"][0]["problem"] is None
    # a ratio of processor times, measured in turns: seconds say nothing of a slow or busy machine
    times = [(_processor_time(code), _processor_time("import numpy, yaml")) for _ in range(3)]
    listing, plain = (statistics.median(column) for column in zip(*times, strict=True))
    assert listing < 9 * plain, f"{listing:.2f} s against {plain:.2f} s for importing numpy; it was 5 times as long"


def _processor_time(code: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_the_command_is_installed(workplace: Path) -> None:
    command = Path(sys.executable).parent / "workbench"
    done = subprocess.run([command, "report", "nowhere"], capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 2
    assert "nowhere" in done.stderr
