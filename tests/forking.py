"""Work in a copy of this process: all that is imported is there already."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable

from tqdm.std import tqdm


def completed(work: Callable[[], int | None]) -> "subprocess.CompletedProcess[str]":
    """Do work in a copy of this process; returns its exit code, and what it printed on stdout and stderr."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = forked(work, out.fileno(), err.fileno())
        try:
            _, status = os.waitpid(child, 0)
        except BaseException:  # the time of the test is over
            os.kill(child, signal.SIGKILL)
            raise
        out.seek(0)
        err.seek(0)
        code = os.waitstatus_to_exitcode(status)
        return subprocess.CompletedProcess((), code, out.read().decode(), err.read().decode())


def forked(work: Callable[[], int | None], output: int, errors: int | None = None) -> int:
    """Start work in a copy of this process, which prints to a file descriptor; returns the process id. `errors`: where
    stderr goes, if not there.

    The process ends with what the work returns as its exit code, None being 0, and with 1 and a traceback after an
    error.
    """
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.dup2(output, 1)
        os.dup2(output if errors is None else errors, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
        # the usual lock of progress bars is shared by all copies: one that is killed while it holds it blocks the next
        # for good
        tqdm.set_lock(threading.RLock())
        code = work() or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
