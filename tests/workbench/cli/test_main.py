"""The installed command, and how quickly it lists what there is."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path


def test_list_is_quick_and_imports_no_torch() -> None:
    code = (
        "import sys; from workbench.cli.main import main; main(['list', '--json'])\n"
        "print(sorted({'torch', 'transformers', 'mlflow', 'langgraph'} & sys.modules.keys()), file=sys.stderr)"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.stderr.strip() == "[]"
    assert json.loads(done.stdout)["benchmarks"][0]["problem"] is None
    # processor time: the wall time of a busy machine says nothing
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.0


def test_the_command_is_installed(workplace: Path) -> None:
    command = Path(sys.executable).parent / "workbench"
    done = subprocess.run([command, "report", "nowhere"], capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 2
    assert "nowhere" in done.stderr
