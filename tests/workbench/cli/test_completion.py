"""What a shell is told when it asks what could come next."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("workbench comp", {"compare "}),
        ("workbench compare --bench", {"--benchmark "}),
        ("workbench compare --systems instructsam-tiny,sam3-agent-t", {"instructsam-tiny,sam3-agent-tiny "}),
        ("workbench compare --mode ", {"latency", "throughput"}),
        ("workbench check roboref", {"roborefit "}),
        ("workbench list tabletop-p", {"tabletop-phrases "}),
        ("workbench train sam3-", {"sam3-tiny "}),
    ],
)
def test_commands_options_and_names_are_completed(tmp_path: Path, line: str, expected: set[str]) -> None:
    answer = tmp_path / "answer"
    environment = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "PATH": str(Path(sys.executable).parent),
    }
    done = subprocess.run(
        [sys.executable, "-m", "workbench"],
        env=environment,
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert set(answer.read_text().split("\n")) >= expected
