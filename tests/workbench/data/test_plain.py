"""What comes from outside is shown as text, and output that nobody reads stops nothing."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from workbench.data.plain import plain, plain_output


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("the red box\n\tand more", "the red box\n\tand more"),
        ("café 杯 👩‍👩‍👧", "café 杯 👩‍👩‍👧"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9d52;c;aGk=\x9ctext", "text"),
        ("\x1bPq#0\x1b\\text\x1bc", "text"),
        ("\x1b]0;without an end", "0;without an end"),
        ("100 %\rpassed", "100 %passed"),
        ("a\x00b\x07c\x08d\x7fe\x85f", "abcdef"),
        ("\u202egnp.exe\u202c \u2066x\u2069", "gnp.exe x"),
        ("\ud800 file\udce9", "\\ud800 file\\udce9"),
    ],
)
def test_text_is_shown_and_does_nothing(given: str, shown: str) -> None:
    assert plain(given) == shown


def test_the_workbenchs_own_sequences_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    with plain_output() as output:
        output.control("\r12/240\x1b[K")
        print("\x1b[2J", end="")
    assert sys.stdout.getvalue() == "\r12/240\x1b[K"  # type: ignore[attr-defined]


def workbench(command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """A shell command in which `$W` is the workbench."""
    of_ours = {"W": f"{sys.executable} -m workbench", "PYTHONPATH": str(Path(__file__).parents[3])}
    return subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, env={**os.environ, **of_ours, **environment}
    )


@pytest.mark.parametrize("command", ["list", "list --json", "compare --help"])
def test_a_reader_that_leaves_ends_a_command_quietly(command: str) -> None:
    done = workbench(f"$W {command} | head -c 20 > /dev/null; exit ${{PIPESTATUS[0]}}")
    assert (done.returncode, done.stderr) == (0, "")


def test_closed_outputs_stop_nothing() -> None:
    assert (workbench("$W list >&-").returncode, workbench("$W list 2>&- >&- <&-").returncode) == (0, 0)
    assert workbench("$W list 2>&-").stdout.startswith("systems:")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_output_that_does_not_fit_on_its_disk_is_said() -> None:
    done = workbench("$W list > /dev/full")
    assert done.returncode == 5
    assert done.stderr == "workbench: the output could not be written: No space left on device\n"


def test_characters_that_the_encoding_lacks_are_escaped(tmp_path: Path) -> None:
    command = f"cd {tmp_path}; $W check inst2seg --annotations café_杯.json 2>&1"
    done = workbench(command, PYTHONIOENCODING="ascii")
    assert "Traceback" not in done.stdout
    assert r"caf\xe9_\u676f.json" in done.stdout


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"LC_ALL": "en_US.ISO-8859-1"}])
def test_files_are_in_utf_8_whatever_the_locale(tmp_path: Path, locale: dict[str, str]) -> None:
    (tmp_path / "a.json").write_text(
        '[{"image": "a.png", "height": 4, "width": 4, "annotation": [{"text": "caf\u00e9 \u676f", "mask": null}]}]'
    )
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    (tmp_path / "p.jsonl").write_text('{"sample_id": 0, "instances": []}')
    settings = "--set inst2seg.annotations=a.json --set inst2seg.images=. --set predictions.file=p.jsonl"
    command = f"cd {tmp_path}; $W compare --systems predictions --benchmark inst2seg {settings} --tracking-uri none"
    done = workbench(
        f"{command} --out run && $W report run --markdown --out r.md && $W report run --markdown && $W gate run run",
        **locale,
        PYTHONUTF8="0",
        PYTHONCOERCECLOCALE="0",
    )
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
    for name in ("r.md", "run/report.html"):
        assert not (tmp_path / name).read_text(encoding="utf-8").isascii()
