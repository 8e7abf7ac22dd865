"""Opens files whose names come from someone else. Only ordinary files are opened, because reading a pipe or device may
never end.
"""

import os
import stat
from io import BufferedReader
from pathlib import Path

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


class NotAFileError(OSError):
    """The path leads to something that is not an ordinary file; `strerror` says what it is."""

    def __str__(self) -> str:
        return str(self.strerror)


def open_file(path: Path) -> BufferedReader:
    """Open an ordinary file for reading bytes.

    Raises `OSError` where there is none, and `NotAFileError`, one of its kind, for a folder, a pipe, a device or a
    socket.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # opening a pipe would wait for its writer
    except OSError:
        _refuse_odd(path.stat().st_mode)  # a socket cannot be opened at all: say so
        raise
    except ValueError as error:  # a name that holds a NUL
        raise NotAFileError(None, str(error)) from error
    try:
        _refuse_odd(os.fstat(handle).st_mode)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def _refuse_odd(mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "something else")
        raise NotAFileError(None, f"it is {kind}, not a file")
