"""The errors of the bench: for wrong input, for one bad sample, and for a disk or server that fails. Also how a message
shows a given value.
"""

import errno
import os
import reprlib
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

_repr = reprlib.Repr()
_repr.maxlevel = 2
_repr.maxstring = _repr.maxlong = _repr.maxother = 60
LONGEST = 2000
"""Characters of an error's message that are kept."""


class ConfigurationError(Exception):
    """A wrong option, name, folder or file: raised before any work starts and shown without a traceback.

    `cause`: what the code of a plugin raised while it made its object, where that is the reason.
    """

    def __init__(self, message: str, cause: Exception | None = None) -> None:
        super().__init__(message)
        self.cause = cause


class UnusableSystemError(ConfigurationError):
    """A system cannot be made, or has no workers, whatever the benchmark."""


class SampleError(Exception):
    """Something is wrong with one sample: recorded against that sample, never ends a run."""


class StoppedError(Exception):
    """The disk or a server failed during the work. What is done is kept, and the same command continues from there.
    `complete`: all predictions are there, only scores, report or tracking are not.
    """

    def __init__(self, message: str, complete: bool = False) -> None:
        super().__init__(message)
        self.complete = complete


class OutageError(StoppedError):
    """A server failed several times in a row."""


def _numbers(*names: str) -> set[int]:
    return {getattr(errno, name) for name in names if hasattr(errno, name)}


_FULL = _numbers("ENOSPC", "EDQUOT", "EFBIG")
_DISK = _FULL | _numbers("EROFS", "EIO", "EACCES", "EPERM", "ENODEV", "ESTALE")
_SQLITE_FULL = ("disk is full",)
_SQLITE = (*_SQLITE_FULL, "disk I/O error", "readonly database", "unable to open database")


def disk_fault(error: BaseException | None) -> str | None:
    """What the disk reported (`No space left on device: FILE`) if that caused an error, else None."""
    return _reported(error, _DISK, _SQLITE)


def no_room(error: BaseException | None) -> bool:
    """Whether a full disk, a quota or a limit on the size of files caused an error. That is no fault of a sample or a
    system: the same work succeeds when there is room.
    """
    return _reported(error, _FULL, _SQLITE_FULL) is not None


def no_memory(error: BaseException | None) -> bool:
    """Whether this process could have no more main memory. Torch says so in a `RuntimeError`; the memory of a GPU is
    not meant.
    """
    while error is not None:
        if (
            isinstance(error, MemoryError)
            or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
            or "DefaultCPUAllocator: " in said(error)
        ):
            return True
        error = error.__cause__ or error.__context__
    return False


def _reported(error: BaseException | None, numbers: Collection[int], texts: Sequence[str]) -> str | None:
    while error is not None:
        if isinstance(error, OSError) and error.errno in numbers:
            reason = os.strerror(error.errno or 0)
            return reason if error.filename is None else f"{reason}: {error.filename}"
        sqlite = sys.modules.get("sqlite3")  # not imported for this alone
        if sqlite and isinstance(error, sqlite.OperationalError) and any(text in str(error) for text in texts):
            return str(error)
        error = error.__cause__ or error.__context__
    return None


@contextmanager
def stopping(kept: str, complete: bool = False) -> Iterator[None]:
    """Turn an error of the disk inside the block into a `StoppedError` that says what is kept."""
    try:
        yield
    except Exception as error:
        reason = disk_fault(error)
        if reason is None or isinstance(error, ConfigurationError | SampleError | StoppedError):
            raise
        raise StoppedError(f"{reason}. {kept}", complete) from error


def said(error: BaseException) -> str:
    """Kind and message of an error that anyone may have raised, in at most 2,000 characters; nothing is raised."""
    try:
        text = str(error)
    except Exception as unsayable:  # of a class with a broken `__str__`
        text = f"its message cannot be shown ({type(unsayable).__name__})"
    whole = f"{type(error).__name__}: {text}"
    return whole if len(whole) <= LONGEST else whole[: LONGEST - 3] + "..."


def short(value: object) -> str:
    """A value as text of at most 60 characters, whatever its size or depth."""
    text = _repr.repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
