"""Only ordinary files are opened."""

import os
import socket
from pathlib import Path

import pytest

from workbench.data.digests import file_digest
from workbench.data.opening import NotAFileError, open_file


def test_an_ordinary_file_is_read_also_by_way_of_a_link(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12")
    (tmp_path / "b").symlink_to("a")
    with open_file(tmp_path / "b") as file:
        assert file.read() == b"12"


def test_pipes_folders_devices_and_sockets_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        for path, kind in ((tmp_path, "folder"), (tmp_path / "pipe", "pipe"), (tmp_path / "socket", "socket")):
            with pytest.raises(NotAFileError, match=kind):
                open_file(path)
    with pytest.raises(NotAFileError, match="a device"):
        open_file(Path("/dev/zero"))
    with pytest.raises(OSError, match="a pipe"):
        file_digest(tmp_path / "pipe")


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_file(tmp_path / "none")
