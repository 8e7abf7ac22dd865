"""Imports plugins of other distributions safely: they cannot end, block or print into the workbench."""

import importlib.util
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from importlib.abc import MetaPathFinder
from importlib.metadata import EntryPoint
from typing import Any

from workbench.data.alarm import interrupted_after
from workbench.data.errors import said

HEAVY = frozenset(
    {"jax", "langgraph", "matplotlib", "mlflow", "openai", "pandas", "scipy", "tensorflow", "torch", "transformers"}
)
"""Packages that take long to import; listing goes without them."""
SECONDS = 120.0
"""Seconds for importing a plugin with all that it needs; `WORKBENCH_IMPORT_SECONDS` sets another number."""


class BrokenPluginError(Exception):
    """Why a plugin cannot be used."""


class HeavyImportError(BaseException):
    """Not an `Exception`, so that a module which catches a failed import does not continue without the package."""


class _TooLongError(BaseException):
    """Not an `Exception`, so that the plugin does not catch it."""


def import_plugin(point: EntryPoint) -> Callable[..., Any]:
    """The function or class that an entry point names; what it prints at import goes to standard error.

    Raises `BrokenPluginError` for anything that goes wrong, an end of the program and an import without end included.
    """
    seconds = _seconds()
    try:
        with _output_aside(), _alone(), _limited(seconds):
            plugin = point.load()
    except SystemExit as error:
        raise BrokenPluginError(f"importing it ends the program (SystemExit: {error.code})") from error
    except _TooLongError:
        raise BrokenPluginError(
            f"importing it takes longer than {seconds:g} s; WORKBENCH_IMPORT_SECONDS=N allows more"
        ) from None
    except (KeyboardInterrupt, HeavyImportError):
        raise
    except BaseException as error:
        raise BrokenPluginError(said(error)) from error
    if not callable(plugin):
        raise BrokenPluginError(f"TypeError: expected a function, got {type(plugin).__name__}")
    return plugin  # type: ignore[no-any-return]


@contextmanager
def _alone() -> Iterator[None]:
    """Where the block forks, the new process ends with it: else there would be two workbenches at work."""
    process = os.getpid()
    try:
        yield
    finally:
        if os.getpid() != process:
            os._exit(0)


@contextmanager
def _output_aside() -> Iterator[None]:
    """What is printed in the block goes to standard error, also by extensions and by programs that it starts; the
    streams are the same ones afterwards."""
    with redirect_stdout(sys.stderr), redirect_stderr(sys.stderr):
        _flush()
        kept = _copied(1)
        with suppress(OSError):  # of a standard error that is closed
            os.dup2(2, 1)
        try:
            yield
        finally:
            _flush()
            if kept is not None:
                os.dup2(kept, 1)
                os.close(kept)


def _copied(descriptor: int) -> int | None:
    try:
        return os.dup(descriptor)
    except OSError:  # it is closed
        return None


def _flush() -> None:
    """Write out what `sys.__stdout__` holds, which plugins can print to."""
    with suppress(OSError, ValueError, AttributeError):
        sys.__stdout__.flush()  # type: ignore[union-attr]


@contextmanager
def heavy_imports_stopped() -> Iterator[None]:
    """Inside the block, importing a package of `HEAVY` that is not loaded yet raises `HeavyImportError`."""
    finder = _StopHeavyImports()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def source_of(module: str) -> str | None:
    """The file that a module would be imported from. Neither the module nor anything heavy is imported."""
    try:
        with heavy_imports_stopped():  # finding a module imports the packages around it
            spec = importlib.util.find_spec(module)
    except HeavyImportError:
        return None
    return spec.origin if spec else None


class _StopHeavyImports(MetaPathFinder):
    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname in HEAVY:
            raise HeavyImportError(fullname)


def _seconds() -> float:
    try:
        return max(1.0, float(os.environ.get("WORKBENCH_IMPORT_SECONDS", SECONDS)))
    except ValueError:
        return SECONDS


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise `_TooLongError` after this many seconds. Only the main thread can be interrupted in this way."""
    if not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        yield
        return
    with interrupted_after(seconds, _TooLongError):
        yield
