"""The two ways in which an input can be wrong, what each one stops, and how a message shows what was given."""

import reprlib

_repr = reprlib.Repr()
_repr.maxlevel = 2
_repr.maxstring = _repr.maxlong = _repr.maxother = 60


class ConfigurationError(Exception):
    """A wrong option, name, folder or file: raised before any work starts and shown without a traceback."""


class SampleError(Exception):
    """Something is wrong with one sample: recorded against that sample, never ends a run."""


def short(value: object) -> str:
    """A value in at most 60 characters, whatever its size or depth."""
    text = _repr.repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
