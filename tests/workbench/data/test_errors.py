"""What caused an error: the disk, a full disk, or neither."""

import errno
import os
import sqlite3

import pytest

from workbench.data.errors import SampleError, StoppedError, disk_fault, no_memory, no_room, said, short, stopping

SPACE = "No space left on device"


def system_error(number: int, *file: str) -> OSError:
    return OSError(number, os.strerror(number), *file)


def caused_by(error: Exception) -> Exception:
    wrapped = RuntimeError("it could not be kept")
    wrapped.__cause__ = error
    return wrapped


@pytest.mark.parametrize(
    ("error", "fault", "full"),
    [
        (system_error(errno.ENOSPC, "/a/b"), f"{SPACE}: /a/b", True),
        (system_error(errno.EDQUOT), "Disk quota exceeded", True),
        (system_error(errno.EFBIG), "File too large", True),
        (caused_by(system_error(errno.ENOSPC)), SPACE, True),
        (sqlite3.OperationalError("database or disk is full"), "database or disk is full", True),
        (system_error(errno.EACCES, "/a"), "Permission denied: /a", False),
        (
            sqlite3.OperationalError("attempt to write a readonly database"),
            "attempt to write a readonly database",
            False,
        ),
        (sqlite3.OperationalError("no such table: x"), None, False),
        (FileNotFoundError(errno.ENOENT, "gone"), None, False),
        (ValueError(SPACE), None, False),
    ],
)
def test_what_the_disk_reported_and_whether_it_is_full(error: Exception, fault: str | None, full: bool) -> None:
    assert (disk_fault(error), no_room(error)) == (fault, full)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (caused_by(MemoryError()), True),
        (system_error(errno.ENOMEM), True),
        # as torch 2.13 says it
        (
            RuntimeError(
                "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried "
                "to allocate 4503599627370496 bytes. Error code 12 (Cannot allocate memory)"
            ),
            True,
        ),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), False),
        (system_error(errno.ENOSPC), False),
    ],
)
def test_whether_a_process_could_have_no_more_memory(error: Exception, expected: bool) -> None:
    assert no_memory(error) == expected


def test_an_error_of_the_disk_says_what_is_kept_and_others_pass() -> None:
    with pytest.raises(StoppedError, match=f"{SPACE}. All is kept") as raised, stopping("All is kept", complete=True):
        raise caused_by(system_error(errno.ENOSPC))
    assert raised.value.complete
    with pytest.raises(SampleError), stopping("All is kept"):
        raise SampleError("broken") from system_error(errno.ENOSPC)
    with pytest.raises(ZeroDivisionError), stopping("All is kept"):
        raise ZeroDivisionError


def test_messages_stay_short_whatever_they_are_about() -> None:
    assert len(said(ValueError("x" * 10_000))) == 2000
    assert len(short({"deep": [[[["x" * 1000]]]]})) <= 60
