"""Starting the page: what is refused before anything is served."""

import socket
from pathlib import Path

import pytest

from workbench.cli.main import main
from workbench.data.errors import ConfigurationError
from workbench.demo import serving


def test_without_gradio_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(serving, "find_spec", lambda name: None)
    assert main(["demo", "--out", str(tmp_path)]) == 2
    assert "pip install 'segmentation-workbench[demo]'" in capsys.readouterr().err


def test_a_port_that_is_taken_is_refused_and_0_finds_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"cannot be served on 127.0.0.1:{port}: .*give another --port"):
            serving.free_port("127.0.0.1", port)
    assert serving.free_port("127.0.0.1", 0) > 0
    for host, number in (("no.such.host.invalid", 0), ("127.0.0.1", 99999)):
        with pytest.raises(ConfigurationError, match="give another"):
            serving.free_port(host, number)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--systems", "nothing"], "unknown system 'nothing'"),
        (["--set", "other.x=1"], "--set expects NAME.OPTION=VALUE"),
        (["--set", "instructsam-tiny.threshold=high"], "instructsam-tiny.threshold"),
    ],
)
def test_what_does_not_fit_is_refused(
    given: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("gradio")
    assert main(["demo", "--out", str(tmp_path), *given]) == 2
    assert message in capsys.readouterr().err
